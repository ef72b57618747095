/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * link_watch - the interface and the XDP program on it, while the node runs
 *
 * Somebody may remove or rename the interface, or take the program off it by force: what the node
 * attached hangs on a link of its own, which `bpftool link detach` ends all the same; an adopted
 * program whoever may attach one can replace. Of the latter the kernel sends news, of the former it
 * does not. So the node asks once a second, and after any news: what goes by are answers, which say
 * how things are now, where news that waited tell of things past. Both take rtnetlink alone, which
 * needs no privilege.
 *
 * The main thread's. Owns its two descriptors; closed after events_run().
 */
#ifndef MEV_LINK_WATCH_H
#define MEV_LINK_WATCH_H

#include "backend.h"
#include "events.h"

struct link_watch {
	int netlink_fd, timer_fd;
	__u32 port; /* our address among netlink's */
	struct backend *backend;
};

/* What an unopened one is. */
#define LINK_WATCH_NONE                          \
	{                                        \
		.netlink_fd = -1, .timer_fd = -1 \
	}

/* Before the back end's open, so that no removal after it goes unheard. 0 or -errno. */
int link_watch_open(struct link_watch *w);

/*
 * Watches over what has started: its interface, whose new name b->interface becomes, and
 * b->prog_id. Ends the run (EXIT_FAILED), logged, when either is gone. 0 or -errno, logged.
 */
int link_watch_begin(struct link_watch *w, struct backend *b, struct events *e);

/* Accepts one that is not open. */
void link_watch_close(struct link_watch *w);

#endif /* MEV_LINK_WATCH_H */
