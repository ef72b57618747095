// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A snapshot as it is taken, and as another process finds it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "nodes.h"
#include "snapshot.h"

static unsigned int parts_seen;
static int collect_error;
static __u64 pass;

static int collect(struct backend *b, struct stats *s, unsigned int parts)
{
	(void)b;
	parts_seen = parts;
	s->filter.pass.packets += pass;
	for (__u32 i = 0; i < s->pool_cnt && (parts & STATS_POOLS); i++)
		s->pools[i].replies += 10 + i;
	stats_io(s, "rx_dropped", 2);
	return collect_error;
}

static const struct backend_ops ops = { .name = "fake", .collect = collect };
static struct backend backend = {
	.ops = &ops, .mode = "copy", .interface = "eth9", .queue_cnt = 1
};
static struct mev_pool lines[4];
static struct config config;
static struct snapshot *snapshot;
static struct nodes nodes;
static struct stats copy;

static void setup(void)
{
	cr_assert_eq(config_default(&config), 0);
	cr_assert_eq(pool_set_open(&backend.pools, lines, 4), 0);
	for (__u32 i = 0; i < config.pool_cnt; i++)
		pool_set_found(&backend.pools, config.pools[i].address, i);
	cr_assert_eq(snapshot_open(&snapshot, &backend), 0);
	copy.pools = calloc(MEV_MAX_POOLS, sizeof(*copy.pools));
}

static void teardown(void)
{
	snapshot_close(snapshot);
	config_free(&config);
	pool_set_close(&backend.pools);
	free(copy.pools);
}

TestSuite(snapshot, .init = setup, .fini = teardown);

/* This process among the nodes; NULL: it is none. */
static const struct node_seen *find_me(void)
{
	cr_assert_eq(nodes_find(&nodes), 0);
	for (__u32 i = 0; i < nodes.cnt; i++)
		if (nodes.seen[i].node.pid == (__u32)getpid())
			return &nodes.seen[i];
	return NULL;
}

Test(snapshot, sums_do_not_add_up_from_one_to_the_next)
{
	const struct stats *s = snapshot_stats(snapshot);

	pass = 7;
	cr_assert_eq(snapshot_take(snapshot, 0), 0);
	cr_assert_eq(snapshot_take(snapshot, STATS_FINAL), 0);
	cr_assert_eq(s->filter.pass.packets, 7);
	cr_assert(s->io_cnt == 1 && s->io[0].value == 2);
	cr_assert(s->pool_cnt == config.pool_cnt && s->pools[1].replies == 11);
	cr_assert_arr_eq(s->pools[1].address, config.pools[1].address, MEV_ADDRESS_LEN);
	cr_assert_eq(parts_seen, STATS_FINAL | STATS_POOLS);
	collect_error = -EPERM;
	cr_assert_eq(snapshot_take(snapshot, 0), -EPERM);
}

Test(snapshot, other_pools_after_a_reload)
{
	const struct stats *s = snapshot_stats(snapshot);
	const __u8 address[MEV_ADDRESS_LEN] = { 1, 2, 3 };

	snapshot_take(snapshot, STATS_POOLS);
	pool_set_lost(&backend.pools, 0);
	pool_set_found(&backend.pools, address, 3);
	snapshot_set_pools(snapshot);
	cr_assert_eq(snapshot_take(snapshot, 0), 0);
	cr_assert_eq(parts_seen, STATS_POOLS, "at once, although pools were read a moment ago");
	cr_assert_eq(s->pool_cnt, 2);
	cr_assert_eq(s->pools[0].slot, 1);
	cr_assert_eq(s->pools[1].slot, 3);
	cr_assert_arr_eq(s->pools[1].address, address, MEV_ADDRESS_LEN);
}

Test(snapshot, another_process_finds_and_reads_it)
{
	const struct node_seen *me;

	pass = 3;
	snapshot_take(snapshot, 0);
	me = find_me();
	cr_assert(me);
	cr_assert_str_eq(me->node.interface, "eth9");
	cr_assert_str_eq(me->node.backend, "fake");
	cr_assert_eq(me->uid, geteuid());
	cr_assert_eq(node_read(me, &copy), 1);
	cr_assert_eq(copy.filter.pass.packets, 3);
	cr_assert(copy.pool_cnt == 2 && copy.pools[1].replies == 11);
	cr_assert_eq(node_read(me, &copy), 0, "nothing new");
	pass = 4;
	snapshot_take(snapshot, 0);
	cr_assert_eq(node_read(me, &copy), 1);
	cr_assert_eq(copy.filter.pass.packets, 4);
}

/* Who has found it may read it and no more. */
Test(snapshot, nobody_else_can_change_it)
{
	const struct node_seen *me;
	char path[64];
	int fd;

	snapshot_take(snapshot, 0);
	me = find_me();
	cr_assert(me);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", me->memfd);
	fd = open(path, O_RDWR);
	cr_assert_geq(fd, 0);
	cr_assert(write(fd, "x", 1) < 0 && errno == EPERM);
	cr_assert(ftruncate(fd, 0) < 0 && errno == EPERM);
	cr_assert_eq(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
}

/* A memfd of the name that anybody may have: what is in it is not believed. */
static int forge(const struct snapshot_shared *head, const struct stats_node *node, int seals)
{
	int fd = memfd_create(SNAPSHOT_NAME, MFD_ALLOW_SEALING);
	size_t at = __builtin_offsetof(struct snapshot_shared, stats.node);

	snapshot_close(snapshot); /* a process is one node */
	snapshot = NULL;
	cr_assert_eq(ftruncate(fd, SNAPSHOT_BYTES), 0);
	cr_assert_eq(pwrite(fd, head, at, 0), (ssize_t)at);
	cr_assert_eq(pwrite(fd, node, sizeof(*node), (off_t)at), sizeof(*node));
	cr_assert_eq(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static const struct stats_node evil = { .interface = "\x1b[2Jeth", .queue_cnt = 1u << 31 };

Test(snapshot, text_of_a_forger_is_made_printable)
{
	static const struct snapshot_shared head = { .magic = SNAPSHOT_MAGIC,
						     .size = sizeof(head) };
	const struct node_seen *me;

	forge(&head, &evil, F_SEAL_SHRINK | F_SEAL_FUTURE_WRITE);
	me = find_me();
	cr_assert(me);
	cr_assert_str_eq(me->node.interface, "?[2Jeth");
	cr_assert_eq(me->node.queue_cnt, MEV_MAX_QUEUES);
}

Test(snapshot, memory_that_may_shrink_is_none)
{
	static const struct snapshot_shared head = { .magic = SNAPSHOT_MAGIC,
						     .size = sizeof(head) };

	forge(&head, &evil, F_SEAL_GROW);
	cr_assert_null(find_me());
}

Test(snapshot, another_version_is_said_to_be_one)
{
	static const struct snapshot_shared head = { .magic = SNAPSHOT_MAGIC,
						     .size = sizeof(head) - 8 };
	const struct stats_node old = { .version = "0.0.9" };

	forge(&head, &old, F_SEAL_SHRINK | F_SEAL_FUTURE_WRITE);
	cr_assert_null(find_me());
	cr_assert_geq(nodes.other_cnt, 1);
}

/* A writer that was stopped in the midst of it. */
Test(snapshot, half_a_snapshot_is_not_read)
{
	static const struct snapshot_shared head = { .magic = SNAPSHOT_MAGIC,
						     .size = sizeof(head),
						     .seq = 3 };
	const struct node_seen *me;
	__u64 taken = 5;
	int fd = forge(&head, &evil, F_SEAL_SHRINK);

	cr_assert_eq(pwrite(fd, &taken, sizeof(taken),
			    __builtin_offsetof(struct snapshot_shared, stats.taken_ns)),
		     sizeof(taken));
	cr_assert_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), 0);
	me = find_me();
	cr_assert(me);
	cr_assert_eq(node_read(me, &copy), -EAGAIN);
}
