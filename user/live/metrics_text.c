// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "metrics_text.h"

#include <inttypes.h>
#include <string.h>

/* What stands above the samples of a metric. */
static void head(FILE *to, const char *name, const char *type, const char *help)
{
	fprintf(to, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* A metric of one sample. */
static void single(FILE *to, const char *name, const char *type, const char *help, double value)
{
	head(to, name, type, help);
	fprintf(to, "%s %.17g\n", name, value);
}

/* A label's value: interface names may hold nearly anything. */
static void quote(FILE *to, const char *label, const char *value)
{
	fprintf(to, "%s=\"", label);
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			fputc('\\', to);
		fputc(*value, to);
	}
	fputc('"', to);
}

/* The node. */

static void print_node(FILE *to, const struct stats *s, __u64 cpu_ns)
{
	const struct stats_node *n = &s->node;

	head(to, "mevnode_build_info", "gauge", "The version that runs; always 1.");
	fputs("mevnode_build_info{", to);
	quote(to, "version", n->version);
	fputs("} 1\n", to);
	head(to, "mevnode_info", "gauge", "Back end, mode and interface; always 1.");
	fputs("mevnode_info{", to);
	quote(to, "backend", n->backend);
	fputc(',', to);
	quote(to, "mode", n->mode);
	fputc(',', to);
	quote(to, "interface", n->interface);
	fputs("} 1\n", to);
	single(to, "mevnode_ready", "gauge", "1 if the filter judges, 0 if every frame passes.",
	       s->ready);
	single(to, "mevnode_queues", "gauge", "Receive queues served, a worker each.",
	       n->queue_cnt);
	single(to, "mevnode_pools", "gauge", "Pools configured.", s->pool_cnt);
	single(to, "process_start_time_seconds", "gauge", "Start of the process, Unix time.",
	       (double)n->started_ns / 1e9);
	single(to, "process_cpu_seconds_total", "counter", "CPU time of the process.",
	       (double)cpu_ns / 1e9);
}

/* Frames. */

static void print_frames(FILE *to, const struct stats *s)
{
	const struct mev_counter *filter = (const struct mev_counter *)&s->filter;

	head(to, "mevnode_frames_total", "counter",
	     "Frames by verdict; a candidate counts as redirect, and by what became of it.");
	for (__u32 v = 1; v <= MEV_VERDICT_CNT; v++)
		fprintf(to, "mevnode_frames_total{verdict=\"%s\"} %" PRIu64 "\n",
			mev_verdict_name(v), (uint64_t)stats_frames(s, v));
	head(to, "mevnode_bytes_total", "counter",
	     "Bytes of whole frames by the filter's verdict, without FCS.");
	for (__u32 v = 1; v <= MEV_VERDICT_CNT; v++)
		fprintf(to, "mevnode_bytes_total{verdict=\"%s\"} %" PRIu64 "\n",
			mev_verdict_name(v), (uint64_t)filter[v - 1].bytes);
	single(to, "mevnode_candidates_total", "counter", "Frames worth a decision.",
	       (double)stats_candidates(s));
	single(to, "mevnode_replies_total", "counter", "Frames answered.",
	       (double)stats_replies(s));
}

/* What the back end alone counts. */

static const char *io_help(const char *name)
{
	static const struct {
		const char *name, *help;
	} known[] = {
		{ "rx_dropped", "Frames dropped by the socket for other reasons." },
		{ "rx_invalid_descs", "Frames dropped for an invalid descriptor." },
		{ "tx_invalid_descs", "Invalid descriptors in the TX ring." },
		{ "rx_ring_full", "Frames dropped since the RX ring was full." },
		{ "rx_fill_ring_empty_descs", "Times that the fill ring was empty." },
		{ "tx_ring_empty_descs", "Times that the kernel found the TX ring empty." },
		{ "tx_backpressure", "Turns in which no reply had room, so that RX waited." },
		{ "tx_kicks", "Wakeups of the transmit side." },
		{ "tx_kick_again", "Wakeups of the transmit side that were told to come again." },
		{ "tx_kick_errors", "Wakeups of the transmit side that failed." },
		{ "xdp_tx_lost", "Replies of the XDP program that the driver did not send." },
		{ "rx_kicks", "Wakeups of a driver without empty chunks." },
		{ "write_again", "Replies dropped since the device was full." },
		{ "write_errors", "Replies dropped for other errors of the device." },
		{ "read_errors", "Failed reads of the device." },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(known[i].name, name))
			return known[i].help;
	return "A counter of the back end.";
}

static void print_io(FILE *to, const struct stats *s)
{
	char name[80];

	for (__u32 i = 0; i < s->io_cnt; i++) {
		snprintf(name, sizeof(name), "mevnode_%s_%s_total", s->io_name, s->io[i].name);
		single(to, name, "counter", io_help(s->io[i].name), (double)s->io[i].value);
	}
}

static void print_records(FILE *to, const char *transport, const struct mev_counters *c)
{
	for (__u32 v = 1; v <= MEV_VERDICT_CNT; v++)
		fprintf(to,
			"mevnode_stack_records_total{transport=\"%s\",verdict=\"%s\"} %" PRIu64
			"\n",
			transport, mev_verdict_name(v),
			(uint64_t)mev_counter_of((struct mev_counters *)c, v)->packets);
}

static void print_stack_counter(FILE *to, const char *name, const char *help, __u64 value)
{
	bool is_gauge = !strcmp(name, "open");
	char metric[80];

	snprintf(metric, sizeof(metric), "mevnode_stack_%s%s", name, is_gauge ? "" : "_total");
	single(to, metric, is_gauge ? "gauge" : "counter", help, (double)value);
}

static void print_stack(FILE *to, const struct stack_counters *c)
{
#define X(name, text) print_stack_counter(to, #name, "TCP/UDP stack: " text ".", c->name);
	STACK_COUNTERS(X)
#undef X
	head(to, "mevnode_stack_records_total", "counter",
	     "Records that came through the TCP/UDP stack, by verdict.");
	print_records(to, "tcp", &c->tcp);
	print_records(to, "udp", &c->udp);
}

/* Latencies. */

#define FIRST_EDGE 64u         /* ns */
#define COARSE_EDGE (1u << 16) /* from here on one bucket an octave */
#define LAST_EDGE (1u << 30)

static __u64 next_edge(__u64 edge)
{
	bool whole = !(edge & (edge - 1)); /* 2^k, then 1.5 * 2^k */

	if (edge >= COARSE_EDGE)
		return 2 * edge;
	return whole ? edge + edge / 2 : edge / 3 * 4;
}

static double middle(__u32 bucket)
{
	double bottom = bucket ? (double)latency_bucket_top(bucket - 1) + 1 : 0;

	return (bottom + (double)latency_bucket_top(bucket)) / 2;
}

static void print_histogram(FILE *to, const char *name, const char *help,
			    const struct latency_hist *h)
{
	__u64 cnt = 0, edge = FIRST_EDGE;
	double sum = 0;

	head(to, name, "histogram", help);
	for (__u32 i = 0; i < LATENCY_BUCKETS; i++) {
		if (edge <= LAST_EDGE && i == latency_bucket(edge)) {
			fprintf(to, "%s_bucket{le=\"%.10g\"} %" PRIu64 "\n", name,
				(double)edge / 1e9, (uint64_t)cnt);
			edge = next_edge(edge);
		}
		cnt += h->bucket[i];
		sum += (double)h->bucket[i] * middle(i);
	}
	fprintf(to, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n%s_sum %.9g\n%s_count %" PRIu64 "\n", name,
		(uint64_t)cnt, name, sum / 1e9, name, (uint64_t)cnt);
}

static void print_latency(FILE *to, const struct stats *s)
{
	print_histogram(to, "mevnode_hot_path_seconds",
			"Frame in hand to reply written; the sum is known to 3 %.",
			&s->hot_path_ns);
	print_histogram(to, "mevnode_in_node_seconds",
			"Frame received to reply handed over for transmission, one in 8 over "
			"AF_XDP; the sum is known to 3 %.",
			&s->in_node_ns);
	print_histogram(
		to, "mevnode_decision_seconds",
		"The XDP program's own replies, candidate to reply written, one in 64; the sum "
		"is known to 3 %.",
		&s->decision_ns);
	single(to, "mevnode_hot_path_max_seconds", "gauge", "The longest since the start.",
	       (double)s->hot_path_ns.max / 1e9);
	single(to, "mevnode_in_node_max_seconds", "gauge", "The longest since the start.",
	       (double)s->in_node_ns.max / 1e9);
	single(to, "mevnode_decision_max_seconds", "gauge", "The longest since the start.",
	       (double)s->decision_ns.max / 1e9);
}

/* Pools. */

static __u64 pool_value(const struct stats_pool *p, __u32 i)
{
	const __u64 values[] = { p->filter.swaps,   p->filter.candidates, stats_pool_replies(p),
				 p->filter.updates, p->filter.gaps,       p->filter.stale };

	return values[i];
}

static void print_pools(FILE *to, const struct stats *s)
{
	static const struct {
		const char *name, *help;
	} metrics[] = {
		{ "mevnode_pool_swaps_total", "Well-formed swaps in a pool." },
		{ "mevnode_pool_candidates_total", "Of these, worth a decision." },
		{ "mevnode_pool_replies_total", "Of these, answered." },
		{ "mevnode_pool_updates_total", "Updates of a pool applied." },
		{ "mevnode_pool_gaps_total", "Of these, not the next of their stream." },
		{ "mevnode_pool_stale_total", "Updates of a pool no newer than the last." },
	};
	__u32 cnt = s->pool_cnt < METRICS_MAX_POOLS ? s->pool_cnt : METRICS_MAX_POOLS;
	char address[2 * MEV_ADDRESS_LEN + 1];

	for (__u32 m = 0; m < sizeof(metrics) / sizeof(metrics[0]); m++) {
		head(to, metrics[m].name, "counter", metrics[m].help);
		for (__u32 i = 0; i < cnt; i++) {
			stats_address(&s->pools[i], address);
			fprintf(to, "%s{pool=\"%s\"} %" PRIu64 "\n", metrics[m].name, address,
				(uint64_t)pool_value(&s->pools[i], m));
		}
	}
}

void metrics_text(FILE *to, const struct stats *s, __u64 cpu_ns)
{
	print_node(to, s, cpu_ns);
	print_frames(to, s);
	print_io(to, s);
	if (s->has_stack)
		print_stack(to, &s->stack);
	print_latency(to, s);
	print_pools(to, s);
}
