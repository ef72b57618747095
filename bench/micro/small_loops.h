/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * small_loops - verdicts, histograms and checksums, each in a loop in C
 *
 * Rows of a name and a function that does a thing `cnt` times over and returns something that
 * depends on all of it.
 */
#ifndef BENCH_SMALL_LOOPS_H
#define BENCH_SMALL_LOOPS_H

#include <linux/types.h>
#include <stdbool.h>

struct small_loop {
	const char *name, *ref;
	__u64 (*run)(__u32 cnt);
};

/* Values a lap wants: `cnt` is a multiple of it. */
#define SMALL_STEP 4096u

extern const struct small_loop histogram_loops[], checksum_loops[];
extern const __u32 histogram_loop_cnt, checksum_loop_cnt;

/* Fill in what the loops work on, and hold rivals' results against each other; false: they differ. */
bool histogram_prepare(void);
bool checksum_prepare(void);

/* ------------------------------------------------------------------ verdicts */

/* The filter and the hot path on one frame; each returns the sum of its verdicts. */
struct verdict_loop {
	const char *name;
	__u64 (*filter)(const struct verdict_loop *v, __u32 cnt);
	__u64 (*candidate)(const struct verdict_loop *v, __u32 cnt);
	void *frame;
	__u32 verdict, of_candidate;
	__u32 flags, busy;
};

/* One for each verdict that a frame can meet; NULL where a frame does not meet its verdict. */
const struct verdict_loop *verdict_loops(__u32 *cnt);

#endif /* BENCH_SMALL_LOOPS_H */
