// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "bare.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <unistd.h>

#include "attached.h"
#include "log.h"
#include "map_read.h"
#include "netif.h"

/* How long pools that bpftool or a new node adds may be missing from a view. */
#define LIST_AGE_NS 10000000000ULL

struct bare {
	int config_fd, verdicts_fd, pool_stats_fd, pool_index_fd; /* -1: none */
	__u32 map_id;                                             /* of mev_config */
	__u32 pool_stats_room;                                    /* entries */
	char interface[IF_NAMESIZE];                              /* "": known by pins only */
	__u64 listed_ns;                                          /* when the pools were, or 0 */
	__u32 *slots;               /* of the pools, ascending, slot_cnt of them */
	struct stats_pool *by_slot; /* MEV_MAX_POOLS */
	__u32 slot_cnt;
};

/* Which of b's descriptors a map of this name is for, and the size of its values; NULL: none. */
static int *place(struct bare *b, const char *name, __u32 *value_size)
{
	struct {
		const char *name;
		int *fd;
		__u32 value_size;
	} maps[] = {
		{ "mev_config", &b->config_fd, sizeof(struct mev_config) },
		{ "mev_verdicts", &b->verdicts_fd, sizeof(struct mev_counters) },
		{ "mev_pool_stats", &b->pool_stats_fd, sizeof(struct mev_pool_counters) },
		{ "mev_pool_index", &b->pool_index_fd, sizeof(__u32) },
	};

	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
		if (!strcmp(maps[i].name, name)) {
			*value_size = maps[i].value_size;
			return maps[i].fd;
		}
	return NULL;
}

/* Takes a map, or closes one that is of no use here. 0 or -errno, logged. */
static int take(struct bare *b, int map_fd)
{
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info), value_size;
	int err = bpf_obj_get_info_by_fd(map_fd, &info, &len);
	int *fd = err ? NULL : place(b, info.name, &value_size);

	if (!fd || *fd >= 0) {
		close(map_fd);
		return err;
	}
	*fd = map_fd;
	if (fd == &b->config_fd)
		b->map_id = info.id;
	if (fd == &b->pool_stats_fd)
		b->pool_stats_room = info.max_entries;
	if (info.value_size == value_size)
		return 0;
	log_err("%s (map %u) is of another version: values of %u bytes instead of %u; take the "
		"mevnode that the program came with",
		info.name, info.id, info.value_size, value_size);
	return -EOPNOTSUPP;
}

__u32 bare_map_id(const struct bare *b)
{
	return b->map_id;
}

static struct bare *new_bare(void)
{
	struct bare *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->config_fd = b->verdicts_fd = b->pool_stats_fd = b->pool_index_fd = -1;
	b->slots = calloc(MEV_MAX_POOLS, sizeof(*b->slots));
	b->by_slot = calloc(MEV_MAX_POOLS, sizeof(*b->by_slot));
	if (b->slots && b->by_slot)
		return b;
	bare_close(b);
	return NULL;
}

/* All four are there, or it is given up. */
static int complete(struct bare **out, struct bare *b, const char *where, int err)
{
	if (!err && (b->config_fd < 0 || b->verdicts_fd < 0 || b->pool_stats_fd < 0 ||
		     b->pool_index_fd < 0)) {
		err = -EINVAL;
		log_err("%s: not all of mev_config, mev_verdicts, mev_pool_stats and "
			"mev_pool_index are there; `bpftool map` lists maps",
			where);
	}
	if (err)
		bare_close(b);
	else
		*out = b;
	return err;
}

int bare_open_pins(struct bare **out, const char *dir)
{
	static const char *const names[] = { "mev_config", "mev_verdicts", "mev_pool_stats",
					     "mev_pool_index" };
	struct bare *b = new_bare();
	char path[PATH_MAX];
	int err = 0;

	if (!b)
		return -ENOMEM;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !err; i++) {
		int fd;

		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		fd = bpf_obj_get(path);
		if (fd == -ENOENT && !i) {
			bare_close(b);
			return -ENOENT;
		}
		if (fd >= 0) {
			err = take(b, fd);
		} else if (fd != -ENOENT) {
			err = fd;
			log_err("cannot get the map pinned as %s: %s%s", path, strerror(-fd),
				fd == -EPERM || fd == -EACCES ? "; run as root" : "");
		}
	}
	return complete(out, b, dir, err);
}

int bare_open_attached(struct bare **out, const char *interface)
{
	__u32 ids[64] = { 0 }, len = sizeof(struct bpf_prog_info);
	struct bpf_prog_info info = { .nr_map_ids = 64, .map_ids = (__u64)(unsigned long)ids };
	struct attached on;
	struct netif netif;
	struct bare *b;
	int prog_fd, err = 0;

	if (netif_query(interface, &netif) || attached_query(netif.index, &on) || !on.filter_id)
		return -ENOENT;
	prog_fd = bpf_prog_get_fd_by_id(on.filter_id);
	if (prog_fd < 0 || bpf_obj_get_info_by_fd(prog_fd, &info, &len)) {
		err = -errno;
		log_err("cannot look at program %u on %s: %s", on.filter_id, interface,
			strerror(-err));
	}
	if (prog_fd >= 0)
		close(prog_fd);
	if (err)
		return err;
	b = new_bare();
	if (!b)
		return -ENOMEM;
	strcpy(b->interface, netif.name);
	for (__u32 i = 0; i < info.nr_map_ids && i < 64 && !err; i++) {
		int fd = bpf_map_get_fd_by_id(ids[i]);

		if (fd >= 0)
			err = take(b, fd);
	}
	return complete(out, b, interface, err);
}

/* Reading. */

static int compare_slots(const void *a, const void *b)
{
	const __u32 *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Which pools there are, in the order of their slots. */
static void list_pools(struct bare *b)
{
	__u8 key[MEV_ADDRESS_LEN], *from = NULL;
	__u32 slot, cnt = 0;

	/* Bounded, since from a key that is taken out meanwhile the kernel starts again. */
	for (__u32 i = 0; i < MEV_MAX_POOLS; i++) {
		if (bpf_map_get_next_key(b->pool_index_fd, from, key))
			break;
		from = key;
		if (bpf_map_lookup_elem(b->pool_index_fd, key, &slot) || slot >= MEV_MAX_POOLS)
			continue;
		memcpy(b->by_slot[slot].address, key, sizeof(key));
		b->by_slot[slot].slot = slot;
		b->slots[cnt++] = slot;
	}
	qsort(b->slots, cnt, sizeof(*b->slots), compare_slots);
	b->slot_cnt = cnt;
}

static int read_pools(struct bare *b, struct stats *s)
{
	__u32 room;
	int err;

	if (!b->listed_ns || s->taken_ns - b->listed_ns > LIST_AGE_NS) {
		list_pools(b);
		b->listed_ns = s->taken_ns;
	}
	if (!b->slot_cnt) {
		s->pool_cnt = 0;
		return 0;
	}
	room = MIN(b->slots[b->slot_cnt - 1] + 1, b->pool_stats_room);
	err = map_read_sums(b->pool_stats_fd, room, sizeof(b->by_slot[0].filter),
			    &b->by_slot[0].filter, sizeof(b->by_slot[0]));
	for (__u32 i = 0; i < b->slot_cnt; i++)
		s->pools[i] = b->by_slot[b->slots[i]];
	s->pool_cnt = b->slot_cnt;
	s->pools_taken_ns = s->taken_ns;
	return err;
}

int bare_read(struct bare *b, struct stats *s)
{
	struct mev_config config;
	const __u32 key = 0;
	int err;

	stats_clear(s, 0);
	s->node = (struct stats_node){ .map_id = b->map_id };
	snprintf(s->node.interface, sizeof(s->node.interface), "%s", b->interface);
	s->taken_ns = latency_monotonic_ns();
	err = bpf_map_lookup_elem(b->config_fd, &key, &config);
	s->ready = !err && config.ready;
	if (!err)
		err = map_read_sum(b->verdicts_fd, 0, &s->filter, sizeof(s->filter));
	if (!err)
		err = read_pools(b, s);
	if (err)
		log_err("cannot read the program's counters: %s", strerror(-err));
	return err;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void bare_close(struct bare *b)
{
	if (!b)
		return;
	close_fd(b->config_fd);
	close_fd(b->verdicts_fd);
	close_fd(b->pool_stats_fd);
	close_fd(b->pool_index_fd);
	free(b->slots);
	free(b->by_slot);
	free(b);
}
