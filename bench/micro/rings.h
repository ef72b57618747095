/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * rings - the response ring and rivals, driven alike
 *
 * Each carries the same struct response in 1,024 slots. `batch` is what a side asks for at a time;
 * where a ring has no batches, it moves single ones.
 */
#ifndef BENCH_RINGS_H
#define BENCH_RINGS_H

#include "response_ring.h"

struct ring_kind {
	const char *name;
	void *(*open)(void); /* aborts where there is no memory */
	void (*close)(void *ring);
	/* Sends cnt responses with addr = 0, 1, ...; waits for room. */
	void (*produce)(void *ring, __u64 cnt, __u32 batch);
	/* Takes cnt responses; returns the sum of addr + len, which ring_sum() must be. */
	__u64 (*consume)(void *ring, __u64 cnt, __u32 batch);
	/* Both by one thread: a batch in, the batch out. */
	__u64 (*both)(void *ring, __u64 cnt, __u32 batch);
	/* One response after the other to and back from another thread, which runs echo(). */
	void (*ping)(void *there, void *back, __u64 cnt);
	void (*echo)(void *there, void *back, __u64 cnt);
};

extern const struct ring_kind ring_kinds[];
extern const __u32 ring_kind_cnt;

#define RING_LEN 82u /* of the responses, a usual one's */

static inline __u64 ring_sum(__u64 cnt)
{
	return cnt * (cnt - 1) / 2 + cnt * RING_LEN;
}

#endif /* BENCH_RINGS_H */
