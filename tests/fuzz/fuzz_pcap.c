// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any bytes as a capture for mevload: its frames are in the set, whole, or it is refused. */
#include <string.h>

#include "frames.h"
#include "memory_file.h"

#define LONGEST 1514

static void check(const struct frame_set *s)
{
	if (!s->cnt || s->cnt > s->room)
		abort();
	for (__u32 i = 0; i < s->cnt; i++) {
		const struct load_frame *f = &s->frames[i];

		if (f->off & 1 || f->off + f->len > s->size || f->len > LONGEST ||
		    f->record_off + (f->record_off ? sizeof(struct dex_swap_tx) : 0) > f->len ||
		    f->reply_len > sizeof(f->reply))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct config config;
	struct frame_rules rules = { .config = &config, .longest = LONGEST };
	struct memory_file file;
	struct frame_set set;

	if (!config.pool_cnt && config_default(&config))
		abort();
	memory_file_open(&file, data, size);
	for (int sockets = 0; sockets < 2; sockets++) {
		rules.records_only = sockets;
		if (!frames_from_pcap(&set, &rules, file.path)) {
			check(&set);
			frames_free(&set);
		}
	}
	memory_file_close(&file);
	return 0;
}
