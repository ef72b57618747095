/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stats - everything that a run has counted, summed over queues and CPUs, and how it is printed
 *
 * A struct stats is plain memory without pointers but `pools`, so that it can be shared with other
 * processes as it is (live/snapshot.h). Whoever has one owns it; one thread.
 */
#ifndef MEV_STATS_H
#define MEV_STATS_H

#include <net/if.h>

#include "latency.h"
#include "maps_abi.h"
#include "stack.h"
#include "verdict.h"
#include "worker.h"

/* What happened in one pool. */
struct stats_pool {
	struct mev_pool_counters filter;
	__u64 replies; /* by workers */
	__u8 address[MEV_ADDRESS_LEN];
	__u32 slot; /* where its counters are */
};

/* A counter that only one back end has. */
struct stats_field {
	char name[32];
	__s64 value;
};

#define STATS_MAX_IO 16

/* Who counted. */
struct stats_node {
	__u32 pid; /* 0: nobody, these are the maps of a program that no node serves */
	__u32 ifindex;
	__u32 map_id; /* of its mev_config; 0: no maps */
	__u32 queue_cnt;
	__u32 queues[MEV_MAX_QUEUES];
	__u64 netns;      /* inode of the network namespace in which it has its interface */
	__u64 started_ns; /* CLOCK_REALTIME */
	char backend[8], mode[12], interface[IF_NAMESIZE], version[28];
};

struct stats {
	struct stats_node node;
	__u64 taken_ns;       /* CLOCK_MONOTONIC, when this was read */
	__u64 pools_taken_ns; /* the same for pools, which are read less often where they are many */
	struct mev_counters filter;    /* by the XDP program, or by the same filter in userspace */
	struct worker_counters worker; /* by the workers */
	struct latency_hist hot_path_ns;
	struct latency_hist in_node_ns;
	struct latency_hist decision_ns;     /* of the XDP program, by the engine in the driver */
	struct stats_field io[STATS_MAX_IO]; /* the back end's own, under `io_name` */
	__u32 io_cnt;
	char io_name[8];
	__u32 has_stack;
	__u32 ready;  /* mev_config's: the filter judges */
	__u32 engine; /* mev_config's now: enum mev_engine */
	__u32 pool_cnt;
	struct stack_counters stack; /* of the node's own TCP/UDP stack */
	struct stats_pool *pools;    /* pool_cnt of them by slot, owned by whoever owns this */
};

/* What to read, for whoever fills in a struct stats. */
enum stats_part {
	STATS_POOLS = 1, /* the pools as well */
	STATS_FINAL = 2, /* the workers have ended: also what cannot be told while they run */
};

/* Everything that is summed back to 0, pools only if they are among `parts`. */
void stats_clear(struct stats *s, unsigned int parts);

/* Adds `value` to the back end's counter `name`. */
void stats_io(struct stats *s, const char *name, __s64 value);

/* Swaps worth a decision, and those of them answered, whichever engine did it. */
__u64 stats_candidates(const struct stats *s);
__u64 stats_replies(const struct stats *s);

/* Part of the candidates that were answered, 0 to 1; NAN where there were none. */
double stats_precision(const struct stats *s);

/* Adds what one worker has counted, which may be at work. */
void stats_add_worker(struct stats *s, const struct worker *w, unsigned int parts);

/* Adds `cnt` counters that their one writer may be changing. */
void stats_add_u64(void *sum, const void *from, size_t cnt);

/* Replies in a pool, whichever engine gave them. */
static inline __u64 stats_pool_replies(const struct stats_pool *p)
{
	return p->replies + p->filter.replies;
}

/* Whether nothing has happened in a pool. */
bool stats_pool_idle(const struct stats_pool *p);

void stats_address(const struct stats_pool *p, char text[2 * MEV_ADDRESS_LEN + 1]);

/*
 * Frames that ended in `verdict`: the filter's count, up to the candidates it handed over, and the
 * workers' for what became of those.
 */
__u64 stats_frames(const struct stats *s, enum mev_verdict verdict);

/* What printing needs of files, once, before the process may open none. */
void stats_prepare(void);

/* What is written to stdout is on its way. 0, or -errno if it did not get there. */
int stats_flush(void);

/* Writes the summary to stdout, without a node what its maps tell. 0, or -errno if it did not get there. */
int stats_print(const struct stats *s);

/* The same as one JSON object, on one line. */
int stats_print_json(const struct stats *s);

#endif /* MEV_STATS_H */
