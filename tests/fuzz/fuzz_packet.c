// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Any bytes before the parser alone, in a buffer that ends where they do: what it points at lies in
 * the frame, and what it says of lengths and checksums is what a slow reading of the RFCs says.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "packet.h"

static unsigned int be16(const __u8 *at)
{
	return (unsigned int)at[0] << 8 | at[1];
}

/* RFC 1071 as it is written: big-endian words, end-around carry a step. */
static unsigned int slow_sum(const __u8 *at, size_t len)
{
	unsigned int sum = 0;

	for (size_t i = 0; i < len; i += 2) {
		sum += be16(at + i);
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

static void check(const __u8 *frame, size_t len, const struct packet *p)
{
	const __u8 *end = frame + len, *l3 = (const __u8 *)p->ip4, *udp = (const __u8 *)p->udp;
	unsigned int udp_len, ip_len;
	bool fit;

	if (l3 != frame + 14 && l3 != frame + 18)
		abort();
	if (l3[0] >> 4 != (p->v4 ? 4 : 6) || l3[p->v4 ? 9 : 6] != 17)
		abort();
	if (udp != l3 + (p->v4 ? (l3[0] & 15) * 4 : 40) || udp + 8 > end ||
	    (const __u8 *)p->payload != udp + 8)
		abort();
	udp_len = be16(udp + 4);
	ip_len = p->v4 ? be16(l3 + 2) : be16(l3 + 4) + 40;
	fit = l3 + ip_len <= end && udp + udp_len == l3 + ip_len && udp_len >= 8;
	if (packet_lengths_fit(p, end) != fit)
		abort();
	if (p->v4 && packet_ip4_sum_ok(p, end) != (slow_sum(l3, (l3[0] & 15u) * 4) == 0xffff))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	__u8 *frame = malloc(size ? size : 1);
	struct packet p;

	memcpy(frame, data, size);
	if (packet_find_udp(frame, frame + size, &p))
		check(frame, size, &p);
	free(frame);
	return 0;
}
