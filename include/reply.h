/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * reply.h - turn a swap's frame into its reply, in place
 *
 * Addresses and ports change sides, the payload becomes a SwapReply, what follows is cut. Whatever
 * the request carried in front of UDP (VLAN tag, IPv4 options, DSCP, identification) stays, except
 * that the time to live starts anew. Both engines call this, so their replies are the same bytes.
 */
#ifndef MEV_REPLY_H
#define MEV_REPLY_H

#include "compiler.h"
#include "packet.h"
#include "wire.h"

#define MEV_REPLY_TTL 64

#define MEV_SWAP_OF(a, b)                 \
	do {                              \
		__typeof__(a) tmp_ = (a); \
		(a) = (b);                \
		(b) = tmp_;               \
	} while (0)

/* Addresses, ports, lengths, TTL and checksums; the payload is in place already. */
static __always_inline void reply_headers(const struct packet *p, const void *data_end)
{
	struct eth_hdr *eth = p->eth;

	for (int i = 0; i < 3; i++)
		MEV_SWAP_OF(eth->dst[i], eth->src[i]);
	MEV_SWAP_OF(p->udp->src, p->udp->dst);
	p->udp->len = MEV_HTONS(sizeof(struct udp_hdr) + sizeof(struct swap_reply));

	if (p->v4) {
		struct ipv4_hdr *ip4 = p->ip4;

		MEV_SWAP_OF(ip4->src[0], ip4->dst[0]);
		MEV_SWAP_OF(ip4->src[1], ip4->dst[1]);
		ip4->tot_len =
			MEV_HTONS(p->ip4_len + sizeof(struct udp_hdr) + sizeof(struct swap_reply));
		ip4->ttl = MEV_REPLY_TTL;
		ip4->sum = 0;
		ip4->sum = csum_fold(packet_ip4_sum(p, data_end));
	} else {
		struct ipv6_hdr *ip6 = p->ip6;

		for (int i = 0; i < 8; i++)
			MEV_SWAP_OF(ip6->src[i], ip6->dst[i]);
		ip6->payload_len = p->udp->len;
		ip6->hop_limit = MEV_REPLY_TTL;
	}

	p->udp->sum = 0;
	p->udp->sum = packet_udp_sum(p, sizeof(struct swap_reply));
	if (!p->udp->sum)
		p->udp->sum = 0xffff; /* RFC 768: zero means no checksum */
}

/*
 * Writes the reply over the request whose UDP payload holds a DexSwapTx. Returns the length of
 * the reply's frame in bytes, counted from p->eth; it is always shorter than the request's.
 */
static __always_inline __u32 reply_write(const struct packet *p, const void *data_end, __u64 profit,
					 __u64 front_run_in, __u64 slot)
{
	struct swap_reply *reply = p->payload;

	/* reply->nonce is where the swap's nonce is: it stays as it lies. */
	MEV_WIRE64(reply->profit) = profit;
	MEV_WIRE64(reply->front_run_in) = front_run_in;
	MEV_WIRE64(reply->slot) = slot;
	reply_headers(p, data_end);
	return (__u32)((__u8 *)(reply + 1) - (__u8 *)p->eth);
}

#endif /* MEV_REPLY_H */
