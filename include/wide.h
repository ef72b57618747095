/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * wide - exact 128- and 192-bit products and quotients
 *
 * Swap arithmetic needs up to 148-bit numerators over 85-bit denominators. On x86-64 a product is
 * one `mul` and a 128/64 quotient one `div`; elsewhere, and in BPF (which has no 128-bit multiply:
 * clang would call __multi3), both are built from 32-bit halves. No function here calls a library.
 *
 * Pure functions on values: any thread, any plane. Whoever includes this owns nothing.
 *
 * wide128 and wide192 are exact unsigned integers, limbs from low to high.
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

/*
 * A function kept out of line: the rare paths. In BPF it is global, that is not static: the
 * verifier then checks it once by itself instead of along every path to each of its calls, and
 * knows nothing of its arguments, so a pointer has to be compared with NULL first (MEV_NO).
 */
#ifdef __bpf__
#define MEV_COLD __attribute__((noinline))
#define MEV_SUBPROG MEV_COLD                 /* the same for what is inline elsewhere */
#define MEV_COLD_HOST static __always_inline /* each call has a stack of its own: one less */
#define MEV_NO(pointer) (!(pointer))
#else
#define MEV_COLD static __attribute__((noinline, unused))
#define MEV_SUBPROG static __always_inline
#define MEV_COLD_HOST MEV_COLD
#define MEV_NO(pointer) 0
#endif

struct wide128 {
	__u64 lo, hi;
};

struct wide192 {
	__u64 lo, mid, hi;
};

/* ------------------------------------------------------------------ order */

/*
 * BPF has no flags and no conditional move: a comparison is a jump, and each jump doubles the paths
 * that the verifier follows, for it learns a bound on either side. So there, what others get from
 * the carry flag comes from the sign bit of a few logical operations.
 */

/* a < b, as 0 or 1. */
static __always_inline __u64 wide_lt(__u64 a, __u64 b)
{
#ifdef __bpf__
	return ((~a & b) | ((~a | b) & (a - b))) >> 63;
#else
	return a < b;
#endif
}

/* a != 0, as 0 or 1. */
static __always_inline __u64 wide_nonzero(__u64 a)
{
#ifdef __bpf__
	return (a | (0 - a)) >> 63;
#else
	return a != 0;
#endif
}

/* yes ? a : b, for yes 0 or 1. */
static __always_inline __u64 wide_pick(__u64 yes, __u64 a, __u64 b)
{
#ifdef __bpf__
	return b ^ ((a ^ b) & (0 - yes));
#else
	return yes ? a : b;
#endif
}

static __always_inline __u64 wide_min(__u64 a, __u64 b)
{
	return wide_pick(wide_lt(a, b), a, b);
}

/* ------------------------------------------------------------------ products, sums */

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

	r.lo = a * b;
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
	r.hi = a.hi + b.hi + wide_lt(r.lo, a.lo);
	return r;
}

/* a - b, modulo 2^128. */
static __always_inline struct wide128 wide_sub(struct wide128 a, struct wide128 b)
{
	struct wide128 r;

	r.lo = a.lo - b.lo;
	r.hi = a.hi - b.hi - wide_lt(a.lo, b.lo);
	return r;
}

/* a - b - borrow, modulo 2^64, and whether that borrows from the next limb. */
static __always_inline __u64 wide_sbb(__u64 a, __u64 b, __u64 *borrow)
{
	__u64 r = a - b;
	__u64 lent = wide_lt(a, b) | wide_lt(r, *borrow);

	r -= *borrow;
	*borrow = lent;
	return r;
}

/* a >= b */
static __always_inline bool wide_ge(struct wide128 a, struct wide128 b)
{
#ifdef MEV_WIDE_INT128
	return ((unsigned __int128)a.hi << 64 | a.lo) >= ((unsigned __int128)b.hi << 64 | b.lo);
#else
	__u64 borrow = 0;

	wide_sbb(a.lo, b.lo, &borrow);
	wide_sbb(a.hi, b.hi, &borrow);
	return !borrow;
#endif
}

/* a * b, exact. */
static __always_inline struct wide192 wide_mul192(struct wide128 a, __u64 b)
{
	struct wide128 l = wide_mul(a.lo, b), h = wide_mul(a.hi, b);
	struct wide192 r;

	r.lo = l.lo;
	r.mid = l.hi + h.lo;
	r.hi = h.hi + wide_lt(r.mid, h.lo);
	return r;
}

/* a - b, modulo 2^192. */
static __always_inline struct wide192 wide_sub192(struct wide192 a, struct wide192 b)
{
	struct wide192 r;
	__u64 borrow = 0;

	r.lo = wide_sbb(a.lo, b.lo, &borrow);
	r.mid = wide_sbb(a.mid, b.mid, &borrow);
	r.hi = wide_sbb(a.hi, b.hi, &borrow);
	return r;
}

/* a >= b */
static __always_inline bool wide_ge192(struct wide192 a, struct wide192 b)
{
	__u64 borrow = 0;

	wide_sbb(a.lo, b.lo, &borrow);
	wide_sbb(a.mid, b.mid, &borrow);
	wide_sbb(a.hi, b.hi, &borrow);
	return !borrow;
}

/* Whether a * b fits 64 bits. */
static __always_inline bool wide_mul_fits(__u64 a, __u32 b)
{
#ifdef __bpf__
	return !(((a >> 32) * b + ((__u32)a * (__u64)b >> 32)) >> 32);
#else
	__u64 unused;

	return !__builtin_mul_overflow(a, (__u64)b, &unused);
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

/* How many bits v has, 0 to 64. */
static __always_inline __u32 wide_bits(__u64 v)
{
	return 63 - wide_clz(v | 1) + (__u32)wide_nonzero(v);
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

	for (int i = 0; i < 2; i++) {
		if (!(q >> 32) && q * dl <= (r << 32 | digit))
			break;
		q--;
		r += dh;
		if (r >> 32)
			break;
	}
	return q;
}

#ifdef __bpf__
/*
 * The same by branches, which predict well where pools are alike: half the instructions, at more
 * states for the verifier. For what is called once a decision.
 */
static __always_inline __u32 wide_clz_hot(__u64 v)
{
	__u32 n = 0;

	if (!(v >> 32)) {
		n = 32;
		v <<= 32;
	}
	if (!(v >> 48)) {
		n += 16;
		v <<= 16;
	}
	if (!(v >> 56)) {
		n += 8;
		v <<= 8;
	}
	if (!(v >> 60)) {
		n += 4;
		v <<= 4;
	}
	if (!(v >> 62)) {
		n += 2;
		v <<= 2;
	}
	return n + (__u32)(~v >> 63);
}
#else
#define wide_clz_hot wide_clz
#endif

/* wide_div for machines without a 128/64 division: two digits of 32 bits. */
static __always_inline __u64 wide_div_digits(__u64 hi, __u64 lo, __u64 d)
{
	__u32 s = wide_clz_hot(d);
	__u64 q1;

	hi = wide_shl_hi(hi, lo, s);
	lo <<= s;
	d <<= s;
	q1 = wide_digit(hi, lo >> 32, d);
	hi = (hi << 32 | lo >> 32) - q1 * d; /* the high bits cancel */
	return q1 << 32 | wide_digit(hi, (__u32)lo, d);
}

MEV_COLD __u64 wide_div_soft(__u64 hi, __u64 lo, __u64 d)
{
	return wide_div_digits(hi, lo, d);
}

/*
 * floor((hi:lo) / d) and in *rem the rest; hi < d. Otherwise x86 faults: callers prove it, and the
 * asm is volatile lest the compiler hoists it above that proof.
 */
static __always_inline __u64 wide_divrem(__u64 hi, __u64 lo, __u64 d, __u64 *rem)
{
	__u64 q;
#ifdef MEV_WIDE_X86
	__asm__ __volatile__("divq %[d]"
			     : "=a"(q), "=d"(*rem)
			     : [d] "r"(d), "0"(lo), "1"(hi)
			     : "cc");
#else
	q = wide_div_soft(hi, lo, d);
	*rem = lo - q * d;
#endif
	return q;
}

/* The same without a call in BPF, where one costs as much as a third of the division. */
static __always_inline __u64 wide_divrem_hot(__u64 hi, __u64 lo, __u64 d, __u64 *rem)
{
#ifdef __bpf__
	__u64 q = wide_div_digits(hi, lo, d);

	*rem = lo - q * d;
	return q;
#else
	return wide_divrem(hi, lo, d, rem);
#endif
}

static __always_inline __u64 wide_div_hot(struct wide128 n, __u64 d)
{
	__u64 rem;

	return wide_divrem_hot(n.hi, n.lo, d, &rem);
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
		low.hi -= wide_lt(low.lo, d0);
		low.lo -= d0;
		if (!wide_lt(rest.hi, d1) && !wide_ge(rest, low))
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

#endif /* MEV_WIDE_H */
