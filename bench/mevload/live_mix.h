/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * live_mix - what live frames are made of: kinds in given shares, and what each deserves
 *
 * The responder's own filter, on the configured pools, has the last word on what is of which kind.
 */
#ifndef MEVLOAD_LIVE_MIX_H
#define MEVLOAD_LIVE_MIX_H

#include "frames.h"
#include "live_abi.h"

/* X(ENUMERATOR, name, what it is) */
#define LIVE_KINDS(X)                                                        \
	X(CANDIDATE, candidate, "profitable swaps")                          \
	X(FOREIGN, foreign, "not ours: UDP to another port, TCP, IPv6, ARP") \
	X(BREAK_EVEN, break_even, "swaps below break-even")                  \
	X(BELOW_MIN, below_min, "swaps below min_amount_in")                 \
	X(REVERTS, reverts, "swaps that give the victim too little")         \
	X(UNKNOWN_POOL, unknown_pool, "swaps in pools not configured")       \
	X(MALFORMED, malformed, "wrong lengths, checksums and fields")

enum live_kind {
#define X(id, name, text) LIVE_##id,
	LIVE_KINDS(X)
#undef X
		LIVE_KIND_CNT
};

const char *live_kind_name(enum live_kind kind);

/* Shares, as parts of their sum. */
struct live_mix {
	__u32 weight[LIVE_KIND_CNT];
};

struct live_frames {
	__u64 bytes[LIVE_FRAMES][LIVE_WORDS];
	__u8 kind[LIVE_FRAMES];
	__u8 verdict[LIVE_FRAMES]; /* enum mev_verdict, up to MEV_REPLIED or MEV_UNPROFITABLE */
};

/* "KIND=N[,KIND=N...]", N below 2^16, their sum not 0. False: it is none. */
bool live_mix_parse(const char *text, struct live_mix *mix);

/* Frames in each kind, LIVE_FRAMES in all: shares by largest remainder, none that has one is left out. */
void live_mix_counts(const struct live_mix *mix, __u32 cnt[LIVE_KIND_CNT]);

/*
 * Makes them, in an order that follows from the seed. 0, -ENOMEM or -EINVAL (the configuration has
 * no frames of some kind), logged.
 */
int live_mix_make(struct live_frames *out, const struct frame_rules *rules,
		  const struct live_mix *mix, __u64 seed);

/* Adds how often each verdict is due in the first `cnt` frames. */
void live_mix_due(const struct live_frames *f, __u64 cnt, __u64 due[MEV_VERDICT_CNT + 1]);

#endif /* MEVLOAD_LIVE_MIX_H */
