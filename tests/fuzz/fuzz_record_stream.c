// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A byte stream cut anywhere: the records that come out are the stream's bytes, in order, none
 * twice, and what is left over is counted. The first bytes are where to cut, and how aligned.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "record_stream.h"

#define CUTS 16
#define RECORD sizeof(struct dex_swap_tx)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct record_stream s;
	const uint8_t *stream = data + CUTS;
	size_t len, at = 0, seen = 0;

	if (size < CUTS)
		return 0;
	len = size - CUTS;
	record_stream_init(&s);
	for (size_t i = 0; at < len; i++) {
		size_t cut = data[i % CUTS], odd = cut & 1, cnt = cut >> 1;
		const struct dex_swap_tx *record;
		const __u8 *bytes;
		__u8 *piece;
		__u32 left;

		if (cnt > len - at || !cnt)
			cnt = len - at;
		piece = malloc(cnt + odd);
		memcpy(piece + odd, stream + at, cnt);
		bytes = piece + odd;
		left = (__u32)cnt;
		while ((record = record_stream_next(&s, &bytes, &left))) {
			if (seen + RECORD > len || memcmp(record, stream + seen, RECORD))
				abort();
			seen += RECORD;
		}
		at += cnt;
		if (left || record_stream_pending(&s) != at - seen)
			abort();
		free(piece);
	}
	if (len - seen >= RECORD)
		abort();
	return 0;
}
