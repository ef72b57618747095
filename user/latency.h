/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * latency - a cheap clock and a histogram that the hot path can afford
 *
 * The clock counts cycles (rdtsc) where the TSC is invariant, and is CLOCK_MONOTONIC elsewhere.
 * The histogram is log-linear, as HdrHistogram's: 32 buckets an octave, so a value is known to
 * 3 %; recording is a count of leading zeros and an increment. One writer; a reader on another
 * thread sees each bucket whole, not the histogram at one instant.
 */
#ifndef MEV_LATENCY_H
#define MEV_LATENCY_H

#include <linux/types.h>
#include <stdbool.h>
#include <time.h>

#include "compiler.h"

#define LATENCY_SUB_BITS 5
#define LATENCY_SUB (1u << LATENCY_SUB_BITS)
#define LATENCY_MAX_BITS 40 /* values from 2^40 ns (18 minutes) on share the last bucket */
#define LATENCY_BUCKETS ((LATENCY_MAX_BITS - LATENCY_SUB_BITS + 1) * LATENCY_SUB)

struct latency_hist {
	__u64 bucket[LATENCY_BUCKETS];
	__u64 max;
};

struct latency_summary {
	__u64 count, p50, p90, p99, p999, max; /* ns; all 0 where count is */
};

/* ticks * mult >> 32 are ns since `ticks0`, when CLOCK_MONOTONIC stood at ns0. */
struct latency_clock {
	__u64 ticks0;
	__u64 ns0;
	__u64 mult;
	bool tsc;
};

static inline __u64 latency_monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (__u64)ts.tv_sec * 1000000000 + (__u64)ts.tv_nsec;
}

/* Calibrates; takes about 20 ms where there is a TSC to calibrate. */
void latency_clock_init(struct latency_clock *c);

/*
 * Ties the clock to CLOCK_MONOTONIC anew, rate included, so that errors do not add up. To be called
 * every second or so by the thread that owns the clock. No syscall where the vDSO has the clock.
 */
void latency_clock_anchor(struct latency_clock *c);

/* Now, in ticks of this clock. */
static inline __u64 latency_ticks(const struct latency_clock *c)
{
#if defined(__x86_64__)
	if (likely(c->tsc))
		return __builtin_ia32_rdtsc();
#else
	(void)c;
#endif
	return latency_monotonic_ns();
}

/* A span of ticks in ns. */
static inline __u64 latency_ns(const struct latency_clock *c, __u64 ticks)
{
	return c->tsc ? (__u64)((unsigned __int128)ticks * c->mult >> 32) : ticks;
}

/* A moment in ticks as CLOCK_MONOTONIC ns. */
static inline __u64 latency_when(const struct latency_clock *c, __u64 ticks)
{
	return c->tsc ? c->ns0 + latency_ns(c, ticks - c->ticks0) : ticks;
}

static inline __u32 latency_bucket(__u64 ns)
{
	__u32 top;

	if (ns < LATENCY_SUB)
		return (__u32)ns;
	if (ns >> LATENCY_MAX_BITS)
		return LATENCY_BUCKETS - 1;
	top = 63u - (__u32)__builtin_clzll(ns); /* >= LATENCY_SUB_BITS */
	return (top - LATENCY_SUB_BITS + 1) * LATENCY_SUB +
	       (__u32)(ns >> (top - LATENCY_SUB_BITS)) - LATENCY_SUB;
}

/* The largest value that falls into `bucket`, in ns. */
__u64 latency_bucket_top(__u32 bucket);

static inline void latency_record(struct latency_hist *h, __u64 ns)
{
	__u64 *bucket = &h->bucket[latency_bucket(ns)];

	MEV_WRITE_ONCE(*bucket, *bucket + 1);
	if (ns > h->max)
		MEV_WRITE_ONCE(h->max, ns);
}

/* Adds what `from` holds to `into`. */
void latency_merge(struct latency_hist *into, const struct latency_hist *from);

struct latency_summary latency_summarize(const struct latency_hist *h);

#endif /* MEV_LATENCY_H */
