// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any bytes as metadata, pool line and frame: no crash, no byte touched outside the frame. */
#include <stdint.h>
#include <stdlib.h>

#include "filter_world.h"
#include "hot_path.h"

#define GUARD 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct filter_world w;
	struct hot_path hp = { .config = &w.config, .pools = w.pools, .pool_cnt = WORLD_POOLS };
	struct hot_path_reply reply = { 0 };
	enum mev_verdict verdict;
	struct mev_meta hint;
	__u8 *chunk;
	__u32 len;

	if (!w.index)
		world_open(&w);
	hp.index = w.index;
	world_reset_pools(w.pools);
	if (size < sizeof(hint) + 1)
		return 0;
	memcpy(&hint, data, sizeof(hint));
	data += sizeof(hint);
	size -= sizeof(hint);
	if (*data & 1 && size > 65) { /* somebody scribbled over a pool */
		memcpy(&w.pools[0], data + 1, 52);
		w.pools[0].lock &= ~1u;
		data += 64;
		size -= 64;
	}
	len = (__u32)size - 1;
	chunk = aligned_alloc(64, (len + 2 * GUARD + 63) / 64 * 64);
	memset(chunk, 0xc3, len + 2 * GUARD);
	memcpy(chunk + GUARD, data + 1, len);
	verdict = hot_path_candidate(&hp, chunk + GUARD, len, &hint, &reply);
	if (verdict == MEV_REPLIED && reply.len >= len)
		abort(); /* a reply is smaller than its request */
	if (verdict != MEV_REPLIED && memcmp(chunk + GUARD, data + 1, len))
		abort();
	for (int i = 0; i < GUARD; i++)
		if (chunk[i] != 0xc3 || chunk[GUARD + len + (__u32)i] != 0xc3)
			abort();
	free(chunk);
	return 0;
}
