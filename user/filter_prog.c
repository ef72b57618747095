// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "filter_prog_impl.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <limits.h>
#include <linux/if_link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/param.h>
#include <unistd.h>

#include "adopt.h"
#include "log.h"
#include "map_read.h"
#include "privileges.h"

/* Array maps are mapped with exactly their page-rounded size, or not at all. */
static size_t map_size(const struct bpf_map *map)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t bytes = (size_t)bpf_map__max_entries(map) * bpf_map__value_size(map);

	return (bytes + page - 1) / page * page;
}

/* Loading. */

static int map_memory(struct filter_prog *fp)
{
	const int prot = PROT_READ | PROT_WRITE;
	struct bpf_map *config = fp->skel->maps.mev_config, *pools = fp->skel->maps.mev_pools;

	fp->config = mmap(NULL, map_size(config), prot, MAP_SHARED, bpf_map__fd(config), 0);
	if (fp->config == MAP_FAILED) {
		fp->config = NULL;
		return -errno;
	}
	fp->pools = mmap(NULL, map_size(pools), prot, MAP_SHARED, bpf_map__fd(pools), 0);
	if (fp->pools == MAP_FAILED) {
		fp->pools = NULL;
		return -errno;
	}
	return 0;
}

/* Our own program, in maps of our own. */
static int load(struct filter_prog *fp, const char *pin_dir, __u32 pool_cnt)
{
	char default_dir[sizeof(PINS_ROOT) + IF_NAMESIZE];
	int err;

	pins_default_dir(fp->netif.name, default_dir, sizeof(default_dir));
	err = pins_take(&fp->pins, pin_dir ? pin_dir : default_dir, fp->skel->obj);
	if (!err && pool_cnt > bpf_map__max_entries(fp->skel->maps.mev_pool_stats))
		err = bpf_map__set_max_entries(fp->skel->maps.mev_pool_stats, pool_cnt);
	if (err)
		return err;
	err = mev_filter_bpf__load(fp->skel);
	if (err)
		log_err("cannot load the XDP program: %s%s", strerror(-err),
			err == -EPERM || err == -EACCES ? privileges_remedy() :
							  "; --verbose shows the kernel's reason");
	return err;
}

int filter_prog_open(struct filter_prog **out, const struct netif *netif, const char *pin_dir,
		     __u32 pool_cnt, bool adopt)
{
	struct filter_prog *fp;
	struct attached on;
	int err;

	err = attached_query(netif->index, &on);
	if (err)
		log_err("cannot ask for the XDP program on %s: %s", netif->name, strerror(-err));
	else if (!adopt && on.prog_id)
		err = attached_refuse(netif, &on);
	if (err)
		return err;
	fp = calloc(1, sizeof(*fp));
	if (!fp)
		return -ENOMEM;
	fp->netif = *netif;
	fp->link_fd = -1;
	fp->pins.lock_fd = -1;
	err = libbpf_num_possible_cpus(); /* libbpf remembers: later the sandbox forbids to ask */
	if (err < 0) {
		log_err("cannot count this machine's CPUs: %s", strerror(-err));
		goto fail;
	}
	fp->skel = mev_filter_bpf__open();
	if (!fp->skel) {
		err = -errno;
		log_err("cannot read the built-in BPF object: %s", strerror(-err));
		goto fail;
	}
	fp->adopted = adopt;
	fp->on = on;
	err = adopt ? adopt_maps(fp->skel->obj, netif, &on, pin_dir, pool_cnt, &fp->pins) :
		      load(fp, pin_dir, pool_cnt);
	if (err)
		goto fail;
	err = map_memory(fp);
	if (err) {
		log_err("cannot map the pools: %s", strerror(-err));
		goto fail;
	}
	if (adopt)
		err = adopt_empty(fp->skel->obj, fp->config, fp->pools, filter_prog_room(fp));
	if (err) {
		log_err("cannot empty the adopted maps: %s", strerror(-err));
		goto fail;
	}
	*out = fp;
	return 0;

fail:
	filter_prog_close(fp);
	return err;
}

void filter_prog_close(struct filter_prog *fp)
{
	if (!fp)
		return;
	filter_prog_detach(fp);
	if (fp->config)
		munmap(fp->config, map_size(fp->skel->maps.mev_config));
	if (fp->pools)
		munmap(fp->pools, map_size(fp->skel->maps.mev_pools));
	if (fp->skel && !fp->adopted)
		pins_remove(&fp->pins, fp->skel->obj);
	pins_close(&fp->pins);
	mev_filter_bpf__destroy(fp->skel);
	free(fp);
}

/* Contents. */

int filter_prog_add_pool(struct filter_prog *fp, const __u8 address[MEV_ADDRESS_LEN], __u32 slot)
{
	return bpf_map_update_elem(bpf_map__fd(fp->skel->maps.mev_pool_index), address, &slot,
				   BPF_ANY);
}

static int allow_feeds(struct filter_prog *fp, const struct config *config)
{
	int fd = bpf_map__fd(fp->skel->maps.mev_feed_allow), err = 0;
	const __u32 unused = 1;

	for (__u32 i = 0; i < config->feed_cnt && !err; i++)
		err = bpf_map_update_elem(fd, &config->feeds[i], &unused, BPF_ANY);
	if (err)
		log_err("cannot allow feed %u of %u: %s", config->feed_cnt, config->feed_cnt,
			strerror(-err));
	return err;
}

int filter_prog_configure(struct filter_prog *fp, const struct config *config, __u32 flags,
			  __be32 own_ip, enum mev_engine engine)
{
	int err = allow_feeds(fp, config);

	if (err)
		return err;
	*fp->config = config->node;
	fp->config->flags |= flags;
	fp->config->own_ip = own_ip;
	fp->config->engine = engine;
	memcpy(fp->config->mac, fp->netif.mac, sizeof(fp->config->mac));
	return 0;
}

void filter_prog_start(struct filter_prog *fp)
{
	__atomic_store_n(&fp->config->ready, 1, __ATOMIC_RELEASE);
}

int filter_prog_set_xsk(struct filter_prog *fp, __u32 queue, int xsk_fd)
{
	int err = bpf_map_update_elem(bpf_map__fd(fp->skel->maps.mev_xsks), &queue, &xsk_fd, 0);

	if (err)
		log_err("cannot lead queue %u to its socket: %s", queue, strerror(-err));
	return err;
}

/* Attaching. */

int filter_prog_attach(struct filter_prog *fp, bool native)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts,
		    .flags = native ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE);
	int fd;

	fd = bpf_link_create(bpf_program__fd(fp->skel->progs.mev_filter), (int)fp->netif.index,
			     BPF_XDP, &opts);
	if (fd >= 0) {
		fp->link_fd = fd;
		return 0;
	}
	if (fd == -EBUSY)
		log_err("%s got an XDP program from somebody else meanwhile: stop its owner",
			fp->netif.name);
	else if (fd == -EINVAL)
		log_err("%s (%s) refuses native XDP with its present settings: %s; `mevnode doctor -i %s` "
			"shows which and the remedy",
			fp->netif.name, fp->netif.driver, strerror(-fd), fp->netif.name);
	else if (fd != -EOPNOTSUPP && fd != -ERANGE && fd != -ENOSPC)
		log_err("cannot attach to %s: %s", fp->netif.name, strerror(-fd));
	return fd;
}

/* An adopted program stays attached: its candidates go to the kernel when no socket is left. */
static void take_sockets_out(struct filter_prog *fp)
{
	const struct bpf_map *xsks = fp->skel->maps.mev_xsks;

	for (__u32 queue = 0; queue < bpf_map__max_entries(xsks); queue++)
		bpf_map_delete_elem(bpf_map__fd(xsks), &queue);
	fp->config->own_ip = 0; /* an address that nobody answers for now */
	adopt_wait_for_runs();  /* then what was redirected is in the sockets' rings */
}

void filter_prog_detach(struct filter_prog *fp)
{
	if (fp->adopted && fp->config)
		take_sockets_out(fp);
	if (fp->link_fd < 0)
		return;
	bpf_link_detach(fp->link_fd); /* fails if the interface is gone: then so is the program */
	close(fp->link_fd);
	fp->link_fd = -1;
}

bool filter_prog_native(const struct filter_prog *fp)
{
	return fp->on.native;
}

__u32 filter_prog_attached(const struct filter_prog *fp, bool *dispatcher)
{
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info);

	*dispatcher = fp->adopted && fp->on.prog_id != fp->on.filter_id;
	if (fp->adopted)
		return fp->on.prog_id;
	return bpf_obj_get_info_by_fd(bpf_program__fd(fp->skel->progs.mev_filter), &info, &len) ?
		       0 :
		       info.id;
}

const struct mev_config *filter_prog_config(const struct filter_prog *fp)
{
	return fp->config;
}

struct mev_pool *filter_prog_pools(const struct filter_prog *fp)
{
	return fp->pools;
}

__u32 filter_prog_room(const struct filter_prog *fp)
{
	return bpf_map__max_entries(fp->skel->maps.mev_pools);
}

__u32 filter_prog_map_id(const struct filter_prog *fp)
{
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info);

	return bpf_obj_get_info_by_fd(bpf_map__fd(fp->skel->maps.mev_config), &info, &len) ?
		       0 :
		       info.id;
}

int filter_prog_counters(const struct filter_prog *fp, struct mev_counters *sum)
{
	return map_read_sum(bpf_map__fd(fp->skel->maps.mev_verdicts), 0, sum, sizeof(*sum));
}

int filter_prog_decisions(const struct filter_prog *fp, struct latency_hist *into)
{
	int cpu_cnt = libbpf_num_possible_cpus(), err;
	struct latency_hist *cpu;
	__u32 key = 0;

	if (cpu_cnt < 0)
		return cpu_cnt;
	cpu = calloc((size_t)cpu_cnt, sizeof(*cpu));
	if (!cpu)
		return -ENOMEM;
	err = bpf_map_lookup_elem(bpf_map__fd(fp->skel->maps.mev_decision_ns), &key, cpu);
	for (int i = 0; i < cpu_cnt && !err; i++)
		latency_merge(into, &cpu[i]);
	free(cpu);
	return err;
}

int filter_prog_pool_counters(const struct filter_prog *fp, __u32 cnt,
			      struct mev_pool_counters *sums)
{
	const struct bpf_map *map = fp->skel->maps.mev_pool_stats;
	__u32 room = MIN(cnt, bpf_map__max_entries(map));

	memset(sums + room, 0, (cnt - room) * sizeof(*sums));
	return map_read_sums(bpf_map__fd(map), room, sizeof(*sums), sums, sizeof(*sums));
}
