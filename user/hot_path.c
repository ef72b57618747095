// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "hot_path.h"

#include <string.h>

#include "filter.h"
#include "reply.h"
#include "sandwich.h"

/*
 * The slot of a swap's pool. The hint saves the look-up, and is believed only where the address in
 * its cache line, which the decision needs anyway, is the payload's.
 */
static bool find_slot(const struct hot_path *hp, const struct dex_swap_tx *tx,
		      const struct mev_meta *hint, __u32 *slot)
{
	if (hint && hint->magic == MEV_META_MAGIC && hint->pool < hp->pool_cnt &&
	    !memcmp(hp->pools[hint->pool].address_head, tx->pool_address, MEV_POOL_HEAD_LEN)) {
		*slot = hint->pool;
		return true;
	}
	return pool_table_find(hp->index, tx->pool_address, slot) && *slot < hp->pool_cnt;
}

enum mev_verdict hot_path_candidate(const struct hot_path *hp, void *frame, __u32 len,
				    const struct mev_meta *hint, struct hot_path_reply *reply)
{
	const struct mev_config *cfg = hp->config;
	const void *frame_end = (__u8 *)frame + len;
	struct filter_record record;
	struct mev_pool_state state;
	const struct dex_swap_tx *tx;
	struct sandwich best;
	struct amm_side side;
	__u64 least;

	if (filter_frame(frame, (__u8 *)frame + len, cfg, &record) != MEV_REDIRECT ||
	    !record.is_swap)
		return MEV_REJECTED;
	tx = record.swap;
	if (!find_slot(hp, tx, hint, &reply->slot))
		return MEV_REJECTED;
	if (!mev_pool_read(&hp->pools[reply->slot], &state))
		return MEV_POOL_BUSY;
	if (!mev_pool_usable(&state))
		return MEV_REJECTED;

	side = mev_pool_side(&state, tx->token_direction);
	least = MEV_READ_ONCE(cfg->min_profit);
	if (!sandwich_decide(&side, tx->amount_in, tx->min_amount_out,
			     MEV_READ_ONCE(cfg->capital), MEV_READ_ONCE(cfg->strategy), &best) ||
	    best.profit < (least ? least : 1))
		return MEV_UNPROFITABLE;

	reply->len = reply_write(&record.packet, frame_end, best.profit, best.front_in, state.slot);
	return MEV_REPLIED;
}
