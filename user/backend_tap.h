/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * backend_tap - the TAP back end, as its two files share it
 *
 * backend_tap.c has device, workers and the order of things; backend_tap_views.c pools and views.
 * Called from the main thread only.
 */
#ifndef MEV_BACKEND_TAP_H
#define MEV_BACKEND_TAP_H

#include "backend.h"
#include "stack.h"
#include "tap_worker.h"

struct tap_backend {
	struct backend base;
	const struct backend_env *env;
	struct pool_table *index; /* the one in use */
	struct stack *stack;
	struct tap_worker *workers; /* base.queue_cnt of them */
	__u32 started_cnt;
};

extern const __u8 tap_node_mac[6];

/* The configuration's pools in their slots. 0 or -ENOMEM. */
int tap_fill_pools(struct tap_backend *b);
/* Accepts a back end without pools. */
void tap_close_pools(struct tap_backend *b);

/* A view for each of the workers, which have counters. 0 or -ENOMEM. */
int tap_first_views(struct tap_backend *b);

/* backend.h's reload. */
int tap_reload(struct backend *base, const struct config *to, struct pool_change *change);

#endif /* MEV_BACKEND_TAP_H */
