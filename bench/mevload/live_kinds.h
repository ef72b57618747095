/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * live_kinds - one live frame of a kind
 */
#ifndef MEVLOAD_LIVE_KINDS_H
#define MEVLOAD_LIVE_KINDS_H

#include "live_mix.h"
#include "swap_frame.h"

struct live_maker {
	struct oracle *oracle;
	const struct frame_rules *rules;
	__u64 random;
	__u32 turn; /* for kinds of several forms */
	__u32 port_turn;
};

/* One that is likely of that kind; *f is zeroed. */
void live_kind_draw(struct live_maker *m, enum live_kind kind, struct swap_frame *f);

/* Whether a frame that meets this verdict is. */
bool live_kind_is(enum mev_verdict verdict, enum live_kind kind);

#endif /* MEVLOAD_LIVE_KINDS_H */
