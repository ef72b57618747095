/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * maps_abi.h - what the XDP program and userspace say to each other
 *
 * The value of mev_config (userspace, or anybody with bpftool, writes; both planes read while they
 * run) and the metadata that travels with a frame. Counters: verdict.h; pools: pool.h.
 */
#ifndef MEV_MAPS_ABI_H
#define MEV_MAPS_ABI_H

#include "compiler.h"
#include "wire.h"

#define MEV_MAX_POOLS 65536
#define MEV_MAX_QUEUES 256 /* entries of mev_xsks */
#define MEV_MAX_FEEDS 1024 /* entries of mev_feed_allow */

enum mev_flag {
	MEV_VERIFY_UDP_SUM = 1 << 0,  /* verify UDP checksums of requests */
	MEV_FEED_RESTRICTED = 1 << 1, /* believe updates only from sources in mev_feed_allow */
};

/* Who decides candidates and answers them. */
enum mev_engine {
	MEV_ENGINE_USER = 0,   /* userspace, by way of an AF_XDP socket */
	MEV_ENGINE_KERNEL = 1, /* the XDP program itself; what it finds too hard, userspace */
};

struct mev_config {
	__u32 ready; /* 0: nobody has configured the program yet, every frame passes */
	__u32 flags; /* enum mev_flag */
	__u64 min_amount_in;
	__u64 min_profit; /* 0 counts as 1 */
	__u64 capital;    /* largest front-run */
	__u32 strategy;   /* enum sandwich_strategy */
	__u16 swap_port;  /* host byte order */
	__u16 update_port;
	__u8 mac[6]; /* of the interface, 2-aligned; unicast frames to others pass */
	__u8 unused[2];
	__be32 own_ip; /* frames to this address are MEV_STACK; 0: none */
	__u32 engine;  /* enum mev_engine; may change at any time, a frame meets one or the other */
};

/* What kind of frame travels with metadata; values that stray bytes are unlikely to have. */
enum mev_class {
	MEV_CLASS_NONE = 0,
	MEV_CLASS_SWAP = 0xa5,
};

/*
 * Directly in front of the packet (bpf_xdp_adjust_meta): the pool state that the XDP program
 * judged the swap by. The decision uses the same, so it does not depend on which updates overtake
 * the swap on its way to userspace, and the pool's line, which another CPU writes, is not needed
 * for it. 32 bytes is the most that kernels before 6.3 allow.
 *
 * A hint all the same: a driver without metadata leaves old bytes here, so userspace checks
 * `pool` against the payload, and whoever has used it sets `class` to MEV_CLASS_NONE.
 */
struct mev_meta {
	__u64 reserve0, reserve1, slot;
	/* CLOCK_MONOTONIC when the XDP program saw the frame, 40 bits of it; 0: not timed */
	__u32 rx_ns_lo;
	__u8 rx_ns_hi;
	__u8 class; /* enum mev_class */
	__u16 pool; /* slot in mev_pools */
};

#define MEV_META_RX_BITS 40
#define MEV_META_TIMED 8 /* one candidate in so many is, by the program and by the worker */

_Static_assert(sizeof(struct mev_config) == 56, "mev_config has no hidden padding");
_Static_assert(sizeof(struct mev_meta) == 32, "metadata is a multiple of 4, at most 32 bytes");
_Static_assert(MEV_MAX_POOLS <= 1 << 16, "a slot fits mev_meta.pool");

/* Key of mev_pool_index. */
struct mev_address {
	__u8 bytes[MEV_ADDRESS_LEN];
};

/* Key of mev_feed_allow, a longest-prefix trie over IPv6 and IPv4 (as ::ffff:a.b.c.d, /96 more). */
struct mev_feed_key {
	__u32 prefix_len; /* bits of `addr` that count, 0 to 128 */
	__u16 addr[8];    /* as it lies in a frame */
};

/* What the XDP program counts for one pool on one CPU; index as in mev_pools. */
struct mev_pool_counters {
	__u64 updates; /* applied */
	__u64 gaps;    /* applied updates that were not the next of their stream */
	__u64 stale;
	__u64 swaps;      /* well-formed ones that named this pool */
	__u64 candidates; /* of these, worth a decision */
	__u64 replies;    /* of the program itself */
};

#endif /* MEV_MAPS_ABI_H */
