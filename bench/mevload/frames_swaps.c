// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Generated swaps: drawn until the responder would answer each of them.
 */
#include "frames.h"

#include <errno.h>

#include "log.h"
#include "random.h"
#include "swap_frame.h"

/* Draws that may fail in a row before the pools are held to be the reason. */
#define MAX_TRIES 10000

static int draw_all(struct oracle *o, struct frame_set *s, const struct frame_rules *r, __u32 cnt,
		    __u64 random)
{
	const struct frame_ends *e = &r->ends;
	__u32 ports = e->from_port_last - e->from_port + 1u, tries = 0;
	const struct config_pool *pool;
	struct dex_swap_tx tx;
	struct swap_frame f;

	while (s->cnt < cnt && tries++ < MAX_TRIES) {
		pool = &r->config->pools[random_below(&random, r->config->pool_cnt)];
		if (!pool->reserve0)
			continue;
		tx = swap_draw(pool, r->config->node.min_amount_in, &random);
		swap_frame_put(&f, e, (__u16)(e->from_port + s->cnt % ports), &tx);
		if (!oracle_add(o, s, (const __u8 *)&f, sizeof(f)))
			continue;
		if (s->frames[s->cnt - 1].expect == EXPECT_REPLY)
			tries = 0;
		else
			s->size = s->frames[--s->cnt].off;
	}
	return s->cnt < cnt ? -EINVAL : 0;
}

int frames_generate(struct frame_set *s, const struct frame_rules *rules, __u32 cnt, __u64 seed)
{
	struct oracle *o = NULL;
	int err;

	err = frames_room(s, cnt, (__u64)cnt * sizeof(struct swap_frame));
	if (!err)
		err = oracle_open(&o, rules);
	if (err) {
		log_err("out of memory for %u swaps", cnt);
		goto out;
	}
	err = rules->config->pool_cnt ? draw_all(o, s, rules, cnt, seed) : -EINVAL;
	if (err)
		log_err("no profitable swaps to be had in %u pools: give some of them reserves, "
			"and capital and min_profit that fit",
			rules->config->pool_cnt);
	else
		oracle_settle(o, s);
out:
	oracle_close(o);
	if (err)
		frames_free(s);
	return err;
}
