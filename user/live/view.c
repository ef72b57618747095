// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int view_open(struct view *v, bool utf8)
{
	memset(v, 0, sizeof(*v));
	v->utf8 = utf8;
	v->now.pools = calloc(MEV_MAX_POOLS, sizeof(*v->now.pools));
	v->before.pools = calloc(MEV_MAX_POOLS, sizeof(*v->before.pools));
	v->pools = calloc(MEV_MAX_POOLS, sizeof(*v->pools));
	if (v->now.pools && v->before.pools && v->pools)
		return 0;
	view_close(v);
	return -ENOMEM;
}

void view_close(struct view *v)
{
	free(v->now.pools);
	free(v->before.pools);
	free(v->pools);
}

static double per_second(double seconds, __u64 now, __u64 before)
{
	return seconds > 0 && now > before ? (double)(now - before) / seconds : 0;
}

double view_rate(const struct view *v, __u64 now, __u64 before)
{
	return per_second(v->seconds, now, before);
}

static double seconds_between(__u64 before, __u64 now)
{
	return before && now > before ? (double)(now - before) / 1e9 : 0;
}

/* What `now` has recorded since `before`. */
static struct latency_summary since(const struct latency_hist *now,
				    const struct latency_hist *before)
{
	struct latency_hist new = { .max = 0 };

	for (__u32 i = 0; i < LATENCY_BUCKETS; i++) {
		if (now->bucket[i] <= before->bucket[i])
			continue;
		new.bucket[i] = now->bucket[i] - before->bucket[i];
		new.max = latency_bucket_top(i); /* its upper bound, to 3 % */
	}
	if (new.max > now->max)
		new.max = now->max;
	return latency_summarize(&new);
}

static int busier(const void *a, const void *b)
{
	const struct view_pool *x = a, *y = b;
	double d = y->swaps + y->updates - x->swaps - x->updates;

	if (d != 0)
		return d > 0 ? 1 : -1;
	return (x->index > y->index) - (x->index < y->index);
}

/* Whether the pool was at the same place before: a reload may have put another there. */
static bool same_pool(const struct view *v, __u32 i)
{
	return i < v->before.pool_cnt &&
	       !memcmp(v->now.pools[i].address, v->before.pools[i].address, MEV_ADDRESS_LEN);
}

static void update_pools(struct view *v)
{
	static const struct stats_pool none;

	for (__u32 i = 0; i < v->now.pool_cnt; i++) {
		const struct stats_pool *n = &v->now.pools[i];
		const struct stats_pool *b = same_pool(v, i) ? &v->before.pools[i] : &none;
		double s = v->pools_seconds;

		v->pools[i] = (struct view_pool){
			.index = i,
			.swaps = per_second(s, n->filter.swaps, b->filter.swaps),
			.candidates = per_second(s, n->filter.candidates, b->filter.candidates),
			.replies = per_second(s, stats_pool_replies(n), stats_pool_replies(b)),
			.updates = per_second(s, n->filter.updates, b->filter.updates),
		};
	}
	qsort(v->pools, v->now.pool_cnt, sizeof(*v->pools), busier);
}

static void remember(struct view *v)
{
	size_t old = (VIEW_HISTORY - 1) * sizeof(v->replies[0]);

	memmove(&v->replies[1], &v->replies[0], old);
	memmove(&v->p99_ns[1], &v->p99_ns[0], old);
	v->replies[0] = view_rate(v, stats_replies(&v->now), stats_replies(&v->before));
	v->p99_ns[0] = (double)v->in_node.p99;
	if (v->history_cnt < VIEW_HISTORY)
		v->history_cnt++;
}

static void copy_stats(struct stats *to, const struct stats *from, bool pools)
{
	struct stats_pool *own = to->pools;

	*to = *from;
	to->pools = own;
	if (pools)
		memcpy(own, from->pools, from->pool_cnt * sizeof(*own));
}

void view_update(struct view *v, const struct stats *s)
{
	bool new_pools = s->pools_taken_ns != v->now.pools_taken_ns;

	copy_stats(&v->before, &v->now, new_pools);
	copy_stats(&v->now, s, true);
	v->seconds = seconds_between(v->before.taken_ns, s->taken_ns);
	if (new_pools) {
		v->pools_seconds = seconds_between(v->before.pools_taken_ns, s->pools_taken_ns);
		update_pools(v);
	}
	if (v->seconds <= 0)
		return;
	v->hot_path = since(&s->hot_path_ns, &v->before.hot_path_ns);
	v->in_node = since(&s->in_node_ns, &v->before.in_node_ns);
	v->decision = since(&s->decision_ns, &v->before.decision_ns);
	remember(v);
}
