/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * latency_hist.h - a histogram that the hot path and the XDP program can afford
 *
 * Log-linear, as HdrHistogram's: 32 buckets an octave, so a value is known to 3 %; recording is a
 * count of leading zeros and an increment. One writer, a thread or a CPU; a reader sees each bucket
 * whole, not the histogram at one instant. Summaries: user/latency.h.
 */
#ifndef MEV_LATENCY_HIST_H
#define MEV_LATENCY_HIST_H

#include "compiler.h"
#include "wide.h"

#define LATENCY_SUB_BITS 5
#define LATENCY_SUB (1u << LATENCY_SUB_BITS)
#define LATENCY_MAX_BITS 40 /* values from 2^40 ns (18 minutes) on share the last bucket */
#define LATENCY_BUCKETS ((LATENCY_MAX_BITS - LATENCY_SUB_BITS + 1) * LATENCY_SUB)

struct latency_hist {
	__u64 bucket[LATENCY_BUCKETS];
	__u64 max;
};

static inline __u32 latency_bucket(__u64 ns)
{
	__u32 top;

	if (ns < LATENCY_SUB)
		return (__u32)ns;
	if (ns >> LATENCY_MAX_BITS)
		return LATENCY_BUCKETS - 1;
	top = 63u - wide_clz(ns); /* >= LATENCY_SUB_BITS */
	return (top - LATENCY_SUB_BITS + 1) * LATENCY_SUB +
	       (__u32)(ns >> (top - LATENCY_SUB_BITS)) - LATENCY_SUB;
}

static inline void latency_record(struct latency_hist *h, __u64 ns)
{
	__u32 i = latency_bucket(ns);

#ifdef __bpf__
	if (i >= LATENCY_BUCKETS) /* for the verifier, which does not follow the logarithm */
		return;
#endif
	MEV_WRITE_ONCE(h->bucket[i], h->bucket[i] + 1);
	if (ns > h->max)
		MEV_WRITE_ONCE(h->max, ns);
}

#endif /* MEV_LATENCY_HIST_H */
