/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * record_stream - fixed-length records out of a byte stream that is cut anywhere
 *
 * A stream of struct dex_swap_tx arrives in pieces that know nothing of records. One record at
 * most is kept, the one that a piece ended in; all others are taken where they lie. No allocation,
 * no clock, no socket. One thread at a time.
 */
#ifndef MEV_RECORD_STREAM_H
#define MEV_RECORD_STREAM_H

#include "wire.h"

struct record_stream {
	union {
		struct dex_swap_tx record;
		__u8 bytes[sizeof(struct dex_swap_tx)];
	} partial;
	__u32 len; /* bytes of it that have come, less than a whole record */
};

static inline void record_stream_init(struct record_stream *s)
{
	s->len = 0;
}

/* How many bytes of an unfinished record are held, 0 to 47. */
static inline __u32 record_stream_pending(const struct record_stream *s)
{
	return s->len;
}

/*
 * Takes bytes from *bytes, `*len` of them, up to the end of the next record, and moves both past
 * what it took. Returns the record, or NULL once all bytes are taken and no record is whole. It
 * lies in the input or in *s and is good until the next call or until the input goes.
 */
const struct dex_swap_tx *record_stream_next(struct record_stream *s, const __u8 **bytes,
					     __u32 *len);

#endif /* MEV_RECORD_STREAM_H */
