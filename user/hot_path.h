/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * hot_path - a candidate's frame in, a verdict out, the reply written in place
 *
 * Knows no socket, no clock and no map: AF_XDP, TAP, replay, tests and benchmarks call the same
 * code. Allocates nothing, locks nothing, logs nothing, calls nothing outside this file but
 * pool_table_find(); `make check` holds its undefined symbols against a list.
 * Any number of threads may run it over one struct hot_path; it is only read.
 */
#ifndef MEV_HOT_PATH_H
#define MEV_HOT_PATH_H

#include "maps_abi.h"
#include "pool.h"
#include "pool_table.h"
#include "verdict.h"

struct hot_path {
	const struct mev_config *config; /* mev_config, mapped: may change between two frames */
	const struct mev_pool *pools;    /* mev_pools, mapped: changes all the time */
	__u32 pool_cnt;
	const struct pool_table *index; /* for frames that come without a good hint */
	/* While that changes: the configuration that candidates on their way were judged by. */
	const struct mev_config *before;
};

/* What a decision leaves behind; only meaningful with MEV_REPLIED. */
struct hot_path_reply {
	__u32 len;  /* of the reply's frame, bytes */
	__u32 slot; /* of its pool */
};

/*
 * Decides a frame that the XDP program took for a candidate, and checks again whatever memory
 * safety and the answer's truth rest on. `frame` is 2-aligned, `len` bytes; `hint` may hold
 * anything, or be NULL.
 *
 * Returns MEV_REPLIED (the frame now holds the reply), MEV_UNPROFITABLE, MEV_POOL_BUSY, or
 * MEV_REJECTED: not a candidate after all.
 */
enum mev_verdict hot_path_candidate(const struct hot_path *hp, void *frame, __u32 len,
				    const struct mev_meta *hint, struct hot_path_reply *reply);

/*
 * Judges and decides a swap that came without a frame, as from a TCP stream: BAD_FIELD to
 * VICTIM_REVERTS as the filter says, POOL_BUSY, UNPROFITABLE, or REPLIED with *reply filled in and
 * *slot the pool's.
 */
enum mev_verdict hot_path_record(const struct hot_path *hp, const struct dex_swap_tx *tx,
				 struct swap_reply *reply, __u32 *slot);

#endif /* MEV_HOT_PATH_H */
