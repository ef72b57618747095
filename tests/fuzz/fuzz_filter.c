// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any bytes as a frame: the userspace filter reads none too far and always finds a verdict. */
#include <stdint.h>
#include <stdlib.h>

#include "filter_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct filter_world w;
	enum mev_verdict verdict;
	__u8 *frame;
	__u32 slot;

	if (!w.index)
		world_open(&w);
	if (size < 1)
		return 0;
	world_reset_pools(w.pools);
	w.config.flags = data[0] & (MEV_VERIFY_UDP_SUM | MEV_FEED_RESTRICTED);
	frame = malloc(size);
	memcpy(frame, data + 1, size - 1);
	verdict = user_filter_judge(&w.filter, frame, (__u32)size - 1, &slot);
	if (!verdict || verdict > MEV_VERDICT_CNT)
		abort();
	if (memcmp(frame, data + 1, size - 1))
		abort(); /* judging must not write */
	free(frame);
	return 0;
}
