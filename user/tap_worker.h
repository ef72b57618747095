/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tap_worker - one queue's thread on a TAP device: read, judge, decide, write, all in one buffer
 *
 * The userspace filter stands where the XDP program does on AF_XDP, and the hot path is the same
 * code. A UDP swap costs one read and at most one write, and no allocation; what the filter passes
 * goes to the stack, which is the slow path.
 */
#ifndef MEV_TAP_WORKER_H
#define MEV_TAP_WORKER_H

#include "hot_path.h"
#include "stack.h"
#include "user_filter.h"
#include "verdict.h"
#include "worker.h"

/* As long as a frame can be: 64 KiB of IP packet behind Ethernet and a tag. */
#define TAP_FRAME_ROOM (65536 + 64)

/* All that a worker judges and decides by; its own but for pools and index. */
struct tap_view {
	struct hot_path hot_path;
	struct user_filter filter;
	struct mev_config config;
	struct mev_feed_key feeds[];
};

struct tap_worker {
	struct worker base;
	const struct tap_view *view; /* may be replaced at any time; loaded once a frame */
	struct stack *stack;
	struct mev_pool_counters *pool_counters; /* by slot */
	int fd;
	struct mev_counters verdicts; /* of the filter */
	__u64 write_again;            /* replies dropped: the device was full */
	__u64 write_errors;           /* replies dropped otherwise, as when the link is down */
	__u64 read_errors;
	__u8 *frame; /* TAP_FRAME_ROOM bytes, 64-aligned */
};

/* The loop, for worker_start(): until control->stop or the device is gone. */
void *tap_worker_loop(void *tap_worker);

#endif /* MEV_TAP_WORKER_H */
