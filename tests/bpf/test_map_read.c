// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Sums over CPUs, many at a time and one by one. */
#include "map_read.h"
#include "prog_world.h"

#define CNT 10000u /* more than a batch, and no multiple of one */

struct value {
	__u64 a, b;
};

static int make(enum bpf_map_type type, __u32 entries)
{
	int fd = bpf_map_create(type, "test_map_read", sizeof(__u32), sizeof(struct value), entries,
				NULL);

	cr_assert_geq(fd, 0, "%s", strerror(-fd));
	return fd;
}

Test(map_read, sums_of_every_entry_with_a_stride)
{
	struct {
		struct value sum;
		__u64 mine;
	} *rows = calloc(CNT, sizeof(*rows));
	int cpus = libbpf_num_possible_cpus(), fd;
	struct value *values = calloc((size_t)cpus, sizeof(*values)), one;

	if (!need_root())
		return;
	fd = make(BPF_MAP_TYPE_PERCPU_ARRAY, CNT + 1);
	for (__u32 i = 0; i < CNT; i++) {
		for (int cpu = 0; cpu < cpus; cpu++)
			values[cpu] = (struct value){ i, (__u64)cpu };
		cr_assert_eq(bpf_map_update_elem(fd, &i, values, BPF_ANY), 0);
		rows[i].mine = 42;
	}
	cr_assert_eq(map_read_sums(fd, CNT, sizeof(rows->sum), rows, sizeof(*rows)), 0);
	for (__u32 i = 0; i < CNT; i++) {
		cr_assert_eq(rows[i].sum.a, i * (__u64)cpus, "%u", i);
		cr_assert_eq(rows[i].sum.b, (__u64)(cpus * (cpus - 1) / 2));
		cr_assert_eq(rows[i].mine, 42);
	}
	cr_assert_eq(map_read_sum(fd, CNT - 1, &one, sizeof(one)), 0);
	cr_assert_eq(one.a, rows[CNT - 1].sum.a);
	/* To the very last, and not beyond. */
	cr_assert_eq(map_read_sums(fd, 1, sizeof(one), &one, sizeof(one)), 0);
	cr_assert_eq(map_read_sum(fd, CNT + 1, &one, sizeof(one)), -ENOENT);
	cr_assert_eq(map_read_sums(fd, 0, sizeof(one), NULL, sizeof(one)), 0);
	close(fd);
	cr_assert_lt(map_read_sums(fd, 1, sizeof(one), &one, sizeof(one)), 0);
	free(rows);
	free(values);
}
