// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "stats.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define MAX_POOLS_SHOWN 20

void stats_clear(struct stats *s, unsigned int parts)
{
	s->filter = (struct mev_counters){ 0 };
	s->worker = (struct worker_counters){ 0 };
	memset(&s->hot_path_ns, 0, sizeof(s->hot_path_ns));
	memset(&s->in_node_ns, 0, sizeof(s->in_node_ns));
	memset(&s->decision_ns, 0, sizeof(s->decision_ns));
	s->io_cnt = 0;
	for (__u32 i = 0; i < s->pool_cnt && (parts & STATS_POOLS); i++) {
		s->pools[i].filter = (struct mev_pool_counters){ 0 };
		s->pools[i].replies = 0;
	}
}

void stats_io(struct stats *s, const char *name, __s64 value)
{
	__u32 i = 0;

	while (i < s->io_cnt && strcmp(s->io[i].name, name))
		i++;
	if (i == STATS_MAX_IO)
		return;
	if (i == s->io_cnt) {
		s->io[i] = (struct stats_field){ .value = 0 };
		snprintf(s->io[i].name, sizeof(s->io[i].name), "%s", name);
		s->io_cnt++;
	}
	s->io[i].value += value;
}

void stats_add_u64(void *sum, const void *from, size_t cnt)
{
	const __u64 *add = from;
	__u64 *to = sum;

	for (size_t i = 0; i < cnt; i++)
		to[i] += MEV_READ_ONCE(add[i]);
}

void stats_add_worker(struct stats *s, const struct worker *w, unsigned int parts)
{
	stats_add_u64(&s->worker, &w->counters, sizeof(s->worker) / sizeof(__u64));
	latency_merge(&s->hot_path_ns, &w->hot_path_ns);
	latency_merge(&s->in_node_ns, &w->in_node_ns);
	for (__u32 i = 0; i < s->pool_cnt && (parts & STATS_POOLS); i++)
		s->pools[i].replies += MEV_READ_ONCE(w->pool_replies[s->pools[i].slot]);
}

__u64 stats_frames(const struct stats *s, enum mev_verdict verdict)
{
	__u64 filter = mev_counter_of((struct mev_counters *)&s->filter, verdict)->packets;

	switch (verdict) {
	case MEV_REPLIED:
		return filter + s->worker.replied;
	case MEV_UNPROFITABLE:
		return filter + s->worker.unprofitable;
	case MEV_REJECTED:
		return filter + s->worker.rejected;
	case MEV_POOL_BUSY:
		return filter + s->worker.pool_busy;
	default:
		return filter;
	}
}

__u64 stats_candidates(const struct stats *s)
{
	const struct mev_counters *c = &s->filter;

	return c->redirect.packets + c->handed_up.packets + c->replied_in_driver.packets +
	       c->unprofitable.packets;
}

__u64 stats_replies(const struct stats *s)
{
	return stats_frames(s, MEV_REPLIED) + stats_frames(s, MEV_REPLIED_IN_DRIVER);
}

double stats_precision(const struct stats *s)
{
	__u64 candidates = stats_candidates(s);

	return candidates ? (double)stats_replies(s) / (double)candidates : NAN;
}

bool stats_pool_idle(const struct stats_pool *p)
{
	return !p->filter.swaps && !p->filter.updates && !p->filter.stale;
}

void stats_address(const struct stats_pool *p, char text[2 * MEV_ADDRESS_LEN + 1])
{
	for (int i = 0; i < MEV_ADDRESS_LEN; i++)
		sprintf(text + 2 * i, "%02x", p->address[i]);
}

/* More than a screen of them is for a script: --json has all. */
static void print_pools(const struct stats *s)
{
	char address[2 * MEV_ADDRESS_LEN + 1];
	__u32 shown = 0, more = 0;

	for (__u32 i = 0; i < s->pool_cnt; i++) {
		const struct stats_pool *p = &s->pools[i];

		if (stats_pool_idle(p))
			continue;
		if (shown == MAX_POOLS_SHOWN) {
			more++;
			continue;
		}
		if (!shown++)
			printf("\n%-40s %10s %10s %10s %10s %8s %8s\n", "pool", "swaps",
			       "candidates", "replies", "updates", "gaps", "stale");
		stats_address(p, address);
		printf("%s %10" PRIu64 " %10" PRIu64 " %10" PRIu64 " %10" PRIu64 " %8" PRIu64
		       " %8" PRIu64 "\n",
		       address, (uint64_t)p->filter.swaps, (uint64_t)p->filter.candidates,
		       (uint64_t)stats_pool_replies(p), (uint64_t)p->filter.updates,
		       (uint64_t)p->filter.gaps, (uint64_t)p->filter.stale);
	}
	if (more)
		printf("and %u more pools: see --json\n", more);
}

int stats_flush(void)
{
	if (fflush(stdout))
		return -errno;
	return ferror(stdout) ? -EIO : 0;
}

static void print_latency(const char *name, const struct latency_hist *hist)
{
	struct latency_summary l = latency_summarize(hist);

	printf("  %-10s p50 %6" PRIu64 "  p90 %6" PRIu64 "  p99 %6" PRIu64 "  p99.9 %6" PRIu64
	       "  max %8" PRIu64 "  (%" PRIu64 " samples)\n",
	       name, (uint64_t)l.p50, (uint64_t)l.p90, (uint64_t)l.p99, (uint64_t)l.p999,
	       (uint64_t)l.max, (uint64_t)l.count);
}

static void print_records(const char *over, const struct mev_counters *c)
{
	for (__u32 v = 1; v <= MEV_VERDICT_CNT; v++) {
		__u64 records = mev_counter_of((struct mev_counters *)c, v)->packets;

		if (records)
			printf("  %s %-16s %10" PRIu64 "\n", over, mev_verdict_name(v),
			       (uint64_t)records);
	}
}

static void print_stack(const struct stack_counters *c)
{
	printf("\nown TCP/UDP stack\n");
#define X(name, text) \
	if (c->name)  \
		printf("  %-20s %10" PRIu64 "  %s\n", #name, (uint64_t)c->name, text);
	STACK_COUNTERS(X)
#undef X
	print_records("tcp", &c->tcp);
	print_records("udp", &c->udp);
}

static void print_candidates(const struct stats *s)
{
	__u64 in_driver = stats_frames(s, MEV_REPLIED_IN_DRIVER);

	if (!s->node.pid || !stats_candidates(s))
		return;
	printf("  of the candidates %.2f %% were answered", 100 * stats_precision(s));
	if (in_driver)
		printf(", %.2f %% of these in the driver",
		       100 * (double)in_driver / (double)stats_replies(s));
	printf("\n");
}

int stats_print(const struct stats *s)
{
	if (s->node.pid)
		printf("\n%s %s on %s%s\n", s->node.backend, s->node.mode, s->node.interface,
		       s->engine == MEV_ENGINE_KERNEL ? ", engine kernel" : "");
	else
		printf("\nmev_filter%s%s, without a node\n", *s->node.interface ? " on " : "",
		       s->node.interface);
	printf("\nframes by verdict\n");
	for (__u32 v = 1; v <= MEV_VERDICT_CNT; v++) {
		__u64 frames = stats_frames(s, v);

		if (frames)
			printf("  %-20s %12" PRIu64 "  %s\n", mev_verdict_name(v), (uint64_t)frames,
			       mev_verdict_text(v));
	}
	print_candidates(s);
	print_pools(s);
	if (!s->node.pid)
		return stats_flush(); /* the rest is a node's to count */
	printf("\n%s\n", s->io_name);
	for (__u32 i = 0; i < s->io_cnt; i++)
		printf("  %-26s %6" PRId64 "\n", s->io[i].name, (int64_t)s->io[i].value);
	if (s->has_stack)
		print_stack(&s->stack);
	printf("\nlatency, ns\n");
	print_latency("hot path", &s->hot_path_ns);
	print_latency("in node", &s->in_node_ns);
	if (stats_frames(s, MEV_REPLIED_IN_DRIVER))
		print_latency("decision", &s->decision_ns);
	return stats_flush();
}
