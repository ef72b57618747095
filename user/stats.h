/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stats - the summary of a run, for a person and for a script
 */
#ifndef MEV_STATS_H
#define MEV_STATS_H

#include "latency.h"
#include "maps_abi.h"
#include "stack.h"
#include "verdict.h"
#include "worker.h"

/* What happened in one pool. */
struct stats_pool {
	const __u8 *address;
	__u32 slot; /* where its counters are */
	struct mev_pool_counters filter;
	__u64 replies;
};

/* A counter that only one back end has. */
struct stats_field {
	const char *name;
	__s64 value;
};

#define STATS_MAX_IO 16

/* Everything that a run has counted, summed over queues and CPUs. */
struct stats {
	const char *backend, *mode, *interface;
	struct mev_counters filter;    /* by the XDP program, or by the same filter in userspace */
	struct worker_counters worker; /* by the workers */
	struct latency_hist hot_path_ns;
	struct latency_hist in_node_ns;
	struct stats_field io[STATS_MAX_IO]; /* the back end's own, under `io_name` */
	__u32 io_cnt;
	const char *io_name;
	bool has_stack;
	struct stack_counters stack; /* of the node's own TCP/UDP stack */
	struct stats_pool *pools;    /* pool_cnt of them, owned by the caller */
	__u32 pool_cnt;
};

/* Adds `value` to the back end's counter `name`. */
void stats_io(struct stats *s, const char *name, __s64 value);

/*
 * Part of the candidates handed to userspace that were answered, 0 to 1; NAN where there were none.
 */
double stats_precision(const struct stats *s);

/* Adds what one worker counted, which has ended. */
void stats_add_worker(struct stats *s, const struct worker *w);

/*
 * Frames that ended in `verdict`: the filter's count, up to the candidates it handed over, and the
 * workers' for what became of those.
 */
__u64 stats_frames(const struct stats *s, enum mev_verdict verdict);

/* What printing needs of files, once, before the process may open none. */
void stats_prepare(void);

/* Writes the summary to stdout. 0, or -errno if it did not get there. */
int stats_print(const struct stats *s);

/* The same as one JSON object, on one line. */
int stats_print_json(const struct stats *s);

#endif /* MEV_STATS_H */
