/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sandwich - the front-run that gains most on a victim's swap, exactly
 *
 *	a = out(F)  our front-run       profit = r - F
 *	b = out(v)  the victim          wanted: the F in [1, capital] of largest profit
 *	r = out(a)  our back-run        that leaves the victim at least max(min_out, 1)
 *
 *	profit                  In real numbers profit has one peak, F*, which depends on the pool's
 *	  |      __F*__         input reserve, v and the fee alone; the victim's limit ends the range
 *	  |    /   :    \       somewhere, mostly far to the left of F*; the capital may end it first.
 *	  |  /:    :            The best F is the least of the three. It is located in fixed point
 *	  |/  limit             (64-bit mantissas, relative error below 2^-44) and settled with the
 *	  +--------------> F    exact legs: whatever is reported was computed by amm.h, digit by digit.
 *
 * Why locating is enough. Floors make profit a sawtooth below the real curve: its teeth are at most
 * 1 + rin2 / rout2 high, what one unit of the output token is worth when the back-run starts. At F*
 * the curve is flat: a relative error of e costs rin * e^2 / 2. At the limit its slope is below 0.3
 * for v <= rin / 8, so an F that is 2 short costs less than 1. For a given `a` the least F that buys
 * it, the tooth's tip, is best: F is lowered to it. Where that reasoning is thin - pools below 4096
 * units, v > rin / 8, fees of half or more - a slow path searches the limit with the exact legs, then
 * tries the neighbouring teeth. tests/econ checks all of it against big integers and brute force.
 *
 * Pure functions, bounded loops, no recursion, no floating point: BPF and userspace take the same
 * branches and give the same bits. Any thread; nothing is owned.
 */
#ifndef MEV_SANDWICH_H
#define MEV_SANDWICH_H

#include "amm.h"

struct sandwich {
	__u64 front_in;   /* F, our front-run, in units of the victim's input token */
	__u64 front_out;  /* a, what it buys, in units of the output token */
	__u64 victim_out; /* b, what the victim is left with */
	__u64 back_out;   /* r, what selling a brings back, in units of the input token */
	__u64 profit;     /* r - F; 0 where there is none, and then all the rest is 0 too */
};

enum sandwich_strategy {
	SANDWICH_OPTIMAL = 0, /* the best F in [1, capital] */
	SANDWICH_FIXED = 1,   /* F = capital as it is */
};

/*
 * Above this many units bought, lowering F to the least that buys as many saves less than 2^-24 of F
 * and a division is not worth it.
 */
#define SANDWICH_FINE (1ULL << 24)

/* ------------------------------------------------------------------ the legs */

enum sandwich_legs { SANDWICH_NONE, SANDWICH_GAIN, SANDWICH_REVERTS };

static __always_inline enum sandwich_legs sandwich_no(struct sandwich *s, enum sandwich_legs why)
{
	s->front_in = s->front_out = s->victim_out = s->back_out = s->profit = 0;
	return why;
}

static __always_inline enum sandwich_legs sandwich_fill(struct sandwich *s, __u64 f, __u64 a,
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
	__u64 unused;

	return wide_mul_fits(rin2, p->d, &unused) && wide_mul_fits(p->rout, p->d, &unused);
}

/* The legs where they are narrow; with `lower`, f is first lowered to the least that buys as much. */
static __always_inline enum sandwich_legs sandwich_legs64(const struct amm_side *p, __u64 v,
							  __u64 m, __u64 f, bool lower,
							  struct sandwich *s)
{
	__u64 rin1 = p->rin + f, vn = v * p->n, a, b, den, rem, rout1, step;
	struct wide128 num;

	a = amm_quot64(p->rin, p->rout, f, p->n, p->d, &rem);
	rout1 = p->rout - a;
	if (lower && unlikely(a < SANDWICH_FINE)) {
		/* rout f n = a (rin d + f n) + rem: f is rem / (n rout1) above the real edge of a */
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
	b = wide_div(num, den);
	return sandwich_fill(s, f, a, b, amm_quot64(rout1 - b, rin1 + v, a, p->n, p->d, &rem));
}

/* The least front-run that buys a: ceil(rin d a / (n (rout - a))); 2^64 - 1 if none or too large. */
MEV_COLD __u64 sandwich_edge(const struct amm_side *p, __u64 a)
{
	struct wide128 den = wide_mul(p->rout - a, p->n);
	struct wide192 num = wide_mul192(wide_mul(p->rin, p->d), a), top = { 0, den.lo, den.hi };
	__u64 q;

	if (a >= p->rout || wide_ge192(num, top))
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
MEV_COLD enum sandwich_legs sandwich_legs(const struct amm_side *p, __u64 v, __u64 m, __u64 f,
					  struct sandwich *s)
{
	struct amm_side q = *p;
	__u64 a, b;

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
static inline bool sandwich_at(const struct amm_side *p, __u64 v, __u64 min_out, __u64 f,
			       struct sandwich *s)
{
	__u64 rin1 = p->rin + f, rin2 = rin1 + v, m = min_out + !min_out;

	/* rout, f or v of 0 make a or b 0, which the legs refuse */
	if (unlikely(!p->rin || rin1 < f || rin2 < v))
		return sandwich_no(s, SANDWICH_NONE);
	if (likely(sandwich_narrow(p, rin2)))
		return sandwich_legs64(p, v, m, f, false, s) == SANDWICH_GAIN;
	return sandwich_legs(p, v, m, f, s) == SANDWICH_GAIN;
}

/* ------------------------------------------------------------------ the victim's limit */

/*
 * The largest front-run that leaves the victim m is, in real numbers, the root of
 * n d f^2 + l f = s t, l = d s + n w, with s = rin d, w = s + v n, t = rout v n / m - w. With
 * f = rin phi:
 *	phi + kappa phi^2 = phi0,   phi0 = t d / l,   kappa = n s / l,   eps = kappa phi0
 *	phi = phi0 (1 - eps + 2 eps^2 - 5 eps^3 + 14 eps^4 - ...), the Catalan numbers.
 * s, w and t <= s / 16 may be given shifted right alike; then eps < 2^-5. Seven terms leave less than
 * 2^-40 of phi for eps < 2^-7, less than 2^-47 for eps < 2^-8: together with the precision of the
 * rest, at most 1 in f for rin < 2^42 and rin < 2^50. Beyond, one of Newton's steps follows.
 */
static __always_inline __u64 sandwich_limit_root(const struct amm_side *p, __u64 s, __u64 w, __u64 t)
{
	const struct wide128 unit = { ~0ULL, (1ULL << 63) - 1 };
	__u32 shift = wide_clz(p->d) - 1;
	__u64 d = (__u64)p->d << shift, n = (__u64)p->n << shift;
	__u64 ns = wide_mulhi(n, s), l = wide_mulhi(d, s) + wide_mulhi(n, w);
	__u64 inv, phi, kappa, eps, e2, sum, f;

	shift = wide_clz(l);
	inv = wide_div(unit, l << shift);			/* 2^127 / l */
	phi = wide_mulhi(wide_mulhi(t << shift << 2, d), inv);	/* of 2^65: phi0 */
	kappa = wide_mulhi(ns << shift, inv);			/* of 2^63 */
	f = wide_mulhi(p->rin, phi);				/* twice the front-run */
	eps = wide_mulhi(phi, kappa);				/* of 2^64 */
	e2 = wide_mulhi(eps, eps);				/* of 2^64 */
	/* the rest, 2 - 5 eps + 14 eps^2 - ..., needs only 32 bits; - 6: not too high, for sure */
	sum = (14ULL << 32) - 42 * (eps >> 32) + 132 * (e2 >> 32);
	sum = (2ULL << 32) - 6 - 5 * (eps >> 32) + (sum * (e2 >> 28) >> 36);
	sum = eps - wide_mulhi(e2 << 2, sum << 30);		/* 1 - phi / phi0, of 2^64 */
	if (unlikely(eps >> 56 || p->rin >> 50) && (eps >> 57 || p->rin >> 42)) {
		/* (phi0 + kappa phi^2) / (1 + 2 kappa phi) */
		struct wide128 num = { 0, phi };

		phi -= wide_mulhi(phi, sum);
		eps = wide_mulhi(kappa, phi);
		num.hi += wide_mulhi(eps, phi);
		num.lo = num.hi << 63;
		num.hi >>= 1;
		return wide_mulhi(p->rin, wide_div(num, (1ULL << 63) + eps)) >> 1;
	}
	return (f - wide_mulhi(f, sum) - !!f) >> 1; /* - 1: mulhi took too little */
}

/* f0 2 / (1 + sqrt(1 + 4 eps)): the root of q f^2 + l f = c from that of l f = c, eps = q f0 / l. */
static __always_inline struct wide_fp sandwich_bend(struct wide_fp f0, struct wide_fp eps)
{
	const struct wide_fp one = { 1ULL << 63, -63 };
	struct wide_fp root;

	if (!eps.m)
		return f0;
	eps.e += 2;
	root = wide_fp_add(one, wide_fp_sqrt(wide_fp_add(one, eps), 3));
	root.e--;
	return wide_fp_div(f0, root);
}

/* The root of the limit's equation for any operands; see struct sandwich_limit. 0 if none. */
MEV_COLD __u64 sandwich_limit_any(const struct amm_side *p, __u64 v, __u64 m)
{
	__u64 n = p->n, d = p->d;
	struct wide128 s = wide_mul(p->rin, d), vn = wide_mul(v, n);
	struct wide192 full = wide_mul192(vn, p->rout), least = wide_mul192(wide_add(s, vn), m);
	struct wide_fp l, f0;

	if (!wide_ge192(full, least))
		return 0;
	l = wide_fp_from(wide_add(wide_mul(p->rin, d * (d + n)), wide_mul(v, n * n)));
	f0 = wide_fp_mul(wide_fp_from(s), wide_fp_from192(wide_sub192(full, least)));
	f0 = wide_fp_div(f0, wide_fp_mul(wide_fp_from64(m), l));
	return wide_fp_floor(
		sandwich_bend(f0, wide_fp_div(wide_fp_mul(wide_fp_from64(n * d), f0), l)));
}

/* The same for v <= rin / 8, faster. */
MEV_COLD __u64 sandwich_limit_wide(const struct amm_side *p, __u64 v, __u64 m)
{
	struct wide128 s = wide_mul(p->rin, p->d), vn = wide_mul(v, p->n), w = wide_add(s, vn), t;
	struct wide192 full = wide_mul192(vn, p->rout), least = wide_mul192(w, m), slack;
	__u32 k = w.hi ? 64 - wide_clz(w.hi) : 0; /* below 22 */

	if (!wide_ge192(full, least))
		return 0;
	slack = wide_sub192(full, least);
	s.lo = wide_shr(s.hi, s.lo, k);
	w.lo = wide_shr(w.hi, w.lo, k);
	t.lo = wide_shr(slack.mid, slack.lo, k);
	t.hi = wide_shr(slack.hi, slack.mid, k);
	if (!(slack.hi >> k) && t.hi < m) {
		t.lo = wide_div(t, m);
		if (t.lo <= s.lo >> 4)
			return sandwich_limit_root(p, s.lo, w.lo, t.lo);
	}
	return sandwich_limit_any(p, v, m);
}

/*
 * min(f, the victim's limit in real numbers) for v <= rin / 8 and narrow legs. Most capitals are
 * within the limit or far from it: the upper limbs of
 *	(s + n f) (w + d f) m <= s rout v n
 * say whether it surely still holds after f. (If it holds in real numbers it holds: floors only
 * leave the victim more.)
 */
static __always_inline __u64 sandwich_limited64(const struct amm_side *p, __u64 v, __u64 m, __u64 f)
{
	__u64 s = p->rin * p->d, vn = v * p->n, w = s + vn, t = ~0ULL, root;
	struct wide128 full = wide_mul(p->rout, vn), least = wide_mul(w, m), slack;

	if (wide_ge(wide_mul(full.hi, s),
		    wide_mul(wide_mulhi(s + f * p->n, w + f * p->d) + 1, m)))
		return f;
	if (!wide_ge(full, least))
		return 0;
	slack = wide_sub(full, least);
	if (likely(slack.hi < m))
		t = wide_div(slack, m); /* short, hence faster than full / m */
	if (likely(t <= s >> 4))
		root = sandwich_limit_root(p, s, w, t);
	else
		root = sandwich_limit_any(p, v, m);
	return f < root ? f : root;
}

/* ------------------------------------------------------------------ the peak */

/* For pull < drag, f <= rin: (drag - pull) d (rin + f) <= n^3 v (rin - f) = n pull (rin - f). */
static __always_inline bool sandwich_rising_still(const struct amm_side *p, struct wide128 pull,
						  struct wide128 drag, __u64 f)
{
	__u32 k = drag.hi ? 64 - wide_clz(drag.hi) : 0;
	__u64 up = wide_shr(pull.hi, pull.lo, k), down = wide_shr(drag.hi, drag.lo, k) + 1 - up;

	return wide_ge192(wide_mul192(wide_mul(up, p->rin - f), p->n),
			  wide_mul192(wide_mul(down, p->rin + f), p->d));
}

/*
 * Whether profit surely still grows at f. economics.md's P' >= 0 is
 *	beta d (rin + f)^2 + n^3 v ((rin + v) rin - f^2) >= 0,   beta = n^2 v - (d^2 - n^2) rin
 * so for f <= rin, beta >= 0 is enough, a victim about twice above break-even; for beta < 0 it is
 * that -beta d (rin + f) <= n^3 v (rin - f). For f > rin, 2 beta >= (d^2 - n^2) f is enough.
 */
static __always_inline bool sandwich_rising(const struct amm_side *p, __u64 v, __u64 f)
{
	__u64 n = p->n, d = p->d, k = (d - n) * (d + n);
	struct wide128 pull = wide_mul(v, n * n), drag = wide_mul(p->rin, k);

	if (unlikely(f > p->rin))
		return wide_ge(wide_add(pull, pull), wide_add(wide_add(drag, drag), wide_mul(f, k)));
	if (likely(wide_ge(pull, drag)))
		return true;
	return sandwich_rising_still(p, pull, drag, f);
}

/*
 * Whether that is so for every front-run up to top, for narrow legs and a fee of at most a fifth:
 * beta >= 0 as n^2 v >= 9/4 n (d - n) rin. It answers for most victims, and before f is known.
 */
static __always_inline bool sandwich_rising_to(const struct amm_side *p, __u64 v, __u64 top)
{
	__u64 drag = p->rin * (p->d - p->n);

	return top <= p->rin && v * p->n >> 2 > (drag >> 1) + (drag >> 4);
}

/* a * b for fractions of 2^62, b up to 4. */
static __always_inline __u64 sandwich_mul62(__u64 a, __u64 b)
{
	struct wide128 r = wide_mul(a, b);

	return r.hi << 2 | r.lo >> 62;
}

/*
 * min(f, F*), F* being where profit in real numbers is largest, for v <= rin / 8, 1/2 <= n/d < 1:
 * economics.md's A, B, c over rin, as fractions of 2^62. F* in the form in which nothing cancels.
 */
MEV_COLD __u64 sandwich_peaked64(const struct amm_side *p, __u64 v, __u64 f)
{
	const __u64 one = 1ULL << 62;
	struct wide128 n = { (__u64)p->n << 62, p->n >> 2 }, u0 = { v << 62, v >> 2 }, num;
	__u64 g = wide_div(n, p->d), u = wide_div(u0, p->rin);
	__u64 g2 = sandwich_mul62(g, g), h = sandwich_mul62(g2, one + u); /* B + 1 */
	__u64 a = sandwich_mul62(h, one + sandwich_mul62(g, u));
	__u64 c = sandwich_mul62(one - g, one + g - sandwich_mul62(g2, u));
	__u64 b = h >= one ? h - one : one - h, root, peak;
	struct wide_fp disc;

	if (a <= one)
		return 0;
	a -= one;
	disc = wide_fp_sqrt(wide_fp_from(wide_add(wide_mul(b, b), wide_mul(c, a))), 2);
	root = disc.m >> -disc.e; /* disc is of 2^124 */
	num = wide_mul(p->rin, h >= one ? b + root : a);
	if (h < one)
		c = b + root;
	peak = num.hi < c ? wide_div(num, c) : f;
	return peak < f ? peak : f;
}

/* ------------------------------------------------------------------ the slow path */

/*
 * F* for any operands; 2^64 - 1 if profit grows for ever, 0 if it only falls. With b = B d^2,
 * c = c d^3, a = A d^3 of economics.md:
 *	F* = (b d x + sqrt((b d x)^2 + c a x)) / c, or for b < 0 its other form, where nothing cancels.
 */
MEV_COLD __u64 sandwich_peak_any(const struct amm_side *p, __u64 v)
{
	__u64 n = p->n, d = p->d, x = p->rin;
	struct wide128 xd = wide_mul(x, d), w = wide_add(xd, wide_mul(v, n));
	struct wide128 gain = wide_mul(x + v, n * n), cost = wide_mul(x, d * d);
	struct wide128 pos = wide_mul(x, d * (d + n)), neg = wide_mul(v, n * n);
	bool up = wide_ge(gain, cost);
	struct wide_fp a, b, bdx, c, root;

	if (wide_ge(neg, pos) || n == d)
		return ~0ULL;
	gain = up ? wide_sub(gain, cost) : wide_sub(cost, gain);
	gain.lo |= !gain.hi; /* not 0, which has no mantissa */
	b = wide_fp_from(gain);
	bdx = wide_fp_mul(b, wide_fp_from(xd));
	c = wide_fp_mul(wide_fp_from(wide_sub(pos, neg)), wide_fp_from64(d - n));

	/* a = b w + x v n d^2 */
	a = wide_fp_mul(wide_fp_from(wide_mul(x, v)), wide_fp_from64(n * d * d));
	b = wide_fp_mul(b, wide_fp_from(w));
	if (up)
		a = wide_fp_add(a, b);
	else if (wide_fp_ge(b, a))
		return 0;
	else
		a = wide_fp_sub(a, b);
	a = wide_fp_mul(a, wide_fp_from64(x));
	root = wide_fp_add(wide_fp_mul(bdx, bdx), wide_fp_mul(c, a));
	root = wide_fp_add(bdx, wide_fp_sqrt(root, 2));
	return wide_fp_floor(up ? wide_fp_div(root, c) : wide_fp_div(a, root));
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
 * The largest front-run worth making in [1, top] that holds, from a guess; 0 if none. What the
 * victim gets never rises with f, so holding is monotone: widen from the guess, then bisect. A
 * larger front-run that buys no more is not worth making.
 */
MEV_COLD __u64 sandwich_settle(const struct amm_side *p, __u64 v, __u64 m, __u64 top, __u64 f)
{
	__u64 lo = 0, hi = top + 1, step = 1, a, next;

	f += !f;
	for (int i = 0; i < 128 && lo + 1 < hi; i++) {
		if (sandwich_holds(p, v, m, f, &a)) {
			next = sandwich_edge(p, a + 1);
			lo = f;
			if (next >= hi || !sandwich_holds(p, v, m, next, &a))
				break;
			lo = next;
			f = hi - lo > step ? lo + step : lo + (hi - lo) / 2;
		} else {
			if (!a)
				break;
			hi = f;
			f = lo ? lo + (hi - lo) / 2 : f > step ? f - step : 1;
		}
		step *= 2;
	}
	return lo;
}

/* Keeps the legs at f in *s if they gain more than what is there. */
MEV_COLD void sandwich_try(const struct amm_side *p, __u64 v, __u64 m, __u64 f, struct sandwich *s)
{
	struct sandwich t;

	if (f && sandwich_legs(p, v, m, f, &t) == SANDWICH_GAIN && t.profit > s->profit)
		*s = t;
}

/* sandwich_best for any operands: the tooth at the least of the three, and its neighbours. */
MEV_COLD bool sandwich_search(const struct amm_side *p, __u64 v, __u64 m, __u64 capital,
			      struct sandwich *s)
{
	__u64 top = ~0ULL - p->rin - v, f, next;

	sandwich_no(s, SANDWICH_NONE);
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
MEV_COLD enum sandwich_legs sandwich_best_wide(const struct amm_side *p, __u64 v, __u64 m, __u64 f,
					       struct sandwich *s)
{
	__u64 limit = sandwich_limit_wide(p, v, m);

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

/*
 * The best front-run in [1, capital], that is with a profit within 2 + ceil(rin2 / rout2) of the
 * exact optimum. True if there is one; otherwise *s is all zero.
 */
static inline bool sandwich_best(const struct amm_side *p, __u64 v, __u64 min_out, __u64 capital,
				 struct sandwich *s)
{
	__u64 m = min_out + !min_out, top = ~0ULL - p->rin - v, f;
	enum sandwich_legs legs;

	top = top < capital ? top : capital;
	if (unlikely(!sandwich_usual(p, v)))
		return sandwich_search(p, v, m, capital, s);
	if (likely(sandwich_narrow(p, p->rin + v + top))) {
		f = sandwich_limited64(p, v, m, top);
		if (!sandwich_rising_to(p, v, top) && !sandwich_rising(p, v, f))
			f = sandwich_peaked64(p, v, f);
		legs = sandwich_legs64(p, v, m, f, true, s);
	} else {
		legs = sandwich_best_wide(p, v, m, top, s);
	}
	if (unlikely(legs == SANDWICH_REVERTS)) /* the limit is loose, or was found a unit too high */
		return sandwich_search(p, v, m, capital, s);
	return legs == SANDWICH_GAIN;
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
