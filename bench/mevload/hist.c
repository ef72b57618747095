// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "hist.h"

#include <errno.h>
#include <math.h>

#define STEPS_PER_HALF 5

__u64 hist_bucket_top(__u32 bucket)
{
	__u32 octave = bucket / HIST_SUB, sub = bucket % HIST_SUB;

	if (octave == 0)
		return bucket;
	return (((__u64)HIST_SUB + sub + 1) << (octave - 1)) - 1;
}

double hist_mean(const struct hist *h)
{
	return h->count ? (double)h->sum / (double)h->count : 0;
}

/* The value of the `rank`-th sample from below, counted from 1, and how many are no larger. */
static __u64 at_rank(const struct hist *h, __u64 rank, __u64 *below)
{
	__u64 top;

	*below = 0;
	for (__u32 i = 0; i < HIST_BUCKETS; i++) {
		*below += h->bucket[i];
		if (*below >= rank) {
			top = hist_bucket_top(i);
			return top < h->max && i != HIST_BUCKETS - 1 ? top : h->max;
		}
	}
	return h->max;
}

static __u64 rank_of(const struct hist *h, double percent)
{
	__u64 rank = (__u64)ceil(percent / 100 * (double)h->count);

	if (rank > h->count)
		return h->count;
	return rank ? rank : 1;
}

__u64 hist_percentile(const struct hist *h, double percent)
{
	__u64 below;

	return h->count ? at_rank(h, rank_of(h, percent), &below) : 0;
}

void hist_walk(const struct hist *h, void (*step)(void *arg, double percent, __u64 ns, __u64 below),
	       void *arg)
{
	double percent = 0, half = 50;
	__u64 ns, below = 0;

	if (!h->count)
		return;
	for (int i = 0; percent < 100; i++) {
		ns = at_rank(h, rank_of(h, percent), &below);
		step(arg, percent, ns, below);
		if (below == h->count)
			break;
		if (i && i % STEPS_PER_HALF == 0)
			half /= 2;
		percent += half / STEPS_PER_HALF;
	}
	step(arg, 100, h->max, h->count);
}

static void write_line(void *out, double percent, __u64 ns, __u64 below)
{
	fprintf(out, "%12.3f %14.12f %10llu", (double)ns / 1000, percent / 100,
		(unsigned long long)below);
	if (percent < 100)
		fprintf(out, " %14.2f", 100 / (100 - percent));
	fputc('\n', out);
}

/* Of the samples as the buckets know them. */
static double deviation(const struct hist *h)
{
	double mean = hist_mean(h), sum = 0;

	for (__u32 i = 0; i < HIST_BUCKETS; i++) {
		double off = (double)hist_bucket_top(i) - mean;

		if (h->bucket[i])
			sum += off * off * (double)h->bucket[i];
	}
	return h->count ? sqrt(sum / (double)h->count) : 0;
}

int hist_write_hdr(const struct hist *h, FILE *out)
{
	fprintf(out, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount",
		"1/(1-Percentile)");
	hist_walk(h, write_line, out);
	fprintf(out, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n", hist_mean(h) / 1000,
		deviation(h) / 1000);
	fprintf(out, "#[Max     = %12.3f, Total count    = %12llu]\n", (double)h->max / 1000,
		(unsigned long long)h->count);
	fprintf(out, "#[Buckets = %12d, SubBuckets     = %12u]\n", HIST_MAX_BITS - HIST_SUB_BITS,
		HIST_SUB);
	return fflush(out) || ferror(out) ? -EIO : 0;
}
