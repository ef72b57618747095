/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * worker - one queue's thread: RX ring to hot path to response ring to TX ring
 *
 * A turn moves completions to the fill ring, takes no more from RX than there is room for replies,
 * decides, and hands the replies to TX. What has no room stays in RX: that is backpressure, counted,
 * never waited for in place. No syscall but the TX wakeup while there is traffic, no allocation, no
 * lock, no log. Counters have this one writer and are stored once a turn.
 */
#ifndef MEV_WORKER_H
#define MEV_WORKER_H

#include <pthread.h>

#include "hot_path.h"
#include "latency.h"
#include "xsk.h"

#define WORKER_MAX_CPUS 1024 /* as many as a cpu_set_t has */

enum worker_poll {
	WORKER_WAIT, /* poll(2) when there is nothing to do */
	WORKER_SPIN, /* never sleep */
	WORKER_BUSY, /* drive the NIC's NAPI from here: preferred busy polling */
};

/* Sums since the start. */
struct worker_counters {
	__u64 received;
	__u64 replied;
	__u64 unprofitable;
	__u64 rejected;
	__u64 pool_busy;
	__u64 replied_bytes;
	__u64 tx_backpressure; /* turns in which no reply had room, so that RX waited */
	__u64 tx_kicks;        /* wakeups of the kernel's transmit side */
	__u64 tx_kick_again;   /* of these, told to come again: EAGAIN, EBUSY, ENOBUFS */
	__u64 tx_kick_errors;  /* of these, failed otherwise, as when the link is down */
};

/* What all workers share. */
struct worker_control {
	bool stop;         /* set by the main thread: drain and return */
	int wake_fd;       /* eventfd, readable once stop is set */
	int event_fd;      /* eventfd, written by a worker once reply_limit is reached */
	__u64 reply_limit; /* 0: none */
	__u64 replies;     /* of all workers; kept only where there is a limit */
};

struct worker {
	struct hot_path hot_path;
	struct xsk *xsk;
	struct worker_control *control;
	enum worker_poll poll;
	int cpu;             /* -1: not pinned */
	__u64 *pool_replies; /* by slot, hot_path.pool_cnt of them; written by this worker only */
	pthread_t thread;
	struct latency_clock clock;
	struct worker_counters counters __cacheline_aligned;
	struct latency_hist hot_path_ns __cacheline_aligned; /* frame in hand to reply written */
	struct latency_hist in_node_ns; /* XDP program's receive time to TX submit */
};

/* Starts the thread. 0 or -errno, logged. Everything above `thread` is set by the caller. */
int worker_start(struct worker *w);

/* Waits for the thread, whose control must say stop. */
void worker_join(struct worker *w);

/*
 * The loop itself, in the caller's thread, until control->stop; what is then in the rings is
 * still served, for at most 100 ms.
 */
void worker_run(struct worker *w);

#endif /* MEV_WORKER_H */
