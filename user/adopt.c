// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "adopt.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <linux/membarrier.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "log.h"

/* The map by which a set of pins is known. */
#define ONE_OF_OURS "mev_config"

/* Finding. */

static int check_attached(const struct netif *netif, const struct attached *on)
{
	if (!on->prog_id) {
		log_err("%s has no XDP program to adopt: load one, as `mevnode run --help` shows, or "
			"run without --adopt",
			netif->name);
		return -ENOENT;
	}
	if (!on->visible) {
		log_err("cannot look at XDP program %u on %s: --adopt takes CAP_SYS_ADMIN, as root "
			"has it",
			on->prog_id, netif->name);
		return -EPERM;
	}
	return on->filter_id ? 0 : attached_refuse(netif, on);
}

/* The directory, among those where loaders pin, whose maps the program uses. */
static int find_dir(const struct netif *netif, const struct attached *on, char *dir, size_t len)
{
	static const char *const others[] = { "/sys/fs/bpf/xdp/globals", "/sys/fs/bpf" };
	char own[sizeof(PINS_ROOT) + IF_NAMESIZE];

	pins_default_dir(netif->name, own, sizeof(own));
	snprintf(dir, len, "%s", own);
	for (size_t i = 0; i <= sizeof(others) / sizeof(others[0]); i++) {
		__u32 id = pins_map_id(dir, ONE_OF_OURS);

		if (id && attached_uses_map(on->filter_id, id))
			return 0;
		if (i < sizeof(others) / sizeof(others[0]))
			snprintf(dir, len, "%s", others[i]);
	}
	log_err("no pins of program %u (mev_filter) on %s in %s, %s or %s: name their folder with "
		"--pin-path",
		on->filter_id, netif->name, own, others[0], others[1]);
	return -ENOENT;
}

/* A directory that was named: what is wrong with it, if anything. */
static int check_dir(const struct netif *netif, const struct attached *on, const char *dir)
{
	__u32 id = pins_map_id(dir, ONE_OF_OURS);

	if (id && attached_uses_map(on->filter_id, id))
		return 0;
	if (id)
		log_err("--pin-path %s: program %u on %s uses other maps than those pinned there",
			dir, on->filter_id, netif->name);
	else
		log_err("--pin-path %s: no map is pinned there as " ONE_OF_OURS
			"; without --pin-path the node looks where the loaders pin",
			dir);
	return -EINVAL;
}

/* Checking. */

static int wrong_layout(const char *path, const char *what, __u32 is, __u32 want)
{
	log_err("%s is of another version: %s %u instead of %u; unload the program, remove the pins, "
		"and load this version's mev_filter.bpf.o",
		path, what, is, want);
	return -EOPNOTSUPP;
}

static int check_sizes(const char *path, const struct bpf_map_info *is, const struct bpf_map *want)
{
	if (is->type != (__u32)bpf_map__type(want))
		return wrong_layout(path, "map type", is->type, (__u32)bpf_map__type(want));
	if (is->key_size != bpf_map__key_size(want))
		return wrong_layout(path, "key size", is->key_size, bpf_map__key_size(want));
	if (is->value_size != bpf_map__value_size(want))
		return wrong_layout(path, "value size", is->value_size, bpf_map__value_size(want));
	if (is->map_flags != bpf_map__map_flags(want))
		return wrong_layout(path, "map flags", is->map_flags, bpf_map__map_flags(want));
	return 0;
}

/* Whether two structs have the same fields in the same places. */
static bool same_fields(const struct btf *a, __u32 type_a, const struct btf *b, __u32 type_b)
{
	const struct btf_type *ta = btf__type_by_id(a, type_a), *tb = btf__type_by_id(b, type_b);

	if (!ta || !tb || !btf_is_struct(ta) || !btf_is_struct(tb))
		return true; /* numbers: their size has been compared */
	if (btf_vlen(ta) != btf_vlen(tb))
		return false;
	for (__u32 i = 0; i < btf_vlen(ta); i++) {
		const struct btf_member *ma = btf_members(ta) + i, *mb = btf_members(tb) + i;

		if (ma->offset != mb->offset ||
		    btf__resolve_size(a, ma->type) != btf__resolve_size(b, mb->type) ||
		    strcmp(btf__name_by_offset(a, ma->name_off),
			   btf__name_by_offset(b, mb->name_off)))
			return false;
	}
	return true;
}

/* Fields may have changed their meaning at the same size. Maps without types pass. */
static int check_fields(const char *path, const struct bpf_map_info *is, const struct bpf_map *want,
			const struct btf *ours)
{
	struct btf *theirs = is->btf_id ? btf__load_from_kernel_by_id(is->btf_id) : NULL;
	bool same = true;

	if (theirs && ours)
		same = same_fields(theirs, is->btf_key_type_id, ours,
				   bpf_map__btf_key_type_id(want)) &&
		       same_fields(theirs, is->btf_value_type_id, ours,
				   bpf_map__btf_value_type_id(want));
	btf__free(theirs);
	if (same)
		return 0;
	log_err("%s is of another version, with other fields; unload the program, remove the pins, "
		"and load this version's mev_filter.bpf.o",
		path);
	return -EOPNOTSUPP;
}

static int check_room(const char *path, const char *name, __u32 max_entries, __u32 pool_cnt)
{
	if (max_entries >= pool_cnt)
		return 0;
	if (!strcmp(name, "mev_pool_stats")) {
		log_warn("%s has %u entries for %u pools: swaps and updates of the others are not "
			 "counted by pool",
			 path, max_entries, pool_cnt);
		return 0;
	}
	if (strcmp(name, "mev_pools") && strcmp(name, "mev_pool_index"))
		return 0;
	log_err("%s has room for %u pools, the configuration has %u", path, max_entries, pool_cnt);
	return -EOPNOTSUPP;
}

static int adopt_one(struct bpf_map *map, const struct btf *btf, const struct pins *pins,
		     __u32 prog_id, __u32 pool_cnt)
{
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info);
	char path[PATH_MAX];
	int fd, err = 0;

	pins_path(pins, bpf_map__name(map), path, sizeof(path));
	fd = bpf_obj_get(path);
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len)) {
		err = -errno;
		log_err("cannot get the map pinned as %s: %s", path, strerror(-err));
		if (err == -ENOENT)
			err = -EOPNOTSUPP; /* a version without this map */
		goto out;
	}
	err = check_sizes(path, &info, map);
	if (!err)
		err = check_fields(path, &info, map, btf);
	if (!err)
		err = check_room(path, bpf_map__name(map), info.max_entries, pool_cnt);
	if (!err && !attached_uses_map(prog_id, info.id)) {
		log_err("program %u uses another map than the one pinned as %s", prog_id, path);
		err = -EINVAL;
	}
	if (!err)
		err = bpf_map__reuse_fd(map, fd);
out:
	if (fd >= 0)
		close(fd);
	return err;
}

/* As of a second interface that ip link has loaded: a socket takes no frame of another interface's. */
static void warn_of_sharing(const struct netif *netif, const struct pins *pins, __u32 prog_id)
{
	__u32 map_id = pins_map_id(pins->dir, ONE_OF_OURS);

	for (__u32 id = 0; !bpf_prog_get_next_id(id, &id);)
		if (id != prog_id && attached_uses_map(id, map_id))
			log_warn(
				"program %u uses the maps in %s as well: candidates of any other "
				"interface than %s are lost; load each with xdp-loader and its own -p",
				id, pins->dir, netif->name);
}

int adopt_maps(struct bpf_object *obj, const struct netif *netif, const struct attached *on,
	       const char *pin_dir, __u32 pool_cnt, struct pins *pins)
{
	struct bpf_map *map;
	char found[128];
	int err;

	err = check_attached(netif, on);
	if (!err)
		err = pin_dir ? check_dir(netif, on, pin_dir) :
				find_dir(netif, on, found, sizeof(found));
	if (!err)
		err = pins_hold(pins, pin_dir ? pin_dir : found);
	if (err)
		return err;
	bpf_object__for_each_map(map, obj)
		if (!err && !bpf_map__is_internal(map))
			err = adopt_one(map, bpf_object__btf(obj), pins, on->filter_id, pool_cnt);
	if (!err)
		warn_of_sharing(netif, pins, on->filter_id);
	return err;
}

/* Contents. */

static int clear_keys(int fd)
{
	__u8 key[64], next[64]; /* the longest of ours has 20 bytes */
	int err;

	err = bpf_map_get_next_key(fd, NULL, key);
	while (!err) {
		/* The next one first: from a key that is gone the kernel would start again. */
		err = bpf_map_get_next_key(fd, key, next);
		bpf_map_delete_elem(fd, key);
		memcpy(key, next, sizeof(key));
	}
	return err == -ENOENT ? 0 : err;
}

static int zero_counters(const struct bpf_map *map)
{
	int cpus = libbpf_num_possible_cpus(), err = 0;
	void *zeros;

	if (cpus < 0)
		return cpus;
	zeros = calloc((size_t)cpus, bpf_map__value_size(map));
	if (!zeros)
		return -ENOMEM;
	for (__u32 i = 0; i < bpf_map__max_entries(map) && !err; i++)
		err = bpf_map_update_elem(bpf_map__fd(map), &i, zeros, BPF_EXIST);
	free(zeros);
	return err;
}

void adopt_wait_for_runs(void)
{
	const struct timespec pause = { .tv_nsec = 10000000 };

	/* The global one is synchronize_rcu(); kernels with nohz_full CPUs refuse it. */
	if (syscall(__NR_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		nanosleep(&pause, NULL);
}

int adopt_empty(struct bpf_object *obj, struct mev_config *config, struct mev_pool *pools,
		__u32 pool_room)
{
	struct bpf_map *map;
	int err = 0;

	__atomic_store_n(&config->ready, 0, __ATOMIC_RELEASE);
	adopt_wait_for_runs();
	memset(pools, 0, pool_room * sizeof(*pools));
	bpf_object__for_each_map(map, obj) {
		enum bpf_map_type type = bpf_map__type(map);

		if (!err && (type == BPF_MAP_TYPE_HASH || type == BPF_MAP_TYPE_LPM_TRIE))
			err = clear_keys(bpf_map__fd(map));
		if (!err && type == BPF_MAP_TYPE_PERCPU_ARRAY)
			err = zero_counters(map);
	}
	return err;
}
