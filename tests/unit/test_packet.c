// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The parser: fixtures a line each, and sweeps over what one field can hold. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "frame.h"
#include "packet.h"

static bool find(struct frame *f, struct packet *p)
{
	return packet_find_udp(f->bytes, f->bytes + f->len, p);
}

static bool finds(struct frame *f)
{
	struct packet p;

	return find(f, &p);
}

Test(packet, finds_udp_at_the_right_place)
{
	static const struct frame_spec specs[] = {
		{ 0 },
		{ .vlan = 0x8100 },
		{ .vlan = 0x88a8 },
		{ .ipv6 = 1 },
		{ .ipv6 = 1, .vlan = 0x8100 },
		{ .option_words = 1 },
		{ .option_words = 10, .vlan = 0x8100 },
		{ .padding = 30 },
		{ .update = 1 },
	};

	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		struct packet p;
		struct frame f;

		frame_build(&f, &specs[i]);
		cr_assert(find(&f, &p), "spec %zu", i);
		cr_assert_eq((__u8 *)p.eth, f.bytes);
		cr_assert_eq((__u8 *)p.udp, f.bytes + f.l4, "spec %zu", i);
		cr_assert_eq((__u8 *)p.payload, f.bytes + f.payload);
		cr_assert_eq(p.v4, !specs[i].ipv6);
		cr_assert(packet_lengths_fit(&p, f.bytes + f.len));
		cr_assert(packet_ip4_sum_ok(&p, f.bytes + f.len), "spec %zu", i);
	}
}

Test(packet, every_truncation_before_the_payload_is_no_udp)
{
	static const struct frame_spec specs[] = {
		{ 0 },
		{ .vlan = 0x8100 },
		{ .ipv6 = 1 },
		{ .option_words = 3 },
	};

	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		struct frame f;

		frame_build(&f, &specs[i]);
		for (f.len = 0; f.len < f.payload; f.len++) {
			/* On the heap and to the byte, so that the sanitizer sees a read too far. */
			struct packet p;
			__u8 *copy = malloc(f.len ? f.len : 1);

			memcpy(copy, f.bytes, f.len);
			cr_assert_not(packet_find_udp(copy, copy + f.len, &p), "%zu at %u", i,
				      f.len);
			free(copy);
		}
		f.len = f.payload;
		cr_assert(finds(&f));
	}
}

Test(packet, ip4_ihl0_to_15)
{
	for (__u32 ihl = 0; ihl < 16; ihl++) {
		FRAME(f, .option_words = 10);
		f.bytes[f.l3] = (__u8)(0x40 | ihl);
		cr_assert_eq(finds(&f), ihl >= 5, "IHL %u", ihl);
	}
}

Test(packet, ip_version_sweep)
{
	for (__u32 version = 0; version < 16; version++) {
		FRAME(four, 0);
		FRAME(six, .ipv6 = 1);
		four.bytes[four.l3] = (__u8)(version << 4 | 5);
		six.bytes[six.l3] = (__u8)(version << 4);
		cr_assert_eq(finds(&four), version == 4);
		cr_assert_eq(finds(&six), version == 6);
	}
}

Test(packet, protocol_sweep)
{
	for (__u32 proto = 0; proto < 256; proto++) {
		FRAME(four, 0);
		FRAME(six, .ipv6 = 1);
		four.bytes[four.l3 + 9] = (__u8)proto;
		six.bytes[six.l3 + 6] = (__u8)proto;
		cr_assert_eq(finds(&four), proto == 17);
		cr_assert_eq(finds(&six), proto == 17);
	}
}

Test(packet, ethertype_sweep)
{
	FRAME(f, 0);

	for (__u32 type = 0; type < 65536; type++) {
		put16be(f.bytes + 12, type);
		cr_assert_eq(finds(&f), type == 0x0800, "type %04x", type);
	}
	FRAME(tagged, .vlan = 0x8100);
	for (__u32 type = 0; type < 65536; type++) {
		put16be(tagged.bytes + 12, type);
		cr_assert_eq(finds(&tagged), type == 0x8100 || type == 0x88a8, "type %04x", type);
	}
	put16be(tagged.bytes + 12, 0x8100);
	for (__u32 type = 0; type < 65536; type++) {
		put16be(tagged.bytes + 16, type);
		cr_assert_eq(finds(&tagged), type == 0x0800, "tagged type %04x", type);
	}
}

Test(packet, fragments_and_flags)
{
	for (__u32 frag = 0; frag < 65536; frag++) {
		FRAME(f, 0);
		put16be(f.bytes + f.l3 + 6, frag);
		cr_assert_eq(finds(&f), !(frag & 0x3fff), "frag %04x", frag);
	}
}

Test(packet, ip_lengths_must_fit)
{
	for (__u32 total = 0; total < 200; total++) {
		FRAME(four, .padding = 20);
		FRAME(six, .ipv6 = 1, .padding = 20);
		struct packet p;

		put16be(four.bytes + four.l3 + 2, total);
		cr_assert(find(&four, &p));
		cr_assert_eq(packet_lengths_fit(&p, four.bytes + four.len), total == 76);
		put16be(six.bytes + six.l3 + 4, total);
		cr_assert(find(&six, &p));
		cr_assert_eq(packet_lengths_fit(&p, six.bytes + six.len), total == 56);
	}
}

Test(packet, udp_and_ip_lengths_agree)
{
	for (__u32 len = 0; len < 120; len++) {
		struct packet p;

		FRAME(f, .padding = 60);
		put16be(f.bytes + f.l4 + 4, len);
		put16be(f.bytes + f.l3 + 2, 20 + len);
		cr_assert(find(&f, &p));
		/* 14 + 76 + 60 bytes: there is room for 116 of UDP. */
		cr_assert_eq(packet_lengths_fit(&p, f.bytes + f.len), len >= 8 && len <= 116,
			     "length %u", len);
	}
}

Test(packet, ip4_checksum_sees_every_bit)
{
	for (int words = 0; words <= 10; words += 5) {
		struct packet p;

		FRAME(f, .option_words = words);
		for (__u32 bit = 0; bit < 8 * (20 + 4 * (__u32)words); bit++) {
			__u8 *byte = f.bytes + f.l3 + bit / 8, mask = (__u8)(1 << bit % 8);

			if (bit / 8 == 0)
				continue; /* version and length: not a checksum's matter */
			cr_assert(find(&f, &p));
			*byte ^= mask;
			cr_assert_not(packet_ip4_sum_ok(&p, f.bytes + f.len), "bit %u", bit);
			*byte ^= mask;
		}
		cr_assert(packet_ip4_sum_ok(&p, f.bytes + f.len));
	}
}

Test(packet, udp_checksum)
{
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct packet p;

		FRAME(f, .ipv6 = ipv6, .udp_checksum = 1);
		cr_assert(find(&f, &p));
		cr_assert(packet_udp_sum_ok(&p, 48));
		f.bytes[f.payload + 47] ^= 1;
		cr_assert_not(packet_udp_sum_ok(&p, 48));
		put16be(f.bytes + f.l4 + 6, 0);
		cr_assert_eq(packet_udp_sum_ok(&p, 48), !ipv6, "none: fine over IPv4 only");
	}
}

Test(packet, unanswerable)
{
	static const struct {
		__u8 mac0;
		const char *ip;
		bool group;
	} rows[] = {
		{ 0x02, "\xc0\xa8\x45\x02", false }, { 0x01, "\xc0\xa8\x45\x02", true },
		{ 0xff, "\xc0\xa8\x45\x02", true },  { 0x02, "\xdf\xff\xff\xff", false },
		{ 0x02, "\xe0\x00\x00\x00", true },  { 0x02, "\xef\xff\xff\xff", true },
		{ 0x02, "\xf0\x00\x00\x00", false }, { 0x02, "\xff\xff\xff\xff", true },
		{ 0x02, "\xff\xff\xff\xfe", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct packet p;

		FRAME(f, 0);
		f.bytes[0] = rows[i].mac0;
		memcpy(f.bytes + f.l3 + 16, rows[i].ip, 4);
		cr_assert(find(&f, &p));
		cr_assert_eq(packet_unanswerable(&p), rows[i].group, "row %zu", i);
	}
	FRAME(six, .ipv6 = 1);
	struct packet p;

	cr_assert(find(&six, &p));
	cr_assert_not(packet_unanswerable(&p));
	six.bytes[six.l3 + 24] = 0xff;
	cr_assert(packet_unanswerable(&p));
}

Test(packet, senders_that_are_nobody)
{
	static const struct {
		const char *ip;
		bool nobody;
	} rows[] = {
		{ "\xc0\xa8\x45\x01", false }, { "\x00\x00\x00\x00", true },
		{ "\x7f\x00\x00\x01", true },  { "\xe0\x00\x00\x01", true },
		{ "\xff\xff\xff\xff", true },  { "\x0a\x00\x00\x00", false },
	};
	struct packet p;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		FRAME(f, 0);
		memcpy(f.bytes + f.l3 + 12, rows[i].ip, 4);
		cr_assert(find(&f, &p));
		cr_assert_eq(packet_unanswerable(&p), rows[i].nobody, "row %zu", i);
	}
	for (int last = 0; last < 4; last++) {
		FRAME(f, .ipv6 = 1);
		memset(f.bytes + f.l3 + 8, 0, 16);
		f.bytes[f.l3 + 23] = (__u8)last;
		cr_assert(find(&f, &p));
		cr_assert_eq(packet_unanswerable(&p), last <= 1, ":: and ::1, not ::%d", last);
	}
	FRAME(mac, 0);
	mac.bytes[6] = 0xff;
	cr_assert(find(&mac, &p) && packet_unanswerable(&p));
	FRAME(port, 0);
	put16be(port.bytes + port.l4, 0);
	cr_assert(find(&port, &p) && packet_unanswerable(&p));
}
