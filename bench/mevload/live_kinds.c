// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "live_kinds.h"

#include <netinet/in.h>
#include <string.h>

#include "amm.h"
#include "random.h"

/* TEST-NET-2 (RFC 5737): what the kernel gets of foreign frames is nobody's, so it answers none. */
#define NOBODY_IP ((__be32)MEV_HTONS(0xc633) | (__be32)MEV_HTONS(0x6401) << 16)
#define NOBODY_PORT 9 /* discard */

static __u16 next_port(struct live_maker *m)
{
	const struct frame_ends *e = &m->rules->ends;

	return (__u16)(e->from_port + m->port_turn++ % (e->from_port_last - e->from_port + 1u));
}

static const struct config_pool *any_pool(struct live_maker *m)
{
	const struct config *c = m->rules->config;

	return &c->pools[random_below(&m->random, c->pool_cnt)];
}

static void set_ip_sum(struct swap_frame *f)
{
	struct packet p = { .eth = &f->eth, .ip4 = &f->ip4, .udp = &f->udp, .v4 = 1 };

	p.ip4_len = sizeof(f->ip4);
	f->ip4.sum = 0;
	f->ip4.sum = csum_fold(packet_ip4_sum(&p, f + 1));
}

/* Swaps that no more than one thing is wrong with. */
static void spoil(struct live_maker *m, enum live_kind kind, const struct config_pool *pool,
		  struct dex_swap_tx *tx)
{
	__u64 rin = tx->token_direction == MEV_TOKEN0_IN ? pool->reserve0 : pool->reserve1;
	__u64 least = m->rules->config->node.min_amount_in;
	__u64 even = amm_break_even(rin, amm_kappa_q64(pool->fee_n, pool->fee_d));

	switch (kind) {
	case LIVE_BREAK_EVEN:
		if (even > least)
			tx->amount_in = least + random_below(&m->random, even - least);
		break;
	case LIVE_BELOW_MIN:
		if (least)
			tx->amount_in = random_below(&m->random, least);
		break;
	case LIVE_REVERTS:
		tx->min_amount_out += tx->min_amount_out / 8 + 1;
		break;
	case LIVE_UNKNOWN_POOL:
		for (int i = 0; i < MEV_ADDRESS_LEN; i++)
			tx->pool_address[i] = (__u8)random_below(&m->random, 256);
		break;
	default:
		break;
	}
}

/* One wrong thing after another. */
static void malform(struct live_maker *m, struct swap_frame *f)
{
	switch (m->turn++ % 4) {
	case 0: /* MALFORMED */
		f->ip4.tot_len = MEV_HTONS(sizeof(*f));
		set_ip_sum(f);
		break;
	case 1: /* BAD_CHECKSUM */
		f->ip4.sum ^= MEV_HTONS(1);
		break;
	case 2: /* BAD_LENGTH, the last two bytes being padding */
		f->ip4.tot_len = MEV_HTONS(sizeof(*f) - sizeof(f->eth) - 2);
		f->udp.len = MEV_HTONS(sizeof(f->udp) + sizeof(f->tx) - 2);
		set_ip_sum(f);
		f->udp.sum = 0;
		break;
	default: /* BAD_FIELD */
		f->tx.reserved[m->turn % 3] = 1;
		swap_frame_put_sum(f);
	}
}

/* What else a wire carries, in the place of a swap. */
static void estrange(struct live_maker *m, struct swap_frame *f)
{
	struct ipv6_hdr *ip6 = (struct ipv6_hdr *)&f->ip4;
	struct udp_hdr *udp6 = (struct udp_hdr *)(ip6 + 1);
	struct arp_hdr *arp = (struct arp_hdr *)&f->ip4;
	const __u32 room = sizeof(*f) - sizeof(f->eth);
	const __be32 nobody = NOBODY_IP;

	memcpy(f->ip4.dst, &nobody, sizeof(f->ip4.dst));
	switch (m->turn++ % 4) {
	case 0:
		f->udp.dst = MEV_HTONS(NOBODY_PORT);
		set_ip_sum(f);
		swap_frame_put_sum(f);
		return;
	case 1: /* its header is noise: nobody looks that far */
		f->ip4.proto = IPPROTO_TCP;
		set_ip_sum(f);
		return;
	case 2:
		memset(ip6, 0, room);
		f->eth.type = MEV_HTONS(MEV_ETH_P_IPV6);
		*ip6 = (struct ipv6_hdr){ .ver_class = 0x60,
					  .payload_len = MEV_HTONS(room - sizeof(*ip6)),
					  .next = MEV_IPPROTO_UDP,
					  .hop_limit = 64 };
		/* 2001:db8::/32 (RFC 3849) */
		ip6->src[0] = ip6->dst[0] = MEV_HTONS(0x2001);
		ip6->src[1] = ip6->dst[1] = MEV_HTONS(0x0db8);
		ip6->src[7] = MEV_HTONS(1);
		ip6->dst[7] = MEV_HTONS(2);
		*udp6 = (struct udp_hdr){ .src = MEV_HTONS(next_port(m)),
					  .dst = MEV_HTONS(NOBODY_PORT),
					  .len = ip6->payload_len,
					  .sum = 0xffff };
		return;
	default:
		memset(arp, 0, room);
		f->eth.type = MEV_HTONS(MEV_ETH_P_ARP);
		*arp = (struct arp_hdr){ .hw_type = MEV_HTONS(1),
					 .proto_type = MEV_HTONS(MEV_ETH_P_IP),
					 .hw_len = 6,
					 .proto_len = 4,
					 .operation = MEV_HTONS(1) };
		memcpy(arp->sender_mac, f->eth.src, sizeof(arp->sender_mac));
		memcpy(arp->sender_ip, &m->rules->ends.from_ip, sizeof(arp->sender_ip));
		memcpy(arp->target_ip, &nobody, sizeof(arp->target_ip));
	}
}

void live_kind_draw(struct live_maker *m, enum live_kind kind, struct swap_frame *f)
{
	const struct config_pool *pool = any_pool(m);
	struct dex_swap_tx tx = { 0 };

	if (pool->reserve0)
		tx = swap_draw(pool, m->rules->config->node.min_amount_in, &m->random);
	spoil(m, kind, pool, &tx);
	swap_frame_put(f, &m->rules->ends, next_port(m), &tx);
	if (kind == LIVE_MALFORMED)
		malform(m, f);
	if (kind == LIVE_FOREIGN)
		estrange(m, f);
}

bool live_kind_is(enum mev_verdict verdict, enum live_kind kind)
{
	switch (kind) {
	case LIVE_CANDIDATE:
		return verdict == MEV_REPLIED;
	case LIVE_FOREIGN:
		return verdict == MEV_PASS;
	case LIVE_BREAK_EVEN:
		return verdict == MEV_BELOW_BREAK_EVEN;
	case LIVE_BELOW_MIN:
		return verdict == MEV_BELOW_MIN;
	case LIVE_REVERTS:
		return verdict == MEV_VICTIM_REVERTS;
	case LIVE_UNKNOWN_POOL:
		return verdict == MEV_UNKNOWN_POOL;
	case LIVE_MALFORMED:
		return verdict == MEV_MALFORMED || verdict == MEV_BAD_CHECKSUM ||
		       verdict == MEV_BAD_LENGTH || verdict == MEV_BAD_FIELD;
	default:
		return false;
	}
}
