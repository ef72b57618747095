/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * option_values - what options of both subcommands may say, taken strictly: all of it or nothing
 */
#ifndef MEVLOAD_OPTION_VALUES_H
#define MEVLOAD_OPTION_VALUES_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

/* Logs that `option` has a `value` that is none, and what would be. Returns false. */
bool option_wrong(const char *option, const char *value, const char *want);

/* Index of `text` in names[cnt]; -1: none, and that is logged. */
int option_pick(const char *option, const char *text, const char *const names[], size_t cnt,
		const char *want);

/* Seconds with at most three decimals, at least `least_ms`; logs what is wrong. */
bool option_seconds(const char *option, const char *value, __u64 least_ms, __u64 *ns);

/* A MAC address in text[len]. */
bool option_mac(const char *text, size_t len, __u8 mac[6]);

/* IP:PORT or IP:PORT-PORT; ports of `least` and more. */
bool option_ends(const char *text, __be32 *ip, __u32 least, __u16 *first, __u16 *last);

#endif /* MEVLOAD_OPTION_VALUES_H */
