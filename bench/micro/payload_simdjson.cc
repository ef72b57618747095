// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* JSON as fast as it gets: simdjson on demand, fields asked for in the order in which they come. */
#include <simdjson.h>

extern "C" {
#include "payload.h"
}

namespace
{

namespace od = simdjson::ondemand;

thread_local od::parser parser;

int nibble(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool parse_address(std::string_view hex, __u8 *out)
{
	int bad = 0;

	if (hex.size() != 2 + 2 * MEV_ADDRESS_LEN || hex[0] != '0' || hex[1] != 'x')
		return false;
	for (size_t i = 0; i < MEV_ADDRESS_LEN; i++) {
		int hi = nibble(hex[2 + 2 * i]), lo = nibble(hex[3 + 2 * i]);

		bad |= hi | lo;
		out[i] = (__u8)(hi << 4 | lo);
	}
	return bad >= 0;
}

size_t simdjson_encode(payload_record rec, const payload_view *v, __u8 *out)
{
	return payload_json.encode(rec, v, out);
}

bool simdjson_open(payload_record rec, const __u8 *in, __u32 len, payload_view *v)
{
	const char *const *name = payload_names[rec];
	std::string_view hex;
	od::document doc;
	uint64_t n;

	if (parser.iterate((const char *)in, len, len + simdjson::SIMDJSON_PADDING).get(doc) ||
	    doc.find_field(name[0]).get_string().get(hex) || !parse_address(hex, v->bytes))
		return false;
	v->address = v->bytes;
	for (int i = 0; i < 4; i++) {
		if (doc.find_field(name[1 + i]).get_uint64().get(n))
			return false;
		if (i < 3)
			v->n[i] = n;
	}
	v->small = (__u32)n;
	return !(n >> 32);
}

void simdjson_close(payload_view *)
{
}

} // namespace

extern "C" {
PAYLOAD_CODEC(simdjson, "json_simdjson");
}
