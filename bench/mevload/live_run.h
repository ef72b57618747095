/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * live_run - the rounds: each program for a while, in turn, and what was counted meanwhile
 */
#ifndef MEVLOAD_LIVE_RUN_H
#define MEVLOAD_LIVE_RUN_H

#include "live_progs.h"

struct live_round {
	double frames_per_s;
	double back_per_s, replies_per_s; /* at the peer */
	double cpu_share;                 /* of the time, that the generator had its CPU */
};

/* Of one program. Verdicts and what came back include the warm-up of each round. */
struct live_result {
	enum live_program program;
	__u32 round_cnt;
	struct live_round rounds[LIVE_ROUNDS_MAX];
	__u64 made; /* frames */
	bool counted;
	struct mev_counters verdicts;
	__u64 due[MEV_VERDICT_CNT + 1]; /* predicted, an entry a verdict */
	struct live_came_back back;
};

/* A result for each program of the options, in their order. 0 or -errno, logged. */
int live_run(struct live_progs *p, const struct live_options *o, const struct live_frames *frames,
	     struct live_result *results);

/*
 * How many frames met `verdict`, and how many were to. Candidates are decided in the kernel by an
 * engine there (REPLIED, UNPROFITABLE); else they are handed on, with or without a socket.
 */
__u64 live_result_found(const struct live_result *r, __u32 verdict);
__u64 live_result_due(const struct live_result *r, __u32 verdict);

/* Whether verdicts differ from what was due; frames of others may have passed besides. */
bool live_result_wrong(const struct live_result *r);

#endif /* MEVLOAD_LIVE_RUN_H */
