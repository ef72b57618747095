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

/*
 * Both sums are made of what the request holds and of what is put into the reply, before anything
 * is written: to read back what several narrower stores have just left makes a core wait until they
 * have reached its cache (bench/micro, reply_headers: 20 ns with that, 7 without).
 */

/* Of the UDP datagram; whose addresses and which port is whose make no difference to a sum. */
static __always_inline __u16 reply_udp_sum(const struct packet *p, const struct swap_reply *reply)
{
	const __be16 len = MEV_HTONS(sizeof(struct udp_hdr) + sizeof(*reply));
	__u64 sum = (__u64)MEV_HTONS(MEV_IPPROTO_UDP) + len + len;
	__u16 folded;

	sum = p->v4 ? csum_add(sum, p->ip4->src, 8) : csum_add(sum, p->ip6->src, 32);
	sum = csum_add(sum, p->udp, 4);
	sum = csum_add64(sum, reply->nonce);
	sum = csum_add64(sum, reply->profit);
	sum = csum_add64(sum, reply->front_run_in);
	sum = csum_add64(sum, reply->slot);
	folded = csum_fold(sum);
	return folded ? folded : 0xffff; /* RFC 768: zero means no checksum */
}

/* Of the IPv4 header, which stood right: RFC 1624, equation 3. */
static __always_inline __u16 reply_ip4_sum(const struct ipv4_hdr *ip4, __be16 tot_len, __u8 ttl)
{
	__u32 sum = (__u16)~ip4->sum;

	sum += (__u16)~ip4->tot_len + tot_len;
	sum += (__u16)~ip4->ttl + ttl; /* the low half of its word */
	return csum_fold(sum);
}

static __always_inline void reply_ip(const struct packet *p)
{
	const __u32 udp_len = sizeof(struct udp_hdr) + sizeof(struct swap_reply);

	if (p->v4) {
		struct ipv4_hdr *ip4 = p->ip4;
		__be16 tot_len = MEV_HTONS(p->ip4_len + udp_len);

		ip4->sum = reply_ip4_sum(ip4, tot_len, MEV_REPLY_TTL);
		ip4->tot_len = tot_len;
		ip4->ttl = MEV_REPLY_TTL;
		MEV_SWAP_OF(ip4->src[0], ip4->dst[0]);
		MEV_SWAP_OF(ip4->src[1], ip4->dst[1]);
	} else {
		struct ipv6_hdr *ip6 = p->ip6;

		ip6->payload_len = MEV_HTONS(udp_len);
		ip6->hop_limit = MEV_REPLY_TTL;
		for (int i = 0; i < 8; i++)
			MEV_SWAP_OF(ip6->src[i], ip6->dst[i]);
	}
}

/*
 * Writes the reply over the request whose UDP payload holds a DexSwapTx and whose IPv4 checksum is
 * right. Returns the length of the reply's frame in bytes, counted from p->eth; it is always
 * shorter than the request's.
 */
static __always_inline __u32 reply_write(const struct packet *p, __u64 profit, __u64 front_run_in,
					 __u64 slot)
{
	struct swap_reply *reply = p->payload; /* its nonce is where the swap's is, and stays */
	struct eth_hdr *eth = p->eth;
	struct udp_hdr *udp = p->udp;
	__u16 sum = reply_udp_sum(p, &(const struct swap_reply){ MEV_WIRE64(reply->nonce), profit,
								 front_run_in, slot });

	udp->sum = sum;
	udp->len = MEV_HTONS(sizeof(*udp) + sizeof(*reply));
	MEV_SWAP_OF(udp->src, udp->dst);
	reply_ip(p);
	for (int i = 0; i < 3; i++)
		MEV_SWAP_OF(eth->dst[i], eth->src[i]);
	MEV_WIRE64(reply->profit) = profit;
	MEV_WIRE64(reply->front_run_in) = front_run_in;
	MEV_WIRE64(reply->slot) = slot;
	return (__u32)((__u8 *)(reply + 1) - (__u8 *)eth);
}

#endif /* MEV_REPLY_H */
