// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Another configuration under traffic, on AF_XDP. Program and workers each have an index of the
 * pools; a candidate on its way between them carries a slot. In order:
 *
 *	1. workers: get the old configuration to fall back on
 *	2. program: those that go leave its index; thresholds, ports, feeds, fees change
 *	3. wait: runs of the program that saw the old are over, their candidates are decided
 *	4. workers: an index of those that stay, without the old configuration; wait for them
 *	5. lines of those that come, in slots that nobody holds any more
 *	6. workers: the whole new index; program: the same
 *
 * So no frame meets a pool that is half one and half another, and what was a candidate by the old
 * configuration is still decided.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "adopt.h"
#include "backend_af_xdp.h"
#include "log.h"
#include "quiesce.h"

/* What the workers go by; `before` is its own. */
struct af_xdp_view {
	struct hot_path hot_path;
	struct mev_config before;
};

static struct af_xdp_view *make_view(const struct af_xdp *b, const struct pool_table *index)
{
	struct af_xdp_view *v = calloc(1, sizeof(*v));

	if (v)
		v->hot_path = (struct hot_path){
			.config = filter_prog_config(b->prog),
			.pools = b->base.pools.lines,
			.pool_cnt = b->base.pools.room,
			.index = index,
		};
	return v;
}

static void use_view(struct af_xdp *b, struct af_xdp_view *v)
{
	for (__u32 i = 0; i < b->base.queue_cnt; i++)
		__atomic_store_n(&b->workers[i].hot_path, &v->hot_path, __ATOMIC_RELEASE);
	__atomic_store_n(&b->base.hot_path, &v->hot_path, __ATOMIC_RELEASE);
}

/* No worker goes by an earlier view any more; false: one may. */
static bool settle_workers(struct af_xdp *b)
{
	__u64 deadline = latency_monotonic_ns() + QUIESCE_NS;
	bool settled = true;

	quiesce_barrier();
	for (__u32 i = 0; i < b->base.queue_cnt; i++)
		settled &= quiesce_worker(&b->workers[i].base, deadline);
	stack_settle(b->stack);
	return settled;
}

/* What the program has handed over by what its maps held before is decided; false: not all. */
static bool settle_candidates(struct af_xdp *b)
{
	__u64 deadline = latency_monotonic_ns() + QUIESCE_NS;
	bool settled = true;

	adopt_wait_for_runs();
	for (__u32 i = 0; i < b->base.queue_cnt; i++) {
		const struct xsk *x = b->workers[i].xsk;
		__u32 mark = xsk_rx_mark(x);

		while (settled && !xsk_rx_is_past(x, mark))
			settled = quiesce_patience(deadline);
	}
	return settled;
}

/* Takes note of what was done to the program's index with bpftool: the file will undo it. */
static int look_at_index(struct af_xdp *b)
{
	struct pool_set *s = &b->base.pools;
	bool *there = calloc(s->room, sizeof(*there));
	struct filter_pool *found = NULL;
	__u32 cnt = 0;
	int err = there ? filter_prog_find_pools(b->prog, &found, &cnt) : -ENOMEM;

	for (__u32 i = 0; i < cnt; i++)
		if (pool_set_has(s, found[i].address.bytes, found[i].slot))
			there[found[i].slot] = true;
	for (__u32 slot = 0; !err && slot < s->end; slot++)
		if (s->slots[slot].state == POOL_TAKEN && !there[slot])
			pool_set_lost(s, slot);
	for (__u32 i = 0; i < cnt; i++) {
		__u32 slot = found[i].slot;

		if (slot < s->room && there[slot] && pool_set_has(s, found[i].address.bytes, slot))
			continue;
		if (slot < s->room && s->slots[slot].state == POOL_FREE)
			pool_set_found(s, found[i].address.bytes, slot);
		else
			filter_prog_remove_pool(b->prog, found[i].address.bytes);
	}
	free(found);
	free(there);
	return err;
}

static void remove_those_that_go(struct af_xdp *b, struct pool_change *c)
{
	struct pool_set *s = &b->base.pools;

	for (__u32 i = 0; i < c->leaving_cnt; i++)
		filter_prog_remove_pool(b->prog, s->slots[c->leaving[i]].address);
	pool_change_leave(c, s);
	pool_change_adjust(c, s);
}

static int add_those_that_come(struct af_xdp *b, const struct pool_change *c)
{
	const struct pool_set *s = &b->base.pools;
	int err = 0;

	for (__u32 i = 0; i < c->came_cnt && !err; i++)
		err = filter_prog_add_pool(b->prog, s->slots[c->came[i]].address, c->came[i]);
	if (err)
		log_err("cannot add %u pools to the program's index: %s", c->came_cnt,
			strerror(-err));
	return err;
}

/* Counters begin with their pool; nobody else writes those of a slot that is not taken. */
static void clear_counters(struct af_xdp *b, __u32 slot)
{
	filter_prog_clear_counters(b->prog, slot);
	for (__u32 i = 0; i < b->base.queue_cnt; i++)
		b->workers[i].base.pool_replies[slot] = 0;
}

/* Views of the steps at the top. */
enum { AWAITING, STAYING, NEXT, VIEWS };

/* Those steps. True: nobody uses the view that was in use before, nor another but NEXT. */
static bool change_views(struct af_xdp *b, const struct config *to, struct pool_change *c,
			 struct af_xdp_view *const views[VIEWS])
{
	bool settled;

	use_view(b, views[AWAITING]);
	settled = settle_workers(b);
	remove_those_that_go(b, c);
	if (filter_prog_reconfigure(b->prog, to))
		log_err("cannot change the feeds that are believed");
	stack_set_port(b->stack, to->node.swap_port);
	settled &= settle_candidates(b);

	use_view(b, views[STAYING]);
	settled &= settle_workers(b);
	if (settled)
		pool_set_settled(&b->base.pools);
	pool_change_come(c, &b->base.pools);
	for (__u32 i = 0; i < c->came_cnt; i++)
		clear_counters(b, c->came[i]);

	use_view(b, views[NEXT]);
	add_those_that_come(b, c);
	return settle_workers(b) && settled;
}

static void free_views(struct af_xdp_view *views[VIEWS])
{
	for (int i = 0; i < VIEWS; i++)
		free(views[i]);
}

int af_xdp_reload(struct backend *base, const struct config *to, struct pool_change *c)
{
	struct af_xdp *b = (struct af_xdp *)base;
	struct af_xdp_view *views[VIEWS];
	int err;

	err = look_at_index(b);
	if (!err)
		err = pool_change_plan(c, &base->pools, to);
	if (err)
		return err;
	views[AWAITING] = make_view(b, b->index);
	views[STAYING] = make_view(b, c->stay);
	views[NEXT] = make_view(b, c->next);
	if (!views[AWAITING] || !views[STAYING] || !views[NEXT]) {
		free_views(views);
		return -ENOMEM;
	}
	views[AWAITING]->before = *filter_prog_config(b->prog);
	views[AWAITING]->hot_path.before = &views[AWAITING]->before;
	if (change_views(b, to, c, views)) {
		pool_table_close(b->index);
		free(b->view);
		b->view = views[NEXT];
		views[NEXT] = NULL;
		free_views(views);
	} else {
		backend_warn_unsettled();
		c->stay = NULL;
		b->view = views[NEXT];
	}
	b->index = c->next;
	c->next = NULL;
	return 0;
}

/* The start: nobody looks yet. */

int af_xdp_fill_pools(struct af_xdp *b)
{
	struct pool_change c;
	int err;

	err = pool_set_open(&b->base.pools, filter_prog_pools(b->prog), filter_prog_room(b->prog));
	if (!err)
		err = pool_change_plan(&c, &b->base.pools, b->env->config);
	if (err)
		return err;
	pool_change_come(&c, &b->base.pools);
	err = add_those_that_come(b, &c);
	b->index = c.next;
	c.next = NULL;
	pool_change_free(&c);
	return err;
}

int af_xdp_first_view(struct af_xdp *b)
{
	b->view = make_view(b, b->index);
	if (!b->view)
		return -ENOMEM;
	use_view(b, b->view);
	return 0;
}

void af_xdp_close_pools(struct af_xdp *b)
{
	pool_set_close(&b->base.pools);
	pool_table_close(b->index);
	free(b->view);
}
