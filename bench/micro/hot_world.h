/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * hot_world - pools, a UMEM and an endless row of different candidates for the hot path
 *
 * The swaps are the economics group's usual mix: pools of 2^38 to 2^44, victims of 0.4 to 10 % of
 * the reserve, slippage limits of 0.1 to 2 %, a capital of 2^37, with `fixed` 2^30, so that most of
 * its victims do not revert. 131,072 of them, since fewer are learnt by the branch predictor. A lap
 * is a number of frames: hot_prepare() puts them into their chunks, where the kernel would have;
 * what follows it is to be timed.
 */
#ifndef BENCH_HOT_WORLD_H
#define BENCH_HOT_WORLD_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#define HOT_SWAPS 131072u
#define HOT_MAX_CHUNKS (1u << 18)

struct hot_case {
	const char *name;
	__u32 strategy; /* enum sandwich_strategy */
	__u32 pool_cnt;
	__u32 chunk_cnt; /* of the UMEM, at most HOT_MAX_CHUNKS, all of them in a lap, in random order */
	bool no_hint; /* as from a driver without metadata */
	bool ipv6;
	bool verify_sum;
	bool flushed; /* out of the caches, as from a card that writes to memory; x86 only */
};

struct hot_world;

/* Aborts where memory is lacking. Kept to the end. */
struct hot_world *hot_open(const struct hot_case *c, __u32 swap_cnt);

/* The next candidates into the chunks of the next lap. */
void hot_prepare(struct hot_world *w);

/* Does something with `cnt` frames of the lap from one on; returns how many were answered. */
typedef __u32 (*hot_lap)(struct hot_world *w, __u32 from, __u32 cnt);

/* hot_path_candidate(), as the worker calls it. */
__u32 hot_decide(struct hot_world *w, __u32 from, __u32 cnt);

/*
 * xsk_worker_loop(), between rings whose other end takes everything at once. The whole lap, of at
 * most XSK_RING_SIZE frames.
 */
__u32 hot_work(struct hot_world *w, __u32 from, __u32 cnt);

/*
 * Makes a lap, timed by nobody, and looks at each frame: the share of right replies, or less than 0
 * if one is wrong (nonce, profit, front-run) or is where none should be.
 */
double hot_check(struct hot_world *w, hot_lap lap);

#endif /* BENCH_HOT_WORLD_H */
