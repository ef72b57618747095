/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * random - numbers that follow from a seed: SplitMix64 (Steele, Lea, Flood 2014)
 */
#ifndef MEVLOAD_RANDOM_H
#define MEVLOAD_RANDOM_H

#include <linux/types.h>

static inline __u64 random_next(__u64 *state)
{
	__u64 z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* In [0, 1), 53 bits of it. */
static inline double random_unit(__u64 *state)
{
	return (double)(random_next(state) >> 11) * 0x1p-53;
}

/* In [0, below), below > 0. */
static inline __u64 random_below(__u64 *state, __u64 below)
{
	return (__u64)((unsigned __int128)random_next(state) * below >> 64);
}

#endif /* MEVLOAD_RANDOM_H */
