// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Pools of the TAP back end, and what its workers go by: at the start, and while it changes under
 * traffic.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "backend_tap.h"
#include "quiesce.h"

const __u8 tap_node_mac[6] = { 0x02, 0, 0, 0, 0, 0x01 };

/* Pools: room for all there can be, of which only those that are get memory. */

#define LINES_LEN (MEV_MAX_POOLS * sizeof(struct mev_pool))

int tap_fill_pools(struct tap_backend *b)
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

void tap_close_pools(struct tap_backend *b)
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
	memcpy(v->config.mac, tap_node_mac, sizeof(tap_node_mac));
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

int tap_first_views(struct tap_backend *b)
{
	struct tap_view **views = make_views(b, b->env->config, b->index);

	if (!views)
		return -ENOMEM;
	exchange_views(b, views);
	free_views(b, views);
	return 0;
}

/* Reload. */

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

int tap_reload(struct backend *base, const struct config *to, struct pool_change *c)
{
	struct tap_backend *b = (struct tap_backend *)base;
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
