// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <criterion/criterion.h>
#include <stdlib.h>

#include "filter_world.h"

Test(user_filter, every_fixture)
{
	struct filter_world w;
	__u32 slot;

	world_open(&w);
	for (size_t i = 0; i < FIXTURE_CNT; i++) {
		const struct fixture *x = &fixtures[i];
		enum mev_verdict got;
		struct frame f;
		__u8 *copy;

		world_reset_pools(w.pools);
		w.config.flags = x->flags;
		fixture_frame(&f, x);
		copy = malloc(f.len); /* to the byte: a read too far meets the sanitizer */
		memcpy(copy, f.bytes, f.len);
		got = user_filter_judge(&w.filter, copy, f.len, &slot);
		cr_expect_eq(got, x->verdict, "%s: %s, not %s", x->name, mev_verdict_name(got),
			     mev_verdict_name(x->verdict));
		free(copy);
	}
	world_close(&w);
}

Test(user_filter, passes_everything_until_configured)
{
	struct filter_world w;
	__u32 slot;

	world_open(&w);
	w.config.ready = 0;
	for (size_t i = 0; i < FIXTURE_CNT; i++) {
		struct frame f;

		fixture_frame(&f, &fixtures[i]);
		cr_assert_eq(user_filter_judge(&w.filter, f.bytes, f.len, &slot), MEV_PASS);
	}
	world_close(&w);
}

Test(user_filter, port_sweep)
{
	struct filter_world w;
	__u32 slot;

	world_open(&w);
	FRAME(f, 0);
	for (__u32 port = 0; port < 65536; port++) {
		put16be(f.bytes + f.l4 + 2, port);
		cr_assert_eq(user_filter_judge(&w.filter, f.bytes, f.len, &slot),
			     port == 8080 ? MEV_REDIRECT :
			     port == 8081 ? MEV_BAD_LENGTH :
					    MEV_PASS,
			     "port %u", port);
	}
	world_close(&w);
}

Test(user_filter, counts_per_pool)
{
	struct filter_world w;
	__u32 slot = 9;

	world_open(&w);
	FRAME(swap, .pool = POOL_B);
	FRAME(small, .pool = POOL_B, .amount_in = 2000000);
	FRAME(update, .pool = POOL_B, .update = 1, .reserve0 = 5, .reserve1 = 6, .seq = 8);
	FRAME(gap, .pool = POOL_B, .update = 1, .reserve0 = 5, .reserve1 = 6, .seq = 10);
	user_filter_judge(&w.filter, swap.bytes, swap.len, &slot);
	cr_assert_eq(slot, 1);
	user_filter_judge(&w.filter, small.bytes, small.len, &slot);
	for (int i = 0; i < 2; i++)
		user_filter_judge(&w.filter, update.bytes, update.len, &slot);
	user_filter_judge(&w.filter, gap.bytes, gap.len, &slot);
	cr_assert(w.counters[1].swaps == 2 && w.counters[1].candidates == 1);
	cr_assert(w.counters[1].updates == 2 && w.counters[1].stale == 1);
	cr_assert_eq(w.counters[1].gaps, 1);
	cr_assert_eq(w.counters[0].swaps, 0);
	world_close(&w);
}

Test(user_filter, own_address)
{
	static const char arp[] = "\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01";
	struct filter_world w;
	__u32 slot;

	world_open(&w);
	w.config.own_ip = 0x0245a8c0; /* 192.168.69.2 as it lies in memory */
	FRAME(swap, 0);
	cr_assert_eq(user_filter_judge(&w.filter, swap.bytes, swap.len, &slot), MEV_REDIRECT);
	put16be(swap.bytes + swap.l4 + 2, 53);
	cr_assert_eq(user_filter_judge(&w.filter, swap.bytes, swap.len, &slot), MEV_STACK);
	swap.bytes[swap.l3 + 19] = 3;
	cr_assert_eq(user_filter_judge(&w.filter, swap.bytes, swap.len, &slot), MEV_PASS);

	FRAME(ask, 0);
	memcpy(ask.bytes + 12, arp, sizeof(arp) - 1);
	memcpy(ask.bytes + 38, "\xc0\xa8\x45\x02", 4);
	cr_assert_eq(user_filter_judge(&w.filter, ask.bytes, 42, &slot), MEV_STACK);
	cr_assert_eq(user_filter_judge(&w.filter, ask.bytes, 41, &slot), MEV_PASS);
	ask.bytes[41] = 4;
	cr_assert_eq(user_filter_judge(&w.filter, ask.bytes, 42, &slot), MEV_PASS);

	FRAME(six, .ipv6 = 1);
	put16be(six.bytes + six.l4 + 2, 53);
	cr_assert_eq(user_filter_judge(&w.filter, six.bytes, six.len, &slot), MEV_PASS);
	world_close(&w);
}
