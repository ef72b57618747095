/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sandwich_legs - the three swaps of a sandwich with a given front-run, exactly
 *
 *	a = out(F; rin, rout)			our front-run
 *	b = out(v; rin + F, rout - a)		the victim, at least max(min_out, 1)
 *	r = out(a; rout - a - b, rin + F + v)	our back-run; profit = r - F
 *
 * Whatever the node reports was computed here. One hardware division a leg where every denominator
 * fits 64 bits ("narrow"), a wider one elsewhere; the victim's limit is checked by
 * cross-multiplication before its leg is divided out. Pure functions: any thread, BPF and
 * userspace.
 */
#ifndef MEV_SANDWICH_LEGS_H
#define MEV_SANDWICH_LEGS_H

#include "amm.h"

struct sandwich {
	__u64 front_in;   /* F, our front-run, in units of the victim's input token */
	__u64 front_out;  /* a, what it buys, in units of the output token */
	__u64 victim_out; /* b, what the victim is left with */
	__u64 back_out;   /* r, what selling a brings back, in units of the input token */
	__u64 profit;     /* r - F; 0 where there is none, and then all the rest is 0 too */
};

/*
 * Above this many units bought, lowering F to the least that buys as many saves less than 2^-24 of
 * F and a division is not worth it.
 */
#define SANDWICH_FINE (1ULL << 24)

/* How the legs of one front-run end: invalid or without gain, with one, or the victim reverts. */
enum sandwich_outcome { SANDWICH_NONE, SANDWICH_GAIN, SANDWICH_REVERTS };

static __always_inline enum sandwich_outcome sandwich_no(struct sandwich *s,
							 enum sandwich_outcome why)
{
	s->front_in = s->front_out = s->victim_out = s->back_out = s->profit = 0;
	return why;
}

static __always_inline enum sandwich_outcome sandwich_fill(struct sandwich *s, __u64 f, __u64 a,
							   __u64 b, __u64 r)
{
	if (r <= f)
		return sandwich_no(s, SANDWICH_NONE);
	s->front_in = f;
	s->front_out = a;
	s->victim_out = b;
	s->back_out = r;
	s->profit = r - f;
	return SANDWICH_GAIN;
}

/* Whether every denominator of the three legs fits 64 bits: they are at most rin2 d and rout d. */
static __always_inline bool sandwich_narrow(const struct amm_side *p, __u64 rin2)
{
	return wide_mul_fits(rin2, p->d) && wide_mul_fits(p->rout, p->d);
}

/*
 * The legs where they are narrow; with `lower`, f is first lowered to the least that buys as much.
 */
static __always_inline enum sandwich_outcome sandwich_legs64(const struct amm_side *p, __u64 v,
							     __u64 m, __u64 f, bool lower,
							     struct sandwich *s)
{
	__u64 rin1 = p->rin + f, vn = v * p->n, a, b, den, rem, rout1, step;
	struct wide128 num;

	a = amm_quot64(p->rin, p->rout, f, p->n, p->d, &rem);
	rout1 = p->rout - a;
	if (lower && unlikely(a < SANDWICH_FINE)) {
		/*
		 * rout f n = a (rin d + f n) + rem: f is rem / (n rout1) above the real edge of a
		 */
		step = rem / (rout1 * p->n);
		f -= step;
		rin1 -= step;
	}
	num = wide_mul(rout1, vn);
	den = rin1 * p->d + vn;
	if (!a)
		return sandwich_no(s, SANDWICH_NONE);
	if (!wide_ge(num, wide_mul(m, den)))
		return sandwich_no(s, SANDWICH_REVERTS);
	b = wide_div_hot(num, den);
	return sandwich_fill(s, f, a, b, amm_quot64(rout1 - b, rin1 + v, a, p->n, p->d, &rem));
}

#define SANDWICH_VICTIM_REVERTS (~0ULL) /* no profit is as large */

/*
 * The profit of the legs alone, or 0, or SANDWICH_VICTIM_REVERTS; *f is lowered. In BPF it is called
 * and not inlined: all stacks together have 512 bytes there, and a struct sandwich takes 40.
 */
MEV_SUBPROG __u64 sandwich_profit64(const struct amm_side *p, __u64 v, __u64 m, __u64 *f,
				    bool lower)
{
	enum sandwich_outcome outcome;
	struct sandwich s;

	if (MEV_NO(p) || MEV_NO(f))
		return 0;
	outcome = sandwich_legs64(p, v, m, *f, lower, &s);
	*f = s.front_in;
	return outcome == SANDWICH_REVERTS ? SANDWICH_VICTIM_REVERTS : s.profit;
}

/*
 * The least front-run that buys a: ceil(rin d a / (n (rout - a))); 2^64 - 1 if none or too large.
 */
MEV_COLD __u64 sandwich_edge(const struct amm_side *p, __u64 a)
{
	struct wide192 num, top = { 0, 0, 0 };
	struct wide128 den;
	__u64 q;

	if (MEV_NO(p) || a >= p->rout)
		return ~0ULL;
	den = wide_mul(p->rout - a, p->n);
	num = wide_mul192(wide_mul(p->rin, p->d), a);
	top.mid = den.lo;
	top.hi = den.hi;
	if (wide_ge192(num, top))
		return ~0ULL;
	q = wide_quot(num, den);
	return q + (q != ~0ULL && !wide_ge192(wide_mul192(den, q), num));
}

/* f lowered to the least front-run that buys as much, where that saves anything. */
static __always_inline __u64 sandwich_tip(const struct amm_side *p, __u64 f)
{
	__u64 a = amm_quot_wide(p->rin, p->rout, f, p->n, p->d);

	return a && a < SANDWICH_FINE ? sandwich_edge(p, a) : f;
}

/* Any legs; rin, rout, v, f >= 1, and rin + f + v fits. */
MEV_COLD enum sandwich_outcome sandwich_legs(const struct amm_side *p, __u64 v, __u64 m, __u64 f,
					     struct sandwich *s)
{
	struct amm_side q;
	__u64 a, b;

	if (MEV_NO(p) || MEV_NO(s))
		return SANDWICH_NONE;
	q = *p;
	a = amm_quot_wide(q.rin, q.rout, f, q.n, q.d);
	if (!a)
		return sandwich_no(s, SANDWICH_NONE);
	q.rin += f;
	q.rout -= a;
	if (!amm_pays_wide(&q, v, m))
		return sandwich_no(s, SANDWICH_REVERTS);
	b = amm_quot_wide(q.rin, q.rout, v, q.n, q.d);
	return sandwich_fill(s, f, a, b, amm_quot_wide(q.rout - b, q.rin + v, a, q.n, q.d));
}

/*
 * The exact legs of a front-run of f: out, out, out (economics.md). True if all are valid, the
 * victim still gets max(min_out, 1), and the profit is at least 1; otherwise *s is all zero.
 */
MEV_SUBPROG bool sandwich_at(const struct amm_side *p, __u64 v, __u64 min_out, __u64 f,
			     struct sandwich *s)
{
	__u64 rin1, rin2, m = min_out + !min_out;

	if (MEV_NO(p) || MEV_NO(s))
		return false;
	rin1 = p->rin + f;
	rin2 = rin1 + v;
	/* rout, f or v of 0 make a or b 0, which the legs refuse */
	if (unlikely(!p->rin || rin1 < f || rin2 < v))
		return sandwich_no(s, SANDWICH_NONE);
	if (likely(sandwich_narrow(p, rin2)))
		return sandwich_legs64(p, v, m, f, false, s) == SANDWICH_GAIN;
	return sandwich_legs(p, v, m, f, s) == SANDWICH_GAIN;
}

#endif /* MEV_SANDWICH_LEGS_H */
