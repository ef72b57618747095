/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * swap_frame - a swap as it travels: Ethernet, IPv4, UDP, DexSwapTx
 */
#ifndef MEVLOAD_SWAP_FRAME_H
#define MEVLOAD_SWAP_FRAME_H

#include "frames.h"

struct swap_frame {
	struct eth_hdr eth;
	struct ipv4_hdr ip4;
	struct udp_hdr udp;
	struct dex_swap_tx tx;
} __wire;

_Static_assert(sizeof(struct swap_frame) == 90, "Ethernet, IPv4, UDP and a DexSwapTx");

/* Headers between two ends, checksums right. */
void swap_frame_put(struct swap_frame *f, const struct frame_ends *e, __u16 from_port,
		    const struct dex_swap_tx *tx);

/* The UDP checksum anew, after a change. */
void swap_frame_put_sum(struct swap_frame *f);

/* One swap in a pool with reserves, likely profitable. */
struct dex_swap_tx swap_draw(const struct config_pool *pool, __u64 min_amount_in, __u64 *random);

#endif /* MEVLOAD_SWAP_FRAME_H */
