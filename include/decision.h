/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * decision.h - a candidate and its pool's state in, the best front-run and its verdict out
 *
 * Both engines decide here, so their answers are the same. Pure: any thread, BPF and userspace; the
 * configuration may change while it runs, its words are read once each.
 */
#ifndef MEV_DECISION_H
#define MEV_DECISION_H

#include "maps_abi.h"
#include "pool.h"
#include "sandwich.h"
#include "verdict.h"
#include "wire.h"

/*
 * MEV_REPLIED with *best filled in, MEV_UNPROFITABLE, or, where `quick` asks for no more than a
 * bounded number of steps, MEV_HANDED_UP: those did not lead to the answer.
 */
static __always_inline enum mev_verdict decision_make(const struct mev_config *cfg,
						      const struct dex_swap_tx *tx,
						      const struct mev_pool_state *s, bool quick,
						      struct sandwich *best)
{
	struct amm_side side = mev_pool_side(s, tx->token_direction);
	__u64 v = tx->amount_in, min_out = tx->min_amount_out;
	__u64 capital = MEV_READ_ONCE(cfg->capital), least = MEV_READ_ONCE(cfg->min_profit);
	__u32 strategy = MEV_READ_ONCE(cfg->strategy);
	enum sandwich_outcome outcome;

	if (quick) {
		outcome = sandwich_decide_quick(&side, v, min_out, capital, strategy, best);
		if (unlikely(outcome == SANDWICH_HARD))
			return MEV_HANDED_UP;
	} else {
		outcome = sandwich_decide(&side, v, min_out, capital, strategy, best) ?
				  SANDWICH_GAIN :
				  SANDWICH_NONE;
	}
	if (outcome != SANDWICH_GAIN || best->profit < (least ? least : 1))
		return MEV_UNPROFITABLE;
	return MEV_REPLIED;
}

#endif /* MEV_DECISION_H */
