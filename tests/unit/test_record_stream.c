// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Records out of a stream that is cut everywhere. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "record_stream.h"

#define RECORD ((__u32)sizeof(struct dex_swap_tx))
#define RECORDS 5
#define STREAM (RECORDS * RECORD)

/* Every byte of the stream differs from its neighbours' and from the one 48 further on. */
static __u8 stream[STREAM] __attribute__((aligned(2)));

static void fill_stream(void)
{
	for (__u32 i = 0; i < STREAM; i++)
		stream[i] = (__u8)(i * 7 + i / RECORD);
}

/* Feeds one piece, which lies at the end of memory that is its own, and checks what comes out. */
static __u32 feed(struct record_stream *s, const __u8 *from, __u32 len, __u32 found, int odd)
{
	__u8 *memory = malloc(len + (__u32)odd), *piece = memory + odd;
	const struct dex_swap_tx *record;
	const __u8 *at = piece;
	__u32 left = len;

	memcpy(piece, from, len);
	while ((record = record_stream_next(s, &at, &left))) {
		cr_assert_lt(found, RECORDS);
		cr_assert_arr_eq(record, stream + found * RECORD, RECORD, "record %u", found);
		cr_assert_eq((size_t)record & 1, 0, "2-aligned");
		found++;
	}
	cr_assert_eq(left, 0);
	cr_assert_eq(at, piece + len);
	free(memory);
	return found;
}

Test(record_stream, every_split_in_three, .init = fill_stream)
{
	for (__u32 a = 0; a <= STREAM; a++)
		for (__u32 b = a; b <= STREAM; b++) {
			struct record_stream s;
			__u32 found;
			int odd = (a + b) & 1;

			record_stream_init(&s);
			found = feed(&s, stream, a, 0, odd);
			cr_assert_eq(found, a / RECORD);
			cr_assert_eq(record_stream_pending(&s), a % RECORD);
			found = feed(&s, stream + a, b - a, found, !odd);
			cr_assert_eq(found, b / RECORD);
			cr_assert_eq(record_stream_pending(&s), b % RECORD);
			found = feed(&s, stream + b, STREAM - b, found, odd);
			cr_assert_eq(found, RECORDS);
			cr_assert_eq(record_stream_pending(&s), 0);
		}
}

Test(record_stream, byte_by_byte, .init = fill_stream)
{
	struct record_stream s;
	__u32 found = 0;

	record_stream_init(&s);
	for (__u32 i = 0; i < STREAM; i++) {
		found = feed(&s, stream + i, 1, found, i & 1);
		cr_assert_eq(found, (i + 1) / RECORD);
	}
}

Test(record_stream, random_splits, .init = fill_stream)
{
	srand(20240611);
	for (int turn = 0; turn < 20000; turn++) {
		struct record_stream s;
		__u32 found = 0, at = 0;

		record_stream_init(&s);
		while (at < STREAM) {
			__u32 len = (__u32)rand() % (STREAM / 2);

			if (len > STREAM - at)
				len = STREAM - at;
			found = feed(&s, stream + at, len, found, rand() & 1);
			at += len;
		}
		cr_assert_eq(found, RECORDS);
	}
}

Test(record_stream, whole_records_are_not_copied, .init = fill_stream)
{
	struct record_stream s;
	const __u8 *at = stream;
	__u32 left = STREAM;

	record_stream_init(&s);
	for (__u32 i = 0; i < RECORDS; i++)
		cr_assert_eq((const __u8 *)record_stream_next(&s, &at, &left), stream + i * RECORD);
	cr_assert_null(record_stream_next(&s, &at, &left));
	cr_assert_eq(record_stream_pending(&s), 0);
}

/* Whoever has no room for another answer stops, and goes on where it stopped. */
Test(record_stream, stops_at_any_record, .init = fill_stream)
{
	struct record_stream s;
	const __u8 *at = stream + 10;
	__u32 left = STREAM - 10;

	record_stream_init(&s);
	feed(&s, stream, 10, 0, 0);
	cr_assert_arr_eq(record_stream_next(&s, &at, &left), stream, RECORD);
	cr_assert_eq(at, stream + RECORD);
	cr_assert_eq(left, STREAM - RECORD);
	for (__u32 i = 1; i < RECORDS; i++)
		cr_assert_arr_eq(record_stream_next(&s, &at, &left), stream + i * RECORD, RECORD);
	cr_assert_null(record_stream_next(&s, &at, &left));
}
