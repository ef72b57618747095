/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sandwich - the front-run that gains most on a victim's swap (work in progress: optimum follows)
 */
#ifndef MEV_SANDWICH_H
#define MEV_SANDWICH_H

#include "amm.h"

struct sandwich {
	__u64 front_in;   /* F, our front-run, in the victim's input token */
	__u64 front_out;  /* a, what it buys */
	__u64 victim_out; /* b, what the victim is left with */
	__u64 back_out;   /* r, what selling a brings back */
	__u64 profit;     /* r - F; 0 where there is none, and then the rest is 0 as well */
};

enum sandwich_strategy {
	SANDWICH_OPTIMAL = 0, /* the best F in [1, capital] */
	SANDWICH_FIXED = 1,   /* F = capital */
};

static __always_inline bool sandwich_none(struct sandwich *s)
{
	s->front_in = s->front_out = s->victim_out = s->back_out = s->profit = 0;
	return false;
}

static __always_inline bool sandwich_fill(struct sandwich *s, __u64 f, __u64 a, __u64 b, __u64 r)
{
	if (r <= f)
		return sandwich_none(s);
	s->front_in = f;
	s->front_out = a;
	s->victim_out = b;
	s->back_out = r;
	s->profit = r - f;
	return true;
}

/* sandwich_at for operands that need more than one 64-bit division a leg; m >= 1. */
MEV_COLD bool sandwich_at_wide(const struct amm_side *p, __u64 v, __u64 m, __u64 f,
			       struct sandwich *s)
{
	struct amm_side q = *p;
	__u64 a, b;

	a = amm_quot_wide(q.rin, q.rout, f, q.n, q.d);
	q.rin += f;
	q.rout -= a;
	if (!a || !amm_pays_wide(&q, v, m))
		return sandwich_none(s);
	b = amm_quot_wide(q.rin, q.rout, v, q.n, q.d);
	return sandwich_fill(s, f, a, b, amm_quot_wide(q.rout - b, q.rin + v, a, q.n, q.d));
}

/*
 * The exact legs of a front-run of f: out, out, out (economics.md). True if all are valid, the
 * victim still gets max(min_out, 1), and the profit is at least 1; otherwise *s is all zero.
 */
static inline bool sandwich_at(const struct amm_side *p, __u64 v, __u64 min_out, __u64 f,
			       struct sandwich *s)
{
	__u64 rin1 = p->rin + f, rin2 = rin1 + v, m = min_out ? min_out : 1;
	__u64 a, b, rout1, vn, den, unused;
	struct wide128 num;

	if (unlikely(!f || !v || !p->rin || !p->rout || rin1 < f || rin2 < v))
		return sandwich_none(s);
	if (unlikely(!wide_mul_fits(rin2, p->d, &unused) || !wide_mul_fits(p->rout, p->d, &unused)))
		return sandwich_at_wide(p, v, m, f, s);

	a = amm_quot64(p->rin, p->rout, f, p->n, p->d, &unused);
	rout1 = p->rout - a;
	vn = v * p->n;
	num = wide_mul(rout1, vn);
	den = rin1 * p->d + vn;
	if (!a || !wide_ge(num, wide_mul(m, den)))
		return sandwich_none(s);
	b = wide_div(num, den);
	return sandwich_fill(s, f, a, b,
			     amm_quot64(rout1 - b, rin2, a, p->n, p->d, &unused));
}

/* ------------------------------------------------------------------ where the optimum lies */

/*
 * f0 2 / (1 + sqrt(1 + 4 eps)): from the root f0 of the linear equation l f = c to that of
 * q f^2 + l f = c, with eps = q f0 / l.
 */
static __always_inline struct wide_fp sandwich_bend(struct wide_fp f0, struct wide_fp eps)
{
	const struct wide_fp one = { 1ULL << 63, -63 };
	struct wide_fp root;

	if (eps.e < -71 && f0.e < -18) { /* eps < 2^-8, f0 < 2^46: the series is exact to 1 */
		__u64 x = eps.e > -128 ? eps.m >> (-eps.e - 64) : 0; /* of 2^64 */
		__u64 t = 132ULL << 56; /* the Catalan numbers, of 2^56 */

		t = (42ULL << 56) - wide_mulhi(x, t);
		t = (14ULL << 56) - wide_mulhi(x, t);
		t = (5ULL << 56) - wide_mulhi(x, t);
		t = (2ULL << 56) - wide_mulhi(x, t);
		t = (1ULL << 56) - wide_mulhi(x, t);
		f0.m -= wide_mulhi(f0.m, wide_mulhi(x, t << 7) << 1);
		return f0;
	}
	eps.e += 2;
	root = wide_fp_add(one, wide_fp_sqrt(wide_fp_add(one, eps)));
	root.e--;
	return wide_fp_div(f0, root);
}

/*
 * The largest front-run that, in real numbers, leaves the victim m: the positive root of
 * n d f^2 + l f = s (rout v n - m w) / m, s = rin d, w = s + v n, l = d s + n w. 0 if there is none.
 */
static __always_inline __u64 sandwich_limit(const struct amm_side *p, __u64 v, __u64 m)
{
	__u64 n = p->n, d = p->d;
	struct wide128 s = wide_mul(p->rin, d), vn = wide_mul(v, n);
	struct wide192 full = wide_mul192(vn, p->rout), least = wide_mul192(wide_add(s, vn), m);
	struct wide_fp l, f0;

	if (wide_ge192(least, full))
		return 0;
	l = wide_fp_from(wide_add(wide_mul(p->rin, d * (d + n)), wide_mul(v, n * n)));
	f0 = wide_fp_mul(wide_fp_from(s), wide_fp_from192(wide_sub192(full, least)));
	f0 = wide_fp_div(f0, wide_fp_mul(wide_fp_from64(m), l));
	return wide_fp_floor(sandwich_bend(f0, wide_fp_div(wide_fp_mul(wide_fp_from64(n * d), f0), l)));
}

/*
 * Whether profit surely still grows at a front-run of f: B > 0 and 2 B rin >= c f (economics.md; c is at
 * most (1 - g^2) rin), that is (f + 2 rin) (d^2 - n^2) <= 2 n^2 v. The cheap answer for a victim
 * well above break-even.
 */
static __always_inline bool sandwich_rising(const struct amm_side *p, __u64 v, __u64 f)
{
	__u64 n = p->n, d = p->d, k = (d - n) * (d + n);
	struct wide128 x = wide_mul(p->rin, 2 * k);

	return wide_ge(wide_mul(v, 2 * n * n), wide_add(wide_mul(f, k), x));
}

/*
 * F*, where profit in real numbers is largest; 2^64 - 1 if it grows for ever, 0 if it only falls.
 * With B d^2, c d^3, A d^3 in place of B, c, A:
 *	F* = (B d x + sqrt((B d x)^2 + c A x)) / c, or for B < 0 its other form, where nothing cancels.
 */
MEV_COLD __u64 sandwich_peak(const struct amm_side *p, __u64 v)
{
	__u64 n = p->n, d = p->d, x = p->rin;
	struct wide128 xd = wide_mul(x, d), w = wide_add(xd, wide_mul(v, n));
	struct wide128 gain = wide_mul(x + v, n * n), cost = wide_mul(x, d * d);
	struct wide128 pos = wide_mul(x, d * (d + n)), neg = wide_mul(v, n * n);
	bool up = wide_ge(gain, cost);
	struct wide_fp a, b, bdx, c, cax, root;

	if (wide_ge(neg, pos) || n == d)
		return ~0ULL;
	b = wide_fp_from(up ? wide_sub(gain, cost) : wide_sub(cost, gain));
	bdx = wide_fp_mul(b, wide_fp_from(xd));
	c = wide_fp_mul(wide_fp_from(wide_sub(pos, neg)), wide_fp_from64(d - n));

	/* A = B w + x v n d^2 */
	a = wide_fp_mul(wide_fp_from(wide_mul(x, v)), wide_fp_from64(n * d * d));
	b = wide_fp_mul(b, wide_fp_from(w));
	if (up)
		a = wide_fp_add(a, b);
	else if (wide_fp_ge(b, a))
		return 0;
	else
		a = wide_fp_sub(a, b);
	a = wide_fp_mul(a, wide_fp_from64(x));
	cax = wide_fp_mul(c, a);
	root = wide_fp_add(bdx, wide_fp_sqrt(wide_fp_add(wide_fp_mul(bdx, bdx), cax)));
	return wide_fp_floor(up ? wide_fp_div(root, c) : wide_fp_div(a, root));
}

/* ------------------------------------------------------------------ the optimum itself */

/* ceil(rin d a / (n (rout - a))), the least front-run that buys a, a < rout; 2^64 - 1 if too large. */
MEV_COLD __u64 sandwich_edge(const struct amm_side *p, __u64 a)
{
	struct wide128 den = wide_mul(p->rout - a, p->n);
	struct wide192 num = wide_mul192(wide_mul(p->rin, p->d), a);
	struct wide192 top = { 0, den.lo, den.hi }, prod;
	__u64 q;

	if (wide_ge192(num, top))
		return ~0ULL;
	q = wide_quot(num, den);
	prod = wide_mul192(den, q);
	return wide_ge192(prod, num) || q == ~0ULL ? q : q + 1;
}

/* sandwich_at, with f lowered to the least that buys the same. */
static __always_inline bool sandwich_take(const struct amm_side *p, __u64 v, __u64 m, __u64 f,
					  struct sandwich *s)
{
	__u64 rin1 = p->rin + f, rin2 = rin1 + v;
	__u64 a, b, rout1, vn, den, rem, step;
	struct wide128 num;

	if (!f)
		return sandwich_none(s);
	if (unlikely(!wide_mul_fits(rin2, p->d, &den) || !wide_mul_fits(p->rout, p->d, &den))) {
		a = amm_quot_wide(p->rin, p->rout, f, p->n, p->d);
		return a ? sandwich_at_wide(p, v, m, sandwich_edge(p, a), s) : sandwich_none(s);
	}
	a = amm_quot64(p->rin, p->rout, f, p->n, p->d, &rem);
	rout1 = p->rout - a;
	/* rin d f n = a (rin d + f n) + rem: f lies rem / (n (rout - a)) above the real edge. */
	step = rout1 * p->n;
	if (rem >= step) {
		rem /= step;
		f -= rem;
		rin1 -= rem;
		rin2 -= rem;
	}
	vn = v * p->n;
	num = wide_mul(rout1, vn);
	den = rin1 * p->d + vn;
	if (!a || !wide_ge(num, wide_mul(m, den)))
		return sandwich_none(s);
	b = wide_div(num, den);
	return sandwich_fill(s, f, a, b,
			     amm_quot64(rout1 - b, rin2, a, p->n, p->d, &rem));
}

/* Whether a front-run of f is valid and leaves the victim m, exactly; *a is what it buys. */
MEV_COLD bool sandwich_holds(const struct amm_side *p, __u64 v, __u64 m, __u64 f, __u64 *a)
{
	struct amm_side q = *p;

	*a = amm_quot_wide(p->rin, p->rout, f, p->n, p->d);
	q.rin += f;
	q.rout -= *a;
	return *a && amm_pays_wide(&q, v, m);
}

/*
 * The largest front-run worth making in [1, top] that holds, from a guess; 0 if there is none. What
 * the victim gets never rises with f, so holding is monotone.
 */
MEV_COLD __u64 sandwich_settle(const struct amm_side *p, __u64 v, __u64 m, __u64 top, __u64 f)
{
	__u64 lo = 0, hi = top + 1, step = 1, a, next;

	f = f ? f : 1;
	for (int i = 0; i < 128 && lo + 1 < hi; i++) {
		if (sandwich_holds(p, v, m, f, &a)) {
			lo = f;
			if (a + 1 >= p->rout)
				break;
			next = sandwich_edge(p, a + 1);
			if (next >= hi || !sandwich_holds(p, v, m, next, &a))
				break;
			lo = next;
			f = hi - lo > step ? lo + step : lo + (hi - lo) / 2;
		} else {
			hi = f;
			if (!a)
				break;
			f = lo ? lo + (hi - lo) / 2 : f > step ? f - step : 1;
		}
		step *= 2;
	}
	return lo;
}

#ifndef NEIGH
#define NEIGH 0
#endif
/* The best of f and its neighbours: the least front-runs that buy a little less or more. */
MEV_COLD bool sandwich_polish(const struct amm_side *p, __u64 v, __u64 m, __u64 top, __u64 f,
			      struct sandwich *s)
{
	struct sandwich t;
	__u64 g;

	sandwich_take(p, v, m, f, s);
	g = s->profit ? s->front_in : f;
	for (int i = 0; i < NEIGH && g > 1; i++) {
		sandwich_take(p, v, m, g - 1, &t);
		if (!t.profit)
			break;
		g = t.front_in;
		if (t.profit > s->profit)
			*s = t;
	}
	g = s->profit ? s->front_in : f;
	for (int i = 0; i < NEIGH && g < top; i++) {
		__u64 a = amm_quot_wide(p->rin, p->rout, g, p->n, p->d);

		if (a + 1 >= p->rout)
			break;
		g = sandwich_edge(p, a + 1);
		if (g > top || !sandwich_at(p, v, m, g, &t))
			break;
		if (t.profit > s->profit)
			*s = t;
	}
	return s->profit > 0;
}

/* The best front-run in [1, capital]. */
static inline bool sandwich_best(const struct amm_side *p, __u64 v, __u64 min_out, __u64 capital,
				 struct sandwich *s)
{
	__u64 m = min_out ? min_out : 1, f = ~0ULL - p->rin, top, lim, peak;
	bool odd;

	if (unlikely(!p->rin || !p->rout || !v || v >= f))
		return sandwich_none(s);
	f -= v;
	if (f > capital)
		f = capital;
	top = f;
	odd = v > p->rin / 8 || p->rin < 4096 || p->rout < 4096 || f >> 58;
	lim = sandwich_limit(p, v, m);
	if (f > lim)
		f = odd ? sandwich_settle(p, v, m, f, lim) : lim;
	if (!sandwich_rising(p, v, f)) {
		peak = sandwich_peak(p, v);
		if (f > peak)
			f = peak;
	}
	if (odd)
		return sandwich_polish(p, v, m, top, f, s);
	return sandwich_take(p, v, m, f, s);
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
