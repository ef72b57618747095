/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * map_read - per-CPU counters of BPF arrays, summed over CPUs
 *
 * Values are made of __u64. Any thread; a descriptor that is open is all it takes.
 */
#ifndef MEV_MAP_READ_H
#define MEV_MAP_READ_H

#include <linux/types.h>
#include <stddef.h>

/* The sum of entry `key`, `size` bytes, to *sum. 0 or -errno. */
int map_read_sum(int fd, __u32 key, void *sum, size_t size);

/*
 * The sums of the entries 0 to cnt - 1, `stride` bytes apart from `sums` on. Many a call (Linux
 * 5.13), else one by one. 0 or -errno.
 */
int map_read_sums(int fd, __u32 cnt, size_t size, void *sums, size_t stride);

#endif /* MEV_MAP_READ_H */
