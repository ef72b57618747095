// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "stack_guard.h"

#include <string.h>

#include "packet.h"
#include "siphash.h"

#define IPPROTO_ICMP_ 1
#define IPPROTO_TCP_ 6
#define ETH_P_ARP_ 0x0806

#define FIN 0x01
#define SYN 0x02
#define RST 0x04
#define ACK 0x10

#define OPTION_END 0
#define OPTION_NOP 1
#define OPTION_MSS 2
#define OPTION_WINDOW_SCALE 3

struct arp_frame {
	struct eth_hdr eth;
	__be16 hw_type, proto;
	__u8 hw_len, proto_len;
	__be16 op;
	__u16 sender_mac[3];
	__be16 sender_ip[2];
	__u16 target_mac[3];
	__be16 target_ip[2];
} __wire;

struct tcp_header {
	__be16 src, dst;
	__be32 seq, ack;
	__u8 off; /* header length in 32-bit words in the high half */
	__u8 flags;
	__be16 window;
	__u16 sum;
	__be16 urgent;
} __wire;

_Static_assert(sizeof(struct arp_frame) == 42 && sizeof(struct tcp_header) == 20, "header sizes");

/* Checksums. */

/* Sum of any number of bytes, an odd one padded with zero. */
static __u64 sum_bytes(const void *data, __u32 len)
{
	__u64 sum = csum_add(0, data, len);

	if (len & 1)
		sum += ((const __u8 *)data)[len - 1];
	return sum;
}

static __u32 fold(__u64 sum)
{
	return (__u16)~csum_fold(sum);
}

/* RFC 1624: the checksum after bytes that added up to `before` add up to `after`. */
static __u16 sum_changed(__u16 sum, __u64 before, __u64 after)
{
	return csum_fold((__u16)~sum + (__u16)~fold(before) + fold(after));
}

static __u64 pseudo_sum(const struct ipv4_hdr *ip, __u32 len)
{
	return csum_add(0, ip->src, 8) + MEV_HTONS(ip->proto) + MEV_HTONS(len);
}

/* Whether the transport's checksum is right; one that was left open is completed first. */
static bool check_sum(const struct ipv4_hdr *ip, void *transport, __u32 len, __u16 *sum_at,
		      struct stack_counters *c)
{
	__u32 pseudo = fold(pseudo_sum(ip, len));
	struct {
		__u16 v;
	} __wire *sum = (void *)sum_at;

	if (fold(sum->v) == pseudo) {
		sum->v = 0;
		sum->v = csum_fold(pseudo + sum_bytes(transport, len));
		c->sums_completed++;
		return true;
	}
	return csum_fold(pseudo + sum_bytes(transport, len)) == 0;
}

/* Sequence numbers. */

/* Of a connection's far address and its two ports; ours is the same in all. */
static __u64 hash_of(const struct stack_guard *g, const void *far_ip, __be16 far_port,
		     __be16 our_port)
{
	__u32 ip;

	memcpy(&ip, far_ip, sizeof(ip));
	return siphash(g->key, (__u64)ip << 32 | (__u64)far_port << 16 | our_port);
}

static void replace(struct tcp_header *tcp, void *field, __be32 value)
{
	__u64 before = csum_add(0, field, 4);

	memcpy(field, &value, sizeof(value));
	tcp->sum = sum_changed(tcp->sum, before, csum_add(0, field, 4));
}

/* TCP. */

/* Keeps what a SYN has to say and lwIP understands, within bounds; NOPs for all else. */
static void clean_options(__u8 *option, __u32 len, bool syn)
{
	__u32 at = 0;

	while (syn && at + 1 < len && option[at] != OPTION_END) {
		__u32 size = option[at] == OPTION_NOP ? 1 : option[at + 1];

		if (!size || (size < 2 && option[at] != OPTION_NOP) || at + size > len)
			break;
		if (option[at] == OPTION_MSS && size == 4) {
			if (option[at + 2] == 0 && option[at + 3] < GUARD_MIN_MSS)
				option[at + 3] = GUARD_MIN_MSS;
		} else if (option[at] != OPTION_WINDOW_SCALE || size != 3) {
			memset(option + at, OPTION_NOP, size);
		}
		at += size;
	}
	memset(option + at, OPTION_NOP, len - at);
}

static __u64 *judge_tcp(const struct stack_guard *g, struct stack_counters *c,
			const struct ipv4_hdr *ip, void *transport, __u32 len,
			struct guard_segment *seg)
{
	struct tcp_header *tcp = transport;
	__u64 before;
	__u32 head;
	__u8 flags;

	if (len < sizeof(*tcp))
		return &c->malformed;
	head = (tcp->off >> 4) * 4u;
	flags = tcp->flags & (FIN | SYN | RST | ACK);
	if (head < sizeof(*tcp) || head > len)
		return &c->malformed;
	if (!check_sum(ip, tcp, len, (void *)((__u8 *)tcp + offsetof(struct tcp_header, sum)), c))
		return &c->bad_checksum;
	if ((flags & SYN) ? flags != SYN : !(flags & (ACK | RST)))
		return &c->malformed;

	seg->tcp = true;
	seg->syn = flags & SYN;
	seg->fin = flags & FIN;
	seg->rst = flags & RST;
	seg->source_port = MEV_NTOHS(tcp->src);
	seg->port = MEV_NTOHS(tcp->dst);
	seg->seq = __builtin_bswap32(tcp->seq);
	seg->len = len - head;
	seg->hash = hash_of(g, ip->src, tcp->src, tcp->dst);
	seg->header = tcp;

	before = csum_add(0, tcp + 1, head - (__u32)sizeof(*tcp));
	clean_options((__u8 *)(tcp + 1), head - (__u32)sizeof(*tcp), seg->syn);
	tcp->sum = sum_changed(tcp->sum, before, csum_add(0, tcp + 1, head - (__u32)sizeof(*tcp)));
	if (flags & ACK)
		replace(tcp, (__u8 *)tcp + offsetof(struct tcp_header, ack),
			__builtin_bswap32(__builtin_bswap32(tcp->ack) - (__u32)seg->hash));
	return NULL;
}

void guard_clear_fin(struct guard_segment *seg)
{
	struct tcp_header *tcp = seg->header;
	__u32 before = MEV_HTONS(tcp->flags);

	tcp->flags &= (__u8)~FIN;
	tcp->sum = sum_changed(tcp->sum, before, MEV_HTONS(tcp->flags));
	seg->fin = false;
}

/* IPv4 and ARP. */

/* A fragment that lwIP can put together with others. */
static bool fragment_fits(const struct ipv4_hdr *ip, __u32 len)
{
	__u32 frag = MEV_NTOHS(ip->frag), end = (frag & 0x1fff) * 8 + len;
	bool more = frag & 0x2000;

	return (ip->proto == MEV_IPPROTO_UDP || ip->proto == IPPROTO_ICMP_) && len &&
	       (!more || len % 8 == 0) && end <= GUARD_MAX_DATAGRAM && ip->ver_ihl == 0x45;
}

/* Not from ourselves, a group, or nobody: RFC 1122 3.2.1.3. */
static bool source_fits(const struct stack_guard *g, const struct ipv4_hdr *ip)
{
	__u8 top = (__u8)ip->src[0];

	return top && top != 127 && top < 224 && memcmp(ip->src, &g->ip, 4);
}

static __u64 *judge_transport(const struct stack_guard *g, struct stack_counters *c,
			      struct ipv4_hdr *ip, __u32 head, __u32 len, struct guard_segment *seg)
{
	void *transport = (__u8 *)ip + head;
	struct udp_hdr *udp = transport;

	if (ip->frag & MEV_IPV4_FRAGMENT)
		return fragment_fits(ip, len) ? NULL : &c->fragments_refused;
	switch (ip->proto) {
	case IPPROTO_TCP_:
		return judge_tcp(g, c, ip, transport, len, seg);
	case MEV_IPPROTO_UDP:
		if (len < sizeof(*udp) || MEV_NTOHS(udp->len) != len)
			return &c->malformed;
		if (udp->sum && !check_sum(ip, udp, len, (void *)((__u8 *)udp + 6), c))
			return &c->bad_checksum;
		return NULL;
	case IPPROTO_ICMP_:
		if (len < 8)
			return &c->malformed;
		return csum_fold(sum_bytes(transport, len)) ? &c->bad_checksum : NULL;
	default:
		return &c->unsupported;
	}
}

static __u64 *judge_ip(const struct stack_guard *g, struct stack_counters *c, struct eth_hdr *eth,
		       __u32 room, struct guard_segment *seg)
{
	struct ipv4_hdr *ip = (void *)(eth + 1);
	__u32 head, len;

	if (eth->dst[0] & 1)
		return &c->not_ours;
	if (room < sizeof(*ip) || ip->ver_ihl >> 4 != 4)
		return &c->malformed;
	head = (ip->ver_ihl & 0xfu) * 4;
	len = MEV_NTOHS(ip->tot_len);
	if (head < sizeof(*ip) || len < head || len > room)
		return &c->malformed;
	if (csum_fold(csum_add(0, ip, head)))
		return &c->bad_checksum;
	if (memcmp(ip->dst, &g->ip, 4))
		return &c->not_ours;
	if (!source_fits(g, ip))
		return &c->malformed;
	memcpy(&seg->source, ip->src, 4);
	return judge_transport(g, c, ip, head, len - head, seg);
}

static __u64 *judge_arp(const struct stack_guard *g, struct stack_counters *c, const void *frame,
			__u32 len)
{
	const struct arp_frame *arp = frame;

	if (len < sizeof(*arp))
		return &c->malformed;
	return memcmp(arp->target_ip, &g->ip, 4) ? &c->not_ours : NULL;
}

__u64 *guard_incoming(const struct stack_guard *g, struct stack_counters *c, void *frame, __u32 len,
		      struct guard_segment *seg)
{
	static const __u8 broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	struct eth_hdr *eth = frame;

	memset(seg, 0, sizeof(*seg));
	if (len < sizeof(*eth))
		return &c->malformed;
	if (memcmp(eth->dst, g->mac, 6) && memcmp(eth->dst, broadcast, 6))
		return &c->not_ours;
	/* From a group address, or from ourselves: a reply would lead nowhere, or round in circles. */
	if ((eth->src[0] & 1) || !memcmp(eth->src, g->mac, 6))
		return &c->malformed;
	switch (MEV_NTOHS(eth->type)) {
	case MEV_ETH_P_IP:
		return judge_ip(g, c, eth, len - (__u32)sizeof(*eth), seg);
	case ETH_P_ARP_:
		return judge_arp(g, c, frame, len);
	default:
		return &c->unsupported;
	}
}

/* Outgoing. */

void *guard_outgoing(const struct stack_guard *g, void *frame, __u32 len, __be32 *seq)
{
	struct eth_hdr *eth = frame;
	struct ipv4_hdr *ip = (void *)(eth + 1);
	struct tcp_header *tcp = (void *)(ip + 1); /* lwIP sends no IP options */
	__u64 hash;

	if (len < sizeof(*eth) + sizeof(*ip) + sizeof(*tcp) ||
	    eth->type != MEV_HTONS(MEV_ETH_P_IP) || ip->proto != IPPROTO_TCP_ ||
	    (ip->frag & MEV_IPV4_FRAGMENT))
		return NULL;
	hash = hash_of(g, ip->dst, tcp->dst, tcp->src);
	*seq = tcp->seq;
	replace(tcp, (__u8 *)tcp + offsetof(struct tcp_header, seq),
		__builtin_bswap32(__builtin_bswap32(tcp->seq) + (__u32)hash));
	return tcp;
}

void guard_restore(void *header, __be32 seq)
{
	struct tcp_header *tcp = header;

	if (tcp)
		tcp->seq = seq;
}
