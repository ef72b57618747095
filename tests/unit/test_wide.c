// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* wide.h and wide_fp.h against the compiler's __int128; test_wide_portable.c runs it once more. */
#include <criterion/criterion.h>

#include "econ_rows.h"
#include "wide_fp.h"

#ifndef SUITE
#define SUITE wide
#endif

typedef unsigned __int128 u128;

#define SEED 0x20260801ULL
#define ROUNDS 2000000

static const __u64 corners[] = {
	0,
	1,
	2,
	3,
	0x7fffffff,
	0x80000000,
	0xffffffff,
	0x100000000,
	0x100000001,
	0x7fffffffffffffff,
	0x8000000000000000,
	0x8000000000000001,
	0x80000000ffffffff,
	0xffffffff00000000,
	0xffffffff00000001,
	0xfffffffffffffffe,
	0xffffffffffffffff,
};

#define CORNER_CNT (sizeof(corners) / sizeof(corners[0]))

static u128 join(struct wide128 v)
{
	return (u128)v.hi << 64 | v.lo;
}

static struct wide128 split(u128 v)
{
	return (struct wide128){ (__u64)v, (__u64)(v >> 64) };
}

/* Corners first, in every pair, then random of any size. */
static __u64 operand(__u64 *seed, size_t round, size_t which)
{
	if (round < CORNER_CNT * CORNER_CNT)
		return corners[which ? round % CORNER_CNT : round / CORNER_CNT];
	return econ_bits(seed, 1, 64);
}

Test(SUITE, products_sums_order)
{
	__u64 seed = SEED;

	for (size_t i = 0; i < ROUNDS; i++) {
		__u64 a = operand(&seed, i, 0), b = operand(&seed, i, 1);
		u128 p = (u128)a * b, q = (u128)econ_random(&seed) << 64 | a;
		struct wide128 wp = split(p), wq = split(q);

		if (join(wide_mul(a, b)) != p || wide_mulhi(a, b) != (__u64)(p >> 64) ||
		    join(wide_add(wp, wq)) != p + q || join(wide_sub(wp, wq)) != p - q ||
		    wide_ge(wp, wq) != (p >= q) || !wide_ge(wp, wp) || wide_lt(a, b) != (a < b) ||
		    wide_nonzero(a) != !!a || wide_pick(1, a, b) != a || wide_pick(0, a, b) != b ||
		    wide_min(a, b) != (a < b ? a : b))
			cr_assert_fail("a=%#llx b=%#llx (seed %#llx)", a, b, SEED);
	}
}

Test(SUITE, shifts_and_bits)
{
	__u64 seed = SEED;

	for (size_t i = 0; i < ROUNDS; i++) {
		__u64 a = operand(&seed, i, 0), b = operand(&seed, i, 1);
		__u32 s = (__u32)i & 63, d = 1 + econ_pick(&seed, 1000000);
		u128 v = (u128)a << 64 | b;

		if (wide_shl_hi(a, b, s) != (__u64)(v << s >> 64) ||
		    wide_shr(a, b, s) != (__u64)(v >> s) ||
		    wide_bits(a) != (a ? 64 - (__u32)__builtin_clzll(a) : 0) ||
		    (a && wide_clz(a) != (__u32)__builtin_clzll(a)) ||
		    wide_mul_fits(a, d) != !((u128)a * d >> 64))
			cr_assert_fail("a=%#llx b=%#llx s=%u d=%u (seed %#llx)", a, b, s, d, SEED);
	}
}

Test(SUITE, three_limbs)
{
	__u64 seed = SEED;

	for (size_t i = 0; i < ROUNDS; i++) {
		__u64 a = operand(&seed, i, 0), b = operand(&seed, i, 1), hi = econ_random(&seed);
		struct wide128 v = { a, hi };
		struct wide192 p = wide_mul192(v, b), q = wide_mul192(v, econ_random(&seed));
		struct wide192 d = wide_sub192(p, q);
		u128 mid = ((u128)a * b >> 64) + (__u64)((u128)hi * b);
		/* d + q again, limb by limb */
		u128 lo = (u128)d.lo + q.lo, mi = (u128)d.mid + q.mid + (lo >> 64);

		if (p.lo != a * b || p.mid != (__u64)mid ||
		    p.hi != (__u64)(((u128)hi * b >> 64) + (mid >> 64)))
			cr_assert_fail("product of a=%#llx b=%#llx hi=%#llx", a, b, hi);
		if ((__u64)lo != p.lo || (__u64)mi != p.mid ||
		    d.hi + q.hi + (__u64)(mi >> 64) != p.hi)
			cr_assert_fail("difference of a=%#llx b=%#llx hi=%#llx", a, b, hi);
		if (wide_ge192(p, q) != (p.hi != q.hi   ? p.hi > q.hi :
					 p.mid != q.mid ? p.mid > q.mid :
							  p.lo >= q.lo))
			cr_assert_fail("order of a=%#llx b=%#llx hi=%#llx", a, b, hi);
	}
}

Test(SUITE, quotient_by_64_bits)
{
	__u64 seed = SEED;

	for (size_t i = 0; i < ROUNDS; i++) {
		__u64 d = operand(&seed, i, 0), hi = operand(&seed, i, 1), lo, q, rem;
		u128 n;

		d += !d;
		hi %= d;
		/* multiples of d and their neighbours, where an estimate is off first */
		lo = econ_pick(&seed, 2) ? econ_random(&seed) : corners[i % CORNER_CNT];
		n = (u128)hi << 64 | lo;
		if (econ_pick(&seed, 2) && n / d * d + 1 > econ_pick(&seed, 3))
			n = n / d * d - econ_pick(&seed, 2) * (n / d > 0);
		q = wide_divrem((__u64)(n >> 64), (__u64)n, d, &rem);
		if (q != (__u64)(n / d) || rem != (__u64)(n % d) || wide_div(split(n), d) != q ||
		    wide_div_soft((__u64)(n >> 64), (__u64)n, d) != q)
			cr_assert_fail("%#llx:%#llx / %#llx (seed %#llx)", (__u64)(n >> 64),
				       (__u64)n, d, SEED);
	}
}

/* n = q d + r for a chosen q and r < d has the quotient q. */
Test(SUITE, quotient_by_128_bits)
{
	__u64 seed = SEED;

	for (size_t i = 0; i < ROUNDS; i++) {
		__u64 q = operand(&seed, i, 0), dlo = operand(&seed, i, 1);
		__u64 dhi = econ_pick(&seed, 3) ? econ_bits(&seed, 1, 64) : econ_edge(&seed);
		u128 d = (u128)dhi << 64 | dlo, r, lo, mid;
		struct wide192 n;

		d += !d;
		switch (econ_pick(&seed, 3)) {
		case 0:
			r = 0;
			break;
		case 1:
			r = d - 1;
			break;
		default:
			r = ((u128)econ_random(&seed) << 64 | econ_random(&seed)) % d;
		}
		n = wide_mul192(split(d), q);
		lo = (u128)n.lo + (__u64)r;
		mid = (u128)n.mid + (__u64)(r >> 64) + (lo >> 64);
		n.lo = (__u64)lo;
		n.mid = (__u64)mid;
		n.hi += (__u64)(mid >> 64);
		if (wide_quot(n, split(d)) != q)
			cr_assert_fail("q=%#llx d=%#llx:%#llx (seed %#llx)", q, dhi, dlo, SEED);
	}
}

/* |a - b| is below a 2^-bits, for mantissas and exponents. */
static bool near(struct wide_fp a, struct wide_fp b, __u32 bits)
{
	__u64 gap = a.m > b.m ? a.m - b.m : b.m - a.m;

	if (a.e == b.e)
		return !(gap >> (63 - bits));
	/* one just below, the other just above a power of two */
	if (a.e - b.e == 1)
		return a.m - (b.m >> 1) <= 1ULL << (63 - bits);
	if (b.e - a.e == 1)
		return b.m - (a.m >> 1) <= 1ULL << (63 - bits);
	return false;
}

Test(SUITE, mantissa_and_exponent)
{
	__u64 seed = SEED;

	for (size_t i = 0; i < ROUNDS; i++) {
		__u64 x = econ_bits(&seed, 1, 63), y = econ_bits(&seed, 1, 63);
		struct wide_fp a = wide_fp_from64(x), b = wide_fp_from64(y);
		struct wide_fp p = wide_fp_from(split((u128)x * y));
		struct wide192 cube = wide_mul192(split((u128)x * y), x);

		if (wide_fp_floor(a) != x || !near(wide_fp_mul(a, b), p, 61) ||
		    !near(wide_fp_div(p, b), a, 60) ||
		    !near(wide_fp_add(a, b), wide_fp_from64(x + y), 61) ||
		    !near(wide_fp_from192(cube), wide_fp_mul(p, a), 60) ||
		    wide_fp_gt(a, b) != (x > y))
			cr_assert_fail("x=%llu y=%llu (seed %#llx)", x, y, SEED);
		if (x > y && !near(wide_fp_sub(a, b), wide_fp_from64(x - y), 0))
			cr_assert_fail("%llu - %llu", x, y);
		if (!near(wide_fp_sqrt(wide_fp_mul(a, a), 3), a, 53) ||
		    !near(wide_fp_sqrt(wide_fp_mul(a, a), 2), a, 37))
			cr_assert_fail("sqrt(%llu^2)", x);
		b = wide_fp_sqrt(a, 3);
		if (!near(wide_fp_mul(b, b), a, 52))
			cr_assert_fail("sqrt(%llu)^2", x);
	}
	cr_assert_eq(wide_fp_floor((struct wide_fp){ 1ULL << 63, 1 }), ~0ULL);
	cr_assert_eq(wide_fp_floor((struct wide_fp){ ~0ULL, 0 }), ~0ULL);
	cr_assert_eq(wide_fp_floor((struct wide_fp){ ~0ULL, -63 }), 1);
	cr_assert_eq(wide_fp_floor((struct wide_fp){ ~0ULL, -64 }), 0);
	cr_assert_eq(wide_fp_floor((struct wide_fp){ ~0ULL, -400 }), 0);
}

/* Roots of all that a mantissa can be at its corners. */
Test(SUITE, root_of_corners)
{
	for (__u64 z = 1ULL << 61; z < 1ULL << 63; z += (1ULL << 61) / 999983) {
		u128 want = (u128)z << 63;
		__u64 root = wide_root(z, 3);
		u128 square = (u128)root * root;
		u128 gap = square > want ? square - want : want - square;

		if (gap >> 73)
			cr_assert_fail("wide_root(%#llx)", z);
	}
	cr_assert_geq(wide_root((1ULL << 63) - 1, 3), (1ULL << 63) - 256);
	cr_assert_leq(wide_root((1ULL << 63) - 1, 3), 1ULL << 63);
}
