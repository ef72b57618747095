// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "terminal.h"
#include "view.h"

#define SECOND 1000000000ULL

static struct stats s;
static struct stats_pool pools[8];
static struct view v;

static void setup(void)
{
	s = (struct stats){
		.node = { .pid = 7, .queue_cnt = 1 },
		.pools = pools,
		.pool_cnt = 2,
		.taken_ns = SECOND,
		.pools_taken_ns = SECOND,
	};
	strcpy(s.node.interface, "eth0");
	strcpy(s.io_name, "xsk");
	pools[0].address[0] = 0xaa;
	pools[1].address[0] = 0xbb;
	cr_assert_eq(view_open(&v, true), 0);
}

static void teardown(void)
{
	view_close(&v);
}

TestSuite(view, .init = setup, .fini = teardown);

static void after(__u64 ns)
{
	s.taken_ns += ns;
	s.pools_taken_ns = s.taken_ns;
}

static char *screen(unsigned int cols, unsigned int rows)
{
	char *out;
	size_t len;
	FILE *f = open_memstream(&out, &len);

	view_print(&v, f, cols, rows);
	fclose(f);
	return out;
}

static unsigned int lines(const char *text)
{
	unsigned int cnt = 0;

	for (; (text = strchr(text, '\n')); text++)
		cnt++;
	return cnt;
}

Test(view, rates_need_two_snapshots_and_the_time_between)
{
	s.filter.pass.packets = 100;
	view_update(&v, &s);
	cr_assert_eq(v.seconds, 0);
	cr_assert_eq(view_rate(&v, 100, 0), 0);
	after(2 * SECOND);
	s.filter.pass.packets = 300;
	view_update(&v, &s);
	cr_assert_eq(v.seconds, 2);
	cr_assert_eq(view_rate(&v, v.now.filter.pass.packets, v.before.filter.pass.packets), 100);
	cr_assert_eq(view_rate(&v, 1, 5), 0, "adopted maps begin anew");
}

/* What was recorded before does not hide what happens now. */
Test(view, percentiles_are_of_the_interval)
{
	for (int i = 0; i < 1000; i++)
		latency_record(&s.in_node_ns, 1000000);
	view_update(&v, &s);
	after(SECOND);
	for (int i = 0; i < 10; i++)
		latency_record(&s.in_node_ns, 100);
	view_update(&v, &s);
	cr_assert_eq(v.in_node.count, 10);
	cr_assert(v.in_node.p99 >= 100 && v.in_node.max <= 103);
	after(SECOND);
	view_update(&v, &s);
	cr_assert_eq(v.in_node.count, 0);
	cr_assert_eq(v.history_cnt, 2);
	cr_assert(v.p99_ns[0] == 0 && v.p99_ns[1] >= 100);
}

Test(view, the_busiest_pool_is_first)
{
	pools[0].filter.swaps = 1000;
	view_update(&v, &s);
	after(SECOND);
	pools[0].filter.swaps += 1;
	pools[1].filter.swaps += 3;
	pools[1].filter.updates += 5;
	view_update(&v, &s);
	cr_assert_eq(v.pools[0].index, 1);
	cr_assert_eq(v.pools[0].swaps, 3);
	cr_assert_eq(v.pools[0].updates, 5);
	cr_assert_eq(v.pools[1].swaps, 1);
}

/* A reload has put another pool into the slot: its counters are its own. */
Test(view, a_pool_is_known_by_its_address)
{
	pools[0].filter.swaps = 1000;
	view_update(&v, &s);
	after(SECOND);
	pools[0].address[0] = 0xcc;
	pools[0].filter.swaps = 4;
	view_update(&v, &s);
	cr_assert_eq(v.pools[0].swaps, 4);
}

/* Pools are read less often where they are many: their rates stay until then. */
Test(view, pools_have_a_pace_of_their_own)
{
	view_update(&v, &s);
	s.taken_ns += SECOND;
	pools[0].filter.swaps = 50;
	s.pools_taken_ns += 2 * SECOND;
	view_update(&v, &s);
	cr_assert_eq(v.pools[0].swaps, 25);
	s.taken_ns += SECOND;
	view_update(&v, &s);
	cr_assert_eq(v.pools[0].swaps, 25);
}

Test(view, a_screen_has_what_there_is_room_for)
{
	char *out;

	s.filter.pass.packets = 1234567;
	pools[0].filter.swaps = 1;
	view_update(&v, &s);
	out = screen(100, 50);
	cr_assert(strstr(out, "1,234,567"));
	cr_assert(strstr(out, "aa00000000000000000000000000000000000000"));
	cr_assert_not(strstr(out, "bb0000"), "nothing has happened there");
	cr_assert(strstr(out, "1 of 2 pools"));
	free(out);
	for (unsigned int rows = 1; rows < 30; rows++) {
		out = screen(100, rows);
		cr_assert_leq(lines(out), rows);
		cr_assert(strstr(out, "eth0"));
		free(out);
	}
}

Test(view, without_a_node_only_what_maps_tell)
{
	char *out;

	s.node = (struct stats_node){ 0 };
	s.filter.redirect.packets = 5;
	view_update(&v, &s);
	out = screen(100, 50);
	cr_assert(strstr(out, "without a node") && strstr(out, "redirect"));
	cr_assert_not(strstr(out, "latency"));
	cr_assert_not(strstr(out, "answered"));
	free(out);
}

Test(view, sparklines_in_the_characters_there_are)
{
	char *out;

	view_update(&v, &s);
	for (__u64 i = 1; i <= 4; i++) {
		after(SECOND);
		s.worker.replied += i * 100;
		view_update(&v, &s);
	}
	out = screen(100, 50);
	cr_assert(strstr(out, "\u2581\u2583\u2586\u2588"), "%s", out);
	free(out);
	v.utf8 = false;
	out = screen(100, 50);
	cr_assert(strstr(out, "_:+#"), "%s", out);
	free(out);
}

static char *drawn(const char *text, unsigned int cols, unsigned int rows)
{
	char *out;
	size_t len;
	FILE *f = open_memstream(&out, &len);

	terminal_draw(f, text, (struct terminal_size){ cols, rows });
	fclose(f);
	return out;
}

Test(view, a_terminal_cuts_characters_not_bytes_nor_sequences)
{
	static const struct {
		const char *text;
		unsigned int cols, rows;
		const char *want;
	} cases[] = {
		{ "abc\ndef\n", 10, 5, "abc\x1b[K\ndef\x1b[K" },
		{ "abc\ndef\n", 2, 1, "ab\x1b[K" },
		{ "\x1b[1mabc\x1b[0m\n", 2, 5, "\x1b[1mab\x1b[0m\x1b[K" },
		{ "\u2581\u2582\u2583\n", 2, 5, "\u2581\u2582\x1b[K" },
		{ "", 2, 5, "" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char want[128], *out = drawn(cases[i].text, cases[i].cols, cases[i].rows);

		snprintf(want, sizeof(want), "\x1b[H%s\x1b[J", cases[i].want);
		cr_assert_str_eq(out, want);
		free(out);
	}
}
