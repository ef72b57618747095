// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The two engines: what the XDP program answers by itself is, byte for byte, what userspace answers
 * to the same frame, and what it does not answer comes to userspace as it was.
 */
#include "econ_rows.h"
#include "hot_path.h"
#include "latency_hist.h"
#include "prog_world.h"
#include "sandwich.h"

#define CANDIDATES 1000000

static struct prog_world w;
static struct filter_world user;
static struct hot_path hp;

static void open_both(void)
{
	prog_open(&w);
	world_open(&user);
	w.config->engine = MEV_ENGINE_KERNEL;
	w.config->min_amount_in = user.config.min_amount_in = 0;
	hp = (struct hot_path){ .config = &user.config,
				.pools = user.pools,
				.pool_cnt = WORLD_POOLS,
				.index = user.index };
	prog_sync(&w);
}

static void close_both(void)
{
	prog_close(&w);
	world_close(&user);
}

struct outcome {
	__u32 action, len;
	__u8 bytes[FRAME_ROOM];
};

/* One frame through the program; no counters are read, which would take most of the time. */
static void drive(const struct frame *f, struct outcome *out)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f->bytes, .data_size_in = f->len,
		    .data_out = out->bytes, .data_size_out = sizeof(out->bytes));

	cr_assert_eq(bpf_prog_test_run_opts(w.prog_fd, &opts), 0, "test_run: %s", strerror(errno));
	out->action = opts.retval;
	out->len = opts.data_size_out;
}

/* A candidate both ways. True: the driver settled it. */
static bool same_answer(const struct frame *f, const char *what)
{
	struct hot_path_reply reply;
	struct frame mine = *f;
	static struct outcome got;
	enum mev_verdict verdict = hot_path_candidate(&hp, mine.bytes, mine.len, NULL, &reply);

	drive(f, &got);
	switch (got.action) {
	case XDP_TX:
		cr_assert_eq(verdict, MEV_REPLIED, "%s: answered, userspace says %s", what,
			     mev_verdict_name(verdict));
		cr_assert_eq(got.len, reply.len, "%s: %u bytes instead of %u", what, got.len,
			     reply.len);
		cr_assert_arr_eq(got.bytes, mine.bytes, reply.len, "%s: other bytes", what);
		return true;
	case XDP_DROP:
		cr_assert_eq(verdict, MEV_UNPROFITABLE, "%s: dropped, userspace says %s", what,
			     mev_verdict_name(verdict));
		return true;
	default:
		cr_assert_eq(got.action, XDP_REDIRECT, "%s: action %u", what, got.action);
		cr_assert_eq(got.len, f->len + sizeof(struct mev_meta));
		cr_assert_arr_eq(got.bytes + sizeof(struct mev_meta), f->bytes, f->len,
				 "%s: changed on its way up", what);
		return false;
	}
}

/* A pool and a swap as both sides see them, in some dress. False: no candidate. */
static bool dress(const struct econ_row *r, __u64 *seed, enum sandwich_strategy strategy,
		  struct frame *f)
{
	static const int tags[] = { 0, 0, 0x8100, 0x88a8 };
	__u8 direction = (__u8)econ_pick(seed, 2);
	struct mev_pool pool = {
		.reserve0 = direction ? r->pool.rout : r->pool.rin,
		.reserve1 = direction ? r->pool.rin : r->pool.rout,
		.slot = econ_pick(seed, 1u << 31),
		.kappa_q64 = amm_kappa_q64(r->pool.n, r->pool.d),
		.fee_n = r->pool.n,
		.fee_d = r->pool.d,
	};
	bool ipv6 = !econ_pick(seed, 3);
	struct frame copy;
	__u32 slot;

	memcpy(pool.address_head, POOL_A, MEV_POOL_HEAD_LEN);
	w.pools[0] = user.pools[0] = pool;
	w.config->capital = user.config.capital = r->capital;
	w.config->strategy = user.config.strategy = strategy;
	frame_build(f, &(struct frame_spec){
			       .vlan = tags[econ_pick(seed, 4)],
			       .ipv6 = ipv6,
			       .option_words =
				       ipv6 || econ_pick(seed, 4) ? 0 : (int)econ_pick(seed, 11),
			       .padding = econ_pick(seed, 4) ? 0 : (int)econ_pick(seed, 40),
			       .nonce = econ_bits(seed, 1, 64),
			       .min_amount_out = r->min_out,
			       .direction = direction });
	put_le(f->bytes + f->payload + 28, r->v, 8);
	copy = *f;
	return user_filter_judge(&user.filter, copy.bytes, copy.len, &slot) == MEV_REDIRECT;
}

Test(engine, a_million_random_candidates, .timeout = 300)
{
	__u64 seed = 0x20261125, settled = 0;
	struct econ_row r;
	struct frame f;
	char what[200];

	if (!need_root())
		return;
	open_both();
	for (int i = 0; i < CANDIDATES;) {
		enum sandwich_strategy strategy =
			econ_pick(&seed, 4) ? SANDWICH_OPTIMAL : SANDWICH_FIXED;

		econ_random_row(&seed, &r);
		if (!dress(&r, &seed, strategy, &f))
			continue;
		snprintf(what, sizeof(what),
			 "candidate %d: %llu %llu %u/%u v=%llu m=%llu c=%llu %d", i, r.pool.rin,
			 r.pool.rout, r.pool.n, r.pool.d, r.v, r.min_out, r.capital, strategy);
		settled += same_answer(&f, what);
		i++;
	}
	/* These pools are mostly odd ones on purpose. */
	cr_assert(settled > CANDIDATES / 10 && settled < CANDIDATES, "%llu settled in the driver",
		  settled);
	close_both();
}

Test(engine, one_verdict_a_frame_and_one_decision_in_64_timed)
{
	struct mev_pool_counters *pool;
	struct latency_hist *hist;
	struct prog_result got;
	__u64 timed = 0, replies = 0;
	__u32 zero = 0;

	if (!need_root())
		return;
	open_both();
	pool = calloc((size_t)w.cpus, sizeof(*pool));
	hist = calloc((size_t)w.cpus, sizeof(*hist));
	FRAME(f, .nonce = 5);
	for (int i = 0; i < 640; i++) {
		got = prog_run(&w, f.bytes, f.len, NULL);
		cr_assert_eq(got.verdict, MEV_REPLIED_IN_DRIVER);
		cr_assert_eq(got.action, XDP_TX);
	}
	w.config->min_profit = ~0ULL;
	got = prog_run(&w, f.bytes, f.len, NULL);
	cr_assert_eq(got.verdict, MEV_UNPROFITABLE);
	cr_assert_eq(got.action, XDP_DROP);
	w.config->min_profit = 0; /* counts as 1 */
	w.config->engine = MEV_ENGINE_USER;
	cr_assert_eq(prog_run(&w, f.bytes, f.len, NULL).verdict, MEV_REDIRECT);

	bpf_map_lookup_elem(bpf_map__fd(w.skel->maps.mev_pool_stats), &zero, pool);
	bpf_map_lookup_elem(bpf_map__fd(w.skel->maps.mev_decision_ns), &zero, hist);
	for (int cpu = 0; cpu < w.cpus; cpu++) {
		replies += pool[cpu].replies;
		for (__u32 i = 0; i < LATENCY_BUCKETS; i++)
			timed += hist[cpu].bucket[i];
	}
	cr_assert_eq(replies, 640);
	/* Each CPU that ran some starts with one. */
	cr_assert(timed >= 10 && timed < 10 + (__u64)w.cpus, "%llu timed", timed);
	free(pool);
	free(hist);
	close_both();
}

/* A pool of 2^60 takes legs beyond 64 bits. */
Test(engine, what_is_too_hard_goes_up_and_without_a_socket_to_the_kernel)
{
	struct prog_result got;
	__u32 queue = 0;

	if (!need_root())
		return;
	open_both();
	w.pools[0].reserve0 = w.pools[0].reserve1 = 1ULL << 60;
	FRAME(f, .amount_in = 1ULL << 56);
	got = prog_run(&w, f.bytes, f.len, NULL);
	cr_assert_eq(got.verdict, MEV_HANDED_UP);
	cr_assert_eq(got.action, XDP_REDIRECT);
	bpf_map_delete_elem(bpf_map__fd(w.skel->maps.mev_xsks), &queue);
	got = prog_run(&w, f.bytes, f.len, NULL);
	cr_assert_eq(got.verdict, MEV_NO_SOCKET);
	cr_assert_eq(got.action, XDP_PASS);
	close_both();
}

/* Two nodes may face each other: what one answers the other does not. */
Test(engine, no_answer_is_answered)
{
	static const int ports[] = { 8080, 8081 };
	static const __u8 node_mac[] = NODE_MAC;
	static struct outcome reply;

	if (!need_root())
		return;
	open_both();
	for (int i = 0; i < 4; i++) {
		FRAME(f, .src_port = (__u16)ports[i % 2], .ipv6 = i / 2);
		struct frame back;

		drive(&f, &reply);
		cr_assert_eq(reply.action, XDP_TX);
		prog_sync(&w);
		memcpy(back.bytes, reply.bytes, reply.len);
		memcpy(back.bytes, node_mac, sizeof(node_mac));
		cr_assert_eq(prog_run(&w, back.bytes, reply.len, NULL).verdict, MEV_BAD_LENGTH);
	}
	close_both();
}

/* The kernel allows a million; the rest is left to other compilers and verifiers. */
Test(engine, verifier_has_room)
{
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info);

	if (!need_root())
		return;
	open_both();
	cr_assert_eq(bpf_obj_get_info_by_fd(w.prog_fd, &info, &len), 0);
	printf("mev_filter: %u instructions processed, %u in the kernel\n", info.verified_insns,
	       (__u32)(info.xlated_prog_len / 8));
	cr_assert_lt(info.verified_insns, 250000);
	close_both();
}
