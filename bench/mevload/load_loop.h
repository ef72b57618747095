/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * load_loop - the loop that sends what is due and takes what comes, spinning
 *
 *	schedule, or who answered ---> shots ---> transport ---> responder
 *	account, latency <--- matcher <--- arrivals <--- transport <---'
 *
 * Three phases: warm-up, whose frames are accounted apart; the time that counts; and a moment to
 * wait for the last replies. One thread; allocates nothing.
 */
#ifndef MEVLOAD_LOAD_LOOP_H
#define MEVLOAD_LOAD_LOOP_H

#include "latency.h"
#include "load_options.h"
#include "matcher.h"
#include "schedule.h"
#include "transport.h"

struct load_loop {
	const struct load_options *options;
	const struct frame_set *set;
	struct transport *transport;
	struct matcher matcher;
	struct schedule schedule;
	struct latency_clock clock;
	__u64 start_ticks;
	/* ns since the start */
	__u64 measure_ns, end_ns; /* from here on frames count; sending ends */
	__u64 stopped_ns;         /* it did */
	__u64 last_arrival_ns;
	__u64 in_window; /* replies that came between measure_ns and stopped_ns */
	__u64 unsent;    /* intended, but never sent: the sender did not keep up */
	struct shot shots[TRANSPORT_BATCH];
	__u32 shot_cnt, shot_due_cnt; /* that the transport had no room for yet */
	__u32 next_frame;
	__u64 next_count;
	bool progress; /* a line a second on stderr */
};

/* Runs to the end, or to *stop. 0, or -errno (logged): the transport failed. */
int load_loop_run(struct load_loop *l, const volatile int *stop);

#endif /* MEVLOAD_LOAD_LOOP_H */
