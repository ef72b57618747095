// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Contents of the program's maps that change while it runs. The maps may have been changed by
 * somebody else meanwhile (docs/bpftool.md), so what is there is asked for, not remembered.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "filter_prog_impl.h"

/* Pools. */

int filter_prog_remove_pool(struct filter_prog *fp, const __u8 address[MEV_ADDRESS_LEN])
{
	int err = bpf_map_delete_elem(bpf_map__fd(fp->skel->maps.mev_pool_index), address);

	return err == -ENOENT ? 0 : err;
}

/* Fills keys[room] and slots[room]. How many, or -errno. */
static int read_index(int fd, struct mev_address *keys, __u32 *slots, __u32 room)
{
	__u32 cnt = 0, n, at, *from = NULL;
	int err = 0;

	while (!err && cnt < room) {
		n = room - cnt;
		err = bpf_map_lookup_batch(fd, from, &at, keys + cnt, slots + cnt, &n, NULL);
		if (err && err != -ENOENT)
			return err;
		cnt += n;
		from = &at;
	}
	return (int)cnt;
}

int filter_prog_find_pools(const struct filter_prog *fp, struct filter_pool **out, __u32 *cnt)
{
	const struct bpf_map *map = fp->skel->maps.mev_pool_index;
	__u32 room = bpf_map__max_entries(map), *slots = calloc(room, sizeof(*slots));
	struct mev_address *keys = calloc(room, sizeof(*keys));
	int n = -ENOMEM;

	*out = calloc(room, sizeof(**out));
	if (keys && slots && *out)
		n = read_index(bpf_map__fd(map), keys, slots, room);
	for (int i = 0; i < n; i++)
		(*out)[i] = (struct filter_pool){ keys[i], slots[i] };
	free(keys);
	free(slots);
	if (n < 0) {
		free(*out);
		*out = NULL;
		return n;
	}
	*cnt = (__u32)n;
	return 0;
}

void filter_prog_clear_counters(struct filter_prog *fp, __u32 slot)
{
	const struct bpf_map *map = fp->skel->maps.mev_pool_stats;
	struct mev_pool_counters *zeros;

	if (slot >= bpf_map__max_entries(map))
		return;
	zeros = calloc((size_t)libbpf_num_possible_cpus(), sizeof(*zeros));
	if (zeros)
		bpf_map_update_elem(bpf_map__fd(map), &slot, zeros, BPF_EXIST);
	free(zeros);
}

/* Feeds. */

static bool feed_wanted(const struct config *config, const struct mev_feed_key *key)
{
	for (__u32 i = 0; i < config->feed_cnt; i++)
		if (!memcmp(&config->feeds[i], key, sizeof(*key)))
			return true;
	return false;
}

/* Takes out all that the configuration has not. */
static int remove_feeds(int fd, const struct config *config)
{
	struct mev_feed_key key, next;
	int err = bpf_map_get_next_key(fd, NULL, &key);

	while (!err) {
		/* The next one first: from a key that is gone the kernel would start again. */
		err = bpf_map_get_next_key(fd, &key, &next);
		if (!feed_wanted(config, &key))
			bpf_map_delete_elem(fd, &key);
		key = next;
	}
	return err == -ENOENT ? 0 : err;
}

static int add_feeds(int fd, const struct config *config)
{
	const __u32 unused = 1;
	int err = 0;

	for (__u32 i = 0; i < config->feed_cnt && !err; i++)
		err = bpf_map_update_elem(fd, &config->feeds[i], &unused, BPF_ANY);
	return err;
}

/* Those that come before those that go, as far as there is room: no feed of both is ever refused. */
static int change_feeds(int fd, const struct config *config)
{
	int err = add_feeds(fd, config);

	if (err != -ENOSPC)
		return err;
	err = remove_feeds(fd, config);
	return err ? err : add_feeds(fd, config);
}

/* The rest. */

static void write_ports(struct mev_config *to, const struct mev_config *from)
{
	typedef __u32 __attribute__((may_alias)) both;

	_Static_assert(offsetof(struct mev_config, swap_port) % 4 == 0 &&
			       offsetof(struct mev_config, update_port) ==
				       offsetof(struct mev_config, swap_port) + 2,
		       "both ports are one word");
	MEV_WRITE_ONCE(*(both *)&to->swap_port, *(const both *)&from->swap_port);
}

int filter_prog_reconfigure(struct filter_prog *fp, const struct config *config)
{
	int fd = bpf_map__fd(fp->skel->maps.mev_feed_allow), err;
	const struct mev_config *from = &config->node;
	struct mev_config *to = fp->config;

	err = change_feeds(fd, config);
	if (err)
		return err;
	MEV_WRITE_ONCE(to->flags, (to->flags & ~(__u32)MEV_FEED_RESTRICTED) |
					  (from->flags & MEV_FEED_RESTRICTED));
	MEV_WRITE_ONCE(to->min_amount_in, from->min_amount_in);
	MEV_WRITE_ONCE(to->min_profit, from->min_profit);
	MEV_WRITE_ONCE(to->capital, from->capital);
	MEV_WRITE_ONCE(to->strategy, from->strategy);
	write_ports(to, from);
	return remove_feeds(fd, config);
}
