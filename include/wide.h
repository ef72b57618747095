/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * wide - exact 128- and 192-bit products and quotients, and a rough 64-bit-mantissa number
 *
 * Swap arithmetic needs up to 148-bit numerators over 85-bit denominators. On x86-64 a product is
 * one `mul` and a 128/64 quotient one `div`; elsewhere, and in BPF (which has no 128-bit multiply:
 * clang would call __multi3), both are built from 32-bit halves. No function here calls a library.
 *
 * Pure functions on values: any thread, any plane. Whoever includes this owns nothing.
 *
 *	wide128, wide192	exact unsigned integers, limbs from low to high
 *	wide_fp			mantissa * 2^exponent, truncated to 64 bits: to find the place where an
 *				exact answer lies, never to give the answer. Integer registers only.
 */
#ifndef MEV_WIDE_H
#define MEV_WIDE_H

#include "compiler.h"

#if defined(__SIZEOF_INT128__) && !defined(__bpf__) && !defined(MEV_WIDE_PORTABLE)
#define MEV_WIDE_INT128 1
#endif
#if defined(__x86_64__) && !defined(__bpf__) && !defined(MEV_WIDE_PORTABLE)
#define MEV_WIDE_X86 1
#endif

/* A helper that not every includer calls, kept out of line: the rare paths. */
#define MEV_COLD static __attribute__((noinline, unused))

struct wide128 {
	__u64 lo, hi;
};

struct wide192 {
	__u64 lo, mid, hi;
};

/* ------------------------------------------------------------------ products, sums, order */

/* a * b, exact. */
static __always_inline struct wide128 wide_mul(__u64 a, __u64 b)
{
	struct wide128 r;
#ifdef MEV_WIDE_INT128
	unsigned __int128 p = (unsigned __int128)a * b;

	r.lo = (__u64)p;
	r.hi = (__u64)(p >> 64);
#else
	__u64 al = (__u32)a, ah = a >> 32, bl = (__u32)b, bh = b >> 32;
	__u64 ll = al * bl, lh = al * bh, hl = ah * bl;
	__u64 mid = hl + (ll >> 32) + (__u32)lh; /* below 2^64: (2^32-1)^2 + 2 (2^32-1) */

	r.lo = mid << 32 | (__u32)ll;
	r.hi = ah * bh + (lh >> 32) + (mid >> 32);
#endif
	return r;
}

/* floor(a * b / 2^64) */
static __always_inline __u64 wide_mulhi(__u64 a, __u64 b)
{
	return wide_mul(a, b).hi;
}

/* a + b, modulo 2^128. */
static __always_inline struct wide128 wide_add(struct wide128 a, struct wide128 b)
{
	struct wide128 r;

	r.lo = a.lo + b.lo;
	r.hi = a.hi + b.hi + (r.lo < a.lo);
	return r;
}

/* a - b, modulo 2^128. */
static __always_inline struct wide128 wide_sub(struct wide128 a, struct wide128 b)
{
	struct wide128 r;

	r.lo = a.lo - b.lo;
	r.hi = a.hi - b.hi - (a.lo < b.lo);
	return r;
}

/* a >= b */
static __always_inline bool wide_ge(struct wide128 a, struct wide128 b)
{
#ifdef MEV_WIDE_INT128
	return ((unsigned __int128)a.hi << 64 | a.lo) >= ((unsigned __int128)b.hi << 64 | b.lo);
#else
	return a.hi != b.hi ? a.hi > b.hi : a.lo >= b.lo;
#endif
}

/* a * b, exact. */
static __always_inline struct wide192 wide_mul192(struct wide128 a, __u64 b)
{
	struct wide128 l = wide_mul(a.lo, b), h = wide_mul(a.hi, b);
	struct wide192 r;

	r.lo = l.lo;
	r.mid = l.hi + h.lo;
	r.hi = h.hi + (r.mid < h.lo);
	return r;
}

/* a - b, modulo 2^192. */
static __always_inline struct wide192 wide_sub192(struct wide192 a, struct wide192 b)
{
	struct wide192 r;
	__u64 borrow = a.lo < b.lo;

	r.lo = a.lo - b.lo;
	r.mid = a.mid - b.mid - borrow;
	borrow = a.mid < b.mid || (a.mid == b.mid && borrow);
	r.hi = a.hi - b.hi - borrow;
	return r;
}

/* a >= b */
static __always_inline bool wide_ge192(struct wide192 a, struct wide192 b)
{
	if (a.hi != b.hi)
		return a.hi > b.hi;
	if (a.mid != b.mid)
		return a.mid > b.mid;
	return a.lo >= b.lo;
}

/*
 * a * b for b < 2^20 (a fee's numerator or denominator): the product, and whether it is the whole
 * one. In BPF it may refuse a product that would just fit: its caller then takes the wide way.
 */
static __always_inline bool wide_mul_fits(__u64 a, __u32 b, __u64 *out)
{
#ifdef __bpf__
	*out = a * b;
	return !(a >> 44);
#else
	return !__builtin_mul_overflow(a, (__u64)b, out);
#endif
}

/* ------------------------------------------------------------------ quotients */

/* Leading zeros of v; v != 0. Without branches in BPF, where each would double the paths. */
static __always_inline __u32 wide_clz(__u64 v)
{
#ifdef __bpf__
	v |= v >> 1;
	v |= v >> 2;
	v |= v >> 4;
	v |= v >> 8;
	v |= v >> 16;
	v |= v >> 32;
	v = ~v; /* as many ones as there were leading zeros: count them */
	v -= v >> 1 & 0x5555555555555555ULL;
	v = (v & 0x3333333333333333ULL) + (v >> 2 & 0x3333333333333333ULL);
	v = (v + (v >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
	return (__u32)(v * 0x0101010101010101ULL >> 56);
#else
	return (__u32)__builtin_clzll(v);
#endif
}

/* (hi:lo) << s, its high limb; s in [0, 63]. */
static __always_inline __u64 wide_shl_hi(__u64 hi, __u64 lo, __u32 s)
{
	return hi << s | lo >> 1 >> (63 - s);
}

/* (hi:lo) >> s, its low limb; s in [0, 63]. */
static __always_inline __u64 wide_shr(__u64 hi, __u64 lo, __u32 s)
{
	return lo >> s | hi << 1 << (63 - s);
}

/*
 * One digit of Knuth's algorithm D (TAOCP 2, 4.3.1) in base 2^32: floor((hi:digit) / d) for
 * hi < d, d >= 2^63, digit < 2^32. The estimate from d's upper half is at most 2 too large.
 */
static __always_inline __u64 wide_digit(__u64 hi, __u64 digit, __u64 d)
{
	__u64 dh = d >> 32, dl = (__u32)d;
	__u64 q = hi / dh, r = hi - q * dh;

	if (q >> 32 || q * dl > (r << 32 | digit)) {
		q--;
		r += dh;
		if (!(r >> 32) && (q >> 32 || q * dl > (r << 32 | digit)))
			q--;
	}
	return q;
}

/* wide_div for machines without a 128/64 division: two digits of 32 bits. */
MEV_COLD __u64 wide_div_soft(__u64 hi, __u64 lo, __u64 d)
{
	__u32 s = wide_clz(d);
	__u64 q1;

	hi = wide_shl_hi(hi, lo, s);
	lo <<= s;
	d <<= s;
	q1 = wide_digit(hi, lo >> 32, d);
	hi = (hi << 32 | lo >> 32) - q1 * d; /* the high bits cancel */
	return q1 << 32 | wide_digit(hi, (__u32)lo, d);
}

/* floor((hi:lo) / d) and in *rem the rest; hi < d. Otherwise x86 faults: callers prove it. */
static __always_inline __u64 wide_divrem(__u64 hi, __u64 lo, __u64 d, __u64 *rem)
{
	__u64 q;
#ifdef MEV_WIDE_X86
	__asm__("divq %[d]" : "=a"(q), "=d"(*rem) : [d] "r"(d), "0"(lo), "1"(hi) : "cc");
#else
	q = wide_div_soft(hi, lo, d);
	*rem = lo - q * d;
#endif
	return q;
}

/* floor(n / d), n.hi < d. */
static __always_inline __u64 wide_div(struct wide128 n, __u64 d)
{
	__u64 rem;

	return wide_divrem(n.hi, n.lo, d, &rem);
}

/*
 * floor(n / d) for d >= 2^64 and a quotient below 2^64 (both are the caller's to know).
 * Knuth's algorithm D with a single 64-bit digit: normalise, divide by the upper limb, and take
 * back at most 2.
 */
MEV_COLD __u64 wide_div192(__u64 n2, __u64 n1, __u64 n0, __u64 d1, __u64 d0)
{
	__u32 s = wide_clz(d1);
	__u64 q, r = 0;
	struct wide128 low, rest;
	bool over = false;

	d1 = wide_shl_hi(d1, d0, s);
	d0 <<= s;
	n2 = wide_shl_hi(n2, n1, s);
	n1 = wide_shl_hi(n1, n0, s);
	n0 <<= s;

	if (n2 >= d1) { /* only n2 == d1 is possible: the estimate is 2^64 - 1 */
		q = ~0ULL;
		r = n1 + d1;
		over = r < d1;
	} else {
		q = wide_divrem(n2, n1, d1, &r);
	}
	low = wide_mul(q, d0);
	rest.hi = r;
	rest.lo = n0;
	if (!over && !wide_ge(rest, low)) {
		q--;
		rest.hi += d1;
		low.hi -= low.lo < d0;
		low.lo -= d0;
		if (rest.hi >= d1 && !wide_ge(rest, low))
			q--;
	}
	return q;
}

/* floor(n / d) for a quotient below 2^64 and d > 0. */
static __always_inline __u64 wide_quot(struct wide192 n, struct wide128 d)
{
	struct wide128 low;

	if (d.hi)
		return wide_div192(n.hi, n.mid, n.lo, d.hi, d.lo);
	low.hi = n.mid;
	low.lo = n.lo;
	return wide_div(low, d.lo);
}

/* ------------------------------------------------------------------ mantissa and exponent */

/*
 * m * 2^e with m in [2^63, 2^64), or m = 0. Every operation truncates: relative error below 2^-61.
 * Exponents stay within a few hundred of 0, far from any limit.
 */
struct wide_fp {
	__u64 m;
	__s32 e;
};

/* Shifts the leading one, at most one place away, up to bit 63. */
static __always_inline struct wide_fp wide_fp_norm(struct wide128 v, __s32 e)
{
	__u32 k = !(v.hi >> 63);
	struct wide_fp r = { wide_shl_hi(v.hi, v.lo, k), e - (__s32)k };

	return r;
}

/* v, 0 included. */
static __always_inline struct wide_fp wide_fp_from(struct wide128 v)
{
	__s32 e = 0;
	__u32 s;
	struct wide_fp r;

	if (!v.hi) {
		v.hi = v.lo;
		v.lo = 0;
		e = -64;
	}
	s = wide_clz(v.hi | 1); /* | 1: a 0 stays one */
	r.m = wide_shl_hi(v.hi, v.lo, s);
	r.e = e + 64 - (__s32)s;
	return r;
}

static __always_inline struct wide_fp wide_fp_from64(__u64 v)
{
	__u32 s = wide_clz(v | 1);
	struct wide_fp r = { v << s, -(__s32)s };

	return r;
}

static __always_inline struct wide_fp wide_fp_from192(struct wide192 v)
{
	struct wide128 top = { v.mid, v.hi };
	struct wide_fp r;

	if (!v.hi) {
		top.lo = v.lo;
		top.hi = v.mid;
		return wide_fp_from(top);
	}
	r = wide_fp_from(top);
	r.e += 64;
	return r;
}

static __always_inline struct wide_fp wide_fp_mul(struct wide_fp a, struct wide_fp b)
{
	return wide_fp_norm(wide_mul(a.m, b.m), a.e + b.e + 64);
}

/* a / b, b != 0. */
static __always_inline struct wide_fp wide_fp_div(struct wide_fp a, struct wide_fp b)
{
	struct wide128 n = { a.m << 63, a.m >> 1 }, q = { 0, 0 };

	q.hi = wide_div(n, b.m);
	return wide_fp_norm(q, a.e - b.e - 63);
}

/* a >= b */
static __always_inline bool wide_fp_ge(struct wide_fp a, struct wide_fp b)
{
	return a.e != b.e ? a.e > b.e : a.m >= b.m;
}

/* a + b; both > 0. */
static __always_inline struct wide_fp wide_fp_add(struct wide_fp a, struct wide_fp b)
{
	struct wide_fp big = a.e >= b.e ? a : b, small = a.e >= b.e ? b : a;
	__s32 gap = big.e - small.e;
	struct wide128 sum = { 0, big.m >> 1 };

	if (gap < 63)
		sum.hi += small.m >> 1 >> gap;
	return wide_fp_norm(sum, big.e + 1);
}

/* a - b for a >= b > 0. */
static __always_inline struct wide_fp wide_fp_sub(struct wide_fp a, struct wide_fp b)
{
	__s32 gap = a.e - b.e;
	struct wide_fp r = wide_fp_from64(gap < 64 ? a.m - (b.m >> gap) : a.m);

	r.e += a.e;
	return r;
}

/*
 * sqrt(a). The mantissa's reciprocal root from its least-error parabola over [1/4, 1) (2.4 %), then
 * 2 or 3 of Newton's y (3 - z y^2) / 2 in 32 bits (2^-10, 2^-19, 2^-28), and one of Heron's steps
 * (2^-40 after 2, 2^-57 after 3).
 */
static __always_inline struct wide_fp wide_fp_sqrt(struct wide_fp a, int step_cnt)
{
	__u32 k = 1 + ((__u32)a.e & 1);
	__u64 z = a.m >> k;	/* of 2^63, in [1/4, 1); a = z 2^(e + k), e + k odd */
	__u64 z32 = z >> 31;	/* of 2^32 */
	__u64 y = 2867787662ULL - ((3527624809ULL - (1759398851ULL * z32 >> 32)) * z32 >> 32);
	struct wide128 n = { z << 63, z >> 1 }, root = { 0, 0 };

	for (int i = 0; i < step_cnt; i++) /* y of 2^30 */
		y = y * ((3ULL << 30) - ((y * y >> 30) * z32 >> 32)) >> 31;
	y = y * z32 >> 31 << 32; /* the root, of 2^63, above z / 2 */
	root.hi = (y >> 1) + (wide_div(n, y) >> 1);
	return wide_fp_norm(root, (a.e + (__s32)k - 63) >> 1);
}

/* floor(a), at most 2^64 - 1. */
static __always_inline __u64 wide_fp_floor(struct wide_fp a)
{
	if (a.e > 0)
		return ~0ULL;
	return a.e > -64 ? a.m >> -a.e : 0;
}

#endif /* MEV_WIDE_H */
