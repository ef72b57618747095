/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * user_filter - the XDP program's judgement, in userspace
 *
 * For hosts without XDP, and for tests that hold the two against each other: the same headers, the
 * same order, ordinary memory instead of maps. Allocates nothing and calls nothing but
 * pool_table_find(). One thread at a time over one set of counters; pools may be shared.
 */
#ifndef MEV_USER_FILTER_H
#define MEV_USER_FILTER_H

#include "maps_abi.h"
#include "pool.h"
#include "pool_table.h"
#include "verdict.h"

struct user_filter {
	const struct mev_config *config;
	struct mev_pool *pools;
	struct mev_pool_counters *counters; /* a slot each, as pools */
	__u32 pool_cnt;
	const struct pool_table *index;
	const struct mev_feed_key *feeds; /* asked if the configuration says MEV_FEED_RESTRICTED */
	__u32 feed_cnt;
};

/*
 * The verdict of a frame (2-aligned, `len` bytes), as bpf/mev_filter.bpf.c
 * gives it; an update is applied. *slot: the pool of a candidate (MEV_REDIRECT).
 */
enum mev_verdict user_filter_judge(const struct user_filter *f, void *frame, __u32 len,
				   __u32 *slot);

#endif /* MEV_USER_FILTER_H */
