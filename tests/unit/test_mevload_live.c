// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What live frames are made of.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "live_kinds.h"
#include "log.h"
#include "random.h"

static struct config config;
static struct frame_rules rules;
static struct live_frames *set;

static void prepare(void)
{
	cr_assert_eq(config_default(&config), 0);
	rules = (struct frame_rules){
		.config = &config,
		.ends = { .to_mac = { 2, 0, 0, 0, 0, 1 },
			  .from_mac = { 2, 0, 0, 0, 0, 2 },
			  .to_ip = 0x0245a8c0,
			  .from_ip = 0x0145a8c0,
			  .to_port = 8080,
			  .from_port = 40000,
			  .from_port_last = 40006 },
	};
	set = calloc(1, sizeof(*set));
}

static void clean(void)
{
	free(set);
	config_free(&config);
}

TestSuite(mevload_live, .init = prepare, .fini = clean);

Test(mevload_live, a_mix_is_taken_whole_or_refused)
{
	static const char *const bad[] = { "",
					   "candidate",
					   "candidate=",
					   "candidate=1,",
					   "candidate=0",
					   "candidate=65536",
					   "candidate=-1",
					   "candidates=1",
					   "candidate=1;foreign=1",
					   ",candidate=1" };
	struct live_mix mix;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert(!live_mix_parse(bad[i], &mix), "%s", bad[i]);
	cr_assert(live_mix_parse("candidate=1,foreign=63", &mix));
	cr_assert(mix.weight[LIVE_CANDIDATE] == 1 && mix.weight[LIVE_FOREIGN] == 63);
	cr_assert_eq(mix.weight[LIVE_MALFORMED], 0);
}

Test(mevload_live, shares_add_up_and_none_is_left_out)
{
	__u32 cnt[LIVE_KIND_CNT];
	__u64 random = 3;

	live_mix_counts(&(struct live_mix){ .weight = { 1, 63 } }, cnt);
	cr_assert(cnt[0] == 32 && cnt[1] == 2016);
	live_mix_counts(&(struct live_mix){ .weight = { 1, 1, 1 } }, cnt);
	cr_assert_eq(cnt[0] + cnt[1] + cnt[2], LIVE_FRAMES);
	for (int k = 0; k < 3; k++)
		cr_assert(cnt[k] == 682 || cnt[k] == 683);
	live_mix_counts(&(struct live_mix){ .weight = { 1, 65535, 1, 1, 1, 1, 1 } }, cnt);
	for (int k = 0; k < LIVE_KIND_CNT; k++)
		cr_assert_eq(cnt[k], k == 1 ? LIVE_FRAMES - 6 : 1);
	for (int run = 0; run < 1000; run++) {
		struct live_mix mix = { 0 };
		__u32 sum = 0;

		for (int k = 0; k < LIVE_KIND_CNT; k++)
			mix.weight[k] =
				(__u32)(random_below(&random, 2) * random_below(&random, 65536));
		mix.weight[run % LIVE_KIND_CNT]++;
		live_mix_counts(&mix, cnt);
		for (int k = 0; k < LIVE_KIND_CNT; k++) {
			cr_assert_eq(!cnt[k], !mix.weight[k]);
			sum += cnt[k];
		}
		cr_assert_eq(sum, LIVE_FRAMES);
	}
}

Test(mevload_live, each_frame_meets_the_verdict_of_its_kind)
{
	static const struct live_mix mix = { .weight = { 1, 1, 1, 1, 1, 1, 1 } };
	__u32 kinds[LIVE_KIND_CNT] = { 0 }, verdicts[MEV_VERDICT_CNT + 1] = { 0 };
	struct oracle *oracle;

	cr_assert_eq(live_mix_make(set, &rules, &mix, 1), 0);
	cr_assert_eq(oracle_open(&oracle, &rules), 0);
	for (__u32 i = 0; i < LIVE_FRAMES; i++) {
		cr_assert_eq(oracle_verdict(oracle, set->bytes[i], LIVE_LEN), set->verdict[i]);
		cr_assert(live_kind_is(set->verdict[i], set->kind[i]));
		kinds[set->kind[i]]++;
		verdicts[set->verdict[i]]++;
	}
	oracle_close(oracle);
	for (int k = 0; k < LIVE_KIND_CNT; k++)
		cr_assert(kinds[k] == 292 || kinds[k] == 293);
	for (__u32 v = MEV_MALFORMED; v <= MEV_BAD_FIELD; v++)
		cr_assert_geq(verdicts[v], 73, "%s", mev_verdict_name(v));
}

/* Frames that are not ours are whole: what else reads them finds nothing wrong with them. */
Test(mevload_live, foreign_frames_are_of_four_protocols)
{
	static const struct live_mix mix = { .weight = { [LIVE_FOREIGN] = 1 } };
	__u32 udp4 = 0, udp6 = 0, arp = 0, tcp = 0;

	cr_assert_eq(live_mix_make(set, &rules, &mix, 1), 0);
	for (__u32 i = 0; i < LIVE_FRAMES; i++) {
		__u8 *frame = (__u8 *)set->bytes[i];
		const struct eth_hdr *eth = (void *)frame;
		struct packet p = { .ip4 = (struct ipv4_hdr *)(eth + 1), .v4 = 1, .ip4_len = 20 };

		if (eth->type == MEV_HTONS(MEV_ETH_P_IP))
			cr_assert(packet_ip4_sum_ok(&p, frame + LIVE_LEN));
		tcp += eth->type == MEV_HTONS(MEV_ETH_P_IP) && p.ip4->proto == 6;
		arp += eth->type == MEV_HTONS(MEV_ETH_P_ARP);
		if (!packet_find_udp(frame, frame + LIVE_LEN, &p))
			continue;
		cr_assert(packet_lengths_fit(&p, frame + LIVE_LEN));
		udp4 += p.v4;
		udp6 += !p.v4;
	}
	cr_assert(udp4 == 512 && udp6 == 512 && arp == 512 && tcp == 512);
}

Test(mevload_live, a_seed_is_an_order)
{
	static const struct live_mix mix = { .weight = { 1, 3 } };
	struct live_frames *other = calloc(1, sizeof(*other));

	cr_assert_eq(live_mix_make(set, &rules, &mix, 7), 0);
	cr_assert_eq(live_mix_make(other, &rules, &mix, 7), 0);
	cr_assert_arr_eq(set, other, sizeof(*set));
	cr_assert_eq(live_mix_make(other, &rules, &mix, 8), 0);
	cr_assert_arr_neq(set, other, sizeof(*set));
	free(other);
}

Test(mevload_live, what_is_due_goes_on_over_laps)
{
	static const struct live_mix mix = { .weight = { 1, 3 } };
	__u64 due[MEV_VERDICT_CNT + 1] = { 0 }, replied = 0;

	cr_assert_eq(live_mix_make(set, &rules, &mix, 1), 0);
	for (__u64 i = 0; i < 3 * LIVE_FRAMES + 100; i++)
		replied += set->verdict[i % LIVE_FRAMES] == MEV_REPLIED;
	live_mix_due(set, 3 * LIVE_FRAMES + 100, due);
	cr_assert_eq(due[MEV_REPLIED], replied);
	cr_assert_eq(due[MEV_PASS], 3 * LIVE_FRAMES + 100 - replied);
	live_mix_due(set, LIVE_FRAMES, due);
	cr_assert_eq(due[MEV_REPLIED], replied + 512);
}

Test(mevload_live, a_kind_that_the_pools_do_not_have_is_an_error)
{
	static const struct live_mix mix = { .weight = { [LIVE_BREAK_EVEN] = 1 } };
	char line[256];

	log_hold_errors(line, sizeof(line));
	for (__u32 i = 0; i < config.pool_cnt; i++)
		config.pools[i].reserve0 = config.pools[i].reserve1 = 0;
	cr_assert_eq(live_mix_make(set, &rules, &mix, 1), -22);
	cr_assert(strstr(line, "break_even"));
	config.pool_cnt = 0;
	log_hold_errors(line, sizeof(line));
	cr_assert_eq(live_mix_make(set, &rules, &mix, 1), -22);
	cr_assert(strstr(line, "no pools"));
	log_hold_errors(NULL, 0);
}
