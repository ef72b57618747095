// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <criterion/criterion.h>

#include "amm.h"
#include "econ_rows.h"

typedef unsigned __int128 u128;

#define SEED 0x20260802ULL

/* q = floor(rout x n / (rin d + x n)), for any operands, by what defines a quotient. */
static bool is_quotient(const struct amm_side *p, __u64 x, __u64 q)
{
	struct wide192 num = wide_mul192(wide_mul(x, p->n), p->rout);
	struct wide128 den = amm_den(p->rin, x, p->n, p->d);
	struct wide192 at = wide_mul192(den, q), rest = wide_sub192(num, at);
	struct wide192 whole = { den.lo, den.hi, 0 };

	return wide_ge192(num, at) && !wide_ge192(rest, whole);
}

static bool is_valid(const struct amm_side *p, __u64 x)
{
	return x && p->rin && p->rout && p->rin + x >= x;
}

Test(amm, known_values)
{
	struct amm_side p = { 1000000000000, 500000000000, 997, 1000 };

	cr_assert_eq(amm_out(&p, 10000000000), 4935790171);
	cr_assert_eq(amm_out(&p, 1), 0);
	cr_assert_eq(amm_out(&p, 3), 1);
	p = (struct amm_side){ ~0ULL - 1, ~0ULL, 999999, 1000000 };
	cr_assert_eq(amm_out(&p, 1), 0);
	p.rin = 1;
	cr_assert_eq(amm_out(&p, ~0ULL - 1), ~0ULL - 2);
	cr_assert_eq(amm_out(&p, ~0ULL), 0);
}

Test(amm, invalid_swaps)
{
	static const struct {
		struct amm_side pool;
		__u64 x;
	} rows[] = {
		{ { 0, 5, 1, 1 }, 5 },         { { 5, 0, 1, 1 }, 5 },
		{ { 5, 5, 1, 1 }, 0 },         { { 5, 1, 1, 1 }, 5 },
		{ { 5, 5, 1, 1 }, ~0ULL - 4 }, { { ~0ULL, ~0ULL, 997, 1000 }, 1 },
		{ { 0, 0, 1, 1000000 }, 0 },   { { 0, ~0ULL, 1, 1000000 }, ~0ULL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_assert_eq(amm_out(&rows[i].pool, rows[i].x), 0, "row %zu", i);
		cr_assert_not(amm_pays(&rows[i].pool, rows[i].x, 0), "row %zu", i);
	}
}

Test(amm, exact_for_any_operands)
{
	__u64 seed = SEED;
	struct econ_row r;

	for (int i = 0; i < 2000000; i++) {
		__u64 q;

		econ_random_row(&seed, &r);
		q = amm_out(&r.pool, r.v);
		if (is_valid(&r.pool, r.v) ? !is_quotient(&r.pool, r.v, q) : q)
			cr_assert_fail("out(%llu; %llu, %llu) %u/%u = %llu (seed %#llx)", r.v,
				       r.pool.rin, r.pool.rout, r.pool.n, r.pool.d, q, SEED);
		if (is_valid(&r.pool, r.v) && amm_out_wide(&r.pool, r.v) != q)
			cr_assert_fail("the wide way differs: %llu", q);
	}
}

Test(amm, pays_is_out_at_least)
{
	__u64 seed = SEED;
	struct econ_row r;

	for (int i = 0; i < 2000000; i++) {
		__u64 q, limits[6];

		econ_random_row(&seed, &r);
		q = amm_out(&r.pool, r.v);
		limits[0] = 0;
		limits[1] = 1;
		limits[2] = q;
		limits[3] = q + 1;
		limits[4] = q - 1;
		limits[5] = r.min_out;
		for (int k = 0; k < 6; k++) {
			__u64 m = limits[k] ? limits[k] : 1;

			if (amm_pays(&r.pool, r.v, limits[k]) != (q >= m))
				cr_assert_fail(
					"pays(%llu; %llu, %llu, %llu) %u/%u, out %llu (seed %#llx)",
					limits[k], r.v, r.pool.rin, r.pool.rout, r.pool.n, r.pool.d,
					q, SEED);
			if (is_valid(&r.pool, r.v) && amm_pays_wide(&r.pool, r.v, m) != (q >= m))
				cr_assert_fail("the wide way differs: %llu of %llu", m, q);
		}
	}
}

/* n^3 k^2 + n^2 (d + n) k 2^64 <= (d^3 - n^2 d) 2^128, over two limbs of 128 bits. */
static bool reaches(__u64 n, __u64 d, __u64 k)
{
	u128 sq = (u128)k * k, n3 = (u128)n * n * n;
	u128 low = (u128)(__u64)sq * (__u64)n3, high = (sq >> 64) * (__u64)n3 + (low >> 64);

	high += (u128)(n * n * (d + n)) * k; /* in units of 2^64 */
	return high < (u128)(d * d * d - n * n * d) << 64 ||
	       (high == (u128)(d * d * d - n * n * d) << 64 && !(__u64)low);
}

Test(amm, kappa_is_exact)
{
	static const __u32 dens[] = { 1, 2, 3, 7, 1000, 10000 };
	__u64 seed = SEED;

	for (size_t i = 0; i < sizeof(dens) / sizeof(dens[0]) + 20000; i++) {
		bool all = i < sizeof(dens) / sizeof(dens[0]);
		__u32 d = all ? dens[i] : 1 + econ_pick(&seed, 1000000);

		for (__u32 n = all ? 1 : 1 + econ_pick(&seed, d); n <= d; n++) {
			__u64 k = amm_kappa_q64(n, d);

			if (!reaches(n, d, k) || (k != ~0ULL && reaches(n, d, k + 1)))
				cr_assert_fail("kappa(%u/%u) = %llu", n, d, k);
			if (!all)
				break;
		}
	}
	cr_assert_eq(amm_kappa_q64(1000, 1000), 0);
	cr_assert_eq(amm_kappa_q64(1, 1000000), ~0ULL);
}

Test(amm, break_even_rounds_towards_keeping)
{
	__u64 seed = SEED;

	for (int i = 0; i < 1000000; i++) {
		__u64 x = econ_bits(&seed, 1, 64), k = econ_bits(&seed, 1, 64);

		cr_assert_eq(amm_break_even(x, k), (__u64)((u128)x * k >> 64));
	}
	cr_assert_eq(amm_break_even(1000000000000, amm_kappa_q64(997, 1000)), 3013547412);
}
