/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * siphash - SipHash-2-4 of one 8-byte message (Aumasson, Bernstein: SipHash, 2012)
 *
 * A keyed hash: who does not know the key can neither guess results nor make collisions.
 */
#ifndef MEV_SIPHASH_H
#define MEV_SIPHASH_H

#include <linux/types.h>

static inline __u64 siphash_rotl(__u64 x, int n)
{
	return x << n | x >> (64 - n);
}

static inline void siphash_rounds(__u64 v[4], int cnt)
{
	while (cnt--) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = siphash_rotl(v[1], 13) ^ v[0];
		v[3] = siphash_rotl(v[3], 16) ^ v[2];
		v[0] = siphash_rotl(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = siphash_rotl(v[1], 17) ^ v[2];
		v[3] = siphash_rotl(v[3], 21) ^ v[0];
		v[2] = siphash_rotl(v[2], 32);
	}
}

static inline __u64 siphash(const __u64 key[2], __u64 message)
{
	const __u64 words[] = { message, 8ULL << 56 }; /* the length goes into the last byte */
	__u64 v[4] = { key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
		       key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573 };

	for (int i = 0; i < 2; i++) {
		v[3] ^= words[i];
		siphash_rounds(v, 2);
		v[0] ^= words[i];
	}
	v[2] ^= 0xff;
	siphash_rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

#endif /* MEV_SIPHASH_H */
