/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * option_values - what options of both subcommands may say, taken strictly: all of it or nothing
 */
#ifndef MEVLOAD_OPTION_VALUES_H
#define MEVLOAD_OPTION_VALUES_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#include "frames.h"

/* Logs that `option` has a `value` that is none, and what would be. Returns false. */
bool option_wrong(const char *option, const char *value, const char *want);

/* Index of `text` in names[cnt]; -1: none, and that is logged. */
int option_pick(const char *option, const char *text, const char *const names[], size_t cnt,
		const char *want);

/* Seconds with at most three decimals, at least `least_ms`; logs what is wrong. */
bool option_seconds(const char *option, const char *value, __u64 least_ms, __u64 *ns);

/* --to [MAC,]IP:PORT */
bool option_to(const char *value, struct frame_ends *ends, bool *has_mac);

/* --from IP:PORT[-PORT] */
bool option_from(const char *value, struct frame_ends *ends);

/* --seed, --cpu */
bool option_seed(const char *value, __u64 *seed);
bool option_cpu(const char *value, __u32 *cpu);

#endif /* MEVLOAD_OPTION_VALUES_H */
