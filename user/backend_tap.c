// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The TAP back end, for hosts without XDP: the same filter and hot path in userspace, ordinary
 * memory instead of maps, and a TCP/UDP stack of its own for the address that the node serves.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend_tap.h"
#include "log.h"
#include "netif.h"
#include "tap.h"

/* Workers. */

static int prepare_worker(struct tap_backend *b, __u32 i, const struct latency_clock *clock)
{
	const struct run_options *o = b->env->options;
	struct tap_worker *w = &b->workers[i];

	w->base.control = b->env->control;
	w->base.poll = o->poll;
	w->base.cpu = o->cpu_cnt ? (int)o->cpus[i] : -1;
	w->base.queue = i;
	w->base.clock = *clock;
	w->pool_counters = calloc(MEV_MAX_POOLS, sizeof(*w->pool_counters));
	w->base.pool_replies = calloc(MEV_MAX_POOLS, sizeof(*w->base.pool_replies));
	w->frame = aligned_alloc(MEV_CACHELINE, TAP_FRAME_ROOM);
	return w->base.pool_replies && w->pool_counters && w->frame ? 0 : -ENOMEM;
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
	return err ? err : tap_first_views(b);
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
	return backend_open_stack(&b->stack, b->env, &b->base, &netif, tap_node_mac, link);
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
		free(b->workers[i].pool_counters);
		free((void *)b->workers[i].view);
		free(b->workers[i].frame);
	}
	free(b->workers);
	tap_close_pools(b);
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

	code = choose_queues(b);
	if (code == EXIT_DONE) {
		err = tap_fill_pools(b);
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

static struct worker *tap_worker_of(struct backend *base, __u32 i)
{
	return &tap_backend(base)->workers[i].base;
}

static void collect_worker(const struct tap_worker *w, struct stats *s, unsigned int parts)
{
	stats_add_worker(s, &w->base, parts);
	stats_add_u64(&s->filter, &w->verdicts, sizeof(s->filter) / sizeof(__u64));
	for (__u32 i = 0; i < s->pool_cnt && (parts & STATS_POOLS); i++)
		stats_add_u64(&s->pools[i].filter, &w->pool_counters[s->pools[i].slot],
			      sizeof(s->pools[i].filter) / sizeof(__u64));
	stats_io(s, "write_again", (__s64)MEV_READ_ONCE(w->write_again));
	stats_io(s, "write_errors", (__s64)MEV_READ_ONCE(w->write_errors));
	stats_io(s, "read_errors", (__s64)MEV_READ_ONCE(w->read_errors));
}

static int tap_collect(struct backend *base, struct stats *s, unsigned int parts)
{
	struct tap_backend *b = tap_backend(base);

	strcpy(s->io_name, "tap");
	s->ready = b->workers[0].view->config.ready != 0;
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
	.reload = tap_reload,
	.worker = tap_worker_of,
	.collect = tap_collect,
	.close = tap_close,
};
