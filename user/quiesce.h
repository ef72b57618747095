/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * quiesce - since when nobody uses what was published before
 *
 * For one writer, the main thread, that has put another pointer where workers find one. The cost
 * is the writer's: membarrier(2) makes every running thread pass a full barrier, so a worker does
 * not need any (quiescent-state RCU; its sign of life is worker.h's beat).
 */
#ifndef MEV_QUIESCE_H
#define MEV_QUIESCE_H

#include "worker.h"

/* How long a reload waits for a worker before it gives up on the memory that it may still use. */
#define QUIESCE_NS 2000000000ull

/* All threads see what was stored before; what they have loaded before shows in their beat. */
void quiesce_barrier(void);

/*
 * After the barrier: waits until `w` has begun another turn, or sleeps. False: not by `deadline`
 * (latency_monotonic_ns()).
 */
bool quiesce_worker(const struct worker *w, __u64 deadline);

/* A short sleep while waiting for a worker; false once `deadline` has passed. */
bool quiesce_patience(__u64 deadline);

#endif /* MEV_QUIESCE_H */
