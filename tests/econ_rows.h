/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * econ_rows.h - decisions to test with: the shared vectors, and random ones from a seed
 *
 * Random rows span tiny, usual, huge and edge-of-u64 pools, every kind of fee, victims around
 * break-even and far from it, and limits from none to unreachable.
 */
#ifndef MEV_TESTS_ECON_ROWS_H
#define MEV_TESTS_ECON_ROWS_H

#include <linux/types.h>
#include <stdio.h>
#include <stdlib.h>

#include "amm.h"

#define ECON_VECTORS "tests/vectors/sandwich.csv"

struct econ_row {
	struct amm_side pool;
	__u64 v, min_out, capital;
	__u64 profit_min, profit_ref; /* of vectors */
};

/* xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators". */
static inline __u64 econ_random(__u64 *seed)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return *seed * 2685821657736338717ULL;
}

/* Below `limit`, which is small. */
static inline __u32 econ_pick(__u64 *seed, __u32 limit)
{
	return (__u32)((econ_random(seed) >> 32) * limit >> 32);
}

/* Any size is as likely as any other: lo to hi bits. */
static inline __u64 econ_bits(__u64 *seed, __u32 lo, __u32 hi)
{
	__u32 bits = lo + econ_pick(seed, hi - lo + 1);

	return (econ_random(seed) | 1ULL << 63) >> (64 - bits);
}

static inline __u64 econ_edge(__u64 *seed)
{
	static const __u64 edges[] = {
		0,          1,          2,          3,          4095,       4096,
		1ULL << 24, ~0ULL,      ~0ULL - 1,  1ULL << 63, 1ULL << 62, 1ULL << 44,
		1ULL << 54, ~0ULL >> 1, 0xffffffff, 1ULL << 32,
	};

	return edges[econ_pick(seed, sizeof(edges) / sizeof(edges[0]))];
}

static inline void econ_fee(__u64 *seed, struct amm_side *p)
{
	static const __u32 fees[][2] = { { 997, 1000 }, { 9975, 10000 },    { 9999, 10000 },
					 { 99, 100 },   { 1000, 1000 },     { 70, 100 },
					 { 1, 1 },      { 997000, 1000000 } };

	if (econ_pick(seed, 4)) {
		__u32 i = econ_pick(seed, sizeof(fees) / sizeof(fees[0]));

		p->n = fees[i][0];
		p->d = fees[i][1];
		return;
	}
	p->d = 1 + econ_pick(seed, 1000000);
	p->n = econ_pick(seed, 2) ? 1 + econ_pick(seed, p->d) :
				    p->d - econ_pick(seed, p->d / 32 + 1);
}

static inline __u64 econ_reserve(__u64 *seed, __u32 kind)
{
	switch (kind) {
	case 0:
		return 1 + econ_pick(seed, 300);
	case 1:
		return econ_bits(seed, 36, 46);
	case 2:
		return econ_bits(seed, 54, 64);
	case 3:
		return econ_edge(seed);
	default:
		return econ_bits(seed, 1, 64);
	}
}

static inline __u64 econ_victim(__u64 *seed, const struct amm_side *p)
{
	__u64 even = amm_break_even(p->rin, amm_kappa_q64(p->n, p->d));

	switch (econ_pick(seed, 8)) {
	case 0:
		return econ_edge(seed);
	case 1:
		return econ_bits(seed, 1, 64);
	case 2:
		return even + econ_pick(seed, 5) - 2;
	case 3:
		return even + even / (1 + econ_pick(seed, 64));
	default:
		return p->rin >> (1 + econ_pick(seed, 8)) | econ_pick(seed, 1000);
	}
}

static inline __u64 econ_limit(__u64 *seed, __u64 full)
{
	switch (econ_pick(seed, 8)) {
	case 0:
		return 0;
	case 1:
		return full + econ_pick(seed, 3) - 1;
	case 2:
		return econ_bits(seed, 1, 64);
	case 3:
		return full - full / (1 + econ_pick(seed, 8));
	default:
		return full - full / (10 + econ_pick(seed, 2000)); /* slippage up to 10 % */
	}
}

static inline void econ_random_row(__u64 *seed, struct econ_row *row)
{
	__u32 kind = econ_pick(seed, 6);

	row->pool.rin = econ_reserve(seed, kind);
	row->pool.rout = econ_reserve(seed, kind);
	econ_fee(seed, &row->pool);
	row->v = econ_victim(seed, &row->pool);
	row->min_out = econ_limit(seed, amm_out(&row->pool, row->v));
	switch (econ_pick(seed, 4)) {
	case 0:
		row->capital = econ_edge(seed);
		break;
	case 1:
		row->capital = econ_bits(seed, 1, 64);
		break;
	default:
		row->capital = row->pool.rin >> econ_pick(seed, 12) | econ_pick(seed, 1000);
	}
	row->profit_min = row->profit_ref = 0;
}

/* The shared vectors; *cnt is 0 if the file cannot be read. The caller frees them. */
static inline struct econ_row *econ_vectors(size_t *cnt)
{
	struct econ_row *rows = calloc(4096, sizeof(*rows));
	FILE *f = fopen(ECON_VECTORS, "r");
	char line[512];
	__u32 num;

	*cnt = 0;
	if (!f || !rows || !fgets(line, sizeof(line), f))
		goto out;
	while (*cnt < 4096 && fgets(line, sizeof(line), f)) {
		struct econ_row *r = &rows[*cnt];

		if (sscanf(line, "%llu,%llu,%u,%u,%llu,%llu,%llu,%llu,%llu", &r->pool.rin,
			   &r->pool.rout, &num, &r->pool.d, &r->v, &r->min_out, &r->capital,
			   &r->profit_min, &r->profit_ref) != 9) {
			*cnt = 0;
			break;
		}
		r->pool.n = r->pool.d - num;
		++*cnt;
	}
out:
	if (f)
		fclose(f);
	return rows;
}

#endif /* MEV_TESTS_ECON_ROWS_H */
