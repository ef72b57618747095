// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any bytes as a configuration file: it is taken, and in range, or refused. */
#include "config.h"
#include "memory_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct memory_file file;
	struct config c;

	memory_file_open(&file, data, size);
	if (!config_load(&c, file.path)) {
		if (c.pool_cnt > MEV_MAX_POOLS || c.feed_cnt > MEV_MAX_FEEDS)
			abort();
		config_free(&c);
	}
	memory_file_close(&file);
	return 0;
}
