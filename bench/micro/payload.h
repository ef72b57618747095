/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * payload - the wire's two records, in the wire's format and in what one might have taken instead
 *
 * A swap and a pool update have the same shape: an address, three 64-bit amounts, a small number.
 * A codec decodes one message into a view of it, which holds until close(), and says whether it is
 * valid: a swap's direction is 0 or 1, an update's reserves are not 0.
 */
#ifndef BENCH_PAYLOAD_H
#define BENCH_PAYLOAD_H

#include <stdbool.h>
#include <string.h>

#include "wire.h"

enum payload_record { PAYLOAD_SWAP, PAYLOAD_UPDATE, PAYLOAD_RECORDS };

struct payload_view {
	const __u8 *address; /* MEV_ADDRESS_LEN bytes */
	__u64 n[3];          /* nonce, amount_in, min_amount_out; reserve0, reserve1, slot */
	__u32 small;         /* token_direction; seq */
	/* The codec's. */
	void *object;
	__u8 bytes[MEV_ADDRESS_LEN];
};

struct payload_place {
	__u32 line, len;
};

/* Messages of one kind in the order in which they are read; each starts on a cache line. */
struct payload_corpus {
	const __u8 *bytes;
	const struct payload_place *place;
};

/* As JSON and protobuf name them. */
extern const char *const payload_names[PAYLOAD_RECORDS][5];

struct payload_codec {
	const char *name;
	size_t (*encode)(enum payload_record rec, const struct payload_view *v, __u8 *out);
	/* A copy of what it decoded; `address` points into *v. */
	bool (*decode)(enum payload_record rec, const __u8 *in, __u32 len, struct payload_view *v);
	/* Decodes `cnt` messages; the sum of payload_sum() over the valid ones. */
	__u64 (*run)(enum payload_record rec, const struct payload_corpus *c, size_t from,
		     size_t cnt);
};

#define PAYLOAD_ROOM 512 /* an encoded message is shorter */

extern const struct payload_codec payload_cast, payload_fields, payload_json, payload_msgpack,
	payload_protobuf, payload_simdjson;

static inline bool payload_valid(enum payload_record rec, const struct payload_view *v)
{
	return rec == PAYLOAD_SWAP ? v->small <= 1 : v->n[0] && v->n[1];
}

/* Looks at every byte of the content. */
static inline __u64 payload_sum(const struct payload_view *v)
{
	__u64 a, b;
	__u32 c;

	memcpy(&a, v->address, 8);
	memcpy(&b, v->address + 8, 8);
	memcpy(&c, v->address + 16, 4);
	return a + b + c + v->n[0] + 3 * v->n[1] + 5 * v->n[2] + v->small;
}

typedef bool (*payload_open_fn)(enum payload_record rec, const __u8 *in, __u32 len,
				struct payload_view *v);
typedef void (*payload_close_fn)(struct payload_view *v);

/* To be inlined with constant functions, so that a codec pays for no call that it does not make. */
static __always_inline __u64 payload_loop(enum payload_record rec, const struct payload_corpus *c,
					  size_t from, size_t cnt, payload_open_fn open,
					  payload_close_fn close)
{
	__u64 sum = 0;

	for (size_t i = from; i < from + cnt; i++) {
		const __u8 *in = c->bytes + (size_t)c->place[i].line * MEV_CACHELINE;
		struct payload_view v;

		if (!open(rec, in, c->place[i].len, &v))
			continue;
		if (payload_valid(rec, &v))
			sum += payload_sum(&v);
		close(&v);
	}
	return sum;
}

static inline bool payload_copy(enum payload_record rec, const __u8 *in, __u32 len,
				struct payload_view *out, payload_open_fn open,
				payload_close_fn close)
{
	struct payload_view v;

	if (!open(rec, in, len, &v))
		return false;
	*out = v;
	memcpy(out->bytes, v.address, MEV_ADDRESS_LEN);
	out->address = out->bytes;
	close(&v);
	return true;
}

/* What a codec consists of, from NAME_open(), NAME_close() and NAME_encode(). */
#define PAYLOAD_CODEC(prefix, title)                                                              \
	static bool prefix##_decode(enum payload_record rec, const __u8 *in, __u32 len,           \
				    struct payload_view *v)                                       \
	{                                                                                         \
		return payload_copy(rec, in, len, v, prefix##_open, prefix##_close);              \
	}                                                                                         \
	static __u64 prefix##_run(enum payload_record rec, const struct payload_corpus *c,        \
				  size_t from, size_t cnt)                                        \
	{                                                                                         \
		if (rec == PAYLOAD_SWAP)                                                          \
			return payload_loop(PAYLOAD_SWAP, c, from, cnt, prefix##_open,            \
					    prefix##_close);                                      \
		return payload_loop(PAYLOAD_UPDATE, c, from, cnt, prefix##_open, prefix##_close); \
	}                                                                                         \
	extern const struct payload_codec payload_##prefix;                                       \
	const struct payload_codec payload_##prefix = { title, prefix##_encode, prefix##_decode,  \
							prefix##_run }

#endif /* BENCH_PAYLOAD_H */
