/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * bare - the counters of an XDP program that no node serves, from its maps
 *
 * The maps are found by the pins of whoever loaded the program, or by the program on an interface,
 * without any. Only looks. One thread; whoever opens it closes it.
 */
#ifndef MEV_BARE_H
#define MEV_BARE_H

#include "stats.h"

struct bare;

/* By pins. 0; -ENOENT: no mev_config is pinned there; or another -errno, logged. */
int bare_open_pins(struct bare **out, const char *dir);

/* By the filter that is attached to `interface`. 0; -ENOENT: there is none; or -errno, logged. */
int bare_open_attached(struct bare **out, const char *interface);

/* The id of its mev_config, which a node that serves the program names as well. */
__u32 bare_map_id(const struct bare *b);

/* Fills in what there is; s->pools has room for MEV_MAX_POOLS. 0 or -errno, logged. */
int bare_read(struct bare *b, struct stats *s);

/* Accepts NULL. */
void bare_close(struct bare *b);

#endif /* MEV_BARE_H */
