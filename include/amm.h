/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * amm - one swap of a constant-product pool, exactly
 *
 *	out(x; rin, rout) = floor(rout * x * n / (rin * d + x * n))
 *
 * with n / d = 1 - fee (Uniswap v2, UniswapV2Library.getAmountOut, with a free fee). Exact for
 * every u64 input: one 128/64 division where rin * d + x * n fits 64 bits, a wider one where it
 * does not. A swap is valid when x, rin, rout and the result are positive and rin + x fits u64.
 *
 * Pure functions: any thread, BPF and userspace alike. Amounts are in units of their token.
 */
#ifndef MEV_AMM_H
#define MEV_AMM_H

#include "wide.h"

/* A pool seen from one swap direction. fee = (d - n) / d, 0 < n <= d <= 1,000,000. */
struct amm_side {
	__u64 rin, rout; /* reserve of the token that comes in, of the one that goes out */
	__u32 n, d;
};

/* rin * d + x * n, at most 85 bits. */
static __always_inline struct wide128 amm_den(__u64 rin, __u64 x, __u32 n, __u32 d)
{
	return wide_add(wide_mul(rin, d), wide_mul(x, n));
}

/* The quotient alone, for operands that are known to make a valid swap except for a result of 0. */
MEV_SUBPROG __u64 amm_quot_wide(__u64 rin, __u64 rout, __u64 x, __u32 n, __u32 d)
{
	return wide_quot(wide_mul192(wide_mul(x, n), rout), amm_den(rin, x, n, d));
}

/*
 * The same where (rin + x) * d fits 64 bits: then so does the denominator, and one division does.
 */
static __always_inline __u64 amm_quot64(__u64 rin, __u64 rout, __u64 x, __u32 n, __u32 d,
					__u64 *rem)
{
	__u64 xn = x * n;
	struct wide128 num = wide_mul(rout, xn);

	return wide_divrem_hot(num.hi, num.lo, rin * d + xn, rem);
}

MEV_COLD __u64 amm_out_wide(const struct amm_side *p, __u64 x)
{
	if (MEV_NO(p))
		return 0;
	return amm_quot_wide(p->rin, p->rout, x, p->n, p->d);
}

/*
 * What a swap of x gives, in units of the output token; 0 if the swap is invalid.
 */
static inline __u64 amm_out(const struct amm_side *p, __u64 x)
{
	__u64 sum = p->rin + x, unused;

	if (unlikely(!x || !p->rin || sum < x))
		return 0;
	if (likely(wide_mul_fits(sum, p->d)))
		return amm_quot64(p->rin, p->rout, x, p->n, p->d, &unused);
	return amm_out_wide(p, x);
}

MEV_COLD bool amm_pays_wide(const struct amm_side *p, __u64 v, __u64 m)
{
	if (MEV_NO(p))
		return false;
	return wide_ge192(wide_mul192(wide_mul(v, p->n), p->rout),
			  wide_mul192(amm_den(p->rin, v, p->n, p->d), m));
}

/*
 * Whether a valid swap of v gives at least max(min_out, 1): amm_out(p, v) >= max(min_out, 1), but
 * by cross-multiplication (rout * v * n >= m * (rin * d + v * n), up to 192 bits) instead of
 * division.
 */
static inline bool amm_pays(const struct amm_side *p, __u64 v, __u64 min_out)
{
	__u64 sum = p->rin + v, m = min_out + !min_out, vn;

	if (unlikely(!v || !p->rin || sum < v))
		return false;
	if (unlikely(!wide_mul_fits(sum, p->d)))
		return amm_pays_wide(p, v, m);
	vn = v * p->n;
	return wide_ge(wide_mul(p->rout, vn), wide_mul(m, p->rin * p->d + vn));
}

#ifndef __bpf__
/* n^3 k^2 + n^2 (d + n) k 2^64 <= (d^3 - n^2 d) 2^128 : k / 2^64 is at most kappa. */
static inline bool amm_kappa_reaches(__u64 n, __u64 d, __u64 k)
{
	struct wide192 sq = wide_mul192(wide_mul(k, k), n * n * n);
	struct wide128 lin = wide_mul(n * n * (d + n), k);
	__u64 mid = sq.mid + lin.lo;
	__u64 hi = sq.hi + lin.hi + (mid < lin.lo), want = d * d * d - n * n * d;

	return hi < want || (hi == want && !mid && !sq.lo);
}

/*
 * floor(kappa * 2^64), exact, at most 2^64 - 1, where no front-run of any size gains on a victim
 * with v <= kappa * rin: kappa is the positive root of n^3 u^2 + n^2 (d + n) u + n^2 d - d^3 = 0
 * (the profit's slope at a front-run of 0). Bit by bit; once per pool, not for the hot path.
 * Returns 0 for a fee of 0.
 */
static inline __u64 amm_kappa_q64(__u32 n, __u32 d)
{
	__u64 k = 0;

	for (int bit = 63; bit >= 0; bit--) {
		__u64 next = k | 1ULL << bit;

		if (amm_kappa_reaches(n, d, next))
			k = next;
	}
	return k;
}
#endif

/*
 * The least amount_in that may be worth a look: a swap below it cannot be front-run at a gain.
 * floor(rin * kappa_q64 / 2^64), so rounded towards keeping the swap. Units of the input token.
 */
static inline __u64 amm_break_even(__u64 rin, __u64 kappa_q64)
{
	return wide_mulhi(rin, kappa_q64);
}

#endif /* MEV_AMM_H */
