/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sandwich_locate - where the best front-run lies, in real numbers
 *
 * Two places end the rise of profit: the peak F* of economics.md, and the largest front-run that
 * leaves the victim its limit. Both are roots of a quadratic, found with 64-bit mantissas and no
 * floating point; nothing here is exact, and nothing here is reported: sandwich.h settles it with
 * exact legs. Each place has a fast form for the usual case (v <= rin / 8, a fee of at most a
 * fifth) and one for any operands, slower (_any). Pure functions: any thread, BPF and userspace.
 */
#ifndef MEV_SANDWICH_LOCATE_H
#define MEV_SANDWICH_LOCATE_H

#include "amm.h"
#include "wide_fp.h"

/* ------------------------------------------------------------------ the victim's limit */

/*
 * The largest front-run that leaves the victim m is, in real numbers, the root of
 * n d f^2 + l f = s t, l = d s + n w, with s = rin d, w = s + v n, t = rout v n / m - w. With
 * f = rin phi:
 *	phi + kappa phi^2 = phi0,   phi0 = t d / l,   kappa = n s / l,   eps = kappa phi0
 *	phi = phi0 (1 - eps + 2 eps^2 - 5 eps^3 + 14 eps^4 - ...), the Catalan numbers.
 * For t <= s / 16, n/d >= 4/5, eps < 2^-5; s, w and t may be given shifted right alike. Seven terms
 * leave less than 2^-40 of phi for eps < 2^-7, less than 2^-47 for eps < 2^-8: together with the
 * precision of the rest, at most 1 in f for rin < 2^42 and rin < 2^50. Beyond, one of Newton's
 * steps follows.
 */
MEV_SUBPROG __u64 sandwich_limit_root(const struct amm_side *p, __u64 s, __u64 w, __u64 t)
{
	const struct wide128 unit = { ~0ULL, (1ULL << 63) - 1 };
	__u64 d, n, ns, l, inv, phi, kappa, eps, e2, sum, f;
	__u32 shift;

	if (MEV_NO(p))
		return 0;
	shift = wide_clz_hot(p->d) - 1;
	d = (__u64)p->d << shift;
	n = (__u64)p->n << shift;
	ns = wide_mulhi(n, s);
	l = wide_mulhi(d, s) + wide_mulhi(n, w);
	shift = wide_clz_hot(l);
	inv = wide_div_hot(unit, l << shift);                  /* 2^127 / l */
	phi = wide_mulhi(wide_mulhi(t << shift << 2, d), inv); /* of 2^65: phi0 */
	kappa = wide_mulhi(ns << shift, inv);                  /* of 2^63 */
	f = wide_mulhi(p->rin, phi);                           /* twice the front-run */
	eps = wide_mulhi(phi, kappa);                          /* of 2^64 */
	e2 = wide_mulhi(eps, eps);                             /* of 2^64 */
	/* the rest, 2 - 5 eps + 14 eps^2 - ..., needs only 32 bits; - 6: not too high, for sure */
	sum = (14ULL << 32) - 42 * (eps >> 32) + 132 * (e2 >> 32);
	sum = (2ULL << 32) - 6 - 5 * (eps >> 32) + (sum * (e2 >> 28) >> 36);
	sum = eps - wide_mulhi(e2 << 2, sum << 30); /* 1 - phi / phi0, of 2^64 */
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

/*
 * f0 2 / (1 + sqrt(1 + 4 eps)): the root of q f^2 + l f = c from that of l f = c, eps = q f0 / l.
 */
static __always_inline struct wide_fp sandwich_bend(struct wide_fp f0, struct wide_fp eps)
{
	const struct wide_fp one = { 1ULL << 63, -63 };
	struct wide_fp root;

	eps.e += 2;
	root = wide_fp_add(one, wide_fp_sqrt(wide_fp_add(one, eps), 3));
	root.e--;
	return wide_fp_div(f0, root);
}

/* The root of that equation for any operands, to 2^-51 of itself; 0 if there is none. */
MEV_COLD __u64 sandwich_limit_any(const struct amm_side *p, __u64 v, __u64 m)
{
	struct wide192 full, least;
	struct wide128 s, vn;
	struct wide_fp l, f0;
	__u64 n, d;

	if (MEV_NO(p))
		return 0;
	n = p->n;
	d = p->d;
	s = wide_mul(p->rin, d);
	vn = wide_mul(v, n);
	full = wide_mul192(vn, p->rout);
	least = wide_mul192(wide_add(s, vn), m);
	if (wide_ge192(least, full))
		return 0;
	l = wide_fp_from(wide_add(wide_mul(p->rin, d * (d + n)), wide_mul(v, n * n)));
	f0 = wide_fp_mul(wide_fp_from(s), wide_fp_from192(wide_sub192(full, least)));
	f0 = wide_fp_div(f0, wide_fp_mul(wide_fp_from64(m), l));
	return wide_fp_floor(
		sandwich_bend(f0, wide_fp_div(wide_fp_mul(wide_fp_from64(n * d), f0), l)));
}

/* The same for v <= rin / 8, faster; 2^64 - 1 if it is too loose for that. */
MEV_COLD __u64 sandwich_limit_wide(const struct amm_side *p, __u64 v, __u64 m)
{
	struct wide192 full, least, slack;
	struct wide128 s, vn, w, t;
	__u32 k;

	if (MEV_NO(p))
		return 0;
	s = wide_mul(p->rin, p->d);
	vn = wide_mul(v, p->n);
	w = wide_add(s, vn);
	k = wide_bits(w.hi); /* below 22 */
	full = wide_mul192(vn, p->rout);
	least = wide_mul192(w, m);
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
	return ~0ULL;
}

/*
 * The same for a limit too loose for sandwich_limit_root(); 2^64 - 1 where it would not be precise
 * to a unit. A front-run far above the limit then meets a victim who reverts, and the slow path.
 */
static __always_inline __u64 sandwich_limit_loose(const struct amm_side *p, __u64 v, __u64 m)
{
	__u64 root = sandwich_limit_any(p, v, m);

	return root >> 50 ? ~0ULL : root;
}

/* What has no quick answer; no front-run is as large. */
#define SANDWICH_LOOSE (~0ULL)
#define SANDWICH_ENOUGH (~0ULL - 1)

/*
 * How much room the victim's limit leaves, for v <= rin / 8 and narrow legs: sandwich_limit_root()'s
 * t; SANDWICH_LOOSE: too much for that; SANDWICH_ENOUGH: for f and more. Most capitals are within
 * the limit or far from it: the upper limbs of
 *	(s + n f) (w + d f) m <= s rout v n
 * say whether it surely still holds after f. (If it holds in real numbers it holds: floors only
 * leave the victim more.)
 */
MEV_SUBPROG __u64 sandwich_room64(const struct amm_side *p, __u64 v, __u64 m, __u64 f)
{
	struct wide128 full, least, slack;
	__u64 s, vn, w, t = ~0ULL;

	if (MEV_NO(p))
		return 0;
	s = p->rin * p->d;
	vn = v * p->n;
	w = s + vn;
	full = wide_mul(p->rout, vn);
	least = wide_mul(w, m);
	if (wide_ge(wide_mul(full.hi, s), wide_mul(wide_mulhi(s + f * p->n, w + f * p->d) + 1, m)))
		return SANDWICH_ENOUGH;
	if (!wide_ge(full, least))
		return 0;
	slack = wide_sub(full, least);
	if (likely(slack.hi < m))
		t = wide_div_hot(slack, m); /* short, hence faster than full / m */
	return likely(t <= s >> 4) ? t : SANDWICH_LOOSE;
}

/* min(f, the victim's limit in real numbers) there, or SANDWICH_LOOSE. */
static __always_inline __u64 sandwich_limited64(const struct amm_side *p, __u64 v, __u64 m, __u64 f)
{
	__u64 t = sandwich_room64(p, v, m, f), s = p->rin * p->d, root;

	if (t == SANDWICH_ENOUGH)
		return f;
	if (unlikely(t == SANDWICH_LOOSE))
		return t;
	root = sandwich_limit_root(p, s, s + v * p->n, t);
	return f < root ? f : root;
}

/* ------------------------------------------------------------------ the peak */

/* For pull < drag, f <= rin: (drag - pull) d (rin + f) <= n^3 v (rin - f) = n pull (rin - f). */
static __always_inline bool sandwich_rising_still(const struct amm_side *p, struct wide128 pull,
						  struct wide128 drag, __u64 f)
{
	__u32 k = wide_bits(drag.hi);
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
MEV_SUBPROG bool sandwich_rising(const struct amm_side *p, __u64 v, __u64 f)
{
	struct wide128 pull, drag;
	__u64 n, d, k;

	if (MEV_NO(p))
		return false;
	n = p->n;
	d = p->d;
	k = (d - n) * (d + n);
	pull = wide_mul(v, n * n);
	drag = wide_mul(p->rin, k);
	if (unlikely(f > p->rin))
		return wide_ge(wide_add(pull, pull),
			       wide_add(wide_add(drag, drag), wide_mul(f, k)));
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
 * min(f, F*), F* being where profit in real numbers is largest, for v <= rin / 8, 4/5 <= n/d < 1:
 * economics.md's A, B, c over rin, as fractions of 2^62. F* in the form in which nothing cancels.
 */
MEV_COLD __u64 sandwich_peaked64(const struct amm_side *p, __u64 v, __u64 f)
{
	const __u64 one = 1ULL << 62;
	struct wide128 num = { 0, 0 };
	__u64 g, u, g2, h, a, b, c, root, peak;
	struct wide_fp disc;
	bool up;

	if (MEV_NO(p))
		return 0;
	num.hi = p->n >> 2;
	num.lo = (__u64)p->n << 62;
	g = wide_div(num, p->d);
	num.hi = v >> 2;
	num.lo = v << 62;
	u = wide_div(num, p->rin);
	g2 = sandwich_mul62(g, g);
	h = sandwich_mul62(g2, one + u); /* B + 1 */
	a = sandwich_mul62(h, one + sandwich_mul62(g, u));
	if (a <= one)
		return 0;
	a -= one;
	c = sandwich_mul62(one - g, one + g - sandwich_mul62(g2, u));
	up = h >= one;
	b = up ? h - one : one - h;
	disc = wide_fp_sqrt(wide_fp_from(wide_add(wide_mul(b, b), wide_mul(c, a))), 2);
	root = disc.m >> -disc.e; /* disc is of 2^124 */
	num = wide_mul(p->rin, up ? b + root : a);
	if (!up)
		c = b + root;
	peak = num.hi < c ? wide_div(num, c) : f;
	return peak < f ? peak : f;
}

/*
 * F* for any operands; 2^64 - 1 if profit grows for ever, 0 if it only falls. With b = B d^2,
 * c = c d^3, a = A d^3 of economics.md:
 *	F* = (b d x + sqrt((b d x)^2 + c a x)) / c, or for b < 0 the form in which nothing cancels.
 */
MEV_COLD __u64 sandwich_peak_any(const struct amm_side *p, __u64 v)
{
	struct wide128 xd, w, gain, cost, pos, neg;
	struct wide_fp a, b, bdx, c, root;
	__u64 n, d, x;
	bool up;

	if (MEV_NO(p))
		return 0;
	n = p->n;
	d = p->d;
	x = p->rin;
	xd = wide_mul(x, d);
	w = wide_add(xd, wide_mul(v, n));
	gain = wide_mul(x + v, n * n);
	cost = wide_mul(x, d * d);
	up = wide_ge(gain, cost);
	pos = wide_mul(x, d * (d + n));
	neg = wide_mul(v, n * n);
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
	else if (wide_fp_gt(a, b))
		a = wide_fp_sub(a, b);
	else
		return 0;
	a = wide_fp_mul(a, wide_fp_from64(x));
	root = wide_fp_add(wide_fp_mul(bdx, bdx), wide_fp_mul(c, a));
	root = wide_fp_add(bdx, wide_fp_sqrt(root, 2));
	return wide_fp_floor(up ? wide_fp_div(root, c) : wide_fp_div(a, root));
}

#endif /* MEV_SANDWICH_LOCATE_H */
