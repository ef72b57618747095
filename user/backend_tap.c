// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The TAP back end, for hosts without XDP: the same filter and hot path in userspace, ordinary
 * memory instead of maps, and a TCP/UDP stack of its own for the address that the node serves.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backend.h"
#include "log.h"
#include "netif.h"
#include "quiesce.h"
#include "stack.h"
#include "tap.h"
#include "tap_worker.h"

static const __u8 node_mac[6] = { 0x02, 0, 0, 0, 0, 0x01 };

struct tap_backend {
	struct backend base;
	const struct backend_env *env;
	struct pool_table *index; /* the one in use */
	struct stack *stack;
	struct tap_worker *workers; /* base.queue_cnt of them */
	__u32 started_cnt;
};

/* Pools: room for all there can be, of which only those that are get memory. */

#define LINES_LEN (MEV_MAX_POOLS * sizeof(struct mev_pool))

static int prepare_pools(struct tap_backend *b)
{
	struct mev_pool *lines =
		mmap(NULL, LINES_LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct pool_change change;
	int err;

	if (lines == MAP_FAILED)
		return -ENOMEM;
	err = pool_set_open(&b->base.pools, lines, MEV_MAX_POOLS);
	if (err) {
		munmap(lines, LINES_LEN);
		return err;
	}
	err = pool_change_plan(&change, &b->base.pools, b->env->config);
	if (err)
		return err;
	pool_change_come(&change, &b->base.pools);
	b->index = change.next;
	change.next = NULL;
	pool_change_free(&change);
	return 0;
}

static void close_pools(struct tap_backend *b)
{
	if (b->base.pools.lines)
		munmap(b->base.pools.lines, LINES_LEN);
	pool_set_close(&b->base.pools);
	pool_table_close(b->index);
}

/* Views: what the workers see, one each. */

static void free_views(const struct tap_backend *b, struct tap_view **views)
{
	for (__u32 i = 0; views && i < b->base.queue_cnt; i++)
		free(views[i]);
	free(views);
}

static struct tap_view *make_view(const struct tap_backend *b, const struct tap_worker *w,
				  const struct config *config, const struct pool_table *index)
{
	size_t feeds_len = config->feed_cnt * sizeof(config->feeds[0]);
	struct tap_view *v = calloc(1, sizeof(*v) + feeds_len);

	if (!v)
		return NULL;
	v->config = config->node;
	v->config.ready = 1;
	v->config.flags |= b->env->options->verify_checksum ? MEV_VERIFY_UDP_SUM : 0;
	memcpy(v->config.mac, node_mac, sizeof(node_mac));
	if (feeds_len)
		memcpy(v->feeds, config->feeds, feeds_len);
	v->hot_path = (struct hot_path){
		.config = &v->config,
		.pools = b->base.pools.lines,
		.pool_cnt = b->base.pools.room,
		.index = index,
	};
	v->filter = (struct user_filter){
		.config = &v->config,
		.pools = b->base.pools.lines,
		.pool_cnt = b->base.pools.room,
		.index = index,
		.feeds = v->feeds,
		.feed_cnt = config->feed_cnt,
		.counters = w->pool_counters,
	};
	return v;
}

static struct tap_view **make_views(const struct tap_backend *b, const struct config *config,
				    const struct pool_table *index)
{
	struct tap_view **views = calloc(b->base.queue_cnt, sizeof(*views));

	for (__u32 i = 0; views && i < b->base.queue_cnt; i++) {
		views[i] = make_view(b, &b->workers[i], config, index);
		if (!views[i]) {
			free_views(b, views);
			return NULL;
		}
	}
	return views;
}

/* From the next frame on the workers go by `views`; in `views` is then what they went by before. */
static void exchange_views(struct tap_backend *b, struct tap_view **views)
{
	for (__u32 i = 0; i < b->base.queue_cnt; i++)
		views[i] = (struct tap_view *)__atomic_exchange_n(&b->workers[i].view, views[i],
								  __ATOMIC_ACQ_REL);
	__atomic_store_n(&b->base.hot_path, &b->workers[0].view->hot_path, __ATOMIC_RELEASE);
}

/* Nobody goes by what was exchanged any more; false: somebody may. */
static bool settle(struct tap_backend *b)
{
	__u64 deadline = latency_monotonic_ns() + QUIESCE_NS;
	bool settled = true;

	quiesce_barrier();
	for (__u32 i = 0; i < b->base.queue_cnt; i++)
		settled &= quiesce_worker(&b->workers[i].base, deadline);
	stack_settle(b->stack);
	return settled;
}

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
	struct tap_view **views;
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
	views = err ? NULL : make_views(b, b->env->config, b->index);
	if (!views)
		return -ENOMEM;
	exchange_views(b, views);
	free_views(b, views);
	return 0;
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
	return backend_open_stack(&b->stack, b->env, &b->base, &netif, node_mac, link);
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
	close_pools(b);
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

/* A slot's counters begin with its pool. */
static void clear_counters(struct tap_backend *b, __u32 slot)
{
	for (__u32 i = 0; i < b->base.queue_cnt; i++) {
		b->workers[i].pool_counters[slot] = (struct mev_pool_counters){ 0 };
		b->workers[i].base.pool_replies[slot] = 0;
	}
}

/*
 * By the new configuration at once, first without the pools that come, then with them: their slots
 * may be those of pools that go. In `stay` and `next` is then what was in use before; true: nobody
 * uses it any more.
 */
static bool change_views(struct tap_backend *b, const struct config *to, struct pool_change *c,
			 struct tap_view **stay, struct tap_view **next)
{
	bool settled;

	exchange_views(b, stay);
	pool_change_leave(c, &b->base.pools);
	pool_change_adjust(c, &b->base.pools);
	stack_set_port(b->stack, to->node.swap_port);
	settled = settle(b);
	if (settled)
		pool_set_settled(&b->base.pools);
	pool_change_come(c, &b->base.pools);
	for (__u32 i = 0; i < c->came_cnt; i++)
		clear_counters(b, c->came[i]);
	exchange_views(b, next);
	return settle(b) && settled;
}

static int tap_reload(struct backend *base, const struct config *to, struct pool_change *c)
{
	struct tap_backend *b = tap_backend(base);
	struct tap_view **stay, **next;
	int err;

	err = pool_change_plan(c, &base->pools, to);
	if (err)
		return err;
	stay = make_views(b, to, c->stay);
	next = make_views(b, to, c->next);
	if (!stay || !next) {
		free_views(b, stay);
		free_views(b, next);
		return -ENOMEM;
	}
	if (change_views(b, to, c, stay, next)) {
		free_views(b, stay);
		free_views(b, next);
		pool_table_close(b->index);
	} else {
		backend_warn_unsettled();
		c->stay = NULL;
	}
	b->index = c->next;
	c->next = NULL;
	return 0;
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
