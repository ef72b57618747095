/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * view - two snapshots made into rates, percentiles and a picture of them, in text
 *
 * Knows no terminal and no clock: what it shows follows from the snapshots it was given. One thread.
 */
#ifndef MEV_VIEW_H
#define MEV_VIEW_H

#include <stdio.h>

#include "stats.h"

#define VIEW_HISTORY 120 /* seconds in a sparkline at most */

/* What happened in a pool, a second. */
struct view_pool {
	__u32 index; /* in stats.pools */
	double swaps, candidates, replies, updates;
};

struct view {
	struct stats now, before; /* with pools of their own */
	double seconds;           /* between the two; 0: there is only one yet */
	/* Of what was recorded between the two. */
	struct latency_summary hot_path, in_node, decision;
	double pools_seconds;
	struct view_pool *pools; /* now.pool_cnt of them, the busiest first */
	/* By age: [0] is now. */
	double replies[VIEW_HISTORY], p99_ns[VIEW_HISTORY];
	__u32 history_cnt;
	bool utf8;
};

/* 0 or -ENOMEM. */
int view_open(struct view *v, bool utf8);
void view_close(struct view *v);

/* A newer snapshot; copied. */
void view_update(struct view *v, const struct stats *s);

/* How often a second something has happened that `now` and `before` counted. */
double view_rate(const struct view *v, __u64 now, __u64 before);

/* The screen, as lines with bold headings: at most `rows`, for a width of `cols`. */
void view_print(const struct view *v, FILE *to, unsigned int cols, unsigned int rows);

/* A line a snapshot, and what stands above them; for a log. */
void view_print_heading(FILE *to);
void view_print_line(const struct view *v, FILE *to, const char *time);

#endif /* MEV_VIEW_H */
