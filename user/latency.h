/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * latency - a cheap clock, and what a histogram says in a few numbers
 *
 * The clock counts cycles (rdtsc) where the TSC is invariant, and is CLOCK_MONOTONIC elsewhere.
 * Histograms are include/latency_hist.h's; whoever reads one may be on another thread than its
 * writer.
 */
#ifndef MEV_LATENCY_H
#define MEV_LATENCY_H

#include <linux/types.h>
#include <stdbool.h>
#include <time.h>

#include "compiler.h"
#include "latency_hist.h"

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

/* The largest value that falls into `bucket`, in ns. */
__u64 latency_bucket_top(__u32 bucket);

/* Adds what `from` holds to `into`. */
void latency_merge(struct latency_hist *into, const struct latency_hist *from);

struct latency_summary latency_summarize(const struct latency_hist *h);

#endif /* MEV_LATENCY_H */
