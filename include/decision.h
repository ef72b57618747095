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
 * What both planes need of the configuration and the swap, each word read once. The pool's side is
 * apart from it: its address goes to functions, so it costs stack, which BPF is short of.
 */
struct decision {
	__u64 v, m; /* the victim's input, and the least it takes */
	__u64 capital, least;
	__u32 strategy;
};

static __always_inline struct decision decision_on(const struct mev_config *cfg,
						   const struct dex_swap_tx *tx)
{
	struct decision d = {
		.v = MEV_WIRE64(tx->amount_in),
		.m = MEV_WIRE64(tx->min_amount_out),
		.capital = MEV_READ_ONCE(cfg->capital),
		.least = MEV_READ_ONCE(cfg->min_profit),
		.strategy = MEV_READ_ONCE(cfg->strategy),
	};

	d.m += !d.m;
	d.least += !d.least;
	return d;
}

/* MEV_REPLIED with *best filled in, or MEV_UNPROFITABLE. */
static __always_inline enum mev_verdict decision_make(const struct decision *d,
						      const struct amm_side *p,
						      struct sandwich *best)
{
	bool gain = sandwich_decide(p, d->v, d->m, d->capital, d->strategy, best);

	return gain && best->profit >= d->least ? MEV_REPLIED : MEV_UNPROFITABLE;
}

/* A limit that decision_make_quick() is to find by itself. */
#define DECISION_NO_LIMIT (~0ULL - 1)

/* The front-run to look at, or SANDWICH_LOOSE: there is no quick answer. */
static __always_inline __u64 decision_spot(const struct decision *d, const struct amm_side *p,
					   __u64 limit)
{
	__u64 top = sandwich_top(p, d->v, d->capital);

	if (d->strategy == SANDWICH_FIXED)
		return top == d->capital && sandwich_narrow(p, p->rin + d->v + top) ?
			       top :
			       SANDWICH_LOOSE;
	if (limit == DECISION_NO_LIMIT)
		return sandwich_spot(p, d->v, d->m, top);
	return sandwich_spot_below(p, d->v, limit, top);
}

/*
 * The same in no more than a bounded number of steps: MEV_REPLIED with *profit and *front_in,
 * MEV_UNPROFITABLE, or MEV_HANDED_UP: those did not lead to the answer. They may with the limit of
 * decision_limit(), given instead of DECISION_NO_LIMIT.
 */
static __always_inline enum mev_verdict decision_make_quick(const struct decision *d,
							    const struct amm_side *p, __u64 limit,
							    __u64 *front_in, __u64 *profit)
{
	bool fixed = d->strategy == SANDWICH_FIXED;

	*front_in = decision_spot(d, p, limit);
	if (unlikely(*front_in == SANDWICH_LOOSE))
		return MEV_HANDED_UP;
	*profit = sandwich_profit64(p, d->v, d->m, front_in, !fixed);
	if (*profit == SANDWICH_VICTIM_REVERTS) /* if not fixed, the limit was a unit too high */
		return fixed ? MEV_UNPROFITABLE : MEV_HANDED_UP;
	return *profit >= d->least ? MEV_REPLIED : MEV_UNPROFITABLE;
}

/* The limit for a second try, or DECISION_NO_LIMIT: there is no use in one. */
static __always_inline __u64 decision_limit(const struct decision *d, const struct amm_side *p)
{
	if (d->strategy == SANDWICH_FIXED ||
	    !sandwich_plain(p, d->v, sandwich_top(p, d->v, d->capital)))
		return DECISION_NO_LIMIT;
	return sandwich_limit_loose(p, d->v, d->m);
}

#endif /* MEV_DECISION_H */
