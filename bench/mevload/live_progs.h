/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * live_progs - programs under test, what makes their frames, and their counters
 *
 *	kernel's live frames ---> generate() ---> program under test ---> drop, kernel, socket, peer
 *
 * Owns the BPF objects and the link that holds the counting program on the peer. One thread.
 */
#ifndef MEVLOAD_LIVE_PROGS_H
#define MEVLOAD_LIVE_PROGS_H

#include "live_options.h"
#include "netif.h"

struct live_progs;

/*
 * Loads all that the options ask for, with these frames to make; finds the program on the interface
 * and its counters; attaches at the peer. 0 or -errno, logged.
 */
int live_progs_open(struct live_progs **out, const struct live_options *o,
		    const struct netif *netif, const struct live_frames *frames);

/* Accepts NULL. */
void live_progs_close(struct live_progs *p);

/* Frames run from now on go to this program, the first of all frames first. 0 or -errno, logged. */
int live_progs_select(struct live_progs *p, enum live_program program);

/*
 * Runs `cnt` frames through it, or fewer if a signal comes: *made says how many since it was selected.
 * 0 or -errno, logged.
 */
int live_progs_run(struct live_progs *p, __u32 cnt, __u64 *made);

/* The program on the interface: its name and id. */
const char *live_progs_attached(const struct live_progs *p, __u32 *id);

/* Whether a program's verdicts are counted, and the counters, over all CPUs. 0 or -errno, logged. */
bool live_progs_counts(const struct live_progs *p, enum live_program program);
int live_progs_verdicts(const struct live_progs *p, struct mev_counters *sum);

/* What has arrived at the peer; nothing, without one. 0 or -errno, logged. */
int live_progs_came_back(const struct live_progs *p, struct live_came_back *sum);

#endif /* MEVLOAD_LIVE_PROGS_H */
