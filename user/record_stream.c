// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "record_stream.h"

#include <stdint.h>
#include <string.h>

#define RECORD_LEN ((__u32)sizeof(struct dex_swap_tx))

static void take(struct record_stream *s, const __u8 **bytes, __u32 *len, __u32 cnt)
{
	memcpy(s->partial.bytes + s->len, *bytes, cnt);
	s->len += cnt;
	*bytes += cnt;
	*len -= cnt;
}

const struct dex_swap_tx *record_stream_next(struct record_stream *s, const __u8 **bytes,
					     __u32 *len)
{
	const __u8 *at = *bytes;
	__u32 missing = RECORD_LEN - s->len;

	/* In place, unless it lies at an odd address: struct dex_swap_tx is 2-aligned. */
	if (!s->len && *len >= RECORD_LEN && !((uintptr_t)at & 1)) {
		*bytes += RECORD_LEN;
		*len -= RECORD_LEN;
		return (const struct dex_swap_tx *)at;
	}
	if (*len < missing) {
		if (*len)
			take(s, bytes, len, *len);
		return NULL;
	}
	take(s, bytes, len, missing);
	s->len = 0;
	return &s->partial.record;
}
