// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "metrics_text.h"

static struct stats s;
static struct stats_pool pools[METRICS_MAX_POOLS + 1];

static void setup(void)
{
	s = (struct stats){ .node = { .pid = 7, .queue_cnt = 2, .started_ns = 1500000000 },
			    .pools = pools };
	strcpy(s.node.interface, "eth0");
	strcpy(s.io_name, "xsk");
}

TestSuite(metrics_text, .init = setup);

static char *text(void)
{
	char *out;
	size_t len;
	FILE *f = open_memstream(&out, &len);

	metrics_text(f, &s, 2500000000);
	fclose(f);
	return out;
}

/* The value of the sample that begins with `series`; there must be one. */
static double value(const char *out, const char *series)
{
	char line[256];
	const char *at;

	snprintf(line, sizeof(line), "\n%s ", series);
	at = strstr(out, line);
	cr_assert(at, "no %s", series);
	cr_assert_not(strstr(at + 1, line), "two %s", series);
	return strtod(at + strlen(line), NULL);
}

Test(metrics_text, counters_in_base_units)
{
	char *out;

	s.filter.pass = (struct mev_counter){ 3, 180 };
	s.filter.redirect = (struct mev_counter){ 5, 500 };
	s.worker.replied = 4;
	s.ready = 1;
	stats_io(&s, "rx_ring_full", 9);
	out = text();
	cr_assert_eq(value(out, "mevnode_frames_total{verdict=\"pass\"}"), 3);
	cr_assert_eq(value(out, "mevnode_bytes_total{verdict=\"pass\"}"), 180);
	cr_assert_eq(value(out, "mevnode_frames_total{verdict=\"replied\"}"), 4);
	cr_assert_eq(value(out, "mevnode_candidates_total"), 5);
	cr_assert_eq(value(out, "mevnode_replies_total"), 4);
	cr_assert_eq(value(out, "mevnode_xsk_rx_ring_full_total"), 9);
	cr_assert_eq(value(out, "mevnode_ready"), 1);
	cr_assert_eq(value(out, "mevnode_queues"), 2);
	cr_assert_eq(value(out, "process_start_time_seconds"), 1.5);
	cr_assert_eq(value(out, "process_cpu_seconds_total"), 2.5);
	cr_assert_not(strstr(out, "mevnode_stack"), "there is no stack");
	free(out);
}

Test(metrics_text, large_counts_keep_their_last_digit)
{
	char *out;

	s.filter.pass.packets = ~0ULL;
	s.worker.replied = 9007199254740991; /* 2^53 - 1: as far as a scraper's doubles go */
	out = text();
	cr_assert(strstr(out, "{verdict=\"pass\"} 18446744073709551615\n"));
	cr_assert(strstr(out, "mevnode_replies_total 9007199254740991\n"));
	free(out);
}

Test(metrics_text, label_values_are_quoted)
{
	char *out;

	strcpy(s.node.interface, "a\"b\\c");
	out = text();
	cr_assert(strstr(out, "interface=\"a\\\"b\\\\c\"}"));
	free(out);
}

/* Each edge counts what lies below it, exactly. */
Test(metrics_text, buckets_are_exact_and_cumulative)
{
	static const __u64 values[] = { 1, 63, 64, 95, 96, 1023, 1024, 65535, 65536, 2000000000 };
	static const struct {
		const char *series;
		double count;
	} want[] = {
		{ "mevnode_hot_path_seconds_bucket{le=\"6.4e-08\"}", 2 },
		{ "mevnode_hot_path_seconds_bucket{le=\"9.6e-08\"}", 4 },
		{ "mevnode_hot_path_seconds_bucket{le=\"1.28e-07\"}", 5 },
		{ "mevnode_hot_path_seconds_bucket{le=\"1.024e-06\"}", 6 },
		{ "mevnode_hot_path_seconds_bucket{le=\"1.536e-06\"}", 7 },
		{ "mevnode_hot_path_seconds_bucket{le=\"6.5536e-05\"}", 8 },
		{ "mevnode_hot_path_seconds_bucket{le=\"0.000131072\"}", 9 },
		{ "mevnode_hot_path_seconds_bucket{le=\"1.073741824\"}", 9 },
		{ "mevnode_hot_path_seconds_bucket{le=\"+Inf\"}", 10 },
		{ "mevnode_hot_path_seconds_count", 10 },
		{ "mevnode_in_node_seconds_count", 0 },
		{ "mevnode_hot_path_max_seconds", 2 },
	};
	double sum = 0, found;
	char *out;

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		latency_record(&s.hot_path_ns, values[i]);
		sum += (double)values[i] / 1e9;
	}
	out = text();
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		cr_assert_eq(value(out, want[i].series), want[i].count, "%s", want[i].series);
	found = value(out, "mevnode_hot_path_seconds_sum");
	cr_assert(found > sum * 0.97 && found < sum * 1.03, "%g for %g", found, sum);
	free(out);
}

Test(metrics_text, pools_up_to_a_limit)
{
	char *out;

	s.pool_cnt = METRICS_MAX_POOLS + 1;
	pools[1].address[0] = 1;
	pools[1].replies = 6;
	pools[METRICS_MAX_POOLS].address[0] = 2;
	for (__u32 i = 2; i < METRICS_MAX_POOLS; i++)
		pools[i].address[1] = (__u8)i;
	out = text();
	cr_assert_eq(value(out, "mevnode_pools"), METRICS_MAX_POOLS + 1);
	cr_assert_eq(value(out, "mevnode_pool_replies_total{pool=\""
				"0100000000000000000000000000000000000000\"}"),
		     6);
	cr_assert_not(strstr(out, "pool=\"0200000000000000000000000000000000000000"));
	free(out);
}

Test(metrics_text, the_stack)
{
	char *out;

	s.has_stack = true;
	s.stack.open = 2;
	s.stack.opened = 5;
	s.stack.tcp.replied.packets = 3;
	out = text();
	cr_assert_eq(value(out, "mevnode_stack_open"), 2);
	cr_assert_eq(value(out, "mevnode_stack_opened_total"), 5);
	cr_assert(strstr(out, "# TYPE mevnode_stack_open gauge\n"));
	cr_assert_eq(value(out,
			   "mevnode_stack_records_total{transport=\"tcp\",verdict=\"replied\"}"),
		     3);
	free(out);
}
