/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * prog_world.h - the XDP program in the kernel, driven frame by frame with bpf_prog_test_run
 *
 * In a network namespace of its own, with an AF_XDP socket on the loopback device so that
 * candidates find one. Where the privileges lack, the test is skipped, or fails if REQUIRE_PRIV=1.
 */
#ifndef MEV_TESTS_PROG_WORLD_H
#define MEV_TESTS_PROG_WORLD_H

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "filter_world.h"
#include "mev_filter.skel.h"
#include "netif.h"
#include "xsk.h"

struct prog_world {
	struct mev_filter_bpf *skel;
	int prog_fd;
	struct mev_config *config;
	struct mev_pool *pools;
	struct xsk *xsk;
	int cpus;
	struct mev_counters *now, *before; /* a CPU each */
};

/* True if the test may go on. */
static inline bool need_root(void)
{
	const char *require = getenv("REQUIRE_PRIV");

	if (geteuid() == 0)
		return true;
	if (require && !strcmp(require, "1"))
		cr_assert_fail("REQUIRE_PRIV=1, but not root");
	cr_skip_test("needs root: it loads BPF programs");
	return false;
}

static inline int keep_quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, fmt, ap) : 0;
}

static inline void own_netns(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd;

	cr_assert_eq(unshare(CLONE_NEWNET), 0, "unshare: %s", strerror(errno));
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	cr_assert_eq(ioctl(fd, SIOCSIFFLAGS, &lo), 0, "lo up: %s", strerror(errno));
	close(fd);
}

static inline void *map_array(const struct bpf_map *map)
{
	size_t bytes = (size_t)bpf_map__max_entries(map) * bpf_map__value_size(map);
	void *at = mmap(NULL, (bytes + 4095) & ~4095ul, PROT_READ | PROT_WRITE, MAP_SHARED,
			bpf_map__fd(map), 0);

	cr_assert_neq(at, MAP_FAILED, "mmap %s: %s", bpf_map__name(map), strerror(errno));
	return at;
}

static inline void prog_open(struct prog_world *w)
{
	struct bpf_map *map;
	__u32 queue = 0;

	libbpf_set_print(keep_quiet);
	own_netns();
	memset(w, 0, sizeof(*w));
	w->skel = mev_filter_bpf__open();
	cr_assert_not_null(w->skel);
	bpf_object__for_each_map(map, w->skel->obj)
		bpf_map__set_pin_path(map, NULL);
	cr_assert_eq(mev_filter_bpf__load(w->skel), 0, "load: %s", strerror(errno));
	w->prog_fd = bpf_program__fd(w->skel->progs.mev_filter);
	w->config = map_array(w->skel->maps.mev_config);
	w->pools = map_array(w->skel->maps.mev_pools);
	world_config(w->config, 0);
	world_reset_pools(w->pools);
	for (__u32 i = 0; i < WORLD_POOLS; i++)
		cr_assert_eq(bpf_map_update_elem(bpf_map__fd(w->skel->maps.mev_pool_index),
						 world_address[i], &i, BPF_ANY),
			     0);
	for (size_t i = 0; i < FIXTURE_FEED_CNT; i++)
		cr_assert_eq(bpf_map_update_elem(bpf_map__fd(w->skel->maps.mev_feed_allow),
						 &fixture_feeds[i], &queue, BPF_ANY),
			     0);
	cr_assert_eq(xsk_open(&w->xsk, "lo", 0, false), 0);
	cr_assert_eq(bpf_map_update_elem(bpf_map__fd(w->skel->maps.mev_xsks), &queue, &w->xsk->fd,
					 BPF_ANY),
		     0, "xskmap: %s", strerror(errno));
	w->cpus = libbpf_num_possible_cpus();
	w->now = calloc((size_t)w->cpus, sizeof(*w->now));
	w->before = calloc((size_t)w->cpus, sizeof(*w->before));
}

static inline void prog_close(struct prog_world *w)
{
	mev_filter_bpf__destroy(w->skel);
	xsk_close(w->xsk);
	free(w->now);
	free(w->before);
}

static inline void read_counters(struct prog_world *w, struct mev_counters *into)
{
	__u32 key = 0;

	cr_assert_eq(bpf_map_lookup_elem(bpf_map__fd(w->skel->maps.mev_verdicts), &key, into), 0);
}

static inline void prog_sync(struct prog_world *w)
{
	read_counters(w, w->before);
}

struct prog_result {
	enum mev_verdict verdict;
	__u32 action;
	__u32 len; /* of the frame that comes out, metadata not counted */
};

/* The one counter that moved since prog_sync() or the last call. */
static inline enum mev_verdict moved(struct prog_world *w, __u32 bytes)
{
	enum mev_verdict verdict = 0;
	struct mev_counters *swap;

	read_counters(w, w->now);
	for (int cpu = 0; cpu < w->cpus; cpu++)
		for (__u32 v = 1; v <= MEV_VERDICT_CNT; v++) {
			struct mev_counter *a = mev_counter_of(&w->before[cpu], v);
			struct mev_counter *b = mev_counter_of(&w->now[cpu], v);

			if (a->packets == b->packets)
				continue;
			cr_assert_eq(verdict, 0, "two counters moved");
			cr_assert_eq(b->packets, a->packets + 1);
			cr_assert_eq(b->bytes, a->bytes + bytes);
			verdict = v;
		}
	swap = w->before, w->before = w->now, w->now = swap;
	return verdict;
}

/* Runs one frame of at least 14 bytes (the kernel takes no less) through the program. */
static inline struct prog_result prog_run(struct prog_world *w, const void *frame, __u32 len,
					  void *out)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = len, .data_out = out,
		    .data_size_out = out ? FRAME_ROOM : 0, .repeat = 1);

	cr_assert_eq(bpf_prog_test_run_opts(w->prog_fd, &opts), 0, "test_run of %u bytes: %s", len,
		     strerror(errno));
	return (struct prog_result){ .verdict = moved(w, len),
				     .action = opts.retval,
				     .len = opts.data_size_out };
}

/* The action that goes with a verdict. */
static inline __u32 action_of(enum mev_verdict v)
{
	switch (v) {
	case MEV_PASS:
	case MEV_NO_SOCKET:
		return XDP_PASS;
	case MEV_REDIRECT:
		return XDP_REDIRECT;
	default:
		return XDP_DROP;
	}
}

#endif /* MEV_TESTS_PROG_WORLD_H */
