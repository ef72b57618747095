/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sandwich - the front-run that gains most on a victim's swap
 *
 *	profit             In real numbers profit has one peak, F*, which depends on the pool's
 *	  |     __F*__     input reserve, v and the fee alone. The victim's limit ends the range
 *	  |   /:     :\    somewhere, mostly far to the left of F*; the capital may end it before.
 *	  | /  :     :     The best F is the least of the three: located in fixed point, to a
 *	  |/ limit capital relative error below 2^-38 (sandwich_locate.h), and settled with the
 *	  +----------> F   exact legs (sandwich_legs.h).
 *
 * Why locating is enough. Floors make the exact profit a sawtooth below the real curve, whose teeth
 * are at most 1 + rin2 / rout2 high: what one unit of the output token is worth when the back-run
 * starts. At F* the curve is flat: a relative error of e costs rin e^2 / 16. At the limit its slope
 * is below 0.27 for v <= rin / 8, so an F that is 2 short costs less than 1. Together that is
 * within 2 + ceil(rin2 / rout2) of the exact optimum. For a given `a` the least F that buys it, a
 * tooth's tip, is best, and F is lowered to it where that saves more than a rounding.
 *
 * Where this reasoning is thin - reserves below 4096 or above 2^63, v > rin / 8, a fee above a
 * fifth - a slow path searches the limit with the exact legs and tries the neighbouring tips.
 * tests/econ holds both against big integers and brute force.
 *
 * Pure functions, bounded loops, no recursion: BPF and userspace take the same branches and give
 * the same bits. Any thread; nothing is owned. In BPF, *s must have been written before a call.
 */
#ifndef MEV_SANDWICH_H
#define MEV_SANDWICH_H

#include "sandwich_legs.h"
#include "sandwich_locate.h"

enum sandwich_strategy {
	SANDWICH_OPTIMAL = 0, /* the best F in [1, capital] */
	SANDWICH_FIXED = 1,   /* F = capital as it is */
};

/* ------------------------------------------------------------------ the slow path */

/* Whether a front-run of f is valid and leaves the victim m, exactly; *a is what it buys. */
static __always_inline bool sandwich_holds(const struct amm_side *p, __u64 v, __u64 m, __u64 f,
					   __u64 *a)
{
	struct amm_side q = *p;

	*a = amm_quot_wide(p->rin, p->rout, f, p->n, p->d);
	q.rin += f;
	q.rout -= *a;
	return *a && amm_pays_wide(&q, v, m);
}

/*
 * The search for the largest front-run that leaves the victim m: lo holds (0: none found), hi not.
 */
struct sandwich_bracket {
	__u64 lo, hi, f, step;
};

/* One step: tries f, and the least that buys more. False when there is nothing left to try. */
MEV_COLD bool sandwich_narrow_down(const struct amm_side *p, __u64 v, __u64 m,
				   struct sandwich_bracket *b)
{
	__u64 a = 0, next, far;

	if (MEV_NO(p) || MEV_NO(b) || b->lo + 1 >= b->hi)
		return false;
	if (sandwich_holds(p, v, m, b->f, &a)) {
		b->lo = b->f;
		next = sandwich_edge(p, a + 1);
		if (next >= b->hi || !sandwich_holds(p, v, m, next, &a))
			return false; /* larger ones that buy no more are not worth making */
		b->lo = next;
		far = b->hi - next;
		b->f = next + wide_pick(wide_lt(b->step, far), b->step, far / 2);
	} else {
		if (!a)
			return false;
		b->hi = b->f;
		far = wide_pick(wide_lt(b->step, b->f), b->f - b->step, 1);
		b->f = wide_pick(wide_nonzero(b->lo), b->lo + (b->hi - b->lo) / 2, far);
	}
	b->step *= 2;
	return true;
}

/*
 * The largest front-run worth making in [1, top] that holds, from a guess; 0 if none. What the
 * victim gets never rises with f, so holding is monotone: widen from the guess, then bisect.
 */
static __always_inline __u64 sandwich_settle(const struct amm_side *p, __u64 v, __u64 m, __u64 top,
					     __u64 f)
{
	struct sandwich_bracket b = { 0, top + 1, f + !f, 1 };

	for (int i = 0; i < 128; i++)
		if (!sandwich_narrow_down(p, v, m, &b))
			break;
	return b.lo;
}

/* Keeps the legs at f in *s if they gain more than what is there. */
MEV_COLD bool sandwich_try(const struct amm_side *p, __u64 v, __u64 m, __u64 f, struct sandwich *s)
{
	struct sandwich t = { 0, 0, 0, 0, 0 };

	if (MEV_NO(p) || MEV_NO(s) || !f)
		return false;
	if (sandwich_legs(p, v, m, f, &t) != SANDWICH_GAIN || t.profit <= s->profit)
		return false;
	*s = t;
	return true;
}

/* sandwich_best for any operands: the tooth at the least of the three, and its neighbours. */
MEV_COLD bool sandwich_search(const struct amm_side *p, __u64 v, __u64 m, __u64 capital,
			      struct sandwich *s)
{
	__u64 top, f, next;

	if (MEV_NO(p) || MEV_NO(s))
		return false;
	sandwich_no(s, SANDWICH_NONE);
	top = ~0ULL - p->rin - v;
	if (!p->rin || !p->rout || !v || !capital || v >= ~0ULL - p->rin)
		return false;
	top = top < capital ? top : capital;
	f = sandwich_limit_any(p, v, m);
	f = f < top ? sandwich_settle(p, v, m, top, f) : top;
	if (!sandwich_rising(p, v, f)) {
		next = sandwich_peak_any(p, v);
		f = f < next ? f : next;
	}
	if (!f)
		return false;
	f = sandwich_tip(p, f);
	sandwich_try(p, v, m, f, s);
	sandwich_try(p, v, m, f > 1 ? sandwich_tip(p, f - 1) : 0, s);
	next = sandwich_edge(p, amm_quot_wide(p->rin, p->rout, f, p->n, p->d) + 1);
	if (next <= top)
		sandwich_try(p, v, m, next, s);
	return s->profit > 0;
}

/* ------------------------------------------------------------------ the decision */

/* sandwich_best for what is neither odd nor narrow. */
MEV_COLD enum sandwich_outcome sandwich_best_wide(const struct amm_side *p, __u64 v, __u64 m,
						  __u64 f, struct sandwich *s)
{
	__u64 limit;

	if (MEV_NO(p) || MEV_NO(s))
		return SANDWICH_NONE;
	limit = sandwich_limit_wide(p, v, m);
	if (limit == ~0ULL)
		limit = sandwich_limit_loose(p, v, m);
	f = f < limit ? f : limit;
	if (!sandwich_rising(p, v, f))
		f = sandwich_peaked64(p, v, f);
	if (!f)
		return sandwich_no(s, SANDWICH_NONE);
	if (sandwich_narrow(p, p->rin + v + f))
		return sandwich_legs64(p, v, m, f, true, s);
	return sandwich_legs(p, v, m, sandwich_tip(p, f), s);
}

/* The common case: v <= rin / 8, neither reserve tiny, a fee of at most a fifth; see the top. */
static __always_inline bool sandwich_usual(const struct amm_side *p, __u64 v)
{
	return v <= p->rin >> 3 && p->rin - 4096 < (1ULL << 63) - 4096 && p->rout >= 4096 &&
	       p->n * 5ULL >= p->d * 4ULL;
}

/* The most that may be put into a swap of `p` before one of v. */
static __always_inline __u64 sandwich_top(const struct amm_side *p, __u64 v, __u64 capital)
{
	__u64 top = ~0ULL - p->rin - v;

	return top < capital ? top : capital;
}

/* Whether sandwich_spot() leads anywhere: the usual case, and narrow legs up to `top`. */
static __always_inline bool sandwich_plain(const struct amm_side *p, __u64 v, __u64 top)
{
	return sandwich_usual(p, v) && sandwich_narrow(p, p->rin + v + top);
}

/* min(f, F*) for what is plain. */
static __always_inline __u64 sandwich_peaked(const struct amm_side *p, __u64 v, __u64 f, __u64 top)
{
	if (sandwich_rising_to(p, v, top) || sandwich_rising(p, v, f))
		return f;
	return sandwich_peaked64(p, v, f);
}

/*
 * About where the best front-run in [1, top] of most swaps is, for sandwich_legs64() to settle;
 * SANDWICH_LOOSE: not to be told in this quick way, which has no loop and no wide division.
 */
static __always_inline __u64 sandwich_spot(const struct amm_side *p, __u64 v, __u64 m, __u64 top)
{
	__u64 f;

	if (unlikely(!sandwich_plain(p, v, top)))
		return SANDWICH_LOOSE;
	f = sandwich_limited64(p, v, m, top);
	return unlikely(f == SANDWICH_LOOSE) ? f : sandwich_peaked(p, v, f, top);
}

/* The same for what is plain, with sandwich_limit_loose()'s `limit`. */
static __always_inline __u64 sandwich_spot_below(const struct amm_side *p, __u64 v, __u64 limit,
						 __u64 top)
{
	return sandwich_peaked(p, v, limit < top ? limit : top, top);
}

/*
 * What sandwich_spot() does not find, or finds a unit too high for the victim. SANDWICH_REVERTS: it
 * takes sandwich_search().
 */
MEV_COLD_HOST enum sandwich_outcome sandwich_best_hard(const struct amm_side *p, __u64 v, __u64 m,
						       __u64 capital, struct sandwich *s)
{
	__u64 top, f;

	top = sandwich_top(p, v, capital);
	if (sandwich_plain(p, v, top)) {
		f = sandwich_spot_below(p, v, sandwich_limit_loose(p, v, m), top);
		return sandwich_legs64(p, v, m, f, true, s);
	}
	if (sandwich_usual(p, v))
		return sandwich_best_wide(p, v, m, top, s);
	return SANDWICH_REVERTS;
}

/*
 * The best front-run in [1, capital], that is with a profit within 2 + ceil(rin2 / rout2) of the
 * exact optimum. True if there is one; otherwise *s is all zero.
 */
MEV_SUBPROG bool sandwich_best(const struct amm_side *p, __u64 v, __u64 min_out, __u64 capital,
			       struct sandwich *s)
{
	__u64 m = min_out + !min_out, f;
	enum sandwich_outcome outcome = SANDWICH_REVERTS;

	if (MEV_NO(p) || MEV_NO(s))
		return false;
	f = sandwich_spot(p, v, m, sandwich_top(p, v, capital));
	if (likely(f != SANDWICH_LOOSE))
		outcome = sandwich_legs64(p, v, m, f, true, s);
	if (unlikely(outcome == SANDWICH_REVERTS))
		outcome = sandwich_best_hard(p, v, m, capital, s);
	if (unlikely(outcome == SANDWICH_REVERTS))
		return sandwich_search(p, v, m, capital, s);
	return outcome == SANDWICH_GAIN;
}

/* Whether, and with which legs, to front-run a victim's swap of v with at most `capital`. */
static inline bool sandwich_decide(const struct amm_side *p, __u64 v, __u64 min_out, __u64 capital,
				   enum sandwich_strategy strategy, struct sandwich *s)
{
	if (strategy == SANDWICH_FIXED)
		return sandwich_at(p, v, min_out, capital, s);
	return sandwich_best(p, v, min_out, capital, s);
}

#endif /* MEV_SANDWICH_H */
