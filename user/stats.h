/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stats - the summary of a run, for a person and for a script
 */
#ifndef MEV_STATS_H
#define MEV_STATS_H

#include <linux/if_xdp.h>

#include "latency.h"
#include "maps_abi.h"
#include "verdict.h"
#include "worker.h"

/* What happened in one pool. */
struct stats_pool {
	const __u8 *address;
	struct mev_pool_counters kernel;
	__u64 replies;
};

/* Everything that a run has counted, summed over queues and CPUs. */
struct stats {
	const char *backend, *mode, *interface;
	struct mev_counters kernel;    /* by the XDP program */
	struct worker_counters worker; /* by the workers */
	struct xdp_statistics xsk;     /* by the kernel's AF_XDP sockets */
	struct latency_hist hot_path_ns;
	struct latency_hist in_node_ns;
	__s64 chunks_missing;     /* lost from the rings' account; anything but 0 is a bug */
	struct stats_pool *pools; /* pool_cnt of them */
	__u32 pool_cnt;
};

/*
 * Part of the candidates handed to userspace that were answered, 0 to 1; NAN where there were none.
 */
double stats_precision(const struct stats *s);

/* Adds what one worker and its socket counted. The worker has ended, its socket is open. */
void stats_add_worker(struct stats *s, const struct worker *w);

/*
 * Frames that ended in `verdict`: the XDP program's own count up to the candidates it handed over,
 * the workers' for what became of those.
 */
__u64 stats_frames(const struct stats *s, enum mev_verdict verdict);

/* Writes the summary to stdout. */
void stats_print(const struct stats *s);

/* The same as one JSON object, on one line. */
void stats_print_json(const struct stats *s);

#endif /* MEV_STATS_H */
