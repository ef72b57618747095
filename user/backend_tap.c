// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The TAP back end, for hosts without XDP: the same filter and hot path in userspace, ordinary
 * memory instead of maps, and a TCP/UDP stack of its own for the address that the node serves.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "amm.h"
#include "backend.h"
#include "log.h"
#include "netif.h"
#include "stack.h"
#include "tap.h"
#include "tap_worker.h"

static const __u8 node_mac[6] = { 0x02, 0, 0, 0, 0, 0x01 };

struct tap_backend {
	struct backend base;
	const struct backend_env *env;
	struct mev_config config;
	struct mev_pool *pools; /* config->pool_cnt of them */
	struct pool_table *index;
	struct stack *stack;
	struct tap_worker *workers; /* base.queue_cnt of them */
	__u32 started_cnt;
};

/* Memory. */

static int prepare_pools(struct tap_backend *b)
{
	const struct config *config = b->env->config;
	size_t cnt = config->pool_cnt;
	int err;

	b->pools = aligned_alloc(MEV_CACHELINE, (cnt + 1) * sizeof(*b->pools));
	if (!b->pools)
		return -ENOMEM;
	err = pool_table_open(&b->index, config->pool_cnt);
	for (__u32 i = 0; i < config->pool_cnt && !err; i++) {
		config_pool_line(&config->pools[i], &b->pools[i]);
		err = pool_table_add(b->index, config->pools[i].address, i);
	}
	return err;
}

static int prepare_worker(struct tap_backend *b, __u32 i, const struct latency_clock *clock)
{
	const struct run_options *o = b->env->options;
	const struct config *config = b->env->config;
	struct tap_worker *w = &b->workers[i];

	w->base.control = b->env->control;
	w->base.poll = o->poll;
	w->base.cpu = o->cpu_cnt ? (int)o->cpus[i] : -1;
	w->base.queue = i;
	w->base.clock = *clock;
	w->hot_path = (struct hot_path){
		.config = &b->config,
		.pools = b->pools,
		.pool_cnt = config->pool_cnt,
		.index = b->index,
	};
	w->filter = (struct user_filter){
		.config = &b->config,
		.pools = b->pools,
		.pool_cnt = config->pool_cnt,
		.index = b->index,
		.feeds = config->feeds,
		.feed_cnt = config->feed_cnt,
		.counters = calloc(config->pool_cnt + 1, sizeof(*w->filter.counters)),
	};
	w->base.pool_replies = calloc(config->pool_cnt + 1, sizeof(*w->base.pool_replies));
	w->frame = aligned_alloc(MEV_CACHELINE, TAP_FRAME_ROOM);
	return w->base.pool_replies && w->filter.counters && w->frame ? 0 : -ENOMEM;
}

static int prepare_workers(struct tap_backend *b)
{
	size_t size = b->base.queue_cnt * sizeof(*b->workers);
	struct latency_clock clock;
	int err = 0;

	b->workers = aligned_alloc(MEV_CACHELINE, size);
	if (!b->workers)
		return -ENOMEM;
	memset(b->workers, 0, size);
	for (__u32 i = 0; i < b->base.queue_cnt; i++)
		b->workers[i].fd = -1;
	latency_clock_init(&clock);
	for (__u32 i = 0; i < b->base.queue_cnt && !err; i++)
		err = prepare_worker(b, i, &clock);
	return err;
}

/* The stack. */

/* A frame of the stack's may go out by any queue; the kernel takes it whole or not at all. */
static int send_frame(void *ctx, const void *frame, __u32 len)
{
	struct tap_backend *b = ctx;

	return write(b->workers[0].fd, frame, len) < 0 ? -errno : 0;
}

static int open_stack(struct tap_backend *b)
{
	const struct stack_link link = { .send = send_frame, .ctx = b };
	struct netif netif;
	int err;

	err = netif_query(b->base.interface, &netif);
	if (err)
		return err;
	b->base.ifindex = netif.index;
	return backend_open_stack(&b->stack, b->env, &b->workers[0].hot_path, &netif, node_mac,
				  link);
}

/* The interface of backend.h. */

static struct tap_backend *tap_backend(struct backend *base)
{
	return (struct tap_backend *)base;
}

static void tap_close(struct backend *base)
{
	struct tap_backend *b = tap_backend(base);

	stack_close(b->stack);
	for (__u32 i = 0; b->workers && i < b->base.queue_cnt; i++) {
		if (b->workers[i].fd >= 0)
			close(b->workers[i].fd);
		free(b->workers[i].base.pool_replies);
		free(b->workers[i].filter.counters);
		free(b->workers[i].frame);
	}
	free(b->workers);
	pool_table_close(b->index);
	free(b->pools);
	free(b);
}

static enum exit_code choose_queues(struct tap_backend *b)
{
	const struct run_options *o = b->env->options;

	b->base.queue_cnt = o->queue_cnt ? o->queue_cnt : o->cpu_cnt ? o->cpu_cnt : 1;
	for (__u32 i = 0; i < b->base.queue_cnt; i++) {
		b->base.queues[i] = i;
		if (o->queue_cnt && o->queues[i] != i) {
			log_err("a TAP device's queues are served from 0 on: give --queues 0-%u",
				o->queue_cnt - 1);
			return EXIT_USAGE;
		}
	}
	if (o->poll == WORKER_BUSY) {
		log_err("--poll busy drives a NIC, which TAP has none of: take spin or wait");
		return EXIT_USAGE;
	}
	return EXIT_DONE;
}

static int open_device(struct tap_backend *b)
{
	const struct run_options *o = b->env->options;
	int err = 0;

	for (__u32 i = 0; i < b->base.queue_cnt && !err; i++)
		err = tap_open(b->base.interface, b->base.queue_cnt > 1, &b->workers[i].fd);
	if (!err && o->host_ip)
		err = tap_host_address(b->base.interface, o->host_ip, o->host_prefix_len);
	return err;
}

static enum exit_code tap_exit_code(int err)
{
	if (err == -EINVAL) /* the interface is no TAP device */
		return EXIT_USAGE;
	return err == -ENOENT || err == -ENODEV ? EXIT_HOST : backend_exit_code(err);
}

static enum exit_code tap_backend_open(struct backend **out, const struct backend_env *env)
{
	struct tap_backend *b = calloc(1, sizeof(*b));
	enum exit_code code;
	int err;

	if (!b)
		return EXIT_FAILED;
	b->base.ops = &backend_tap;
	b->base.mode = "tap";
	b->env = env;
	strcpy(b->base.interface, env->options->interface);
	b->config = env->config->node;
	b->config.ready = 1;
	b->config.flags |= env->options->verify_checksum ? MEV_VERIFY_UDP_SUM : 0;
	memcpy(b->config.mac, node_mac, sizeof(node_mac));

	code = choose_queues(b);
	if (code == EXIT_DONE) {
		err = prepare_pools(b);
		if (!err)
			err = prepare_workers(b);
		if (err)
			log_err("cannot prepare the workers: %s", strerror(-err));
		if (!err)
			err = open_device(b);
		if (!err)
			err = open_stack(b);
		code = tap_exit_code(err);
	}
	if (code != EXIT_DONE) {
		tap_close(&b->base);
		return code;
	}
	*out = &b->base;
	return EXIT_DONE;
}

static void tap_stop(struct backend *base)
{
	struct tap_backend *b = tap_backend(base);

	worker_stop(b->env->control);
	while (b->started_cnt)
		worker_join(&b->workers[--b->started_cnt].base);
}

static enum exit_code tap_start(struct backend *base)
{
	struct tap_backend *b = tap_backend(base);
	int err = 0;

	for (__u32 i = 0; i < base->queue_cnt && !err; i++) {
		b->workers[i].stack = b->stack;
		err = worker_start(&b->workers[i].base, tap_worker_loop);
		b->started_cnt += !err;
	}
	if (err)
		tap_stop(base);
	return backend_exit_code(err);
}

static void collect_worker(const struct tap_worker *w, struct stats *s, unsigned int parts)
{
	stats_add_worker(s, &w->base, parts);
	stats_add_u64(&s->filter, &w->verdicts, sizeof(s->filter) / sizeof(__u64));
	for (__u32 i = 0; i < s->pool_cnt && (parts & STATS_POOLS); i++)
		stats_add_u64(&s->pools[i].filter, &w->filter.counters[s->pools[i].slot],
			      sizeof(s->pools[i].filter) / sizeof(__u64));
	stats_io(s, "write_again", (__s64)MEV_READ_ONCE(w->write_again));
	stats_io(s, "write_errors", (__s64)MEV_READ_ONCE(w->write_errors));
	stats_io(s, "read_errors", (__s64)MEV_READ_ONCE(w->read_errors));
}

static int tap_collect(struct backend *base, struct stats *s, unsigned int parts)
{
	struct tap_backend *b = tap_backend(base);

	strcpy(s->io_name, "tap");
	s->ready = b->config.ready;
	for (__u32 i = 0; i < base->queue_cnt; i++)
		collect_worker(&b->workers[i], s, parts);
	stack_counters(b->stack, &s->stack);
	s->has_stack = true;
	return 0;
}

const struct backend_ops backend_tap = {
	.name = "tap",
	.open = tap_backend_open,
	.start = tap_start,
	.stop = tap_stop,
	.collect = tap_collect,
	.close = tap_close,
};
