// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "frame.h"
#include "frames.h"
#include "hist.h"
#include "matcher.h"
#include "random.h"
#include "sandwich.h"
#include "schedule.h"

/* ------------------------------------------------------------------ schedule */

Test(mevload_schedule, even_gaps_do_not_drift)
{
	static const __u64 rates[] = { 1, 3, 7, 1000, 333333, 1000000, 99999989 };

	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		struct schedule s;

		schedule_init(&s, rates[i], false, 1);
		for (__u64 k = 0; k < 100000; k++)
			cr_assert_eq(schedule_take(&s),
				     (__u64)((unsigned __int128)k * 1000000000 / rates[i]));
	}
}

Test(mevload_schedule, poisson_has_the_mean_and_the_spread_of_an_exponential)
{
	const __u64 cnt = 1000000, rate = 250000; /* a mean gap of 4,000 ns */
	double sum = 0, squares = 0;
	__u64 longer = 0, before = 0;
	struct schedule s;

	schedule_init(&s, rate, true, 42);
	cr_assert_eq(schedule_take(&s), 0);
	for (__u64 k = 0; k < cnt; k++) {
		__u64 at = schedule_take(&s);
		double gap = (double)(at - before);

		cr_assert_geq(at, before);
		before = at;
		sum += gap;
		squares += gap * gap;
		longer += gap > 8000;
	}
	/* The standard error of the mean is 0.1 % of it; the seed is fixed. */
	cr_assert_float_eq(sum / (double)cnt, 4000, 20);
	cr_assert_float_eq(sqrt(squares / (double)cnt - 4000. * 4000.), 4000, 40);
	cr_assert_float_eq((double)longer / (double)cnt, exp(-2), 0.002);
}

Test(mevload_schedule, a_seed_is_a_schedule)
{
	struct schedule a, b, c;
	int same = 0;

	schedule_init(&a, 1000, true, 7);
	schedule_init(&b, 1000, true, 7);
	schedule_init(&c, 1000, true, 8);
	for (int i = 0; i < 1000; i++) {
		__u64 at = schedule_take(&a);

		cr_assert_eq(at, schedule_take(&b));
		same += at == schedule_take(&c);
	}
	cr_assert_lt(same, 10);
}

/* ------------------------------------------------------------------ histogram */

Test(mevload_hist, buckets_are_contiguous_and_within_a_thousandth)
{
	__u64 v = 0;

	for (__u32 b = 0; b < HIST_BUCKETS; b++) {
		__u64 top = hist_bucket_top(b);

		cr_assert_eq(hist_bucket(v), b, "lowest of bucket %u", b);
		cr_assert_eq(hist_bucket(top), b, "highest of bucket %u", b);
		cr_assert_leq(top - v, v / HIST_SUB);
		v = top + 1;
	}
	cr_assert_eq(v, 1ULL << HIST_MAX_BITS);
	cr_assert_eq(hist_bucket(~0ULL), HIST_BUCKETS - 1);
}

Test(mevload_hist, percentiles_of_a_known_distribution)
{
	struct hist *h = calloc(1, sizeof(*h));

	cr_assert_eq(hist_percentile(h, 50), 0);
	for (__u64 v = 1; v <= 100000; v++)
		hist_record(h, v);
	cr_assert_eq(h->min, 1);
	cr_assert_eq(h->max, 100000);
	cr_assert_float_eq(hist_mean(h), 50000.5, 1e-6);
	cr_assert_eq(hist_percentile(h, 0), 1);
	for (double p = 1; p < 100; p += 0.5) {
		double exact = p * 1000, got = (double)hist_percentile(h, p);

		cr_assert(got >= exact && got <= exact * 1.001, "p%g is %g", p, got);
	}
	cr_assert_eq(hist_percentile(h, 100), 100000);
	hist_record(h, ~0ULL); /* beyond the last bucket: still the maximum */
	cr_assert_eq(hist_percentile(h, 100), ~0ULL);
	free(h);
}

/* What a reader of the file gets: the lines that are not comments. */
Test(mevload_hist, the_percentile_file_is_what_plotters_expect)
{
	struct hist *h = calloc(1, sizeof(*h));
	double value, percentile, inverse, last_value = 0, last_percentile = -1;
	unsigned long long total, last_total = 0;
	int rows = 0, comments = 0;
	char line[256];
	FILE *f = tmpfile();

	for (int i = 0; i < 9999; i++)
		hist_record(h, 2000 + (__u64)i % 100);
	hist_record(h, 70000);
	cr_assert_eq(hist_write_hdr(h, f), 0);
	rewind(f);
	cr_assert(fgets(line, sizeof(line), f) && strstr(line, "1/(1-Percentile)"));
	while (fgets(line, sizeof(line), f)) {
		int got = sscanf(line, "%lf %lf %llu %lf", &value, &percentile, &total, &inverse);

		comments += line[0] == '#';
		if (got < 3)
			continue;
		cr_assert_geq(value, last_value);
		cr_assert_gt(percentile, last_percentile);
		cr_assert_geq(total, last_total);
		if (got == 4)
			cr_assert_float_eq(inverse, 1 / (1 - percentile), inverse / 100);
		last_value = value;
		last_percentile = percentile;
		last_total = total;
		rows++;
	}
	cr_assert_gt(rows, 20);
	cr_assert_eq(comments, 3);
	cr_assert_float_eq(last_value, 70, 1e-9);
	cr_assert_float_eq(last_percentile, 1, 1e-9);
	cr_assert_eq(last_total, 10000);
	fclose(f);
	free(h);
}

/* ------------------------------------------------------------------ frames */

static const struct frame_ends ends = {
	.to_mac = NODE_MAC,
	.from_mac = PEER_MAC,
	.to_ip = 0x0245a8c0, /* 192.168.69.2 as it lies in memory */
	.from_ip = 0x0145a8c0,
	.to_port = 8080,
	.from_port = 40000,
	.from_port_last = 40002,
};

static struct config config;
static struct frame_rules rules;

static void prepare(void)
{
	cr_assert_eq(config_default(&config), 0);
	rules = (struct frame_rules){ .config = &config, .ends = ends, .longest = 1514 };
}

static void clean(void)
{
	config_free(&config);
}

/* A frame of the set with its offsets, for what frame.h computes. */
static struct frame frame_of(const struct frame_set *s, __u32 i)
{
	struct frame f = { .len = s->frames[i].len,
			   .l3 = s->frames[i].record_off - 28u,
			   .l4 = s->frames[i].record_off - 8u,
			   .payload = s->frames[i].record_off };

	memcpy(f.bytes, s->bytes + s->frames[i].off, f.len);
	return f;
}

TestSuite(mevload_frames, .init = prepare, .fini = clean);

Test(mevload_frames, each_generated_swap_has_the_reply_of_the_economics)
{
	struct frame_set s;

	cr_assert_eq(frames_generate(&s, &rules, 1000, 3), 0);
	cr_assert(s.cnt == 1000 && s.due_cnt == 1000 && s.due_known);
	for (__u32 i = 0; i < s.cnt; i++) {
		struct frame f = frame_of(&s, i);
		const __u8 *tx = f.bytes + f.payload, *reply = s.frames[i].reply;
		struct amm_side side = { 1000000000000, 500000000000, 997, 1000 };
		struct sandwich best;

		if (tx[44])
			side = (struct amm_side){ side.rout, side.rin, 997, 1000 };
		cr_assert_eq(s.frames[i].expect, EXPECT_REPLY);
		cr_assert_eq(s.frames[i].reply_len, 32);
		cr_assert(sandwich_best(&side, get_le(tx + 28, 8), get_le(tx + 36, 8), 100000000000,
					&best));
		cr_assert_eq(get_le(reply + 8, 8), best.profit);
		cr_assert_eq(get_le(reply + 16, 8), best.front_in);
		cr_assert_eq(get_le(reply + 24, 8), 0);
		cr_assert_eq(f.len, 90);
		cr_assert_eq(ref_fold(ref_sum(0, f.bytes + 14, 20)), 0, "IPv4 checksum");
		cr_assert_eq(ref_udp_sum(&f), 0, "UDP checksum");
		cr_assert_eq(get16be(f.bytes + f.l4), 40000 + i % 3, "ports in turn");
	}
	frames_free(&s);
}

Test(mevload_frames, a_seed_is_a_set)
{
	struct frame_set a, b, c;

	cr_assert_eq(frames_generate(&a, &rules, 100, 3), 0);
	cr_assert_eq(frames_generate(&b, &rules, 100, 3), 0);
	cr_assert_eq(frames_generate(&c, &rules, 100, 4), 0);
	cr_assert_eq(memcmp(a.bytes, b.bytes, a.size), 0);
	cr_assert_neq(memcmp(a.bytes, c.bytes, a.size), 0);
	frames_free(&a);
	frames_free(&b);
	frames_free(&c);
}

Test(mevload_frames, pools_that_yield_nothing_are_an_error)
{
	struct frame_set s;

	config.node.min_profit = ~0ULL;
	cr_assert_eq(frames_generate(&s, &rules, 10, 3), -EINVAL);
	config.node.min_profit = 1;
	config.pools[0].reserve0 = config.pools[0].reserve1 = 0;
	cr_assert_eq(frames_generate(&s, &rules, 10, 3), 0, "the other pool has reserves");
	frames_free(&s);
	config.pools[1].reserve0 = config.pools[1].reserve1 = 0;
	cr_assert_eq(frames_generate(&s, &rules, 10, 3), -EINVAL);
	config.pool_cnt = 0;
	cr_assert_eq(frames_generate(&s, &rules, 10, 3), -EINVAL);
}

Test(mevload_frames, an_echo_is_the_swap_itself)
{
	struct frame_set s;

	rules.echo = true;
	cr_assert_eq(frames_generate(&s, &rules, 10, 3), 0);
	for (__u32 i = 0; i < s.cnt; i++) {
		struct frame f = frame_of(&s, i);

		cr_assert_eq(s.frames[i].reply_len, 48);
		cr_assert_arr_eq(s.frames[i].reply, f.bytes + f.payload, 48);
	}
	frames_free(&s);
}

Test(mevload_frames, a_nonce_leaves_a_right_sum_right_a_wrong_one_wrong_and_none_none)
{
	struct frame_spec spec = { .nonce = 0x0123456789abcdef, .udp_checksum = 1 };
	__u64 random = 5;
	struct frame f;

	for (int i = 0; i < 100000; i++) {
		__u64 nonce = i < 4 ? (i & 1 ? ~0ULL : 0) : random_next(&random);

		if (i % 1000 == 0) {
			spec.ipv6 = !spec.ipv6;
			frame_build(&f, &spec);
		}
		frame_set_nonce(f.bytes + f.payload, nonce);
		cr_assert_eq(get_le(f.bytes + f.payload, 8), nonce);
		cr_assert_eq(ref_udp_sum(&f), 0);
		cr_assert_neq(get16be(f.bytes + f.l4 + 6), 0);
	}
	put16be(f.bytes + f.l4 + 6, get16be(f.bytes + f.l4 + 6) ^ 0x1234);
	frame_set_nonce(f.bytes + f.payload, 77);
	cr_assert_neq(ref_udp_sum(&f), 0);
	put16be(f.bytes + f.l4 + 6, 0);
	frame_set_nonce(f.bytes + f.payload, 78);
	cr_assert_eq(get16be(f.bytes + f.l4 + 6), 0);
}

/* ------------------------------------------------------------------ captures */

struct pcap_file {
	char path[32];
	__u8 bytes[4096];
	size_t len;
	int swapped;
};

static void put32(struct pcap_file *p, __u32 v)
{
	if (p->swapped)
		v = __builtin_bswap32(v);
	memcpy(p->bytes + p->len, &v, 4);
	p->len += 4;
}

static void pcap_begin(struct pcap_file *p, __u32 magic, __u32 link)
{
	p->len = 0;
	put32(p, magic);
	put32(p, p->swapped ? 2u << 16 | 4 : 4u << 16 | 2);
	put32(p, 0);
	put32(p, 0);
	put32(p, 65535);
	put32(p, link);
}

static void pcap_add(struct pcap_file *p, const struct frame_spec *spec)
{
	struct frame f;

	frame_build(&f, spec);
	put32(p, 1);
	put32(p, 2);
	put32(p, f.len);
	put32(p, f.len);
	memcpy(p->bytes + p->len, f.bytes, f.len);
	p->len += f.len;
}

static int read_back(struct pcap_file *p, size_t len, struct frame_set *s)
{
	int fd, err;

	strcpy(p->path, "/tmp/test_mevload_XXXXXX");
	fd = mkstemp(p->path);
	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, p->bytes, len), (ssize_t)len);
	close(fd);
	err = frames_from_pcap(s, &rules, p->path);
	unlink(p->path);
	return err;
}

static const struct frame_spec profitable = { .nonce = 1 };
static const struct frame_spec too_small = { .nonce = 2, .amount_in = 1000001 };
static const struct frame_spec update = { .update = 1, .reserve0 = 7, .reserve1 = 9, .seq = 1 };
static const struct frame_spec odd_length = { .nonce = 3, .padding = 3, .vlan = 0x8100 };

Test(mevload_frames, captures_of_every_byte_order_and_time_unit)
{
	static const __u32 magics[] = { 0xa1b2c3d4, 0xa1b23c4d };

	for (int i = 0; i < 4; i++) {
		struct pcap_file p = { .swapped = i & 1 };
		struct frame_set s;

		pcap_begin(&p, magics[i / 2], 1);
		pcap_add(&p, &profitable);
		pcap_add(&p, &odd_length);
		pcap_add(&p, &too_small);
		cr_assert_eq(read_back(&p, p.len, &s), 0);
		cr_assert(s.cnt == 3 && s.due_known && s.due_cnt == 2);
		cr_assert_eq(s.frames[0].expect, EXPECT_REPLY);
		cr_assert_eq(s.frames[1].expect, EXPECT_REPLY);
		cr_assert_eq(s.frames[2].expect, EXPECT_NOTHING);
		cr_assert_eq(s.frames[2].record_off, 42, "its nonce is ours all the same");
		cr_assert_eq(get_le(s.bytes + s.frames[1].off + s.frames[1].record_off, 8), 3);
		cr_assert_eq(s.frames[1].off % 2 + s.frames[2].off % 2, 0);
		frames_free(&s);
	}
}

Test(mevload_frames, an_update_makes_due_unknown_unless_it_is_left_out)
{
	struct pcap_file p = { 0 };
	struct frame_set s;

	pcap_begin(&p, 0xa1b2c3d4, 1);
	pcap_add(&p, &profitable);
	pcap_add(&p, &update);
	cr_assert_eq(read_back(&p, p.len, &s), 0);
	cr_assert(s.cnt == 2 && !s.due_known && s.due_cnt == 0);
	cr_assert_eq(s.frames[0].expect, EXPECT_MAYBE);
	cr_assert_eq(s.frames[1].expect, EXPECT_NOTHING);
	frames_free(&s);

	rules.records_only = true;
	cr_assert_eq(read_back(&p, p.len, &s), 0);
	cr_assert(s.cnt == 1 && s.due_known && s.due_cnt == 1);
	frames_free(&s);
}

Test(mevload_frames, a_capture_cut_anywhere_is_refused)
{
	struct pcap_file p = { 0 };
	size_t whole[3], found = 0;
	struct frame_set s;

	pcap_begin(&p, 0xa1b23c4d, 1);
	for (int i = 0; i < 3; i++) {
		pcap_add(&p, &profitable);
		whole[i] = p.len;
	}
	for (size_t len = 0; len <= p.len; len++) {
		if (len == whole[found]) {
			cr_assert_eq(read_back(&p, len, &s), 0);
			cr_assert_eq(s.cnt, ++found);
			frames_free(&s);
		} else {
			cr_assert_neq(read_back(&p, len, &s), 0, "cut at %zu", len);
		}
	}
}

Test(mevload_frames, captures_of_something_else_are_refused)
{
	struct pcap_file p = { 0 };
	struct frame_set s;

	pcap_begin(&p, 0x0a0d0d0a, 1); /* pcapng */
	pcap_add(&p, &profitable);
	cr_assert_eq(read_back(&p, p.len, &s), -EINVAL);
	pcap_begin(&p, 0xa1b2c3d4, 113); /* Linux cooked */
	pcap_add(&p, &profitable);
	cr_assert_eq(read_back(&p, p.len, &s), -EINVAL);
	rules.records_only = true;
	pcap_begin(&p, 0xa1b2c3d4, 1);
	pcap_add(&p, &update); /* nothing that a socket would send */
	cr_assert_eq(read_back(&p, p.len, &s), -EINVAL);
	cr_assert_eq(frames_from_pcap(&s, &rules, "/nonexistent"), -ENOENT);
}

/* ------------------------------------------------------------------ matcher */

static struct frame_set set;
static struct matcher m;

static void prepare_matcher(void)
{
	struct pcap_file p = { 0 };

	prepare();
	pcap_begin(&p, 0xa1b2c3d4, 1);
	pcap_add(&p, &profitable);
	pcap_add(&p, &too_small);
	cr_assert_eq(read_back(&p, p.len, &set), 0);
	cr_assert_eq(matcher_open(&m, &set), 0);
}

static void clean_matcher(void)
{
	matcher_close(&m);
	frames_free(&set);
	clean();
}

/* The right reply to the count-th send of frame 0. */
static void reply_to(__u64 count, __u8 reply[32])
{
	memcpy(reply, set.frames[0].reply, 32);
	put_le(reply, matcher_nonce(&m, count), 8);
}

static void arrive(__u64 count, __u64 now_ns)
{
	__u8 reply[32];

	reply_to(count, reply);
	matcher_arrived(&m, reply, sizeof(reply), now_ns);
}

TestSuite(mevload_matcher, .init = prepare_matcher, .fini = clean_matcher);

Test(mevload_matcher, a_reply_is_matched_once_and_timed_from_the_intended_send)
{
	matcher_sent(&m, 0, 1000, false);
	matcher_sent(&m, 0, 2000, true);
	cr_assert_eq(m.waiting, 2);
	arrive(1, 2500);
	arrive(0, 9000);
	cr_assert_eq(m.waiting, 0);
	cr_assert(matcher_complete(&m));
	cr_assert_eq(m.warmup.received, 1);
	cr_assert_eq(m.measured.received, 1);
	cr_assert_eq(m.reordered, 1);
	cr_assert(m.latency->count == 1 && m.latency->max == 500, "the warm-up does not count");
	arrive(1, 9000);
	cr_assert_eq(m.measured.duplicated, 1);
	cr_assert_eq(m.measured.received, 1);
	cr_assert_eq(m.latency->count, 1);
}

Test(mevload_matcher, every_field_is_compared)
{
	__u8 reply[48] = { 0 };

	for (__u64 i = 0; i < 24; i++) {
		matcher_sent(&m, 0, 0, true);
		reply_to(i, reply);
		reply[8 + i] ^= 1;
		matcher_arrived(&m, reply, 32, 1);
		cr_assert_eq(m.measured.wrong, i + 1, "byte %llu", (unsigned long long)(8 + i));
	}
	matcher_sent(&m, 0, 0, true);
	reply_to(24, reply);
	matcher_arrived(&m, reply, 48, 1);
	cr_assert_eq(m.measured.wrong, 25, "too long");
	cr_assert_eq(m.measured.received, 25);
	cr_assert_eq(m.unexpected, 0);
}

Test(mevload_matcher, a_reply_to_what_deserves_none_is_wrong)
{
	matcher_sent(&m, 1, 0, true);
	cr_assert(m.waiting == 0 && m.measured.due == 0 && m.measured.sent == 1);
	arrive(0, 1);
	cr_assert_eq(m.measured.wrong, 1);
	cr_assert_eq(m.measured.received, 0);
}

Test(mevload_matcher, what_was_never_sent_is_unexpected)
{
	__u8 reply[32];

	matcher_sent(&m, 0, 0, true);
	arrive(1, 1); /* not yet */
	reply_to(0, reply);
	reply[7] ^= 1; /* of another run */
	matcher_arrived(&m, reply, 32, 1);
	matcher_arrived(&m, reply, 7, 1);
	matcher_arrived(&m, NULL, 0, 1);
	cr_assert_eq(m.unexpected, 4);
	cr_assert_eq(m.measured.received, 0);
	cr_assert_eq(m.waiting, 1);
}

Test(mevload_matcher, one_that_timed_out_is_not_waited_for_but_counts_when_it_comes)
{
	matcher_sent(&m, 0, 100, true);
	matcher_sent(&m, 0, 200, true);
	matcher_expire(&m, 150);
	cr_assert_eq(m.waiting, 1);
	arrive(0, 1000);
	cr_assert_eq(m.waiting, 1);
	cr_assert(m.measured.received == 1 && m.measured.late == 1);
	cr_assert_eq(m.latency->max, 900, "however long it took");
	arrive(1, 1000);
	matcher_expire(&m, 5000);
	cr_assert(m.waiting == 0 && m.measured.late == 1);
}

Test(mevload_matcher, what_the_table_forgot_is_late_and_lost)
{
	for (__u64 i = 0; i < MATCHER_ROOM + 10; i++)
		matcher_sent(&m, 0, i, true);
	cr_assert_eq(m.waiting, MATCHER_ROOM);
	arrive(9, MATCHER_ROOM);
	cr_assert(m.measured.late == 1 && m.measured.received == 0 && m.measured.duplicated == 0);
	arrive(10, MATCHER_ROOM);
	cr_assert_eq(m.measured.received, 1);
	matcher_expire(&m, ~0ULL);
	cr_assert_eq(m.waiting, 0);
}
