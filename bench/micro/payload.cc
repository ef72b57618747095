// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * payload_parsing, pool_update_parsing - one message decoded, validated and each byte of it used
 *
 * `cached`: 64 messages over and over, which flatters everybody. `memory`: a million in random
 * order, more than the last-level cache holds.
 */
#include <algorithm>
#include <cstring>
#include <memory>
#include <random>

#include "micro.h"

extern "C" {
#include "payload.h"
}

namespace
{

constexpr size_t CACHED = 64, MEMORY = 1 << 20, STEP = 64;

struct alignas(MEV_CACHELINE) cache_line {
	__u8 bytes[MEV_CACHELINE];
};

struct corpus {
	std::vector<cache_line> lines;
	std::vector<payload_place> place;
	__u64 sum = 0; /* of all messages' contents */
	size_t at = 0;

	payload_corpus view() const
	{
		return { lines[0].bytes, place.data() };
	}
};

/* Amounts of 40 bits and more, below 2^63 for jansson's sake. */
payload_view content(payload_record rec, std::mt19937_64 &rng)
{
	payload_view v = {};

	for (__u8 &b : v.bytes)
		b = (__u8)rng();
	for (__u64 &n : v.n)
		n = (rng() >> 1 >> rng() % 23) | 1;
	v.small = rec == PAYLOAD_SWAP ? (__u32)rng() & 1 : (__u32)rng();
	return v;
}

void check(const payload_codec &codec, payload_record rec, const payload_view &want, const __u8 *in,
	   __u32 len)
{
	payload_view got = {};

	if (!codec.decode(rec, in, len, &got) || std::memcmp(got.address, want.bytes, 20) ||
	    std::memcmp(got.n, want.n, sizeof(got.n)) || got.small != want.small)
		micro::die(std::string(codec.name) + " decodes something else than was encoded");
	if (codec.decode(rec, in, len - 1, &got))
		micro::die(std::string(codec.name) + " takes a message that is cut");
}

/* The same contents for every codec: the seed is the record. */
std::unique_ptr<corpus> encode(const payload_codec &codec, payload_record rec, size_t cnt)
{
	auto c = std::make_unique<corpus>();
	std::mt19937_64 rng(rec + 1);

	for (size_t i = 0; i < cnt; i++) {
		payload_view v = content(rec, rng);
		__u8 message[PAYLOAD_ROOM];
		size_t len, line = c->lines.size();

		v.address = v.bytes;
		len = codec.encode(rec, &v, message);
		c->sum += payload_sum(&v);
		c->place.push_back({ (__u32)line, (__u32)len });
		c->lines.resize(line + (len + MEV_CACHELINE - 1) / MEV_CACHELINE);
		std::memcpy(c->lines[line].bytes, message, len);
		if (i < 1000)
			check(codec, rec, v, c->lines[line].bytes, (__u32)len);
	}
	c->lines.resize(c->lines.size() + 1); /* simdjson may read beyond a message */
	std::shuffle(c->place.begin(), c->place.end(), rng);

	payload_corpus view = c->view();

	if (codec.run(rec, &view, 0, cnt) != c->sum)
		micro::die(std::string(codec.name) + " decodes other sums than were encoded");
	return c;
}

void run(benchmark::State &state, const payload_codec &codec, payload_record rec, corpus &c)
{
	payload_corpus view = c.view();

	for (auto _ : state) {
		benchmark::DoNotOptimize(codec.run(rec, &view, c.at, STEP));
		c.at = c.at + STEP < c.place.size() ? c.at + STEP : 0;
	}
	state.SetItemsProcessed((int64_t)(state.iterations() * STEP));
}

} // namespace

void micro::payload_parsing()
{
	static const payload_codec *const codecs[] = { &payload_cast,     &payload_fields,
						       &payload_protobuf, &payload_msgpack,
						       &payload_simdjson, &payload_json };
	static const char *const groups[] = { "payload_parsing", "pool_update_parsing" };

	for (payload_record rec : { PAYLOAD_SWAP, PAYLOAD_UPDATE }) {
		note(groups[rec],
		     "One message decoded, validated, and every byte of its content used. `cached`: "
		     "64 messages again and again. `memory`: a million in random order, more than "
		     "the last-level cache holds.");
		for (auto [where, cnt] :
		     { std::pair("cached", CACHED), std::pair("memory", MEMORY) }) {
			for (const payload_codec *codec : codecs) {
				std::string name = std::string(where) + "/" + codec->name;
				auto c = std::make_shared<std::unique_ptr<corpus>>();
				bool json = codec == &payload_json, hot = cnt == CACHED;

				add(groups[rec] + ("/" + name),
				    [=, n = cold(cnt)](benchmark::State &s) {
					    if (!*c)
						    *c = encode(*codec, rec, n);
					    run(s, *codec, rec, **c);
				    },
				    { codec == &payload_cast ? "" : std::string(where) + "/cast",
				      json && hot ? 20.0 : 0 });
			}
		}
	}
}
