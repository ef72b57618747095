// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <criterion/criterion.h>
#include <string.h>

#include "econ_rows.h"
#include "sandwich.h"

#define SEED 0x20260803ULL

static const struct sandwich none;

static bool is_none(const struct sandwich *s)
{
	return !memcmp(s, &none, sizeof(none));
}

/* Leg by leg, with amm_out() alone. */
static bool legs_by_the_book(const struct econ_row *r, __u64 f, struct sandwich *s)
{
	struct amm_side p = r->pool;
	__u64 m = r->min_out ? r->min_out : 1;

	*s = none;
	s->front_in = f;
	s->front_out = amm_out(&p, f);
	if (!s->front_out)
		return false;
	p.rin += f;
	p.rout -= s->front_out;
	s->victim_out = amm_out(&p, r->v);
	if (s->victim_out < m)
		return false;
	p = (struct amm_side){ p.rout - s->victim_out, p.rin + r->v, p.n, p.d };
	s->back_out = amm_out(&p, s->front_out);
	if (s->back_out <= f)
		return false;
	s->profit = s->back_out - f;
	return true;
}

/* 2 + the worth of one unit of the output token when the back-run of *s starts. */
static __u64 tolerance(const struct econ_row *r, const struct sandwich *s)
{
	__u64 rin2 = r->pool.rin + s->front_in + r->v;
	__u64 rout2 = r->pool.rout - s->front_out - s->victim_out;

	return 2 + (rin2 - 1) / rout2 + 1;
}

/* What any answer must be: zeros, or exact legs within the capital. */
static void check_answer(const struct econ_row *r, bool found, const struct sandwich *s)
{
	struct sandwich want;

	if (found ? legs_by_the_book(r, s->front_in, &want) && !memcmp(s, &want, sizeof(want)) &&
			    s->front_in <= r->capital :
		    is_none(s))
		return;
	cr_assert_fail(
		"%llu %llu %u/%u v=%llu min_out=%llu capital=%llu: F=%llu a=%llu b=%llu r=%llu "
		"profit=%llu",
		r->pool.rin, r->pool.rout, r->pool.n, r->pool.d, r->v, r->min_out, r->capital,
		s->front_in, s->front_out, s->victim_out, s->back_out, s->profit);
}

Test(sandwich, known_values)
{
	struct amm_side p = { 1000000000000, 500000000000, 997, 1000 };
	struct sandwich s;

	cr_assert(sandwich_at(&p, 10000000000, 4900000000, 1000000000, &s));
	cr_assert_eq(s.front_out, 498003490);
	cr_assert_eq(s.victim_out, 4925996721);
	cr_assert_eq(s.back_out, 1013934473);
	cr_assert_eq(s.profit, 13934473);

	cr_assert(sandwich_best(&p, 10000000000, 4900000000, 100000000000, &s));
	cr_assert_eq(s.front_in, 3669027011);
	cr_assert_eq(s.victim_out, 4900000000);
	cr_assert_eq(s.profit, 50892274);

	cr_assert_not(
		sandwich_decide(&p, 10000000000, 4900000000, 100000000000, SANDWICH_FIXED, &s));
	cr_assert(is_none(&s));
	cr_assert(sandwich_decide(&p, 10000000000, 4900000000, 3669027011, SANDWICH_FIXED, &s));
	cr_assert_eq(s.profit, 50892274);
	cr_assert(sandwich_decide(&p, 10000000000, 4900000000, 100000000000, SANDWICH_OPTIMAL, &s));
	cr_assert_eq(s.profit, 50892274);
}

Test(sandwich, vectors)
{
	size_t cnt;
	struct econ_row *rows = econ_vectors(&cnt);

	cr_assert_eq(cnt, 2000, "%s is missing or damaged", ECON_VECTORS);
	for (size_t i = 0; i < cnt; i++) {
		const struct econ_row *r = &rows[i];
		struct sandwich s;
		bool found = sandwich_best(&r->pool, r->v, r->min_out, r->capital, &s);

		check_answer(r, found, &s);
		cr_assert_geq(s.profit, r->profit_min, "row %zu", i + 2);
		cr_assert(!found || r->profit_ref, "row %zu: a profit where there is none", i + 2);
	}
	free(rows);
}

Test(sandwich, fixed_is_by_the_book)
{
	__u64 seed = SEED;
	struct sandwich s, want;
	struct econ_row r;

	for (int i = 0; i < 2000000; i++) {
		econ_random_row(&seed, &r);
		if (!legs_by_the_book(&r, r.capital, &want))
			want = none;
		if (sandwich_at(&r.pool, r.v, r.min_out, r.capital, &s) != !!want.profit ||
		    memcmp(&s, &want, sizeof(s)))
			cr_assert_fail("%llu %llu %u/%u v=%llu min_out=%llu F=%llu", r.pool.rin,
				       r.pool.rout, r.pool.n, r.pool.d, r.v, r.min_out, r.capital);
	}
}

Test(sandwich, optimal_is_honest_and_not_below_fixed)
{
	__u64 seed = SEED + 1;
	struct sandwich s, fixed;
	struct econ_row r;

	for (int i = 0; i < 2000000; i++) {
		bool found;

		econ_random_row(&seed, &r);
		memset(&s, 0xff, sizeof(s));
		found = sandwich_best(&r.pool, r.v, r.min_out, r.capital, &s);
		check_answer(&r, found, &s);
		if (!sandwich_at(&r.pool, r.v, r.min_out, r.capital, &fixed))
			continue;
		if (fixed.profit > s.profit && fixed.profit - s.profit > tolerance(&r, &fixed))
			cr_assert_fail(
				"%llu %llu %u/%u v=%llu min_out=%llu capital=%llu: fixed gains "
				"%llu, optimal %llu",
				r.pool.rin, r.pool.rout, r.pool.n, r.pool.d, r.v, r.min_out,
				r.capital, fixed.profit, s.profit);
	}
}

/* The best of every front-run up to each capital, tried one by one. */
static void try_all(struct econ_row *r, const __u64 *capitals, size_t capital_cnt,
		    __u64 *profitable)
{
	struct sandwich best = none, s;
	__u64 f = 0;

	for (size_t i = 0; i < capital_cnt; i++) {
		bool found;

		for (; f < capitals[i]; f++)
			if (legs_by_the_book(r, f + 1, &s) && s.profit > best.profit)
				best = s;
		r->capital = capitals[i];
		found = sandwich_best(&r->pool, r->v, r->min_out, r->capital, &s);
		check_answer(r, found, &s);
		if (found && !best.profit)
			cr_assert_fail("a profit where there is none");
		if (best.profit - s.profit > (best.profit ? tolerance(r, &best) : 0))
			cr_assert_fail(
				"%llu %llu %u/%u v=%llu min_out=%llu capital=%llu: best is F=%llu "
				"with %llu, found F=%llu with %llu",
				r->pool.rin, r->pool.rout, r->pool.n, r->pool.d, r->v, r->min_out,
				r->capital, best.front_in, best.profit, s.front_in, s.profit);
		*profitable += best.profit > 0;
	}
}

Test(sandwich, tiny_pools_exhaustively)
{
	static const __u32 fees[][2] = { { 1, 1 }, { 997, 1000 }, { 70, 100 }, { 1, 3 } };
	static const __u64 capitals[] = { 1, 2, 3, 5, 9, 16, 40, 100 };
	__u64 profitable = 0;
	struct econ_row r;

	for (size_t fee = 0; fee < sizeof(fees) / sizeof(fees[0]); fee++) {
		r.pool.n = fees[fee][0];
		r.pool.d = fees[fee][1];
		for (r.pool.rin = 1; r.pool.rin <= 11; r.pool.rin++)
			for (r.pool.rout = 1; r.pool.rout <= 11; r.pool.rout++)
				for (r.v = 1; r.v <= 33; r.v++)
					for (r.min_out = 0; r.min_out < r.pool.rout; r.min_out++)
						try_all(&r, capitals,
							sizeof(capitals) / sizeof(capitals[0]),
							&profitable);
	}
	cr_assert_gt(profitable, 10000);
}

Test(sandwich, small_pools_at_random)
{
	static const __u64 capitals[] = { 7, 60, 500, 2500 };
	__u64 seed = SEED + 2, profitable = 0;
	struct econ_row r;

	for (int i = 0; i < 20000; i++) {
		__u64 most = i % 2 ? 100 : 6000; /* also where the fast path begins */

		econ_random_row(&seed, &r);
		r.pool.rin = 1 + econ_random(&seed) % most;
		r.pool.rout = 1 + econ_random(&seed) % most;
		r.v = 1 + econ_random(&seed) % (econ_pick(&seed, 2) ? most : most * 20);
		r.min_out = econ_limit(&seed, amm_out(&r.pool, r.v));
		try_all(&r, capitals, sizeof(capitals) / sizeof(capitals[0]), &profitable);
	}
	cr_assert_gt(profitable, 10000);
}

/* Nothing that the XDP program drops for break-even could have gained. */
Test(sandwich, nothing_gained_below_break_even)
{
	__u64 seed = SEED + 3;
	struct sandwich s;
	struct econ_row r;

	for (int i = 0; i < 300000; i++) {
		__u64 even;

		econ_random_row(&seed, &r);
		even = amm_break_even(r.pool.rin, amm_kappa_q64(r.pool.n, r.pool.d));
		if (!even)
			continue;
		r.v = even - 1 - econ_pick(&seed, 2) * (econ_random(&seed) % even);
		for (__u64 f = 1; f && f <= r.capital; f <<= 1 + econ_pick(&seed, 4))
			if (sandwich_at(&r.pool, r.v, 0, f, &s))
				cr_assert_fail(
					"%llu %llu %u/%u v=%llu F=%llu gains %llu below %llu",
					r.pool.rin, r.pool.rout, r.pool.n, r.pool.d, r.v, f,
					s.profit, even);
		cr_assert_not(sandwich_best(&r.pool, r.v, 0, r.capital, &s));
	}
}

/* Where the victim's limit ends the search: a few units more, and the victim reverts. */
Test(sandwich, limit_is_taken_to_the_last_unit)
{
	__u64 seed = SEED + 4, bound = 0;
	struct sandwich s, t;
	struct econ_row r;

	for (int i = 0; i < 300000; i++) {
		__u64 more;

		r.pool.rin = econ_bits(&seed, 20, 60);
		r.pool.rout = r.pool.rin + econ_random(&seed) % r.pool.rin;
		econ_fee(&seed, &r.pool);
		r.v = r.pool.rin / (2 + econ_pick(&seed, 60));
		r.min_out = amm_out(&r.pool, r.v);
		r.min_out -= r.min_out / (20 + econ_pick(&seed, 2000));
		r.capital = r.pool.rin;
		if (!sandwich_best(&r.pool, r.v, r.min_out, r.capital, &s) ||
		    !sandwich_best(&r.pool, r.v, 1, r.capital, &t) ||
		    t.front_in - s.front_in < s.front_in / 1000)
			continue; /* the peak or the capital ended it */
		bound++;
		more = s.front_in + 4 + (s.front_in >> 40);
		if (sandwich_at(&r.pool, r.v, r.min_out, more, &t))
			cr_assert_fail(
				"%llu %llu %u/%u v=%llu min_out=%llu: F=%llu, %llu holds too",
				r.pool.rin, r.pool.rout, r.pool.n, r.pool.d, r.v, r.min_out,
				s.front_in, more);
	}
	cr_assert_gt(bound, 50000);
}
