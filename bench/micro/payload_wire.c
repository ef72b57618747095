// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The wire's own format: cast in place, and decoded field by field. */
#include "payload.h"

const char *const payload_names[PAYLOAD_RECORDS][5] = {
	{ "pool_address", "nonce", "amount_in", "min_amount_out", "token_direction" },
	{ "pool_address", "reserve0", "reserve1", "slot", "seq" },
};

static size_t cast_encode(enum payload_record rec, const struct payload_view *v, __u8 *out)
{
	struct dex_swap_tx swap = { 0 };
	struct pool_state_update update = { 0 };

	if (rec == PAYLOAD_SWAP) {
		swap.nonce = v->n[0];
		swap.amount_in = v->n[1];
		swap.min_amount_out = v->n[2];
		swap.token_direction = (__u8)v->small;
		memcpy(swap.pool_address, v->address, MEV_ADDRESS_LEN);
		memcpy(out, &swap, sizeof(swap));
		return sizeof(swap);
	}
	update.reserve0 = v->n[0];
	update.reserve1 = v->n[1];
	update.slot = v->n[2];
	update.seq = v->small;
	memcpy(update.pool_address, v->address, MEV_ADDRESS_LEN);
	memcpy(out, &update, sizeof(update));
	return sizeof(update);
}

/* As the node does it: the length, then the record where it lies. */
static __always_inline bool cast_open(enum payload_record rec, const __u8 *in, __u32 len,
				      struct payload_view *v)
{
	const struct dex_swap_tx *swap = (const void *)in;
	const struct pool_state_update *update = (const void *)in;

	if (rec == PAYLOAD_SWAP) {
		if (len != sizeof(*swap) ||
		    (swap->reserved[0] | swap->reserved[1] | swap->reserved[2]))
			return false;
		v->address = swap->pool_address;
		v->n[0] = swap->nonce;
		v->n[1] = swap->amount_in;
		v->n[2] = swap->min_amount_out;
		v->small = swap->token_direction;
	} else {
		if (len != sizeof(*update))
			return false;
		v->address = update->pool_address;
		v->n[0] = update->reserve0;
		v->n[1] = update->reserve1;
		v->n[2] = update->slot;
		v->small = update->seq;
	}
	return true;
}

static __always_inline void cast_close(struct payload_view *v)
{
	(void)v;
}

PAYLOAD_CODEC(cast, "cast");

/* ------------------------------------------------------------------ field by field */

/* A cursor that checks each field's bounds: what one writes who does not trust casts. */
struct reader {
	const __u8 *at, *end;
	bool ok;
};

static inline const __u8 *take(struct reader *r, size_t len)
{
	static const __u8 zero[MEV_ADDRESS_LEN];
	const __u8 *at = r->at;

	if (!r->ok || (size_t)(r->end - at) < len) {
		r->ok = false;
		return zero;
	}
	r->at += len;
	return at;
}

static inline __u64 take_le(struct reader *r, int len)
{
	const __u8 *p = take(r, (size_t)len);
	__u64 v = 0;

	for (int i = 0; i < len; i++)
		v |= (__u64)p[i] << 8 * i;
	return v;
}

static inline bool fields_open(enum payload_record rec, const __u8 *in, __u32 len,
			       struct payload_view *v)
{
	struct reader r = { in, in + len, true };

	if (rec == PAYLOAD_SWAP)
		v->n[0] = take_le(&r, 8);
	memcpy(v->bytes, take(&r, MEV_ADDRESS_LEN), MEV_ADDRESS_LEN);
	v->address = v->bytes;
	for (int i = rec == PAYLOAD_SWAP; i < 3; i++)
		v->n[i] = take_le(&r, 8);
	v->small = (__u32)take_le(&r, rec == PAYLOAD_SWAP ? 1 : 4);
	if (rec == PAYLOAD_SWAP)
		r.ok &= !take_le(&r, 3);
	else
		take(&r, 16);
	return r.ok && r.at == r.end;
}

#define fields_close cast_close
#define fields_encode cast_encode

PAYLOAD_CODEC(fields, "field_by_field");
