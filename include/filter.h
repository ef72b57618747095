/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * filter.h - pre-validation: which verdict a frame meets, up to the point where userspace decides
 *
 * Called by the XDP program, and by userspace where there is no XDP. How a pool is found differs
 * (a BPF map, a table), so the filter comes in steps and the caller does the lookup between them:
 *
 *	filter_frame()        parse, lengths, checksums, fields     -> PASS .. BELOW_MIN, or a record
 *	  for a frame that passes: filter_own()?                    -> STACK
 *	  for an update: is filter_source() allowed?                -> UPDATE_FORBIDDEN
 *	  look the pool up by its address                           -> [UPDATE_]UNKNOWN_POOL
 *	filter_swap()         state, break-even, victim's limit     -> NO_STATE .. REDIRECT
 *	mev_pool_update()     for an update (pool.h)                -> UPDATE_*
 *
 * The order of the checks is the order of wire.md's verdicts.
 */
#ifndef MEV_FILTER_H
#define MEV_FILTER_H

#include "amm.h"
#include "maps_abi.h"
#include "packet.h"
#include "pool.h"
#include "verdict.h"
#include "wire.h"

/* What filter_frame() found; `is_swap` says which pointer is set when it returns MEV_REDIRECT. */
struct filter_record {
	struct packet packet;
	union {
		struct dex_swap_tx *swap;
		struct pool_state_update *update;
	};
	bool is_swap;
};

/* The fields of a swap, as far as they can be judged without its pool. */
static __always_inline enum mev_verdict filter_fields(const struct dex_swap_tx *tx,
						      const struct mev_config *cfg)
{
	if (tx->token_direction > MEV_TOKEN1_IN ||
	    (tx->reserved[0] | tx->reserved[1] | tx->reserved[2]))
		return MEV_BAD_FIELD;
	if (MEV_WIRE64(tx->amount_in) < cfg->min_amount_in)
		return MEV_BELOW_MIN;
	return MEV_REDIRECT;
}

/*
 * Verdicts 1 to 6. MEV_REDIRECT: *r holds a well-formed swap or update, whose pool is to be looked
 * up next. A record may be read to its end.
 */
static __always_inline enum mev_verdict filter_frame(void *data, void *data_end,
						     const struct mev_config *cfg,
						     struct filter_record *r)
{
	struct packet *p = &r->packet;
	__u32 payload_len;
	__u16 port;
	bool swap;

	if (!packet_find_udp(data, data_end, p))
		return MEV_PASS;
	port = MEV_NTOHS(p->udp->dst);
	swap = port == cfg->swap_port;
	if (!swap && port != cfg->update_port)
		return MEV_PASS;
	if (!packet_group_mac(p) && !packet_mac_is(p, cfg->mac))
		return MEV_PASS;
	if (swap && packet_unanswerable(p))
		return MEV_PASS;

	if (!packet_lengths_fit(p, data_end))
		return MEV_MALFORMED;
	if (!packet_ip4_sum_ok(p, data_end))
		return MEV_BAD_CHECKSUM;

	/* That the record ends within the frame follows from its length; the verifier wants to see it. */
	payload_len = MEV_NTOHS(p->udp->len) - (__u32)sizeof(struct udp_hdr);
	if (swap) {
		r->is_swap = true;
		r->swap = p->payload;
		if (payload_len != sizeof(*r->swap) || (void *)(r->swap + 1) > data_end)
			return MEV_BAD_LENGTH;
		if ((cfg->flags & MEV_VERIFY_UDP_SUM) && !packet_udp_sum_ok(p, sizeof(*r->swap)))
			return MEV_BAD_CHECKSUM;
		return filter_fields(r->swap, cfg);
	}
	r->is_swap = false;
	r->update = p->payload;
	if (payload_len != sizeof(*r->update) || (void *)(r->update + 1) > data_end)
		return MEV_BAD_LENGTH;
	if ((cfg->flags & MEV_VERIFY_UDP_SUM) && !packet_udp_sum_ok(p, sizeof(*r->update)))
		return MEV_BAD_CHECKSUM;
	return MEV_REDIRECT;
}

/*
 * Whether a frame that filter_frame() passes is for the node's own address: ARP that asks for it or
 * answers it, and IPv4 to it, untagged. MEV_STACK, or still MEV_PASS.
 */
static __always_inline enum mev_verdict filter_own(void *data, void *data_end,
						   const struct mev_config *cfg)
{
	struct eth_hdr *eth = data;
	struct arp_hdr *arp = (void *)(eth + 1);
	struct ipv4_hdr *ip4 = (void *)(eth + 1);
	__be16 *to;

	if (!cfg->own_ip || (void *)(ip4 + 1) > data_end)
		return MEV_PASS;
	if (eth->type == MEV_HTONS(MEV_ETH_P_IP)) {
		to = ip4->dst;
	} else if (eth->type == MEV_HTONS(MEV_ETH_P_ARP)) {
		if ((void *)(arp + 1) > data_end)
			return MEV_PASS;
		to = arp->target_ip;
	} else {
		return MEV_PASS;
	}
	return ((__be32)to[1] << 16 | to[0]) == cfg->own_ip ? MEV_STACK : MEV_PASS;
}

/* Who sent the frame, as a key for mev_feed_allow or a list of the same. */
static __always_inline struct mev_feed_key filter_source(const struct packet *p)
{
	struct mev_feed_key key = { .prefix_len = 128 };

	if (p->v4) {
		key.addr[5] = 0xffff;
		key.addr[6] = p->ip4->src[0];
		key.addr[7] = p->ip4->src[1];
	} else {
		for (int i = 0; i < 8; i++)
			key.addr[i] = p->ip6->src[i];
	}
	return key;
}

/* Verdicts 8 to 11, for a swap in a pool whose state is *s. */
static __always_inline enum mev_verdict filter_swap(const struct dex_swap_tx *tx,
						    const struct mev_pool_state *s)
{
	struct amm_side side = mev_pool_side(s, tx->token_direction);

	if (!mev_pool_usable(s))
		return MEV_NO_STATE;
	if (MEV_WIRE64(tx->amount_in) < amm_break_even(side.rin, s->kappa_q64))
		return MEV_BELOW_BREAK_EVEN;
	if (!amm_pays(&side, MEV_WIRE64(tx->amount_in), MEV_WIRE64(tx->min_amount_out)))
		return MEV_VICTIM_REVERTS;
	return MEV_REDIRECT;
}

#endif /* MEV_FILTER_H */
