// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * JSON with jansson: an object with a hexadecimal address and decimal integers. jansson has no
 * unsigned 64-bit integers, so that contents stay below 2^63.
 */
#include <jansson.h>
#include <stdio.h>

#include "payload.h"

static size_t json_encode(enum payload_record rec, const struct payload_view *v, __u8 *out)
{
	const char *const *name = payload_names[rec];
	char hex[2 * MEV_ADDRESS_LEN + 1];

	for (int i = 0; i < MEV_ADDRESS_LEN; i++)
		snprintf(hex + 2 * i, 3, "%02x", v->address[i]);
	return (size_t)snprintf((char *)out, PAYLOAD_ROOM,
				"{\"%s\":\"0x%s\",\"%s\":%llu,\"%s\":%llu,\"%s\":%llu,\"%s\":%u}",
				name[0], hex, name[1], v->n[0], name[2], v->n[1], name[3], v->n[2],
				name[4], v->small);
}

static inline int nibble(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_address(const char *hex, size_t len, __u8 *out)
{
	int bad = 0;

	if (len != 2 + 2 * MEV_ADDRESS_LEN || hex[0] != '0' || hex[1] != 'x')
		return false;
	for (int i = 0; i < MEV_ADDRESS_LEN; i++) {
		int hi = nibble(hex[2 + 2 * i]), lo = nibble(hex[3 + 2 * i]);

		bad |= hi | lo;
		out[i] = (__u8)(hi << 4 | lo);
	}
	return bad >= 0;
}

static bool json_open(enum payload_record rec, const __u8 *in, __u32 len, struct payload_view *v)
{
	const char *const *name = payload_names[rec];
	json_t *root = json_loadb((const char *)in, len, 0, NULL);
	json_t *address = json_object_get(root, name[0]), *field;

	v->object = root;
	if (!json_is_string(address) ||
	    !parse_address(json_string_value(address), json_string_length(address), v->bytes))
		goto bad;
	v->address = v->bytes;
	for (int i = 0; i < 3; i++) {
		field = json_object_get(root, name[1 + i]);
		if (!json_is_integer(field) || json_integer_value(field) < 0)
			goto bad;
		v->n[i] = (__u64)json_integer_value(field);
	}
	field = json_object_get(root, name[4]);
	if (!json_is_integer(field) || json_integer_value(field) >> 32)
		goto bad;
	v->small = (__u32)json_integer_value(field);
	return true;
bad:
	json_decref(root);
	return false;
}

static void json_close(struct payload_view *v)
{
	json_decref(v->object);
}

PAYLOAD_CODEC(json, "json_jansson");
