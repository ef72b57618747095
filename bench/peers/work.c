// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "work.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

static int fill_pools(struct work *w)
{
	const struct config *c = &w->source;
	int err;

	w->pools = aligned_alloc(MEV_CACHELINE, (c->pool_cnt + 1ULL) * sizeof(*w->pools));
	w->counters = calloc(c->pool_cnt + 1ULL, sizeof(*w->counters));
	err = w->pools && w->counters ? pool_table_open(&w->index, c->pool_cnt + 1) : -ENOMEM;
	for (__u32 i = 0; i < c->pool_cnt && !err; i++) {
		config_pool_line(&c->pools[i], &w->pools[i]);
		err = pool_table_add(w->index, c->pools[i].address, i);
	}
	if (err)
		log_err("cannot set up %u pools: %s", c->pool_cnt, strerror(-err));
	return err;
}

int work_open(struct work *w, const char *config_path, const struct netif *netif)
{
	struct config *c = &w->source;
	int err;

	err = config_path ? config_load(c, config_path) : config_default(c);
	if (err) {
		*c = (struct config){ 0 };
		return err;
	}
	err = fill_pools(w);
	w->config = c->node;
	w->config.ready = 1;
	memcpy(w->config.mac, netif->mac, sizeof(w->config.mac));
	w->filter = (struct user_filter){
		.config = &w->config,
		.pools = w->pools,
		.counters = w->counters,
		.pool_cnt = c->pool_cnt,
		.index = w->index,
		.feeds = c->feeds,
		.feed_cnt = c->feed_cnt,
	};
	w->hot_path = (struct hot_path){
		.config = &w->config,
		.pools = w->pools,
		.pool_cnt = c->pool_cnt,
		.index = w->index,
	};
	return err;
}

void work_close(struct work *w)
{
	pool_table_close(w->index);
	free(w->counters);
	free(w->pools);
	config_free(&w->source);
	*w = (struct work){ 0 };
}

enum mev_verdict work_frame(struct work *w, void *frame, __u32 len, __u32 *reply_len)
{
	struct hot_path_reply reply;
	enum mev_verdict verdict;
	__u32 slot;

	verdict = user_filter_judge(&w->filter, frame, len, &slot);
	if (verdict != MEV_REDIRECT)
		return verdict;
	verdict = hot_path_candidate(&w->hot_path, frame, len, NULL, &reply);
	if (verdict == MEV_REPLIED)
		*reply_len = reply.len;
	return verdict;
}

enum mev_verdict work_datagram(const struct work *w, const void *payload, size_t len,
			       struct swap_reply *reply)
{
	__u32 slot;

	if (len != sizeof(struct dex_swap_tx))
		return MEV_BAD_LENGTH;
	return hot_path_record(&w->hot_path, payload, reply, &slot);
}
