/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fixtures.h - one row a frame: what it is, what is wrong with it, the verdict it must meet
 *
 * The same rows are put before the userspace filter and before the XDP program in the kernel. A bug
 * adds a row that is named for it. Pools are those of wire.md, and one (POOL_EMPTY) without state.
 */
#ifndef MEV_TESTS_FIXTURES_H
#define MEV_TESTS_FIXTURES_H

#include "frame.h"
#include "maps_abi.h"
#include "verdict.h"

#define POOL_EMPTY \
	"\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff\x00\x11\x22\x33\x44"
#define POOL_NOBODYS \
	"\xde\xad\xbe\xef\xde\xad\xbe\xef\xde\xad\xbe\xef\xde\xad\xbe\xef\xde\xad\xbe\xef"

#define MAPPED "\0\0\0\0\0\0\0\0\0\0\xff\xff"

enum layer { END, L2, L3, L4, RECORD, FRAME_LEN };

/* Sets `cnt` bytes at an offset into a layer; FRAME_LEN: cuts the frame by `off` bytes. */
struct patch {
	enum layer layer;
	int off;
	int cnt;
	const char *bytes;
};

struct fixture {
	const char *name;
	enum mev_verdict verdict;
	struct frame_spec spec;
	struct patch patch[3];
	int keep_ip_sum; /* leave the IPv4 checksum as the patches made it */
	__u32 flags;     /* of the configuration: enum mev_flag */
};

#define SET(layer, off, str)                          \
	{                                             \
		layer, off, (int)sizeof(str) - 1, str \
	}
#define CUT(bytes)                        \
	{                                 \
		FRAME_LEN, bytes, 0, NULL \
	}

/* clang-format off */
static const struct fixture fixtures[] = {
	/* 11: candidates, in every dress. */
	{ "swap", MEV_REDIRECT, { 0 } },
	{ "swap_token1_in", MEV_REDIRECT, { .direction = 1 } },
	{ "swap_pool_b", MEV_REDIRECT, { .pool = POOL_B } },
	{ "swap_vlan", MEV_REDIRECT, { .vlan = 0x8100 } },
	{ "swap_8021ad", MEV_REDIRECT, { .vlan = 0x88a8 } },
	{ "swap_ipv6", MEV_REDIRECT, { .ipv6 = 1 } },
	{ "swap_ipv6_vlan", MEV_REDIRECT, { .ipv6 = 1, .vlan = 0x8100 } },
	{ "swap_ip4_options", MEV_REDIRECT, { .option_words = 1 } },
	{ "swap_ip4_all_options", MEV_REDIRECT, { .option_words = 10, .vlan = 0x8100 } },
	{ "swap_padded", MEV_REDIRECT, { .padding = 18 } },
	{ "swap_df_and_reserved_flag", MEV_REDIRECT, { 0 }, { SET(L3, 6, "\xc0") } },
	{ "swap_min_out_just_paid", MEV_REDIRECT, { .min_amount_out = 9775084808 } },
	{ "udp_sum_not_verified", MEV_REDIRECT, { 0 }, { SET(L4, 6, "\xde\xad") } },
	{ "udp_sum_right", MEV_REDIRECT, { .udp_checksum = 1 }, { { 0 } }, 0, MEV_VERIFY_UDP_SUM },
	{ "udp_sum_none_ip4", MEV_REDIRECT, { 0 }, { { 0 } }, 0, MEV_VERIFY_UDP_SUM },

	/* 1: not ours, or not to be told. */
	{ "other_port", MEV_PASS, { 0 }, { SET(L4, 2, "\x1f\x92") } },
	{ "swap_port_as_source", MEV_PASS, { .src_port = 8080 }, { SET(L4, 2, "\x00\x35") } },
	{ "tcp", MEV_PASS, { 0 }, { SET(L3, 9, "\x06") } },
	{ "arp", MEV_PASS, { 0 }, { SET(L2, 12, "\x08\x06") } },
	{ "qinq", MEV_PASS, { .vlan = 0x8100 }, { SET(L2, 16, "\x81\x00") } },
	{ "ip4_version6", MEV_PASS, { 0 }, { SET(L3, 0, "\x65") } },
	{ "ip4_ihl0", MEV_PASS, { 0 }, { SET(L3, 0, "\x40") } },
	{ "ip4_ihl4", MEV_PASS, { 0 }, { SET(L3, 0, "\x44") } },
	{ "ip4_first_fragment", MEV_PASS, { 0 }, { SET(L3, 6, "\x20\x00") } },
	{ "ip4_last_fragment", MEV_PASS, { 0 }, { SET(L3, 6, "\x00\x01") } },
	{ "ip6_hop_by_hop", MEV_PASS, { .ipv6 = 1 }, { SET(L3, 6, "\x00") } },
	{ "ip6_fragment", MEV_PASS, { .ipv6 = 1 }, { SET(L3, 6, "\x2c") } },
	{ "ip6_version4", MEV_PASS, { .ipv6 = 1 }, { SET(L3, 0, "\x40") } },
	{ "other_mac", MEV_PASS, { 0 }, { SET(L2, 5, "\x09") } },
	{ "broadcast_mac", MEV_PASS, { 0 }, { SET(L2, 0, "\xff\xff\xff\xff\xff\xff") } },
	{ "multicast_mac", MEV_PASS, { 0 }, { SET(L2, 0, "\x01\x00\x5e\x01\x02\x03") } },
	{ "multicast_ip", MEV_PASS, { 0 }, { SET(L3, 16, "\xe0\x01\x02\x03") } },
	{ "broadcast_ip", MEV_PASS, { 0 }, { SET(L3, 16, "\xff\xff\xff\xff") } },
	{ "multicast_ip6", MEV_PASS, { .ipv6 = 1 }, { SET(L3, 24, "\xff\x02") } },
	{ "from_broadcast_mac", MEV_PASS, { 0 }, { SET(L2, 6, "\xff\xff\xff\xff\xff\xff") } },
	{ "from_multicast_ip", MEV_PASS, { 0 }, { SET(L3, 12, "\xef\x01\x02\x03") } },
	{ "from_broadcast_ip", MEV_PASS, { 0 }, { SET(L3, 12, "\xff\xff\xff\xff") } },
	{ "from_nobody", MEV_PASS, { 0 }, { SET(L3, 12, "\0\0\0\0") } },
	{ "from_loopback", MEV_PASS, { 0 }, { SET(L3, 12, "\x7f\0\0\x01") } },
	{ "from_multicast_ip6", MEV_PASS, { .ipv6 = 1 }, { SET(L3, 8, "\xff\x02") } },
	{ "from_port_0", MEV_PASS, { 0 }, { SET(L4, 0, "\0\0") } },
	{ "update_from_port_0", MEV_UPDATE_APPLIED, { .update = 1, .reserve0 = 7, .reserve1 = 9 },
	  { SET(L4, 0, "\0\0") } },
	{ "from_mapped_ip4", MEV_PASS, { .ipv6 = 1 }, { SET(L3, 8, MAPPED "\xc0\xa8\x45\x01") } },
	{ "update_from_mapped_ip4", MEV_PASS,
	  { .update = 1, .ipv6 = 1, .reserve0 = 7, .reserve1 = 9 },
	  { SET(L3, 8, MAPPED "\x0a\x01\xff\x02") }, 0, MEV_FEED_RESTRICTED },
	{ "cut_in_udp_header", MEV_PASS, { 0 }, { CUT(49) } },
	{ "cut_in_ip_header", MEV_PASS, { 0 }, { CUT(57) } },
	{ "cut_in_ethernet", MEV_PASS, { 0 }, { CUT(80) } },
	{ "ip4_options_beyond_frame", MEV_PASS, { 0 }, { SET(L3, 0, "\x4f"), CUT(20) } },

	/* 2, 3, 4: lengths and checksums. */
	{ "cut_in_record", MEV_MALFORMED, { 0 }, { CUT(1) } },
	{ "ip4_longer_than_frame", MEV_MALFORMED, { 0 }, { SET(L3, 2, "\x00\x4d") } },
	{ "ip4_length_0", MEV_MALFORMED, { 0 }, { SET(L3, 2, "\x00\x00") } },
	{ "ip4_length_under_header", MEV_MALFORMED, { 0 }, { SET(L3, 2, "\x00\x13") } },
	{ "ip4_length_no_udp", MEV_MALFORMED, { 0 }, { SET(L3, 2, "\x00\x14") } },
	{ "udp_length_7", MEV_MALFORMED, { 0 }, { SET(L4, 4, "\x00\x07") } },
	{ "udp_length_7_and_ip", MEV_MALFORMED, { 0 },
	  { SET(L4, 4, "\x00\x07"), SET(L3, 2, "\x00\x1b") } },
	{ "udp_length_0", MEV_MALFORMED, { 0 }, { SET(L4, 4, "\x00\x00") } },
	{ "udp_longer_than_ip", MEV_MALFORMED, { .padding = 8 }, { SET(L4, 4, "\x00\x39") } },
	{ "udp_shorter_than_ip", MEV_MALFORMED, { 0 }, { SET(L4, 4, "\x00\x37") } },
	{ "ip6_longer_than_frame", MEV_MALFORMED, { .ipv6 = 1 }, { SET(L3, 4, "\x00\x39") } },
	{ "ip6_length_0", MEV_MALFORMED, { .ipv6 = 1 }, { SET(L3, 4, "\x00\x00") } },
	{ "malformed_before_checksum", MEV_MALFORMED, { 0 },
	  { SET(L4, 4, "\x00\x07"), SET(L3, 10, "\xff\xff") }, 1 },
	{ "ip4_checksum", MEV_BAD_CHECKSUM, { 0 }, { SET(L3, 8, "\x77") }, 1 },
	{ "ip4_checksum_of_options", MEV_BAD_CHECKSUM, { .option_words = 10 },
	  { SET(L3, 59, "\x77") }, 1 },
	{ "checksum_before_length", MEV_BAD_CHECKSUM, { 0 },
	  { SET(L4, 4, "\x00\x37"), SET(L3, 2, "\x00\x4b") }, 1 },
	{ "udp_sum_wrong", MEV_BAD_CHECKSUM, { .udp_checksum = 1 }, { SET(RECORD, 30, "\x99") }, 0,
	  MEV_VERIFY_UDP_SUM },
	{ "udp_sum_none_ip6", MEV_BAD_CHECKSUM, { .ipv6 = 1 }, { { 0 } }, 0, MEV_VERIFY_UDP_SUM },
	{ "update_udp_sum_wrong", MEV_BAD_CHECKSUM,
	  { .update = 1, .reserve0 = 5, .reserve1 = 5, .udp_checksum = 1 },
	  { SET(RECORD, 63, "\x99") }, 0, MEV_VERIFY_UDP_SUM },
	{ "record_of_47", MEV_BAD_LENGTH, { 0 },
	  { SET(L4, 4, "\x00\x37"), SET(L3, 2, "\x00\x4b") } },
	{ "record_of_49", MEV_BAD_LENGTH, { .padding = 1 },
	  { SET(L4, 4, "\x00\x39"), SET(L3, 2, "\x00\x4d") } },
	{ "record_of_0", MEV_BAD_LENGTH, { 0 },
	  { SET(L4, 4, "\x00\x08"), SET(L3, 2, "\x00\x1c") } },
	{ "swap_to_update_port", MEV_BAD_LENGTH, { 0 }, { SET(L4, 2, "\x1f\x91") } },
	{ "update_to_swap_port", MEV_BAD_LENGTH, { .update = 1 }, { SET(L4, 2, "\x1f\x90") } },
	{ "two_records", MEV_BAD_LENGTH, { .padding = 48 },
	  { SET(L4, 4, "\x00\x68"), SET(L3, 2, "\x00\x7c") } },

	/* 5 to 10: the swap itself. */
	{ "direction_2", MEV_BAD_FIELD, { .direction = 2 } },
	{ "direction_255", MEV_BAD_FIELD, { .direction = 255 } },
	{ "reserved_first", MEV_BAD_FIELD, { 0 }, { SET(RECORD, 45, "\x01") } },
	{ "reserved_last", MEV_BAD_FIELD, { 0 }, { SET(RECORD, 47, "\x80") } },
	{ "field_before_min", MEV_BAD_FIELD, { .amount_in = 1, .direction = 2 } },
	{ "min_minus_1", MEV_BELOW_MIN, { .amount_in = 999999 } },
	{ "min_before_pool", MEV_BELOW_MIN, { .amount_in = 999999, .pool = POOL_NOBODYS } },
	{ "min_exactly", MEV_BELOW_BREAK_EVEN, { .amount_in = 1000000 } },
	{ "unknown_pool", MEV_UNKNOWN_POOL, { .pool = POOL_NOBODYS } },
	{ "no_state", MEV_NO_STATE, { .pool = POOL_EMPTY } },
	{ "no_state_token1_in", MEV_NO_STATE, { .pool = POOL_EMPTY, .direction = 1 } },
	/* kappa * 10^12 = 3013547412.5 (positive root of economics.md, worked out with 60 digits). */
	{ "break_even_minus_1", MEV_BELOW_BREAK_EVEN, { .amount_in = 3013547411 } },
	{ "break_even", MEV_REDIRECT, { .amount_in = 3013547412 } },
	{ "break_even_before_revert", MEV_BELOW_BREAK_EVEN,
	  { .amount_in = 2000000, .min_amount_out = ~0ULL } },
	{ "min_out_just_missed", MEV_VICTIM_REVERTS, { .min_amount_out = 9775084809 } },
	{ "min_out_max", MEV_VICTIM_REVERTS, { .min_amount_out = ~0ULL } },
	{ "amount_overflows_reserve", MEV_VICTIM_REVERTS, { .amount_in = ~0ULL } },

	/* 12: updates. Each row starts from the pools as configured. */
	{ "update", MEV_UPDATE_APPLIED, { .update = 1, .reserve0 = 7, .reserve1 = 9, .seq = 5 } },
	{ "update_vlan_ipv6", MEV_UPDATE_APPLIED,
	  { .update = 1, .reserve0 = 7, .reserve1 = 9, .ipv6 = 1, .vlan = 0x8100 } },
	{ "update_multicast", MEV_UPDATE_APPLIED, { .update = 1, .reserve0 = 7, .reserve1 = 9 },
	  { SET(L2, 0, "\x01\x00\x5e\x01\x02\x03"), SET(L3, 16, "\xe0\x01\x02\x03") } },
	{ "update_first_state", MEV_UPDATE_APPLIED,
	  { .update = 1, .pool = POOL_EMPTY, .reserve0 = 7, .reserve1 = 9, .seq = 77 } },
	{ "update_padding_ignored", MEV_UPDATE_APPLIED,
	  { .update = 1, .reserve0 = 7, .reserve1 = 9 }, { SET(RECORD, 48, "garbage") } },
	{ "update_reserve0_zero", MEV_UPDATE_INVALID, { .update = 1, .reserve1 = 9 } },
	{ "update_reserve1_zero", MEV_UPDATE_INVALID, { .update = 1, .reserve0 = 9 } },
	{ "update_unknown_pool", MEV_UPDATE_UNKNOWN_POOL,
	  { .update = 1, .pool = POOL_NOBODYS, .reserve0 = 7, .reserve1 = 9 } },
	{ "update_unknown_before_invalid", MEV_UPDATE_UNKNOWN_POOL,
	  { .update = 1, .pool = POOL_NOBODYS } },
	{ "update_other_mac", MEV_PASS, { .update = 1, .reserve0 = 7, .reserve1 = 9 },
	  { SET(L2, 5, "\x09") } },
	{ "update_allowed_source", MEV_UPDATE_APPLIED,
	  { .update = 1, .reserve0 = 7, .reserve1 = 9 }, { SET(L3, 12, "\x0a\x01\xff\x02") }, 0,
	  MEV_FEED_RESTRICTED },
	{ "update_forbidden_source", MEV_UPDATE_FORBIDDEN,
	  { .update = 1, .reserve0 = 7, .reserve1 = 9 }, { SET(L3, 12, "\x0a\x02\x00\x01") }, 0,
	  MEV_FEED_RESTRICTED },
	{ "update_forbidden_before_unknown", MEV_UPDATE_FORBIDDEN,
	  { .update = 1, .pool = POOL_NOBODYS }, { { 0 } }, 0, MEV_FEED_RESTRICTED },
	{ "update_allowed_ip6", MEV_UPDATE_APPLIED,
	  { .update = 1, .reserve0 = 7, .reserve1 = 9, .ipv6 = 1 },
	  { SET(L3, 8, "\x20\x01\x0d\xb8\x7f") }, 0, MEV_FEED_RESTRICTED },
	{ "update_forbidden_ip6", MEV_UPDATE_FORBIDDEN,
	  { .update = 1, .reserve0 = 7, .reserve1 = 9, .ipv6 = 1 },
	  { SET(L3, 8, "\x20\x01\x0d\xb9\x00") }, 0, MEV_FEED_RESTRICTED },
};
/* clang-format on */

#define FIXTURE_CNT (sizeof(fixtures) / sizeof(fixtures[0]))

/* The sources that MEV_FEED_RESTRICTED rows allow: 10.1.0.0/16 and 2001:db8::/33. */
static const struct mev_feed_key fixture_feeds[] = {
	{ .prefix_len = 96 + 16, .addr = { 0, 0, 0, 0, 0, 0xffff, 0x010a, 0 } },
	{ .prefix_len = 33, .addr = { 0x0120, 0xb80d } },
};

#define FIXTURE_FEED_CNT (sizeof(fixture_feeds) / sizeof(fixture_feeds[0]))

static inline void fixture_frame(struct frame *f, const struct fixture *x)
{
	frame_build(f, &x->spec);
	for (int i = 0; i < 3 && x->patch[i].layer != END; i++) {
		const struct patch *p = &x->patch[i];
		__u32 base = p->layer == L3     ? f->l3 :
			     p->layer == L4     ? f->l4 :
			     p->layer == RECORD ? f->payload :
						  0;

		if (p->layer == FRAME_LEN)
			f->len -= (__u32)p->off;
		else
			memcpy(f->bytes + base + p->off, p->bytes, (size_t)p->cnt);
	}
	if (!x->keep_ip_sum)
		frame_fix_ip_sum(f);
}

#endif /* MEV_TESTS_FIXTURES_H */
