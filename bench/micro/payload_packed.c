// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * protobuf-c, and msgpack-c with the shortest layout that it has for this: an array in the order of
 * the fields.
 */
#include <msgpack.h>

#include "payload.h"
#include "payload.pb-c.h"

/* ------------------------------------------------------------------ protobuf-c */

static size_t protobuf_encode(enum payload_record rec, const struct payload_view *v, __u8 *out)
{
	ProtobufCBinaryData address = { MEV_ADDRESS_LEN, (__u8 *)v->address };
	Payload__Swap swap = PAYLOAD__SWAP__INIT;
	Payload__Update update = PAYLOAD__UPDATE__INIT;

	if (rec == PAYLOAD_SWAP) {
		swap.pool_address = address;
		swap.nonce = v->n[0];
		swap.amount_in = v->n[1];
		swap.min_amount_out = v->n[2];
		swap.token_direction = v->small;
		return payload__swap__pack(&swap, out);
	}
	update.pool_address = address;
	update.reserve0 = v->n[0];
	update.reserve1 = v->n[1];
	update.slot = v->n[2];
	update.seq = v->small;
	return payload__update__pack(&update, out);
}

static inline bool protobuf_open_swap(const __u8 *in, __u32 len, struct payload_view *v)
{
	Payload__Swap *m = payload__swap__unpack(NULL, len, in);

	if (!m)
		return false;
	v->object = m;
	v->address = m->pool_address.data;
	v->n[0] = m->nonce;
	v->n[1] = m->amount_in;
	v->n[2] = m->min_amount_out;
	v->small = m->token_direction;
	return m->pool_address.len == MEV_ADDRESS_LEN;
}

static inline bool protobuf_open_update(const __u8 *in, __u32 len, struct payload_view *v)
{
	Payload__Update *m = payload__update__unpack(NULL, len, in);

	if (!m)
		return false;
	v->object = m;
	v->address = m->pool_address.data;
	v->n[0] = m->reserve0;
	v->n[1] = m->reserve1;
	v->n[2] = m->slot;
	v->small = m->seq;
	return m->pool_address.len == MEV_ADDRESS_LEN;
}

static void protobuf_close(struct payload_view *v)
{
	protobuf_c_message_free_unpacked(v->object, NULL);
}

static inline bool protobuf_open(enum payload_record rec, const __u8 *in, __u32 len,
				 struct payload_view *v)
{
	v->object = NULL;
	if (rec == PAYLOAD_SWAP ? protobuf_open_swap(in, len, v) : protobuf_open_update(in, len, v))
		return true;
	if (v->object)
		protobuf_close(v);
	return false;
}

PAYLOAD_CODEC(protobuf, "protobuf_c");

/* ------------------------------------------------------------------ msgpack-c */

static size_t msgpack_encode(enum payload_record rec, const struct payload_view *v, __u8 *out)
{
	msgpack_sbuffer buffer;
	msgpack_packer packer;
	size_t len;

	(void)rec;
	msgpack_sbuffer_init(&buffer);
	msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
	msgpack_pack_array(&packer, 5);
	msgpack_pack_bin(&packer, MEV_ADDRESS_LEN);
	msgpack_pack_bin_body(&packer, v->address, MEV_ADDRESS_LEN);
	for (int i = 0; i < 3; i++)
		msgpack_pack_uint64(&packer, v->n[i]);
	msgpack_pack_uint32(&packer, v->small);
	len = buffer.size;
	memcpy(out, buffer.data, len);
	msgpack_sbuffer_destroy(&buffer);
	return len;
}

/* One zone for all messages, cleared after each: msgpack-c's cheapest way. */
static __thread msgpack_zone *zone;

static inline bool msgpack_open(enum payload_record rec, const __u8 *in, __u32 len,
				struct payload_view *v)
{
	const msgpack_object *item;
	msgpack_object o;
	size_t off = 0;

	(void)rec;
	if (!zone)
		zone = msgpack_zone_new(MSGPACK_ZONE_CHUNK_SIZE);
	if (msgpack_unpack((const char *)in, len, &off, zone, &o) != MSGPACK_UNPACK_SUCCESS ||
	    o.type != MSGPACK_OBJECT_ARRAY || o.via.array.size != 5)
		goto bad;
	item = o.via.array.ptr;
	if (item[0].type != MSGPACK_OBJECT_BIN || item[0].via.bin.size != MEV_ADDRESS_LEN)
		goto bad;
	v->address = (const __u8 *)item[0].via.bin.ptr;
	for (int i = 1; i < 5; i++)
		if (item[i].type != MSGPACK_OBJECT_POSITIVE_INTEGER)
			goto bad;
	for (int i = 0; i < 3; i++)
		v->n[i] = item[1 + i].via.u64;
	v->small = (__u32)item[4].via.u64;
	return true;
bad:
	msgpack_zone_clear(zone);
	return false;
}

static inline void msgpack_close(struct payload_view *v)
{
	(void)v;
	msgpack_zone_clear(zone);
}

PAYLOAD_CODEC(msgpack, "msgpack_c");
