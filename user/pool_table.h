/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * pool_table - pool address to slot, in userspace
 *
 * What mev_pool_index is to the XDP program: open addressing, linear probing, at most half full.
 * Filled at start-up, then only read: any number of threads may look up, none may add.
 */
#ifndef MEV_POOL_TABLE_H
#define MEV_POOL_TABLE_H

#include <linux/types.h>
#include <stdbool.h>

#include "wire.h"

struct pool_table;

/* Room for `limit` pools. 0 or -ENOMEM. */
int pool_table_open(struct pool_table **out, __u32 limit);

/* Accepts NULL. */
void pool_table_close(struct pool_table *t);

/* The address must not be in the table and the table not be full (checked: -EEXIST, -ENOSPC). */
int pool_table_add(struct pool_table *t, const __u8 address[MEV_ADDRESS_LEN], __u32 slot);

/* True and the slot, or false. Allocates nothing, calls nothing: fit for the hot path. */
bool pool_table_find(const struct pool_table *t, const __u8 address[MEV_ADDRESS_LEN], __u32 *slot);

#endif /* MEV_POOL_TABLE_H */
