// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Frame in, reply out, byte by byte. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "filter_world.h"
#include "hot_path.h"
#include "sandwich.h"

static struct filter_world w;

static struct hot_path hot_path(void)
{
	return (struct hot_path){
		.config = &w.config, .pools = w.pools, .pool_cnt = WORLD_POOLS, .index = w.index
	};
}

static struct mev_meta hint_of(__u16 pool)
{
	return (struct mev_meta){ .class = MEV_CLASS_SWAP,
				  .pool = pool,
				  .reserve0 = w.pools[pool].reserve0,
				  .reserve1 = w.pools[pool].reserve1,
				  .slot = 77 };
}

static void check_reply(const struct frame_spec *spec)
{
	struct hot_path hp = hot_path();
	struct mev_meta hint = hint_of(0);
	struct hot_path_reply reply;
	struct sandwich best;
	struct frame in, f;
	__u8 *p;

	frame_build(&in, spec);
	f = in;
	cr_assert_eq(hot_path_candidate(&hp, f.bytes, f.len, &hint, &reply), MEV_REPLIED);
	cr_assert_eq(reply.len, f.payload + 32);
	cr_assert_lt(reply.len, in.len, "a reply is smaller than its request");
	cr_assert_eq(reply.slot, 0);

	cr_assert_arr_eq(f.bytes, in.bytes + 6, 6, "to the sender's MAC");
	cr_assert_arr_eq(f.bytes + 6, in.bytes, 6);
	cr_assert_arr_eq(f.bytes + 12, in.bytes + 12, f.l3 - 12, "tag and type stay");
	cr_assert_arr_eq(f.bytes + f.l4, in.bytes + f.l4 + 2, 2, "ports change sides");
	cr_assert_arr_eq(f.bytes + f.l4 + 2, in.bytes + f.l4, 2);
	cr_assert_eq(get16be(f.bytes + f.l4 + 4), 40);
	p = f.bytes + f.l3;
	if (spec->ipv6) {
		cr_assert_arr_eq(p + 8, in.bytes + f.l3 + 24, 16);
		cr_assert_arr_eq(p + 24, in.bytes + f.l3 + 8, 16);
		cr_assert_eq(get16be(p + 4), 40);
		cr_assert_eq(p[7], 64);
	} else {
		cr_assert_arr_eq(p + 12, in.bytes + f.l3 + 16, 4);
		cr_assert_arr_eq(p + 16, in.bytes + f.l3 + 12, 4);
		cr_assert_eq(get16be(p + 2), f.l4 - f.l3 + 40);
		cr_assert_eq(p[8], 64);
		cr_assert_eq(ref_fold(ref_sum(0, p, f.l4 - f.l3)), 0, "IPv4 checksum");
		cr_assert_arr_eq(p + 20, in.bytes + f.l3 + 20, 4 * spec->option_words);
	}
	f.len = reply.len;
	cr_assert_eq(ref_udp_sum(&f), 0, "UDP checksum");
	cr_assert_neq(get16be(f.bytes + f.l4 + 6), 0);

	p = f.bytes + f.payload;
	cr_assert(sandwich_best(&(struct amm_side){ 1000000000000, 500000000000, 997, 1000 },
				20000000000, spec->min_amount_out, 100000000000, &best));
	cr_assert_eq(get_le(p, 8), spec->nonce);
	cr_assert_eq(get_le(p + 8, 8), best.profit);
	cr_assert_eq(get_le(p + 16, 8), best.front_in);
	cr_assert_eq(get_le(p + 24, 8), 77, "the slot of the state that was used");
}

Test(hot_path, replies_in_every_dress)
{
	static const struct frame_spec specs[] = {
		{ .nonce = 1 },
		{ .nonce = ~0ULL, .vlan = 0x8100 },
		{ .nonce = 3, .vlan = 0x88a8, .ipv6 = 1 },
		{ .nonce = 4, .ipv6 = 1 },
		{ .nonce = 5, .option_words = 10 },
		{ .nonce = 6, .padding = 30 },
		{ .nonce = 7, .min_amount_out = 9700000000 },
		{ .nonce = 8, .udp_checksum = 1 },
	};

	world_open(&w);
	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++)
		check_reply(&specs[i]);
	world_close(&w);
}

Test(hot_path, many_nonces_have_right_checksums)
{
	world_open(&w);
	for (__u64 n = 1; n <= 3000; n++)
		check_reply(&(struct frame_spec){ .nonce = n * 0x9e3779b97f4a7c15 });
	world_close(&w);
}

Test(hot_path, a_bad_hint_changes_nothing)
{
	struct hot_path_reply good, reply;
	struct mev_meta hints[5];
	struct frame want;
	struct hot_path hp;

	world_open(&w);
	hp = hot_path();
	frame_build(&want, &(struct frame_spec){ .pool = POOL_B, .nonce = 9 });
	cr_assert_eq(hot_path_candidate(&hp, want.bytes, want.len, NULL, &good), MEV_REPLIED);
	cr_assert_eq(good.slot, 1);

	hints[0] = hint_of(0), hints[0].reserve0 = 1;                     /* another pool's */
	hints[1] = hint_of(1), hints[1].class = 0, hints[1].reserve0 = 1; /* no longer valid */
	hints[2] = hint_of(1), hints[2].pool = 0xffff;                    /* out of bounds */
	hints[3] = hint_of(2), hints[3].reserve0 = hints[3].reserve1 = 5;
	memset(&hints[4], 0xff, sizeof(hints[4]));
	for (size_t i = 0; i < 5; i++) {
		FRAME(f, .pool = POOL_B, .nonce = 9);
		cr_assert_eq(hot_path_candidate(&hp, f.bytes, f.len, &hints[i], &reply),
			     MEV_REPLIED, "hint %zu", i);
		cr_assert_arr_eq(f.bytes, want.bytes, reply.len, "hint %zu", i);
	}
	world_close(&w);
}

Test(hot_path, decides_on_the_state_in_the_hint)
{
	struct hot_path_reply reply;
	struct mev_meta hint;
	struct hot_path hp;

	world_open(&w);
	hp = hot_path();
	hint = hint_of(0);
	hint.reserve0 = 1000, hint.reserve1 = ~0ULL >> 8;
	w.pools[0].reserve0 = w.pools[0].reserve1 = 0x7fffffffffffffff; /* an update overtook it */
	FRAME(f, 0);
	cr_assert_eq(hot_path_candidate(&hp, f.bytes, f.len, &hint, &reply), MEV_REPLIED);
	world_close(&w);
}

Test(hot_path, a_hint_does_not_wait_for_a_writer)
{
	struct hot_path_reply reply;
	struct mev_meta hint;
	struct hot_path hp;

	world_open(&w);
	hp = hot_path();
	hint = hint_of(0);
	w.pools[0].lock = 1; /* one in a million market frames met a writer that was preempted */
	FRAME(f, 0);
	cr_assert_eq(hot_path_candidate(&hp, f.bytes, f.len, &hint, &reply), MEV_REPLIED);
	FRAME(again, 0);
	cr_assert_eq(hot_path_candidate(&hp, again.bytes, again.len, NULL, &reply), MEV_POOL_BUSY);
	world_close(&w);
}

Test(hot_path, takes_no_frame_that_is_no_candidate)
{
	struct hot_path_reply reply;
	struct mev_meta hint;
	struct hot_path hp;

	world_open(&w);
	hp = hot_path();
	hint = hint_of(0);
	for (size_t i = 0; i < FIXTURE_CNT; i++) {
		const struct fixture *x = &fixtures[i];
		enum mev_verdict v;
		struct frame f, before;

		/* Economics it judges by itself; updates and broken frames it refuses. */
		if (x->verdict >= MEV_BELOW_BREAK_EVEN && x->verdict <= MEV_REDIRECT)
			continue;
		w.config.flags = x->flags;
		fixture_frame(&f, x);
		before = f;
		v = hot_path_candidate(&hp, f.bytes, f.len, &hint, &reply);
		cr_assert_eq(v, MEV_REJECTED, "%s: %s", x->name, mev_verdict_name(v));
		cr_assert_arr_eq(f.bytes, before.bytes, f.len, "%s was written to", x->name);
	}
	world_close(&w);
}

Test(hot_path, scribbled_maps_do_not_crash)
{
	struct hot_path_reply reply;
	struct mev_meta hint;
	struct hot_path hp;
	unsigned int seed = 3;

	world_open(&w);
	hp = hot_path();
	for (int i = 0; i < 100000; i++) {
		__u8 *line = (__u8 *)&w.pools[0], *cfg = (__u8 *)&w.config;

		world_reset_pools(w.pools);
		world_config(&w.config, 0);
		hint = hint_of(0);
		for (int k = 0; k < 8; k++) {
			line[4 + (unsigned int)rand_r(&seed) % 48] = (__u8)rand_r(&seed);
			cfg[16 + (unsigned int)rand_r(&seed) % 20] = (__u8)rand_r(&seed);
			((__u8 *)&hint)[(unsigned int)rand_r(&seed) % 32] = (__u8)rand_r(&seed);
		}
		FRAME(f, 0);
		hot_path_candidate(&hp, f.bytes, f.len, i & 1 ? &hint : NULL, &reply);
	}
	world_close(&w);
}

Test(hot_path, records_of_a_stream_meet_the_verdicts_of_frames)
{
	static const struct {
		struct frame_spec spec;
		enum mev_verdict verdict;
	} rows[] = {
		{ { .nonce = 5 }, MEV_REPLIED },
		{ { .pool = POOL_B, .direction = 1 }, MEV_REPLIED },
		{ { .direction = 2 }, MEV_BAD_FIELD },
		{ { .amount_in = 999999 }, MEV_BELOW_MIN },
		{ { .pool = POOL_NOBODYS }, MEV_UNKNOWN_POOL },
		{ { .pool = POOL_EMPTY }, MEV_NO_STATE },
		{ { .amount_in = 3000000000 }, MEV_BELOW_BREAK_EVEN },
		{ { .min_amount_out = ~0ULL }, MEV_VICTIM_REVERTS },
		{ { .min_amount_out = 9775084808 }, MEV_UNPROFITABLE },
	};
	struct hot_path hp;

	world_open(&w);
	hp = hot_path();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct swap_reply reply = { 0 };
		struct hot_path_reply framed;
		enum mev_verdict got;
		struct frame f;
		__u32 slot = 9;

		frame_build(&f, &rows[i].spec);
		got = hot_path_record(&hp, (void *)(f.bytes + f.payload), &reply, &slot);
		cr_assert_eq(got, rows[i].verdict, "row %zu: %s", i, mev_verdict_name(got));
		if (got != MEV_REPLIED)
			continue;
		cr_assert_eq(slot, rows[i].spec.pool ? 1 : 0);
		cr_assert_eq(hot_path_candidate(&hp, f.bytes, f.len, NULL, &framed), MEV_REPLIED);
		cr_assert_arr_eq(f.bytes + f.payload, &reply, sizeof(reply), "row %zu", i);
	}
	w.pools[0].lock = 1;
	FRAME(f, 0);
	cr_assert_eq(hot_path_record(&hp, (void *)(f.bytes + f.payload), &(struct swap_reply){ 0 },
				     &(__u32){ 0 }),
		     MEV_POOL_BUSY);
	world_close(&w);
}
