/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * frame.h - frames for tests, built without the parser under test
 *
 * A frame is described by a struct whose zero means the usual (a valid swap over plain IPv4 that
 * the default pools answer); frame_build() writes it out with right lengths and checksums. Byte
 * offsets are spelt out, so that a mistake in packet.h cannot hide behind the same one here.
 */
#ifndef MEV_TESTS_FRAME_H
#define MEV_TESTS_FRAME_H

#include <linux/types.h>
#include <string.h>

#define FRAME_ROOM 2048

#define NODE_MAC                       \
	{                              \
		0x02, 0, 0, 0, 0, 0x01 \
	}
#define PEER_MAC                       \
	{                              \
		0x02, 0, 0, 0, 0, 0x02 \
	}
#define POOL_A "\xa0\xb8\x69\x91\xc6\x21\x8b\x36\xc1\xd1\x9d\x4a\x2e\x9e\xb0\xce\x36\x06\xeb\x48"
#define POOL_B "\xcb\xcd\xf9\x62\x6b\xc0\x3e\x24\xf7\x79\x43\x41\x78\xa7\x3a\x0b\x4b\xad\x62\xed"

struct frame_spec {
	int vlan; /* EtherType of a tag, 0: none */
	int ipv6;
	int option_words; /* of IPv4 options, 0 to 10 */
	int update;       /* a PoolStateUpdate to 8081 instead of a swap to 8080 */
	int padding;      /* bytes behind the IP packet */
	__u16 src_port;
	/* The record. 0 / NULL: the usual. */
	const char *pool;
	__u64 nonce, amount_in, min_amount_out;
	__u8 direction;
	__u64 reserve0, reserve1, slot;
	__u32 seq;
	int udp_checksum; /* fill it in */
};

struct frame {
	__u32 len;
	__u32 l3, l4, payload; /* offsets */
	__u8 bytes[FRAME_ROOM] __attribute__((aligned(64)));
};

static inline void put16be(__u8 *p, __u32 v)
{
	p[0] = (__u8)(v >> 8);
	p[1] = (__u8)v;
}

static inline void put_le(__u8 *p, __u64 v, int bytes)
{
	for (int i = 0; i < bytes; i++)
		p[i] = (__u8)(v >> 8 * i);
}

static inline __u64 get_le(const __u8 *p, int bytes)
{
	__u64 v = 0;

	for (int i = 0; i < bytes; i++)
		v |= (__u64)p[i] << 8 * i;
	return v;
}

static inline __u32 get16be(const __u8 *p)
{
	return (__u32)p[0] << 8 | p[1];
}

/* One's complement sum of big-endian words, unfolded. RFC 1071 as a book has it. */
static inline __u32 ref_sum(__u32 sum, const __u8 *p, __u32 len)
{
	for (__u32 i = 0; i + 1 < len; i += 2)
		sum += get16be(p + i);
	if (len & 1)
		sum += (__u32)p[len - 1] << 8;
	return sum;
}

static inline __u16 ref_fold(__u32 sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~sum;
}

/* Over the UDP datagram of a built frame as its length field has it; 0 if the sum in it is right. */
static inline __u16 ref_udp_sum(const struct frame *f)
{
	const __u8 *l3 = f->bytes + f->l3, *l4 = f->bytes + f->l4;
	__u32 len = get16be(l4 + 4), sum = 17 + len;

	sum = l3[0] >> 4 == 4 ? ref_sum(sum, l3 + 12, 8) : ref_sum(sum, l3 + 8, 32);
	return ref_fold(ref_sum(sum, l4, len));
}

static inline void frame_fix_ip_sum(struct frame *f)
{
	__u8 *l3 = f->bytes + f->l3;

	if (l3[0] >> 4 != 4)
		return;
	put16be(l3 + 10, 0);
	put16be(l3 + 10, ref_fold(ref_sum(0, l3, (l3[0] & 15u) * 4)));
}

static inline void frame_fix_udp_sum(struct frame *f)
{
	__u8 *l4 = f->bytes + f->l4;
	__u16 sum;

	put16be(l4 + 6, 0);
	sum = ref_udp_sum(f);
	put16be(l4 + 6, sum ? sum : 0xffff);
}

static inline void frame_put_record(__u8 *p, const struct frame_spec *s)
{
	const char *pool = s->pool ? s->pool : POOL_A;

	if (s->update) {
		memcpy(p, pool, 20);
		put_le(p + 20, s->reserve0, 8);
		put_le(p + 28, s->reserve1, 8);
		put_le(p + 36, s->slot, 8);
		put_le(p + 44, s->seq, 4);
		return;
	}
	put_le(p, s->nonce, 8);
	memcpy(p + 8, pool, 20);
	put_le(p + 28, s->amount_in ? s->amount_in : 20000000000, 8);
	put_le(p + 36, s->min_amount_out, 8);
	p[44] = s->direction;
}

static inline __u32 frame_put_ip(struct frame *f, const struct frame_spec *s, __u32 udp_len)
{
	__u8 *ip = f->bytes + f->l3;
	__u32 header = s->ipv6 ? 40 : 20 + 4 * (__u32)s->option_words;

	if (s->ipv6) {
		ip[0] = 0x60;
		put16be(ip + 4, udp_len);
		ip[6] = 17;
		ip[7] = 3;
		memcpy(ip + 8, "\xfd\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01",
		       16);
		memcpy(ip + 24, "\xfd\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02",
		       16);
		return header;
	}
	ip[0] = (__u8)(0x40 | header / 4);
	put16be(ip + 2, header + udp_len);
	put16be(ip + 4, 0x1234);
	put16be(ip + 6, 0x4000);
	ip[8] = 3;
	ip[9] = 17;
	memcpy(ip + 12, "\xc0\xa8\x45\x01\xc0\xa8\x45\x02", 8);
	memset(ip + 20, 1, 4 * (size_t)s->option_words); /* no-operation options */
	return header;
}

static inline void frame_build(struct frame *f, const struct frame_spec *s)
{
	static const __u8 macs[2][6] = { NODE_MAC, PEER_MAC };
	__u32 record = s->update ? 64 : 48, at = 14;

	memset(f, 0, sizeof(*f));
	memcpy(f->bytes, macs, 12);
	if (s->vlan) {
		put16be(f->bytes + 12, (__u32)s->vlan);
		put16be(f->bytes + 14, 0x2007);
		at = 18;
	}
	put16be(f->bytes + at - 2, s->ipv6 ? 0x86dd : 0x0800);
	f->l3 = at;
	f->l4 = at + frame_put_ip(f, s, 8 + record);
	f->payload = f->l4 + 8;
	put16be(f->bytes + f->l4, s->src_port ? s->src_port : 40000);
	put16be(f->bytes + f->l4 + 2, s->update ? 8081 : 8080);
	put16be(f->bytes + f->l4 + 4, 8 + record);
	frame_put_record(f->bytes + f->payload, s);
	f->len = f->payload + record + (__u32)s->padding;
	frame_fix_ip_sum(f);
	if (s->udp_checksum)
		frame_fix_udp_sum(f);
}

/* A swap or update with the usual values in the pools of wire.md. */
#define FRAME(name, ...)   \
	struct frame name; \
	frame_build(&name, &(const struct frame_spec){ __VA_ARGS__ })

#endif /* MEV_TESTS_FRAME_H */
