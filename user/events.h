/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * events - what the main thread waits for while the workers work
 *
 * A table of descriptors, each with a handler. A module that wants a part of the main thread's time
 * (a signal, a timer of its own, a listening socket) adds its descriptor before events_run() or in
 * a handler; it stays the owner and closes it. One thread. The thread sleeps until one is readable;
 * it never polls.
 */
#ifndef MEV_EVENTS_H
#define MEV_EVENTS_H

#include <poll.h>

#define EVENTS_MAX 16
#define EVENTS_GO_ON (-1)

/* Called when its descriptor is readable; reads it empty. EVENTS_GO_ON, or the run's exit code. */
typedef int event_fn(void *ctx);

struct events {
	struct pollfd fds[EVENTS_MAX];
	struct {
		event_fn *ready;
		void *ctx;
	} handlers[EVENTS_MAX];
	nfds_t cnt;
};

/* 0, or -ENOSPC: EVENTS_MAX are there. */
int events_add(struct events *e, int fd, event_fn *ready, void *ctx);

/* Until a handler says an exit code, which it returns. Handlers are called in the order added. */
int events_run(struct events *e);

#endif /* MEV_EVENTS_H */
