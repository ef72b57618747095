/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * filter_world.h - the userspace filter with the pools that fixtures.h wants
 */
#ifndef MEV_TESTS_FILTER_WORLD_H
#define MEV_TESTS_FILTER_WORLD_H

#include <string.h>

#include "amm.h"
#include "fixtures.h"
#include "pool_table.h"
#include "user_filter.h"

#define WORLD_POOLS 3

struct filter_world {
	struct mev_config config;
	struct mev_pool pools[WORLD_POOLS];
	struct mev_pool_counters counters[WORLD_POOLS];
	struct pool_table *index;
	struct user_filter filter;
};

static const char *const world_address[WORLD_POOLS] = { POOL_A, POOL_B, POOL_EMPTY };

static inline void world_reset_pools(struct mev_pool *pools)
{
	for (int i = 0; i < WORLD_POOLS; i++) {
		pools[i] = (struct mev_pool){
			.reserve0 = i == 2 ? 0 : 1000000000000,
			.reserve1 = i == 2 ? 0 : 500000000000,
			.kappa_q64 = amm_kappa_q64(997, 1000),
			.fee_n = 997,
			.fee_d = 1000,
		};
		memcpy(pools[i].address_head, world_address[i], MEV_POOL_HEAD_LEN);
	}
}

static inline void world_config(struct mev_config *c, __u32 flags)
{
	static const __u8 mac[6] = NODE_MAC;

	*c = (struct mev_config){
		.ready = 1,
		.flags = flags,
		.min_amount_in = 1000000,
		.min_profit = 1,
		.capital = 100000000000,
		.swap_port = 8080,
		.update_port = 8081,
	};
	memcpy(c->mac, mac, sizeof(mac));
}

static inline void world_open(struct filter_world *w)
{
	memset(w, 0, sizeof(*w));
	world_config(&w->config, 0);
	world_reset_pools(w->pools);
	pool_table_open(&w->index, WORLD_POOLS);
	for (__u32 i = 0; i < WORLD_POOLS; i++)
		pool_table_add(w->index, (const __u8 *)world_address[i], i);
	w->filter = (struct user_filter){
		.config = &w->config,
		.pools = w->pools,
		.counters = w->counters,
		.pool_cnt = WORLD_POOLS,
		.index = w->index,
		.feeds = fixture_feeds,
		.feed_cnt = FIXTURE_FEED_CNT,
	};
}

static inline void world_close(struct filter_world *w)
{
	pool_table_close(w->index);
}

#endif /* MEV_TESTS_FILTER_WORLD_H */
