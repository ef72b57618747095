// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <criterion/criterion.h>
#include <stdlib.h>

#include "latency.h"

Test(latency, buckets_are_contiguous_and_within_a_thirtysecond)
{
	__u64 v = 0;

	for (__u32 b = 0; b < LATENCY_BUCKETS; b++) {
		__u64 top = latency_bucket_top(b);

		cr_assert_eq(latency_bucket(v), b, "lowest of bucket %u", b);
		cr_assert_eq(latency_bucket(top), b, "highest of bucket %u", b);
		cr_assert_leq(top - v, v / LATENCY_SUB);
		v = top + 1;
	}
	cr_assert_eq(v, 1ULL << LATENCY_MAX_BITS);
	cr_assert_eq(latency_bucket(~0ULL), LATENCY_BUCKETS - 1);
}

Test(latency, quantiles_of_a_known_distribution)
{
	struct latency_hist *h = calloc(2, sizeof(*h));
	struct latency_summary s;

	cr_assert_eq(latency_summarize(h).count, 0);
	cr_assert_eq(latency_summarize(h).p50, 0);
	for (__u64 v = 1; v <= 10000; v++)
		latency_record(&h[v & 1], v);
	latency_merge(&h[0], &h[1]);
	s = latency_summarize(&h[0]);
	cr_assert_eq(s.count, 10000);
	cr_assert_eq(s.max, 10000);
	cr_assert(s.p50 >= 5000 && s.p50 <= 5000 + 5000 / 32, "%llu", (unsigned long long)s.p50);
	cr_assert(s.p90 >= 9000 && s.p90 <= 9000 + 9000 / 32);
	cr_assert(s.p99 >= 9900 && s.p99 <= 10000);
	cr_assert(s.p999 >= 9990 && s.p999 <= 10000);
	free(h);
}

Test(latency, one_sample_is_every_quantile)
{
	struct latency_hist *h = calloc(1, sizeof(*h));
	struct latency_summary s;

	latency_record(h, 777);
	s = latency_summarize(h);
	cr_assert(s.count == 1 && s.p50 == 777 && s.p999 == 777 && s.max == 777);
	free(h);
}

Test(latency, the_clock_follows_monotonic)
{
	struct latency_clock c;
	__u64 before, shown, after;

	latency_clock_init(&c);
	for (int i = 0; i < 3; i++) {
		before = latency_monotonic_ns();
		shown = latency_when(&c, latency_ticks(&c));
		after = latency_monotonic_ns();
		/* A wide margin: this checks the arithmetic, not the machine. */
		cr_assert(shown + 1000000 > before && shown < after + 1000000);
		latency_clock_anchor(&c);
	}
}
