/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * live_abi - what `mevload live` and its BPF programs have in common
 */
#ifndef MEVLOAD_LIVE_ABI_H
#define MEVLOAD_LIVE_ABI_H

#include "compiler.h"

/*
 * Distinct frames, sent in turn: 192 KiB, which the second-level cache holds, in an order that no
 * branch predictor learns by heart. All are of one length, that of a swap over IPv4.
 */
#define LIVE_FRAMES 2048
#define LIVE_LEN 90
#define LIVE_WORDS 12 /* of 8 bytes, that LIVE_LEN fits */

/* What came back from the program under test, at the peer. */
struct live_came_back {
	__u64 frames;
	__u64 replies; /* of these, UDP from the swap port with a SwapReply's length */
};

#endif /* MEVLOAD_LIVE_ABI_H */
