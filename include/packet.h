/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * packet.h - a bounds-checked walk over Ethernet, one VLAN tag, IPv4/IPv6 and UDP
 *
 *	| Ethernet 14 | [tag 4] | IPv4 20..60 or IPv6 40 | UDP 8 | payload | [padding] |
 *
 * The one parser of the XDP program, of userspace, of tests and of fuzzing. It checks once, in
 * packet_find_udp() and packet_lengths_fit(); what it then points at may be read without a check.
 * It keeps no state and touches nothing but the frame. RFC 791, 768, 8200; IEEE 802.1Q.
 */
#ifndef MEV_PACKET_H
#define MEV_PACKET_H

#include "compiler.h"

#define MEV_ETH_P_IP 0x0800
#define MEV_ETH_P_ARP 0x0806
#define MEV_ETH_P_IPV6 0x86dd
#define MEV_ETH_P_8021Q 0x8100
#define MEV_ETH_P_8021AD 0x88a8
#define MEV_IPPROTO_UDP 17

#define MEV_HTONS(x) ((__be16)__builtin_bswap16((__u16)(x)))
#define MEV_NTOHS(x) ((__u16)__builtin_bswap16(x))

struct eth_hdr {
	__u16 dst[3]; /* a MAC address, as words: its first byte is the low half of the first */
	__u16 src[3];
	__be16 type;
} __wire;

struct vlan_hdr {
	__be16 tci;
	__be16 type;
} __wire;

struct ipv4_hdr {
	__u8 ver_ihl; /* version in the high half, header length in 32-bit words in the low one */
	__u8 tos;
	__be16 tot_len;
	__be16 id;
	__be16 frag; /* DF 0x4000, MF 0x2000, offset 0x1fff */
	__u8 ttl;
	__u8 proto;
	__u16 sum;
	__be16 src[2];
	__be16 dst[2];
} __wire;

struct ipv6_hdr {
	__u8 ver_class;
	__u8 flow[3];
	__be16 payload_len;
	__u8 next;
	__u8 hop_limit;
	__be16 src[8];
	__be16 dst[8];
} __wire;

/* ARP for IPv4 over Ethernet, RFC 826. */
struct arp_hdr {
	__be16 hw_type;
	__be16 proto_type;
	__u8 hw_len;
	__u8 proto_len;
	__be16 operation;
	__u16 sender_mac[3];
	__be16 sender_ip[2];
	__u16 target_mac[3];
	__be16 target_ip[2];
} __wire;

struct udp_hdr {
	__be16 src;
	__be16 dst;
	__be16 len;
	__u16 sum;
} __wire;

_Static_assert(sizeof(struct eth_hdr) == 14 && sizeof(struct vlan_hdr) == 4, "layer 2 sizes");
_Static_assert(sizeof(struct ipv4_hdr) == 20 && sizeof(struct ipv6_hdr) == 40, "IP header sizes");
_Static_assert(sizeof(struct udp_hdr) == 8, "UDP header size");

#define MEV_IPV4_FRAGMENT MEV_HTONS(0x3fff) /* MF or an offset */

/*
 * ::ffff:a.b.c.d stands for an IPv4 address inside a host (RFC 4291 2.5.5.2), also in mev_feed_allow.
 * As the source of a packet it is somebody who would pass for that one; Linux drops it.
 */
static __always_inline bool packet_ip6_is_mapped(const __be16 ip[8])
{
	return !(ip[0] | ip[1] | ip[2] | ip[3] | ip[4] | (ip[5] ^ 0xffff));
}

/*
 * A UDP frame, as packet_find_udp() found it: pointers into the frame. Of ip4 and ip6 `v4` says
 * which one is set; a number and not NULL, since the verifier does not follow NULL in a packet
 * pointer.
 */
struct packet {
	struct eth_hdr *eth;
	union {
		struct ipv4_hdr *ip4;
		struct ipv6_hdr *ip6;
	};
	struct udp_hdr *udp;
	void *payload;
	__u32 v4;
	__u32 ip4_len; /* of the IPv4 header, options included: 20 to 60 */
};

/*
 * Finds the UDP header of an unfragmented UDP packet over IPv4 or IPv6, plain or behind one VLAN
 * tag. False: it is none, or the frame is too short or too odd to tell. Payload and lengths are
 * not looked at yet.
 */
static __always_inline bool packet_find_udp(void *data, void *data_end, struct packet *p)
{
	struct eth_hdr *eth = data;
	struct udp_hdr *udp;
	void *l3 = eth + 1;
	__be16 type;

	if (l3 > data_end)
		return false;
	type = eth->type;
	if (type == MEV_HTONS(MEV_ETH_P_8021Q) || type == MEV_HTONS(MEV_ETH_P_8021AD)) {
		struct vlan_hdr *tag = l3;

		l3 = tag + 1;
		if (l3 > data_end)
			return false;
		type = tag->type;
	}

	p->eth = eth;
	if (type == MEV_HTONS(MEV_ETH_P_IP)) {
		struct ipv4_hdr *ip4 = l3;

		if ((void *)(ip4 + 1) > data_end)
			return false;
		p->ip4_len = (ip4->ver_ihl & 0xfu) * 4;
		if (ip4->ver_ihl >> 4 != 4 || p->ip4_len < sizeof(*ip4) ||
		    ip4->proto != MEV_IPPROTO_UDP || (ip4->frag & MEV_IPV4_FRAGMENT))
			return false;
		p->v4 = 1;
		p->ip4 = ip4;
		udp = (struct udp_hdr *)((__u8 *)l3 + p->ip4_len);
	} else if (type == MEV_HTONS(MEV_ETH_P_IPV6)) {
		struct ipv6_hdr *ip6 = l3;

		if ((void *)(ip6 + 1) > data_end)
			return false;
		if (ip6->ver_class >> 4 != 6 || ip6->next != MEV_IPPROTO_UDP ||
		    packet_ip6_is_mapped(ip6->src))
			return false;
		p->v4 = 0;
		p->ip6 = ip6;
		p->ip4_len = 0;
		udp = (void *)(ip6 + 1);
	} else {
		return false;
	}
	MEV_ONE_VALUE(udp);
	p->udp = udp;
	p->payload = udp + 1;
	return p->payload <= data_end;
}

/*
 * Whether the IP packet lies in the frame (padding behind it is legal) and is exactly as long as
 * its UDP datagram says. True: udp->len - 8 bytes of payload are there.
 */
static __always_inline bool packet_lengths_fit(const struct packet *p, const void *data_end)
{
	__u32 udp_len = MEV_NTOHS(p->udp->len), room, ip_payload;

	if (p->v4) {
		__u32 tot_len = MEV_NTOHS(p->ip4->tot_len);

		room = (__u32)((const __u8 *)data_end - (const __u8 *)p->ip4);
		if (tot_len > room || tot_len < p->ip4_len)
			return false;
		ip_payload = tot_len - p->ip4_len;
	} else {
		room = (__u32)((const __u8 *)data_end - (const __u8 *)p->udp);
		ip_payload = MEV_NTOHS(p->ip6->payload_len);
		if (ip_payload > room)
			return false;
	}
	return udp_len >= sizeof(struct udp_hdr) && udp_len == ip_payload;
}

/*
 * Internet checksum (RFC 1071): add 16-bit words as they lie in memory, fold, complement. Wider
 * words add up to the same, once folded; the verifier's clang loads those by halves, so there they
 * gain nothing.
 */
#ifdef __bpf__
typedef __u16 csum_word;
#else
typedef __u32 csum_word;
#endif

static __always_inline __u64 csum_add(__u64 sum, const void *data, __u32 len)
{
	const struct {
		csum_word v;
	} __wire *word = data;
	const struct {
		__u16 v;
	} __wire *last = (const void *)((const __u8 *)data + (len & ~3u));

	for (__u32 i = 0; i < len / sizeof(csum_word); i++)
		sum += word[i].v;
	if (sizeof(csum_word) == 4 && len & 2)
		sum += last->v;
	return sum;
}

/* Any four words: as one's complement sums go, a number's halves add up to what its words do. */
static __always_inline __u64 csum_add64(__u64 sum, __u64 words)
{
	return sum + (__u32)words + (words >> 32);
}

static __always_inline __u16 csum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~sum;
}

/* Sum of an IPv4 header with its options; `data_end` for the verifier's sake. */
static __always_inline __u64 packet_ip4_sum(const struct packet *p, const void *data_end)
{
	__u64 sum = csum_add(0, p->ip4, sizeof(*p->ip4));
	const __u8 *option = (const __u8 *)(p->ip4 + 1);

	if (likely(p->ip4_len == sizeof(*p->ip4)))
		return sum;
	for (__u32 i = 0; i < 10; i++) {
		if (sizeof(*p->ip4) + i * 4 >= p->ip4_len || (const void *)(option + 4) > data_end)
			break;
		sum = csum_add(sum, option, 4);
		option += 4;
	}
	return sum;
}

static __always_inline bool packet_ip4_sum_ok(const struct packet *p, const void *data_end)
{
	return !p->v4 || csum_fold(packet_ip4_sum(p, data_end)) == 0;
}

/*
 * UDP checksum over pseudo-header, UDP header and `payload_len` (even, constant) bytes of payload,
 * with the sum field as it stands: 0 if it stands right.
 */
static __always_inline __u16 packet_udp_sum(const struct packet *p, __u32 payload_len)
{
	__u64 sum = MEV_HTONS(MEV_IPPROTO_UDP) + p->udp->len;

	sum = p->v4 ? csum_add(sum, p->ip4->src, 8) : csum_add(sum, p->ip6->src, 32);
	return csum_fold(csum_add(sum, p->udp, (__u32)sizeof(struct udp_hdr) + payload_len));
}

/* RFC 768: a sum of zero means none, over IPv4. RFC 8200 8.1: over IPv6 there must be one. */
static __always_inline bool packet_udp_sum_ok(const struct packet *p, __u32 payload_len)
{
	if (p->udp->sum == 0)
		return p->v4;
	return packet_udp_sum(p, payload_len) == 0;
}

/* IEEE 802: the lowest bit of the first byte marks multicast and broadcast. */
static __always_inline bool packet_group_mac(const struct packet *p)
{
	return p->eth->dst[0] & 1;
}

/* Whether the frame is to `mac`, which is 2-aligned: three words cost less than six bytes. */
static __always_inline bool packet_mac_is(const struct packet *p, const __u8 mac[6])
{
	const struct {
		__u16 v[3];
	} __wire *want = (const void *)mac;
	const __u16 *dst = p->eth->dst;

	return !((dst[0] ^ want->v[0]) | (dst[1] ^ want->v[1]) | (dst[2] ^ want->v[2]));
}

/* Multicast (RFC 5771) or limited broadcast. */
static __always_inline bool packet_ip4_is_group(const __be16 ip[2])
{
	return (ip[0] & 0xf0) == 0xe0 || (ip[0] & ip[1]) == 0xffff;
}

/*
 * Whether a reply would not go from this address to one host: a group on either side, or a sender
 * that is nobody (unspecified and loopback addresses; UDP source port 0: RFC 768). One forged
 * frame must not make the node speak to a whole segment.
 */
static __always_inline bool packet_unanswerable(const struct packet *p)
{
	if (((p->eth->dst[0] | p->eth->src[0]) & 1) || !p->udp->src)
		return true;
	if (p->v4) {
		const __be16 *src = p->ip4->src;

		return packet_ip4_is_group(src) || packet_ip4_is_group(p->ip4->dst) ||
		       (src[0] & 0xff) == 127 || !(src[0] | src[1]);
	}
	const __be16 *src = p->ip6->src;

	if ((src[0] & 0xff) == 0xff || (p->ip6->dst[0] & 0xff) == 0xff)
		return true;
	return !(src[0] | src[1] | src[2] | src[3] | src[4] | src[5] | src[6] |
		 (src[7] & MEV_HTONS(0xfffe)));
}

#endif /* MEV_PACKET_H */
