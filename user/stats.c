// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "stats.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_POOLS_SHOWN 20

void stats_prepare(void)
{
	json_object_seed(0); /* from /dev/urandom */
}

void stats_io(struct stats *s, const char *name, __s64 value)
{
	__u32 i = 0;

	while (i < s->io_cnt && strcmp(s->io[i].name, name))
		i++;
	if (i == STATS_MAX_IO)
		return;
	if (i == s->io_cnt)
		s->io[s->io_cnt++] = (struct stats_field){ .name = name };
	s->io[i].value += value;
}

void stats_add_worker(struct stats *s, const struct worker *w)
{
	const __u64 *from = (const __u64 *)&w->counters;
	__u64 *sum = (__u64 *)&s->worker;

	for (size_t i = 0; i < sizeof(s->worker) / sizeof(*sum); i++)
		sum[i] += from[i];
	latency_merge(&s->hot_path_ns, &w->hot_path_ns);
	latency_merge(&s->in_node_ns, &w->in_node_ns);
	for (__u32 i = 0; i < s->pool_cnt; i++)
		s->pools[i].replies += w->pool_replies[s->pools[i].slot];
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

double stats_precision(const struct stats *s)
{
	__u64 candidates = stats_frames(s, MEV_REDIRECT);

	return candidates ? (double)s->worker.replied / (double)candidates : NAN;
}

static bool pool_is_idle(const struct stats_pool *p)
{
	return !p->filter.swaps && !p->filter.updates && !p->filter.stale;
}

static void address_text(const __u8 *address, char text[2 * MEV_ADDRESS_LEN + 1])
{
	for (int i = 0; i < MEV_ADDRESS_LEN; i++)
		sprintf(text + 2 * i, "%02x", address[i]);
}

/* More than a screen of them is for a script: --json has all. */
static void print_pools(const struct stats *s)
{
	char address[2 * MEV_ADDRESS_LEN + 1];
	__u32 shown = 0, more = 0;

	for (__u32 i = 0; i < s->pool_cnt; i++) {
		const struct stats_pool *p = &s->pools[i];

		if (pool_is_idle(p))
			continue;
		if (shown == MAX_POOLS_SHOWN) {
			more++;
			continue;
		}
		if (!shown++)
			printf("\n%-40s %10s %10s %10s %10s %8s %8s\n", "pool", "swaps",
			       "candidates", "replies", "updates", "gaps", "stale");
		address_text(p->address, address);
		printf("%s %10" PRIu64 " %10" PRIu64 " %10" PRIu64 " %10" PRIu64 " %8" PRIu64
		       " %8" PRIu64 "\n",
		       address, (uint64_t)p->filter.swaps, (uint64_t)p->filter.candidates,
		       (uint64_t)p->replies, (uint64_t)p->filter.updates, (uint64_t)p->filter.gaps,
		       (uint64_t)p->filter.stale);
	}
	if (more)
		printf("and %u more pools: see --json\n", more);
}

static int flush(void)
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

int stats_print(const struct stats *s)
{
	printf("\n%s %s on %s\n\nframes by verdict\n", s->backend, s->mode, s->interface);
	for (__u32 v = 1; v <= MEV_VERDICT_CNT; v++) {
		__u64 frames = stats_frames(s, v);

		if (frames)
			printf("  %-20s %12" PRIu64 "  %s\n", mev_verdict_name(v), (uint64_t)frames,
			       mev_verdict_text(v));
	}
	if (stats_frames(s, MEV_REDIRECT))
		printf("  of the candidates %.2f %% were answered\n", 100 * stats_precision(s));
	print_pools(s);
	printf("\n%s\n", s->io_name);
	for (__u32 i = 0; i < s->io_cnt; i++)
		printf("  %-26s %6" PRId64 "\n", s->io[i].name, (int64_t)s->io[i].value);
	if (s->has_stack)
		print_stack(&s->stack);
	printf("\nlatency, ns\n");
	print_latency("hot path", &s->hot_path_ns);
	print_latency("in node", &s->in_node_ns);
	return flush();
}

static json_t *json_count(__u64 value)
{
	return json_integer((json_int_t)value);
}

static json_t *json_latency(const struct latency_hist *hist)
{
	struct latency_summary l = latency_summarize(hist);
	json_t *o = json_object();

	json_object_set_new(o, "count", json_count(l.count));
	json_object_set_new(o, "p50", json_count(l.p50));
	json_object_set_new(o, "p90", json_count(l.p90));
	json_object_set_new(o, "p99", json_count(l.p99));
	json_object_set_new(o, "p999", json_count(l.p999));
	json_object_set_new(o, "max", json_count(l.max));
	return o;
}

static json_t *json_pools(const struct stats *s)
{
	char address[2 * MEV_ADDRESS_LEN + 1];
	json_t *list = json_array();

	for (__u32 i = 0; i < s->pool_cnt; i++) {
		const struct stats_pool *p = &s->pools[i];
		json_t *o;

		if (pool_is_idle(p))
			continue;
		o = json_object();
		address_text(p->address, address);
		json_object_set_new(o, "address", json_string(address));
		json_object_set_new(o, "swaps", json_count(p->filter.swaps));
		json_object_set_new(o, "candidates", json_count(p->filter.candidates));
		json_object_set_new(o, "replies", json_count(p->replies));
		json_object_set_new(o, "updates", json_count(p->filter.updates));
		json_object_set_new(o, "gaps", json_count(p->filter.gaps));
		json_object_set_new(o, "stale", json_count(p->filter.stale));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *json_records(const struct mev_counters *c)
{
	json_t *o = json_object();

	for (__u32 v = 1; v <= MEV_VERDICT_CNT; v++) {
		__u64 records = mev_counter_of((struct mev_counters *)c, v)->packets;

		if (records)
			json_object_set_new(o, mev_verdict_name(v), json_count(records));
	}
	return o;
}

static json_t *json_stack(const struct stack_counters *c)
{
	json_t *o = json_object();

#define X(name, text) json_object_set_new(o, #name, json_count(c->name));
	STACK_COUNTERS(X)
#undef X
	json_object_set_new(o, "tcp", json_records(&c->tcp));
	json_object_set_new(o, "udp", json_records(&c->udp));
	return o;
}

int stats_print_json(const struct stats *s)
{
	json_t *root = json_object(), *verdicts = json_object(), *io = json_object();
	json_t *latency = json_object();

	json_object_set_new(root, "backend", json_string(s->backend));
	json_object_set_new(root, "mode", json_string(s->mode));
	json_object_set_new(root, "interface", json_string(s->interface));
	for (__u32 v = 1; v <= MEV_VERDICT_CNT; v++)
		json_object_set_new(verdicts, mev_verdict_name(v), json_count(stats_frames(s, v)));
	json_object_set_new(root, "verdicts", verdicts);
	json_object_set_new(root, "candidate_precision",
			    stats_frames(s, MEV_REDIRECT) ? json_real(stats_precision(s)) :
							    json_null());
	json_object_set_new(root, "pools", json_pools(s));
	for (__u32 i = 0; i < s->io_cnt; i++)
		json_object_set_new(io, s->io[i].name, json_integer((json_int_t)s->io[i].value));
	json_object_set_new(root, s->io_name, io);
	if (s->has_stack)
		json_object_set_new(root, "stack", json_stack(&s->stack));
	json_object_set_new(latency, "hot_path", json_latency(&s->hot_path_ns));
	json_object_set_new(latency, "in_node", json_latency(&s->in_node_ns));
	json_object_set_new(root, "latency_ns", latency);

	json_dumpf(root, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(root);
	return flush();
}
