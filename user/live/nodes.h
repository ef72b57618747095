/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * nodes - the running nodes of this host, found by the snapshots that they share (snapshot.h)
 *
 * Looks through the descriptors in /proc, so it sees what this user may look into: root all, others
 * their own. What a process calls a snapshot is not believed: sizes are checked, text is made
 * printable, and only sealed memory is read, by pread(). Whoever finds a node owns it and closes it.
 * One thread.
 */
#ifndef MEV_NODES_H
#define MEV_NODES_H

#include <stdbool.h>
#include <sys/types.h>

#include "stats.h"

#define NODES_MAX 64

struct node_seen {
	struct stats_node node; /* pid: as seen from here */
	uid_t uid;              /* its user */
	int memfd;
	int pid_fd; /* readable once it has ended; -1: the kernel has no such thing (before 5.3) */
};

struct nodes {
	struct node_seen seen[NODES_MAX];
	__u32 cnt;
	__u32 hidden_cnt; /* processes named mevnode that may not be looked into */
	__u32 hidden_pid; /* one of them */
	__u32 other_cnt;  /* nodes of another version */
	char other_version[28];
};

/* 0 or -errno: there is no /proc. Each that is seen is the caller's to node_close(). */
int nodes_find(struct nodes *out);

/*
 * A consistent copy of its last snapshot; s->pools has room for MEV_MAX_POOLS. 1: it is another
 * than *s already holds; 0: the same, *s is as it was; or -errno.
 */
int node_read(const struct node_seen *n, struct stats *s);

void node_close(struct node_seen *n);

#endif /* MEV_NODES_H */
