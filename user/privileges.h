/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * privileges - which capabilities the start needs, and how the node gets rid of them
 *
 * The main thread calls privileges_begin() before there are other threads: with a user to become it
 * changes its ids at once and makes everything, pins included, as that user. Capabilities are a
 * thread's own, so every other thread drops its own before it does anything else, and the main
 * thread its own once traffic comes. From then on nothing of the process has any, nor can an exec
 * give it some (no_new_privs).
 */
#ifndef MEV_PRIVILEGES_H
#define MEV_PRIVILEGES_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

struct privilege {
	int cap; /* CAP_* */
	const char *name;
	const char *why;        /* "to ..." */
	bool sys_admin_will_do; /* where the kernel takes CAP_SYS_ADMIN instead */
};

/* What the start on AF_XDP needs, one and all. CAP_IPC_LOCK is the last: where the limit binds. */
#define PRIVILEGES_CNT 5
extern const struct privilege privileges_needed[PRIVILEGES_CNT];

/*
 * Makes effective what the start needs and the process is permitted. So the binary may be marked
 * `setcap ...=p` instead of =ep, which the kernel will not execute at all where the bounding set, as
 * a container's, lacks one of them: the node itself says which. Main thread, first of all.
 */
void privileges_raise(void);

/*
 * Leaves nothing that an exec could gain (where CAP_SETPCAP is there to do so) and, unless `user`
 * is NULL, becomes that user with its groups, keeping what the start needs and no more. 0; -EINVAL:
 * there is no such user; or another -errno. Logged.
 */
int privileges_begin(const char *user);

/*
 * Lets the process's own user look into it, as `mevnode stats` does. The kernel hides one that has
 * changed its user, or has capabilities of its file's, from all but root, and rightly: capabilities
 * are dropped, but who may look may trace as well, and so use the sockets and maps that they were
 * for. Only for a user that has no other processes to fear.
 */
void privileges_unhide(void);

/*
 * The calling thread drops everything for good. 0, or -errno if the kernel should refuse, not logged:
 * then it must not go on.
 */
int privileges_drop(void);

/*
 * For the end of a message about a refusal: "; it lacks CAP_BPF, CAP_PERFMON: ..." by what this
 * process lacks of privileges_needed[], or what else may be in the way. Valid until the next call;
 * main thread only.
 */
const char *privileges_remedy(void);

#endif /* MEV_PRIVILEGES_H */
