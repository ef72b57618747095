/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * snapshot - what a running node has counted, read once a second, for all who ask
 *
 * The main thread adds everything up into one struct stats. The summary at the end, the metrics
 * endpoint and `mevnode stats` all read that: nobody but this module looks at the workers' cache
 * lines while they work, and it does so once a second, however many scrapers there are.
 *
 * For other processes the snapshot is copied into a memfd of the node's, which `mevnode stats`
 * finds as /proc/PID/fd/N by its name (nodes.h). It fits what a node is: there is nothing to make,
 * own, or clean up in any file system, so a node without privileges, in a sandbox, a container or a
 * network namespace of its own has one, on AF_XDP with or without pins, adopted, and on TAP alike.
 * It ends with the process in whatever way that ends, so none is ever stale. It takes no syscall of
 * the node to write, and none to be read: a reader cannot hold the node up. Seals keep others from
 * writing or shrinking it. Who may read it is who may look into the process: root, and its user
 * unless the kernel hides it (privileges_unhide()). (A file in /run needs a folder, an owner, and names for interfaces in every namespace; a BPF map
 * is not there on TAP; a socket has to be served.)
 *
 * Called by the main thread only.
 */
#ifndef MEV_SNAPSHOT_H
#define MEV_SNAPSHOT_H

#include "backend.h"
#include "events.h"
#include "stats.h"

#define SNAPSHOT_NAME "mevnode-stats" /* of the memfd */
#define SNAPSHOT_MAGIC "mevstat1"

/*
 * The memfd's content. A sequence lock: `seq` is odd while it is written, and a copy is good if
 * `seq` was the same even number before and after.
 */
struct snapshot_shared {
	char magic[8];
	__u32 size; /* of this struct: another is another version's */
	__u32 seq;
	struct stats stats; /* `pools` means nothing here: they follow */
	struct stats_pool pools[];
};

#define SNAPSHOT_BYTES (sizeof(struct snapshot_shared) + MEV_MAX_POOLS * sizeof(struct stats_pool))

struct snapshot;

/*
 * Before the sandbox, of a back end that has started; both outlive it. Without a memfd it does
 * without, and says so. 0 or -errno, logged.
 */
int snapshot_open(struct snapshot **out, struct backend *b);

/* Takes one every second from now on. 0 or -errno. */
int snapshot_schedule(struct snapshot *s, struct events *e);

/* The back end's pools are others now, or in other slots. */
void snapshot_set_pools(struct snapshot *s);

/* Takes one, after the back end's stop with STATS_FINAL. 0 or -errno, as backend.h's collect. */
int snapshot_take(struct snapshot *s, unsigned int parts);

/* The last one taken. Good until the next. */
const struct stats *snapshot_stats(const struct snapshot *s);

/* Accepts NULL. */
void snapshot_close(struct snapshot *s);

#endif /* MEV_SNAPSHOT_H */
