// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "hot_path.h"

#include <string.h>

#include "filter.h"
#include "reply.h"
#include "sandwich.h"

/*
 * The pool of a swap. The hint saves the look-up, and is believed only where the address in its
 * cache line, which the decision needs anyway, is the payload's.
 */
static const struct mev_pool *pool_of(const struct hot_path *hp, const struct dex_swap_tx *tx,
				      const struct mev_meta *hint)
{
	__u32 slot;

	if (hint && hint->magic == MEV_META_MAGIC && hint->pool < hp->pool_cnt &&
	    !memcmp(hp->pools[hint->pool].address_head, tx->pool_address, MEV_POOL_HEAD_LEN))
		return &hp->pools[hint->pool];
	if (pool_table_find(hp->index, tx->pool_address, &slot) && slot < hp->pool_cnt)
		return &hp->pools[slot];
	return NULL;
}

enum mev_verdict hot_path_candidate(const struct hot_path *hp, void *frame, __u32 len,
				    const struct mev_meta *hint, __u32 *reply_len)
{
	const struct mev_config *cfg = hp->config;
	const void *frame_end = (__u8 *)frame + len;
	struct filter_record record;
	const struct mev_pool *pool;
	struct mev_pool_state state;
	const struct dex_swap_tx *tx;
	struct sandwich best;
	struct amm_side side;
	__u64 least;

	if (filter_frame(frame, (__u8 *)frame + len, cfg, &record) != MEV_REDIRECT || !record.swap)
		return MEV_REJECTED;
	tx = record.swap;
	pool = pool_of(hp, tx, hint);
	if (!pool)
		return MEV_REJECTED;
	if (!mev_pool_read(pool, &state))
		return MEV_POOL_BUSY;
	if (!mev_pool_usable(&state))
		return MEV_REJECTED;

	side = mev_pool_side(&state, tx->token_direction);
	least = MEV_READ_ONCE(cfg->min_profit);
	if (!sandwich_decide(&side, tx->amount_in, tx->min_amount_out,
			     MEV_READ_ONCE(cfg->capital), MEV_READ_ONCE(cfg->strategy), &best) ||
	    best.profit < (least ? least : 1))
		return MEV_UNPROFITABLE;

	*reply_len = reply_write(&record.packet, frame_end, best.profit, best.front_in, state.slot);
	return MEV_REPLIED;
}
