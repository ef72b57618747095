// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The worker's histogram and clock, beside coarser, finer and naive ones. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "hist.h"
#include "latency.h"
#include "random.h"
#include "small_loops.h"

/* Decisions' times: log-normal around 80 ns. Many, since few would be learnt. */
#define SAMPLES 65536u

static __u64 sample[SAMPLES], kept[SAMPLES];
static struct latency_hist hist;
static struct hist fine;
static __u64 log2_bucket[64];
static __u32 at;
static struct latency_clock tsc_clock;

#define EACH(statement)                                    \
	do {                                               \
		for (__u32 i_ = 0; i_ < cnt; i_++) {       \
			__u64 ns = sample[at++ % SAMPLES]; \
			statement;                         \
		}                                          \
	} while (0)

static __u64 run_node(__u32 cnt)
{
	EACH(latency_record(&hist, ns));
	return hist.max;
}

static __u64 run_log2(__u32 cnt)
{
	EACH(log2_bucket[63 - __builtin_clzll(ns | 1)]++);
	return log2_bucket[6];
}

static __u64 run_fine(__u32 cnt)
{
	EACH(hist_record(&fine, ns));
	return fine.max;
}

static int by_size(const void *a, const void *b)
{
	__u64 x = *(const __u64 *)a, y = *(const __u64 *)b;

	return (x > y) - (x < y);
}

/* Everything kept, and sorted at the end: a share of the end with each. */
static __u64 run_sorted(__u32 cnt)
{
	__u32 n = 0;

	EACH(kept[n++] = ns);
	qsort(kept, n, sizeof(kept[0]), by_size);
	return kept[n / 2] + kept[(__u64)n * 99 / 100];
}

static __u64 run_ticks(__u32 cnt)
{
	__u64 sum = 0;

	for (__u32 i = 0; i < cnt; i++)
		sum += latency_ticks(&tsc_clock);
	return sum;
}

static __u64 run_gettime(__u32 cnt)
{
	__u64 sum = 0;

	for (__u32 i = 0; i < cnt; i++)
		sum += latency_monotonic_ns();
	return sum;
}

const struct small_loop histogram_loops[] = {
	{ "record/latency_hist", NULL, run_node },
	{ "record/log2_buckets", "record/latency_hist", run_log2 },
	{ "record/mevload_hist", "record/latency_hist", run_fine },
	{ "record/keep_and_sort", "record/latency_hist", run_sorted },
	{ "clock/latency_ticks", NULL, run_ticks },
	{ "clock/clock_gettime", "clock/latency_ticks", run_gettime },
};

const __u32 histogram_loop_cnt = sizeof(histogram_loops) / sizeof(histogram_loops[0]);

/* Medians and 99th percentiles of both histograms lie within their precision of the true ones. */
bool histogram_prepare(void)
{
	struct latency_summary s;
	__u64 seed = 7, p50, p99;

	for (__u32 i = 0; i < SAMPLES; i++) {
		double u = random_unit(&seed) + random_unit(&seed) + random_unit(&seed) - 1.5;

		sample[i] = (__u64)(80 * exp(u));
	}
	latency_clock_init(&tsc_clock);
	run_node(SAMPLES);
	run_fine(SAMPLES);
	memcpy(kept, sample, sizeof(kept));
	qsort(kept, SAMPLES, sizeof(kept[0]), by_size);
	p50 = kept[SAMPLES / 2 - 1];
	p99 = kept[(SAMPLES * 99ULL + 99) / 100 - 1];
	s = latency_summarize(&hist);
	return s.p50 >= p50 && s.p50 - p50 <= p50 / LATENCY_SUB && s.p99 >= p99 &&
	       s.p99 - p99 <= p99 / LATENCY_SUB && hist_percentile(&fine, 50) == p50 &&
	       hist_percentile(&fine, 99) == p99;
}
