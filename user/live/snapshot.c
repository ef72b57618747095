// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "log.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* Linux 6.3 */
#endif

/* Reading the pools may take a 20th of the main thread's time: where they are many, less often. */
#define POOLS_SHARE 20

struct snapshot {
	struct backend *backend;
	struct stats stats;
	struct snapshot_shared *shared; /* NULL: other processes get none */
	__u64 pools_due_ns;
	int memfd, timer_fd;
	bool failed; /* to read all of it, which has been said */
};

/* The shared memory. */

/* Room for as many pools as there may be at any time: a page that nobody writes is none. */
static int map_memfd(struct snapshot *s)
{
	const unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;

	s->memfd = memfd_create(SNAPSHOT_NAME, flags | MFD_NOEXEC_SEAL);
	if (s->memfd < 0)
		s->memfd = memfd_create(SNAPSHOT_NAME, flags);
	if (s->memfd < 0 || ftruncate(s->memfd, SNAPSHOT_BYTES))
		return -errno;
	s->shared = mmap(NULL, SNAPSHOT_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, s->memfd, 0);
	if (s->shared == MAP_FAILED) {
		s->shared = NULL;
		return -errno;
	}
	/* This mapping stays the only one that is written. */
	if (fcntl(s->memfd, F_ADD_SEALS,
		  F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL))
		return -errno;
	memcpy(s->shared->magic, SNAPSHOT_MAGIC, sizeof(s->shared->magic));
	s->shared->size = sizeof(*s->shared);
	return 0;
}

static void publish(struct snapshot *s, unsigned int parts)
{
	struct snapshot_shared *to = s->shared;
	__u32 seq;

	if (!to)
		return;
	seq = to->seq + 1;
	MEV_WRITE_ONCE(to->seq, seq);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	to->stats = s->stats;
	if (parts & STATS_POOLS)
		memcpy(to->pools, s->stats.pools, s->stats.pool_cnt * sizeof(to->pools[0]));
	__atomic_store_n(&to->seq, seq + 1, __ATOMIC_RELEASE);
}

/* Taking. */

int snapshot_take(struct snapshot *s, unsigned int parts)
{
	__u64 now = latency_monotonic_ns();
	int err;

	if (now >= s->pools_due_ns || (parts & STATS_FINAL))
		parts |= STATS_POOLS;
	stats_clear(&s->stats, parts);
	err = s->backend->ops->collect(s->backend, &s->stats, parts);
	s->stats.taken_ns = now;
	memcpy(s->stats.node.interface, s->backend->interface, sizeof(s->backend->interface));
	if (parts & STATS_POOLS) {
		s->stats.pools_taken_ns = now;
		s->pools_due_ns = now + (latency_monotonic_ns() - now) * POOLS_SHARE;
	}
	publish(s, parts);
	return err;
}

static int on_timer(void *snapshot)
{
	struct snapshot *s = snapshot;
	__u64 ticks;
	int err = 0;

	if (read(s->timer_fd, &ticks, sizeof(ticks)) == sizeof(ticks))
		err = snapshot_take(s, 0);
	if (err && !s->failed)
		log_warn("statistics lack the XDP program's counters: %s%s", strerror(-err),
			 err == -EPERM ? "; before Linux 5.19 they take CAP_BPF, which is gone" :
					 "");
	s->failed |= err != 0;
	return EVENTS_GO_ON;
}

int snapshot_schedule(struct snapshot *s, struct events *e)
{
	const struct itimerspec second = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	int err = timerfd_settime(s->timer_fd, 0, &second, NULL) ? -errno : 0;

	if (!err)
		err = events_add(e, s->timer_fd, on_timer, s);
	if (err)
		log_err("cannot take a snapshot a second: %s", strerror(-err));
	return err;
}

const struct stats *snapshot_stats(const struct snapshot *s)
{
	return &s->stats;
}

/* Opening. */

void snapshot_set_pools(struct snapshot *s)
{
	const struct pool_set *pools = &s->backend->pools;
	struct stats_pool *to = s->stats.pools;

	for (__u32 slot = 0; slot < pools->end; slot++) {
		if (pools->slots[slot].state != POOL_TAKEN)
			continue;
		memcpy(to->address, pools->slots[slot].address, MEV_ADDRESS_LEN);
		to++->slot = slot;
	}
	s->stats.pool_cnt = (__u32)(to - s->stats.pools);
	s->pools_due_ns = 0;
}

static void introduce(struct stats_node *n, const struct backend *b)
{
	struct timespec now;
	struct stat netns;

	clock_gettime(CLOCK_REALTIME, &now);
	n->started_ns = (__u64)now.tv_sec * 1000000000 + (__u64)now.tv_nsec;
	n->pid = (__u32)getpid();
	n->ifindex = b->ifindex;
	n->map_id = b->map_id;
	n->netns = stat("/proc/self/ns/net", &netns) ? 0 : netns.st_ino;
	n->queue_cnt = b->queue_cnt;
	memcpy(n->queues, b->queues, sizeof(n->queues));
	snprintf(n->backend, sizeof(n->backend), "%s", b->ops->name);
	snprintf(n->mode, sizeof(n->mode), "%s", b->mode);
	snprintf(n->interface, sizeof(n->interface), "%s", b->interface);
	snprintf(n->version, sizeof(n->version), "%s", MEV_VERSION);
}

int snapshot_open(struct snapshot **out, struct backend *b)
{
	struct snapshot *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->backend = b;
	s->memfd = -1;
	s->stats.pools = calloc(MEV_MAX_POOLS, sizeof(*s->stats.pools));
	s->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (!s->stats.pools || s->timer_fd < 0) {
		err = s->stats.pools ? -errno : -ENOMEM;
		log_err("cannot prepare the statistics: %s", strerror(-err));
		snapshot_close(s);
		return err;
	}
	err = map_memfd(s);
	if (err)
		log_warn("`mevnode stats` will not find this node: no memory to share: %s",
			 strerror(-err));
	introduce(&s->stats.node, b);
	snapshot_set_pools(s);
	*out = s;
	return 0;
}

void snapshot_close(struct snapshot *s)
{
	if (!s)
		return;
	if (s->shared)
		munmap(s->shared, SNAPSHOT_BYTES);
	if (s->memfd >= 0)
		close(s->memfd);
	if (s->timer_fd >= 0)
		close(s->timer_fd);
	free(s->stats.pools);
	free(s);
}
