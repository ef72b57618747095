// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "hot_path.h"

#include <string.h>

#include "decision.h"
#include "filter.h"
#include "reply.h"

/* memcmp() of 12 bytes, which gcc 12 calls: 1.1 of 57 ns, bench/micro hot_path/optimal/pools_1000. */
static inline bool same_head(const __u8 *a, const __u8 *b)
{
	__u64 a8, b8;
	__u32 a4, b4;

	memcpy(&a8, a, sizeof(a8));
	memcpy(&b8, b, sizeof(b8));
	memcpy(&a4, a + sizeof(a8), sizeof(a4));
	memcpy(&b4, b + sizeof(b8), sizeof(b4));
	return !((a8 ^ b8) | (a4 ^ b4));
}

_Static_assert(MEV_POOL_HEAD_LEN == sizeof(__u64) + sizeof(__u32), "same_head()");

/*
 * Whether the hint is of this frame's pool. It is believed only where the address in the pool's
 * line is the payload's.
 */
static bool hint_fits(const struct hot_path *hp, const struct dex_swap_tx *tx,
		      const struct mev_meta *hint)
{
	return hint && hint->class == MEV_CLASS_SWAP && hint->pool < hp->pool_cnt &&
	       same_head(hp->pools[hint->pool].address_head, tx->pool_address);
}

/*
 * The pool's slot and state: what the XDP program judged by, or what memory holds now where it
 * left no hint. REDIRECT: go on.
 */
static enum mev_verdict find_state(const struct hot_path *hp, const struct dex_swap_tx *tx,
				   const struct mev_meta *hint, __u32 *slot,
				   struct mev_pool_state *state)
{
	if (likely(hint_fits(hp, tx, hint))) {
		*slot = hint->pool;
		mev_pool_read_fee(&hp->pools[*slot], state);
		state->reserve0 = hint->reserve0;
		state->reserve1 = hint->reserve1;
		state->slot = hint->slot;
	} else {
		if (!pool_table_find(hp->index, tx->pool_address, slot) || *slot >= hp->pool_cnt)
			return MEV_REJECTED;
		if (!mev_pool_read(&hp->pools[*slot], state))
			return MEV_POOL_BUSY;
	}
	return mev_pool_usable(state) ? MEV_REDIRECT : MEV_REJECTED;
}

/* Whether the frame is a swap to whoever has configuration `cfg`, which may be none. */
static __always_inline bool find_swap(void *frame, void *frame_end, const struct mev_config *cfg,
				      struct filter_record *record)
{
	return cfg && filter_frame(frame, frame_end, cfg, record) == MEV_REDIRECT &&
	       record->is_swap;
}

/* The same for a frame that came while ports or thresholds change. */
MEV_COLD bool find_swap_before(const struct hot_path *hp, void *frame, void *frame_end,
			       struct filter_record *record)
{
	return find_swap(frame, frame_end, hp->before, record);
}

enum mev_verdict hot_path_candidate(const struct hot_path *hp, void *frame, __u32 len,
				    const struct mev_meta *hint, struct hot_path_reply *reply)
{
	void *frame_end = (__u8 *)frame + len;
	struct filter_record record;
	struct mev_pool_state state;
	enum mev_verdict verdict;
	struct sandwich best;
	struct amm_side side;
	struct decision d;

	if (unlikely(!find_swap(frame, frame_end, hp->config, &record)) &&
	    !find_swap_before(hp, frame, frame_end, &record))
		return MEV_REJECTED;
	verdict = find_state(hp, record.swap, hint, &reply->slot, &state);
	if (verdict != MEV_REDIRECT)
		return verdict;
	d = decision_on(hp->config, record.swap);
	side = mev_pool_side(&state, record.swap->token_direction);
	verdict = decision_make(&d, &side, &best);
	if (verdict == MEV_REPLIED)
		reply->len = reply_write(&record.packet, best.profit, best.front_in, state.slot);
	return verdict;
}

enum mev_verdict hot_path_record(const struct hot_path *hp, const struct dex_swap_tx *tx,
				 struct swap_reply *reply, __u32 *slot)
{
	enum mev_verdict verdict = filter_fields(tx, hp->config);
	struct mev_pool_state state;
	struct sandwich best;
	struct amm_side side;
	struct decision d;

	if (verdict != MEV_REDIRECT)
		return verdict;
	if (!pool_table_find(hp->index, tx->pool_address, slot) || *slot >= hp->pool_cnt)
		return MEV_UNKNOWN_POOL;
	if (!mev_pool_read(&hp->pools[*slot], &state))
		return MEV_POOL_BUSY;
	verdict = filter_swap(tx, &state);
	if (verdict != MEV_REDIRECT)
		return verdict;
	d = decision_on(hp->config, tx);
	side = mev_pool_side(&state, tx->token_direction);
	verdict = decision_make(&d, &side, &best);
	if (verdict == MEV_REPLIED)
		*reply = (struct swap_reply){
			.nonce = tx->nonce,
			.profit = best.profit,
			.front_run_in = best.front_in,
			.slot = state.slot,
		};
	return verdict;
}
