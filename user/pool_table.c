// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "pool_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct entry {
	__u8 address[MEV_ADDRESS_LEN];
	__u32 slot_1; /* slot + 1; 0 means empty */
};

struct pool_table {
	__u32 mask;
	__u32 cnt;
	__u32 limit;
	struct entry entry[];
};

/* Addresses are hashes already; mixing all bytes keeps a forged prefix from making long probes. */
static __u32 hash(const __u8 *address)
{
	__u64 a, b;
	__u32 c;

	memcpy(&a, address, 8);
	memcpy(&b, address + 8, 8);
	memcpy(&c, address + 16, 4);
	a = (a ^ b * 0x9e3779b97f4a7c15) * 0xbf58476d1ce4e5b9;
	a ^= a >> 32 ^ c;
	a *= 0x94d049bb133111eb;
	return (__u32)(a >> 32);
}

int pool_table_open(struct pool_table **out, __u32 limit)
{
	struct pool_table *t;
	__u32 size = 2;

	while (size < 2 * limit)
		size *= 2;
	t = calloc(1, sizeof(*t) + size * sizeof(t->entry[0]));
	if (!t)
		return -ENOMEM;
	t->mask = size - 1;
	t->limit = limit;
	*out = t;
	return 0;
}

void pool_table_close(struct pool_table *t)
{
	free(t);
}

/* The entry of `address`, or the empty one where it would go. */
static const struct entry *probe(const struct pool_table *t, const __u8 *address)
{
	__u32 i = hash(address) & t->mask;

	while (t->entry[i].slot_1 && memcmp(t->entry[i].address, address, MEV_ADDRESS_LEN))
		i = (i + 1) & t->mask;
	return &t->entry[i];
}

int pool_table_add(struct pool_table *t, const __u8 address[MEV_ADDRESS_LEN], __u32 slot)
{
	struct entry *e = (struct entry *)probe(t, address);

	if (e->slot_1)
		return -EEXIST;
	if (t->cnt == t->limit)
		return -ENOSPC;
	memcpy(e->address, address, MEV_ADDRESS_LEN);
	e->slot_1 = slot + 1;
	t->cnt++;
	return 0;
}

bool pool_table_find(const struct pool_table *t, const __u8 address[MEV_ADDRESS_LEN], __u32 *slot)
{
	const struct entry *e = probe(t, address);

	if (!e->slot_1)
		return false;
	*slot = e->slot_1 - 1;
	return true;
}
