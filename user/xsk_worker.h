/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * xsk_worker - one queue's thread: RX ring to hot path to response ring to TX ring
 *
 * A turn moves completions to the fill ring, takes no more from RX than there is room for replies,
 * decides, and hands the replies to TX. What has no room stays in RX: that is backpressure, counted,
 * never waited for in place. No syscall but the TX wakeup while there is traffic, no allocation, no
 * lock, no log: `make check` holds what its object calls against a list.
 */
#ifndef MEV_XSK_WORKER_H
#define MEV_XSK_WORKER_H

#include "frame_queue.h"
#include "hot_path.h"
#include "stack.h"
#include "worker.h"
#include "xsk.h"

struct xsk_worker {
	struct worker base;
	const struct hot_path *hot_path; /* may be replaced at any time; loaded once a turn */
	struct xsk *xsk;
	struct stack *stack; /* the node's own TCP/UDP stack; NULL: there is none */
	struct frame_queue
		*frames; /* what it sends, if this is the worker that sends it; else NULL */
};

/*
 * The loop, for worker_start(): until control->stop; what is then in the rings is still served,
 * for at most 100 ms.
 */
void *xsk_worker_loop(void *xsk_worker);

#endif /* MEV_XSK_WORKER_H */
