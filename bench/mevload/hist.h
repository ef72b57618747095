/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * hist - the client's latency histogram, finer than the node's
 *
 * Log-linear as user/latency.h, but with 1,024 buckets an octave: a value is known to 0.1 %, three
 * digits, as HdrHistogram's usual. 272 KiB, of which a run touches the few pages around its
 * latencies. One thread.
 */
#ifndef MEVLOAD_HIST_H
#define MEVLOAD_HIST_H

#include <linux/types.h>
#include <stdio.h>

#define HIST_SUB_BITS 10
#define HIST_SUB (1u << HIST_SUB_BITS)
#define HIST_MAX_BITS 43 /* values from 2^43 ns (2.4 hours) on share the last bucket */
#define HIST_BUCKETS ((HIST_MAX_BITS - HIST_SUB_BITS + 1) * HIST_SUB)

struct hist {
	__u64 bucket[HIST_BUCKETS];
	__u64 count, min, max; /* ns; min and max mean something once count does */
	unsigned __int128 sum;
};

static inline __u32 hist_bucket(__u64 ns)
{
	__u32 shift;

	if (ns < HIST_SUB)
		return (__u32)ns;
	if (ns >> HIST_MAX_BITS)
		return HIST_BUCKETS - 1;
	shift = 63u - HIST_SUB_BITS - (__u32)__builtin_clzll(ns);
	return shift * HIST_SUB + (__u32)(ns >> shift);
}

static inline void hist_record(struct hist *h, __u64 ns)
{
	h->bucket[hist_bucket(ns)]++;
	h->count++;
	h->sum += ns;
	if (ns > h->max)
		h->max = ns;
	if (ns < h->min || h->count == 1)
		h->min = ns;
}

/* The largest value that falls into `bucket`, in ns. */
__u64 hist_bucket_top(__u32 bucket);

double hist_mean(const struct hist *h);

/* The value at or below which `percent` of 100 of the samples lie, in ns; 0 where there are none. */
__u64 hist_percentile(const struct hist *h, double percent);

/*
 * Calls step() for 0 %, for 5 percentiles in each half of the distance that is left to 100 % (as
 * HdrHistogram's percentile iterator), up to the one that holds the largest value, and for 100 %.
 * `below`: how many samples are at or below `ns`.
 */
void hist_walk(const struct hist *h, void (*step)(void *arg, double percent, __u64 ns, __u64 below),
	       void *arg);

/* The percentile distribution as HdrHistogram writes it, in us: plotters read it. 0 or -errno. */
int hist_write_hdr(const struct hist *h, FILE *out);

#endif /* MEVLOAD_HIST_H */
