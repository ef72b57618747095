/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * wide_fp - numbers of 64 leading bits and an exponent, in integer registers
 *
 * For finding the place where an exact answer lies, never for the answer: the hot path and BPF have
 * no floating point, and a double has only 53 bits. Pure functions on values: any thread, any
 * plane.
 */
#ifndef MEV_WIDE_FP_H
#define MEV_WIDE_FP_H

#include "wide.h"

/*
 * m * 2^e with m in [2^63, 2^64). Every operation truncates: relative error below 2^-61. There is
 * no 0: callers see to that. Exponents stay within a few hundred of 0, far from any limit.
 */
struct wide_fp {
	__u64 m;
	__s64 e;
};

/* Shifts the leading one, at most one place away, up to bit 63. */
static __always_inline struct wide_fp wide_fp_norm(struct wide128 v, __s64 e)
{
	__u32 k = (__u32)(~v.hi >> 63);
	struct wide_fp r = { wide_shl_hi(v.hi, v.lo, k), e - k };

	return r;
}

static __always_inline struct wide_fp wide_fp_from64(__u64 v)
{
	__u32 s = wide_clz(v);
	struct wide_fp r = { v << s, -(__s64)s };

	return r;
}

static __always_inline struct wide_fp wide_fp_from(struct wide128 v)
{
	__u64 high = wide_nonzero(v.hi);
	__u32 s;
	struct wide_fp r;

	v.hi = wide_pick(high, v.hi, v.lo);
	v.lo = wide_pick(high, v.lo, 0);
	s = wide_clz(v.hi);
	r.m = wide_shl_hi(v.hi, v.lo, s);
	r.e = (__s64)(high << 6) - s;
	return r;
}

static __always_inline struct wide_fp wide_fp_from192(struct wide192 v)
{
	__u64 high = wide_nonzero(v.hi);
	struct wide128 top = { wide_pick(high, v.mid, v.lo), wide_pick(high, v.hi, v.mid) };
	struct wide_fp r = wide_fp_from(top);

	r.e += (__s64)(high << 6);
	return r;
}

static __always_inline struct wide_fp wide_fp_mul(struct wide_fp a, struct wide_fp b)
{
	return wide_fp_norm(wide_mul(a.m, b.m), a.e + b.e + 64);
}

static __always_inline struct wide_fp wide_fp_div(struct wide_fp a, struct wide_fp b)
{
	struct wide128 n = { a.m << 63, a.m >> 1 }, q = { 0, 0 };

	q.hi = wide_div(n, b.m);
	return wide_fp_norm(q, a.e - b.e - 63);
}

static __always_inline struct wide_fp wide_fp_add(struct wide_fp a, struct wide_fp b)
{
	__u64 swap = (__u64)(a.e - b.e) >> 63;
	__u64 gap = ((__u64)(a.e - b.e) ^ (0 - swap)) + swap; /* |a.e - b.e| */
	__u64 big = wide_pick(swap, b.m, a.m), small = wide_pick(swap, a.m, b.m);
	struct wide128 sum = { 0, (big >> 1) + (small >> 1 >> wide_min(gap, 63)) };

	return wide_fp_norm(sum, a.e + (__s64)(gap & (0 - swap)) + 1);
}

/* a > b */
static __always_inline bool wide_fp_gt(struct wide_fp a, struct wide_fp b)
{
	__u64 same = 1 ^ wide_nonzero((__u64)(a.e ^ b.e));

	return ((__u64)(b.e - a.e) >> 63) | (same & wide_lt(b.m, a.m));
}

/* a - b for a > b. */
static __always_inline struct wide_fp wide_fp_sub(struct wide_fp a, struct wide_fp b)
{
	struct wide_fp r = wide_fp_from64(a.m - (b.m >> wide_min((__u64)(a.e - b.e), 63)));

	r.e += a.e;
	return r;
}

/*
 * sqrt(z 2^63) for z in [2^61, 2^63), to 2^-38 of itself in 2 steps, 2^-53 in 3. The reciprocal
 * root y of z from its least-error parabola over [1/4, 1) (2.4 %), then 2 or 3 of Newton's y (3 - z
 * y^2) / 2 in 32 bits (2^-10, 2^-19, 2^-28), and from it the root r = z y, corrected by y (z - r^2)
 * / 2.
 */
MEV_SUBPROG __u64 wide_root(__u64 z, __u32 step_cnt)
{
	__u64 z32 = z >> 31; /* of 2^32 */
	__u64 y = 2867787662ULL - ((3527624809ULL - (1759398851ULL * z32 >> 32)) * z32 >> 32);
	__u64 r;
	__s64 rest;

	for (__u32 i = 0; i < 2; i++) /* y of 2^30 */
		y = y * ((3ULL << 30) - ((y * y >> 30) * z32 >> 32)) >> 31;
	if (step_cnt > 2)
		y = y * ((3ULL << 30) - ((y * y >> 30) * z32 >> 32)) >> 31;
	r = y * z32 >> 31;                /* of 2^31 */
	rest = (__s64)((z >> 1) - r * r); /* of 2^62: below 2^44, or 2^36 */
	if (step_cnt > 2)
		return (r << 32) + (__u64)((rest >> 6) * (__s64)y >> 24);
	return (r << 32) + (__u64)((rest >> 14) * (__s64)y >> 16);
}

static __always_inline struct wide_fp wide_fp_sqrt(struct wide_fp a, __u32 step_cnt)
{
	__u32 k = 1 + (a.e & 1); /* a = (a.m >> k) 2^(e + k), e + k odd */
	struct wide128 root = { 0, wide_root(a.m >> k, step_cnt) };

	return wide_fp_norm(root, (a.e + k - 63) >> 1);
}

/* floor(a), at most 2^64 - 1. */
static __always_inline __u64 wide_fp_floor(struct wide_fp a)
{
	__u64 over = (__u64)-a.e >> 63;                   /* e > 0 */
	__u64 none = (__u64)(a.e + 63) >> 63;             /* e < -63 */
	__u64 shift = (0 - (__u64)a.e) & (over - 1) & 63; /* of use if neither */

	return wide_pick(over, ~0ULL, (a.m >> shift) & (none - 1));
}

#endif /* MEV_WIDE_FP_H */
