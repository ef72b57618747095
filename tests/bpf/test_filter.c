// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The XDP program in the kernel: fixtures, sweeps, and a million mutated frames on which it and the
 * userspace filter must agree.
 */
#include "prog_world.h"

static struct prog_world w;
static struct filter_world user;

static void open_both(void)
{
	prog_open(&w);
	world_open(&user);
	prog_sync(&w);
}

static void close_both(void)
{
	prog_close(&w);
	world_close(&user);
}

/* Both filters on one frame: verdict, action, and the pools they leave behind. */
static enum mev_verdict both(const struct frame *f, const char *what)
{
	struct frame copy = *f;
	struct prog_result kernel = prog_run(&w, f->bytes, f->len, NULL);
	__u32 slot;
	enum mev_verdict mine = user_filter_judge(&user.filter, copy.bytes, copy.len, &slot);

	cr_assert_eq(kernel.verdict, mine, "%s: kernel %s, userspace %s", what,
		     mev_verdict_name(kernel.verdict), mev_verdict_name(mine));
	cr_assert_eq(kernel.action, action_of(mine), "%s: action %u for %s", what, kernel.action,
		     mev_verdict_name(mine));
	cr_assert_arr_eq(w.pools, user.pools, sizeof(user.pools), "%s: pools differ", what);
	return mine;
}

Test(filter, every_fixture)
{
	if (!need_root())
		return;
	open_both();
	for (size_t i = 0; i < FIXTURE_CNT; i++) {
		const struct fixture *x = &fixtures[i];
		struct prog_result got;
		struct frame f;

		fixture_frame(&f, x);
		if (f.len < 14)
			continue; /* test_run takes no such frame, nor does a driver deliver it */
		world_reset_pools(w.pools);
		w.config->flags = x->flags;
		got = prog_run(&w, f.bytes, f.len, NULL);
		cr_expect_eq(got.verdict, x->verdict, "%s: %s, not %s", x->name,
			     mev_verdict_name(got.verdict), mev_verdict_name(x->verdict));
		cr_expect_eq(got.action, action_of(x->verdict), "%s: action %u", x->name,
			     got.action);
	}
	close_both();
}

Test(filter, the_frame_itself_is_not_touched)
{
	if (!need_root())
		return;
	open_both();
	for (size_t i = 0; i < FIXTURE_CNT; i++) {
		struct prog_result got;
		struct frame f, out;
		__u32 meta;

		fixture_frame(&f, &fixtures[i]);
		if (f.len < 14)
			continue;
		got = prog_run(&w, f.bytes, f.len, out.bytes);
		/* What comes out starts with the metadata, where there is any. */
		meta = got.verdict == MEV_REDIRECT ? sizeof(struct mev_meta) : 0;
		cr_assert(got.len == f.len || got.len == f.len + meta);
		cr_assert_arr_eq(out.bytes + (got.len - f.len), f.bytes, f.len, "%s",
				 fixtures[i].name);
	}
	close_both();
}

Test(filter, until_configured_and_without_a_socket_the_kernel_gets_it)
{
	__u32 queue = 0;

	if (!need_root())
		return;
	open_both();
	FRAME(f, 0);
	FRAME(bad, .direction = 9);
	w.config->ready = 0;
	cr_assert_eq(prog_run(&w, f.bytes, f.len, NULL).verdict, MEV_PASS);
	cr_assert_eq(prog_run(&w, bad.bytes, bad.len, NULL).action, XDP_PASS);
	w.config->ready = 1;
	cr_assert_eq(prog_run(&w, f.bytes, f.len, NULL).verdict, MEV_REDIRECT);
	bpf_map_delete_elem(bpf_map__fd(w.skel->maps.mev_xsks), &queue);
	cr_assert_eq(prog_run(&w, f.bytes, f.len, NULL).verdict, MEV_NO_SOCKET);
	cr_assert_eq(prog_run(&w, f.bytes, f.len, NULL).action, XDP_PASS);
	close_both();
}

Test(filter, config_changes_while_it_runs)
{
	if (!need_root())
		return;
	open_both();
	FRAME(f, .amount_in = 4000000000);
	cr_assert_eq(prog_run(&w, f.bytes, f.len, NULL).verdict, MEV_REDIRECT);
	w.config->min_amount_in = 4000000001;
	cr_assert_eq(prog_run(&w, f.bytes, f.len, NULL).verdict, MEV_BELOW_MIN);
	w.config->swap_port = 9000;
	cr_assert_eq(prog_run(&w, f.bytes, f.len, NULL).verdict, MEV_PASS);
	put16be(f.bytes + f.l4 + 2, 9000);
	cr_assert_eq(prog_run(&w, f.bytes, f.len, NULL).verdict, MEV_BELOW_MIN);
	close_both();
}

Test(filter, sweeps, .timeout = 120)
{
	if (!need_root())
		return;
	open_both();
	FRAME(ports, 0);
	for (__u32 port = 0; port < 65536; port++) {
		put16be(ports.bytes + ports.l4 + 2, port);
		both(&ports, "port");
	}
	FRAME(types, .vlan = 0x8100);
	for (__u32 type = 0; type < 65536; type++) {
		put16be(types.bytes + 12, type);
		both(&types, "ethertype");
	}
	put16be(types.bytes + 12, 0x88a8);
	for (__u32 type = 0; type < 65536; type++) {
		put16be(types.bytes + 16, type);
		both(&types, "tagged ethertype");
	}
	for (__u32 byte = 0; byte < 256; byte++) {
		FRAME(ihl, .option_words = 10);
		FRAME(proto, 0);
		FRAME(next, .ipv6 = 1);

		ihl.bytes[ihl.l3] = (__u8)byte;
		both(&ihl, "version and IHL");
		frame_fix_ip_sum(&ihl);
		both(&ihl, "version and IHL, checksum right");
		proto.bytes[proto.l3 + 9] = (__u8)byte;
		frame_fix_ip_sum(&proto);
		both(&proto, "protocol");
		next.bytes[next.l3 + 6] = (__u8)byte;
		both(&next, "next header");
	}
	close_both();
}

Test(filter, lengths_0_to_1500, .timeout = 60)
{
	if (!need_root())
		return;
	open_both();
	for (int kind = 0; kind < 4; kind++)
		for (__u32 len = 0; len <= 1500; len++) {
			FRAME(f, .ipv6 = kind & 1, .update = kind >> 1, .reserve0 = 5,
			      .reserve1 = 5);

			/* A datagram of `len` bytes, and one that only says so. */
			put16be(f.bytes + f.l4 + 4, len);
			put16be(f.bytes + f.l3 + (kind & 1 ? 4 : 2), len + (kind & 1 ? 0 : 20));
			frame_fix_ip_sum(&f);
			both(&f, "length field");
			f.len = f.l4 + len;
			if (f.len >= 14)
				both(&f, "frame length");
		}
	close_both();
}

#define MUTANTS 1000000

Test(filter, a_million_mutated_frames, .timeout = 300)
{
	const char *env = getenv("MEV_TEST_SEED");
	unsigned int first_seed = env ? (unsigned int)atoi(env) : 20261122, seed = first_seed;
	__u64 seen[MEV_VERDICT_CNT + 1] = { 0 };

	if (!need_root())
		return;
	open_both();
	printf("MEV_TEST_SEED=%u\n", first_seed);
	for (int i = 0; i < MUTANTS; i++) {
		const struct fixture *x = &fixtures[(unsigned int)rand_r(&seed) % FIXTURE_CNT];
		int changes = rand_r(&seed) % 4;
		struct frame f;

		if (i % 1000 == 0) { /* or no pool would stay without state */
			world_reset_pools(w.pools);
			world_reset_pools(user.pools);
		}
		fixture_frame(&f, x);
		w.config->flags = user.config.flags = x->flags;
		for (int k = 0; k < changes; k++) {
			__u32 at = (unsigned int)rand_r(&seed) % (f.len ? f.len : 1);

			f.bytes[at] = rand_r(&seed) & 1 ?
					      (__u8)rand_r(&seed) :
					      f.bytes[at] ^ (__u8)(1 << (rand_r(&seed) & 7));
		}
		if (rand_r(&seed) & 1)
			frame_fix_ip_sum(&f);
		if (!(rand_r(&seed) & 7))
			f.len -= (unsigned int)rand_r(&seed) % (f.len + 1);
		if (f.len < 14)
			continue;
		seen[both(&f, x->name)]++;
	}
	for (__u32 v = 1; v <= MEV_UPDATE_UNKNOWN_POOL; v++)
		cr_assert_neq(seen[v], 0, "seed %u: no frame met %s", first_seed,
			      mev_verdict_name(v));
	close_both();
}
