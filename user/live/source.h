/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * source - whose counters `mevnode stats` shows: a running node's, or bare maps
 *
 * Owns what it has opened and the counters that it has read. One thread.
 */
#ifndef MEV_SOURCE_H
#define MEV_SOURCE_H

#include "bare.h"
#include "exit_code.h"
#include "nodes.h"

/* How the user names it; all NULL or 0: the only one there is. */
struct source_name {
	const char *interface;
	const char *pin_path;
	__u32 pid;
};

struct source {
	struct node_seen node; /* if `bare` is NULL */
	struct bare *bare;
	struct stats stats; /* the last that was read */
};

/* EXIT_DONE, or logged. */
enum exit_code source_open(struct source *s, const struct source_name *name);

/* 1: source.stats is new; 0: there is nothing new; or -errno, logged. */
int source_read(struct source *s);

/* A descriptor that is readable once the node has ended, or -1. */
int source_end_fd(const struct source *s);

void source_close(struct source *s);

#endif /* MEV_SOURCE_H */
