// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "map_read.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

/* What a call may fetch at most: more does not make it faster. */
#define BATCH_BYTES (256u << 10)

static void add_up(const __u64 *values, int cpu_cnt, size_t size, void *sum)
{
	size_t words = size / sizeof(__u64);
	__u64 *to = sum;

	memset(sum, 0, size);
	for (size_t i = 0; i < (size_t)cpu_cnt * words; i++)
		to[i % words] += values[i];
}

int map_read_sum(int fd, __u32 key, void *sum, size_t size)
{
	int cpu_cnt = libbpf_num_possible_cpus(), err;
	__u64 *values;

	if (cpu_cnt < 0)
		return cpu_cnt;
	values = calloc((size_t)cpu_cnt, size);
	if (!values)
		return -ENOMEM;
	err = bpf_map_lookup_elem(fd, &key, values);
	if (!err)
		add_up(values, cpu_cnt, size, sum);
	free(values);
	return err;
}

static int one_by_one(int fd, __u32 cnt, size_t size, char *sums, size_t stride)
{
	int err = 0;

	for (__u32 i = 0; i < cnt && !err; i++)
		err = map_read_sum(fd, i, sums + i * stride, size);
	return err;
}

int map_read_sums(int fd, __u32 cnt, size_t size, void *sums, size_t stride)
{
	int cpu_cnt = libbpf_num_possible_cpus(), err = 0;
	__u32 batch, done = 0, next = 0, *keys;
	char *values;

	if (cpu_cnt < 0)
		return cpu_cnt;
	batch = MIN(cnt, MAX(1u, (__u32)(BATCH_BYTES / (size * (size_t)cpu_cnt))));
	values = calloc(batch, size * (size_t)cpu_cnt);
	keys = calloc(batch, sizeof(*keys));
	if (cnt && (!values || !keys))
		err = -ENOMEM;
	for (__u32 got = 1; !err && got && done < cnt; done += got) {
		got = MIN(batch, cnt - done);

		err = bpf_map_lookup_batch(fd, done ? &next : NULL, &next, keys, values, &got,
					   NULL);
		if (err == -ENOENT && got) /* that was the map's last */
			err = 0;
		for (__u32 i = 0; i < got && !err; i++)
			add_up((__u64 *)(values + i * size * (size_t)cpu_cnt), cpu_cnt, size,
			       (char *)sums + keys[i] * stride);
	}
	free(values);
	free(keys);
	return err && err != -ENOMEM ? one_by_one(fd, cnt, size, sums, stride) : err;
}
