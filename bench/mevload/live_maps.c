// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "live_maps.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

#define MAPS_MAX 64

/* The map, if it is of that name; else -ENOENT. */
static int open_if_named(__u32 id, const char *name)
{
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info);
	int fd = bpf_map_get_fd_by_id(id);

	if (fd < 0)
		return fd;
	if (!bpf_obj_get_info_by_fd(fd, &info, &len) && !strcmp(info.name, name))
		return fd;
	close(fd);
	return -ENOENT;
}

int live_maps_find(int prog_fd, const char *name)
{
	__u32 ids[MAPS_MAX] = { 0 }, len = sizeof(struct bpf_prog_info);
	struct bpf_prog_info info = { .nr_map_ids = MAPS_MAX,
				      .map_ids = (__u64)(unsigned long)ids };
	int fd = bpf_obj_get_info_by_fd(prog_fd, &info, &len);

	if (fd)
		return fd;
	for (__u32 i = 0; i < info.nr_map_ids && i < MAPS_MAX; i++) {
		fd = open_if_named(ids[i], name);
		if (fd != -ENOENT)
			return fd;
	}
	return -ENOENT;
}

int live_maps_reuse(struct bpf_object *object, int prog_fd)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object) {
		int fd, err;

		if (strchr(bpf_map__name(map),
			   '.')) /* .rodata and the like are each object's own */
			continue;
		fd = live_maps_find(prog_fd, bpf_map__name(map));
		err = fd < 0 ? fd : bpf_map__set_pin_path(map, NULL); /* nor one pinned by name */
		if (!err)
			err = bpf_map__reuse_fd(map, fd);
		if (fd >= 0)
			close(fd);
		if (err) {
			log_err("the attached program has no map %s that this one could share: %s; "
				"are node and mevload of one build?",
				bpf_map__name(map), strerror(-err));
			return err;
		}
	}
	return 0;
}

int live_maps_sum(int map_fd, void *sum, __u32 size)
{
	int cpus = libbpf_num_possible_cpus(), err;
	const __u32 zero = 0, words = size / 8;
	__u64 *values, *out = sum;

	if (cpus < 0)
		return cpus;
	values = calloc((size_t)cpus, size);
	if (!values)
		return -ENOMEM;
	memset(sum, 0, size);
	err = bpf_map_lookup_elem(map_fd, &zero, values);
	for (__u32 i = 0; !err && i < (__u32)cpus * words; i++)
		out[i % words] += values[i];
	free(values);
	return err;
}
