// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "latency.h"

#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>

/* CPUID 0x80000007 EDX bit 8: the TSC ticks at one rate in every power state (Intel SDM, AMD APM). */
static bool tsc_is_invariant(void)
{
	unsigned int a, b, c, d;

	return __get_cpuid(0x80000007, &a, &b, &c, &d) && (d & 1u << 8);
}

struct moment {
	__u64 ticks, ns;
};

/* Both clocks at one moment; an interruption between the two readings shows, so the best of 3. */
static struct moment read_both(void)
{
	struct moment m = { 0 };
	__u64 best = ~0ULL;

	for (int i = 0; i < 3; i++) {
		__u64 before = __builtin_ia32_rdtsc(), now = latency_monotonic_ns();
		__u64 took = __builtin_ia32_rdtsc() - before;

		if (took < best) {
			best = took;
			m = (struct moment){ .ticks = before + took / 2, .ns = now };
		}
	}
	return m;
}

static __u64 rate(struct moment from, struct moment to)
{
	return (__u64)(((unsigned __int128)(to.ns - from.ns) << 32) / (to.ticks - from.ticks));
}

void latency_clock_init(struct latency_clock *c)
{
	const struct timespec wait = { .tv_nsec = 20000000 };
	struct moment from;

	*c = (struct latency_clock){ .tsc = tsc_is_invariant() };
	if (!c->tsc)
		return;
	from = read_both();
	nanosleep(&wait, NULL);
	c->mult = rate(from, read_both());
	c->ticks0 = from.ticks;
	c->ns0 = from.ns;
}

void latency_clock_anchor(struct latency_clock *c)
{
	struct moment from = { .ticks = c->ticks0, .ns = c->ns0 }, now;

	if (!c->tsc)
		return;
	now = read_both();
	/* Over a long span the rate is known better than from the calibration. */
	if (now.ns - from.ns > 100000000)
		c->mult = rate(from, now);
	c->ticks0 = now.ticks;
	c->ns0 = now.ns;
}
#else
void latency_clock_init(struct latency_clock *c)
{
	*c = (struct latency_clock){ .tsc = false };
}

void latency_clock_anchor(struct latency_clock *c)
{
	(void)c;
}
#endif

__u64 latency_bucket_top(__u32 bucket)
{
	__u32 octave = bucket / LATENCY_SUB, sub = bucket % LATENCY_SUB;

	if (octave == 0)
		return bucket;
	return (((__u64)LATENCY_SUB + sub + 1) << (octave - 1)) - 1;
}

void latency_merge(struct latency_hist *into, const struct latency_hist *from)
{
	__u64 max = MEV_READ_ONCE(from->max);

	for (__u32 i = 0; i < LATENCY_BUCKETS; i++)
		into->bucket[i] += MEV_READ_ONCE(from->bucket[i]);
	if (max > into->max)
		into->max = max;
}

/* The value below or at which `part` in `of` of `count` samples lie. */
static __u64 quantile(const struct latency_hist *h, __u64 count, __u64 part, __u64 of)
{
	__u64 rank = (count * part + of - 1) / of, seen = 0;

	for (__u32 i = 0; i < LATENCY_BUCKETS; i++) {
		seen += h->bucket[i];
		if (seen >= rank)
			return latency_bucket_top(i) < h->max ? latency_bucket_top(i) : h->max;
	}
	return h->max;
}

struct latency_summary latency_summarize(const struct latency_hist *h)
{
	struct latency_summary s = { .max = h->max };

	for (__u32 i = 0; i < LATENCY_BUCKETS; i++)
		s.count += h->bucket[i];
	if (!s.count)
		return (struct latency_summary){ 0 };
	s.p50 = quantile(h, s.count, 50, 100);
	s.p90 = quantile(h, s.count, 90, 100);
	s.p99 = quantile(h, s.count, 99, 100);
	s.p999 = quantile(h, s.count, 999, 1000);
	return s;
}
