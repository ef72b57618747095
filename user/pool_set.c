// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "pool_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int pool_set_open(struct pool_set *s, struct mev_pool *lines, __u32 room)
{
	*s = (struct pool_set){ .lines = lines, .room = room };
	s->slots = calloc(room, sizeof(*s->slots));
	return s->slots ? 0 : -ENOMEM;
}

void pool_set_close(struct pool_set *s)
{
	free(s->slots);
	*s = (struct pool_set){ 0 };
}

bool pool_set_has(const struct pool_set *s, const __u8 address[MEV_ADDRESS_LEN], __u32 slot)
{
	return slot < s->end && s->slots[slot].state == POOL_TAKEN &&
	       !memcmp(s->slots[slot].address, address, MEV_ADDRESS_LEN);
}

void pool_set_found(struct pool_set *s, const __u8 address[MEV_ADDRESS_LEN], __u32 slot)
{
	memcpy(s->slots[slot].address, address, MEV_ADDRESS_LEN);
	s->slots[slot].state = POOL_TAKEN;
	s->cnt++;
	if (slot >= s->end)
		s->end = slot + 1;
}

void pool_set_lost(struct pool_set *s, __u32 slot)
{
	s->slots[slot].state = POOL_LEAVING;
	s->cnt--;
}

void pool_set_settled(struct pool_set *s)
{
	for (__u32 slot = 0; slot < s->end; slot++)
		if (s->slots[slot].state == POOL_LEAVING)
			s->slots[slot].state = POOL_FREE;
}

/* Planning. */

static int index_of_now(const struct pool_set *s, struct pool_table **now)
{
	int err = pool_table_open(now, s->cnt);

	for (__u32 slot = 0; slot < s->end && !err; slot++)
		if (s->slots[slot].state == POOL_TAKEN)
			err = pool_table_add(*now, s->slots[slot].address, slot);
	return err;
}

static int plan(struct pool_change *c, const struct pool_set *s, const struct pool_table *now,
		bool *stays)
{
	const struct config *to = c->to;
	int err = 0;

	for (__u32 i = 0; i < to->pool_cnt && !err; i++) {
		const __u8 *address = to->pools[i].address;

		c->slots[i] = POOL_SET_NONE;
		if (pool_table_find(now, address, &c->slots[i])) {
			stays[c->slots[i]] = true;
			err = pool_table_add(c->stay, address, c->slots[i]);
		}
	}
	for (__u32 slot = 0; slot < s->end; slot++)
		if (s->slots[slot].state == POOL_TAKEN && !stays[slot])
			c->leaving[c->leaving_cnt++] = slot;
	return err;
}

int pool_change_plan(struct pool_change *c, const struct pool_set *s, const struct config *to)
{
	bool *stays = calloc(s->end + 1, sizeof(*stays));
	struct pool_table *now = NULL;
	int err;

	*c = (struct pool_change){ .to = to };
	c->slots = calloc(to->pool_cnt + 1, sizeof(*c->slots));
	c->leaving = calloc(s->cnt + 1, sizeof(*c->leaving));
	c->came = calloc(to->pool_cnt + 1, sizeof(*c->came));
	err = stays && c->slots && c->leaving && c->came ? 0 : -ENOMEM;
	if (!err)
		err = pool_table_open(&c->stay, to->pool_cnt);
	if (!err)
		err = pool_table_open(&c->next, to->pool_cnt);
	if (!err)
		err = index_of_now(s, &now);
	if (!err)
		err = plan(c, s, now, stays);
	pool_table_close(now);
	free(stays);
	if (err)
		pool_change_free(c);
	return err;
}

void pool_change_free(struct pool_change *c)
{
	pool_table_close(c->stay);
	pool_table_close(c->next);
	free(c->slots);
	free(c->leaving);
	free(c->came);
	*c = (struct pool_change){ 0 };
}

/* Carrying out. */

void pool_change_leave(const struct pool_change *c, struct pool_set *s)
{
	for (__u32 i = 0; i < c->leaving_cnt; i++)
		pool_set_lost(s, c->leaving[i]);
}

/* A writer that died with the lock in hand, or a map that was scribbled over, is overruled. */
static void lock_line(struct mev_pool *line)
{
	if (!mev_pool_lock(line))
		__atomic_store_n(&line->lock, 1, __ATOMIC_RELEASE);
}

/*
 * Without the lock, which a thread that loses its CPU would keep from the program: between the two
 * stores a reader meets the smaller break-even, which only lets more swaps through to an exact
 * decision by either fee. The fee is one store: mev_pool_read_fee() takes no lock.
 */
static void write_fee(struct mev_pool *line, const struct mev_pool *from)
{
	typedef __u64 __attribute__((may_alias)) both;

	if (from->kappa_q64 < line->kappa_q64)
		MEV_WRITE_ONCE(line->kappa_q64, from->kappa_q64);
	__atomic_store_n((both *)&line->fee_n, *(const both *)&from->fee_n, __ATOMIC_RELEASE);
	__atomic_store_n(&line->kappa_q64, from->kappa_q64, __ATOMIC_RELEASE);
}

static void write_reserves(struct mev_pool *line, const struct mev_pool *from)
{
	MEV_WRITE_ONCE(line->reserve0, from->reserve0);
	MEV_WRITE_ONCE(line->reserve1, from->reserve1);
	MEV_WRITE_ONCE(line->slot, 0);
}

static bool wants_reserves(const struct mev_pool *line, const struct mev_pool *want)
{
	return !MEV_READ_ONCE(line->fed) && (MEV_READ_ONCE(line->reserve0) != want->reserve0 ||
					     MEV_READ_ONCE(line->reserve1) != want->reserve1);
}

static bool adjust(struct mev_pool *line, const struct config_pool *pool)
{
	struct mev_pool want;
	bool changed = false;

	config_pool_line(pool, &want);
	if (line->fee_n != want.fee_n || line->fee_d != want.fee_d ||
	    line->kappa_q64 != want.kappa_q64) {
		write_fee(line, &want);
		changed = true;
	}
	if (!wants_reserves(line, &want))
		return changed;
	lock_line(line);
	if (wants_reserves(line, &want)) {
		write_reserves(line, &want);
		changed = true;
	}
	mev_pool_unlock(line);
	return changed;
}

void pool_change_adjust(struct pool_change *c, struct pool_set *s)
{
	for (__u32 i = 0; i < c->to->pool_cnt; i++)
		if (c->slots[i] != POOL_SET_NONE)
			c->changed += adjust(&s->lines[c->slots[i]], &c->to->pools[i]);
}

/* In a slot that is in no index; under the lock all the same, for who looks by a stray number. */
static void fill(struct mev_pool *line, const struct config_pool *pool)
{
	struct mev_pool want;

	config_pool_line(pool, &want);
	lock_line(line);
	write_fee(line, &want);
	write_reserves(line, &want);
	line->seq = 0;
	line->fed = 0;
	memcpy(line->address_head, want.address_head, sizeof(line->address_head));
	mev_pool_unlock(line);
}

void pool_change_come(struct pool_change *c, struct pool_set *s)
{
	const struct config_pool *pools = c->to->pools;
	__u32 free_slot = 0;

	for (__u32 i = 0; i < c->to->pool_cnt; i++) {
		if (c->slots[i] == POOL_SET_NONE) {
			while (free_slot < s->room && s->slots[free_slot].state != POOL_FREE)
				free_slot++;
			if (free_slot == s->room) {
				c->homeless++;
				continue;
			}
			fill(&s->lines[free_slot], &pools[i]);
			pool_set_found(s, pools[i].address, free_slot);
			c->slots[i] = free_slot;
			c->came[c->came_cnt++] = free_slot;
		}
		pool_table_add(c->next, pools[i].address, c->slots[i]);
	}
}
