/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * pool_set - which pool lies in which slot, and how one configuration becomes the next
 *
 * Program and workers know a pool by its slot: candidates on their way carry it. So a slot is
 * given to another pool only when nobody can hold the old number any more:
 *
 *	free ── pool_change_come() ──> taken ── pool_change_leave() ──> leaving
 *	  ^                                                                │
 *	  └──── pool_set_settled(): the caller has waited for everybody ───┘
 *
 * The lines (pool.h) are shared and live elsewhere; the set is the main thread's own.
 */
#ifndef MEV_POOL_SET_H
#define MEV_POOL_SET_H

#include "config.h"
#include "pool.h"
#include "pool_table.h"

#define POOL_SET_NONE (~0U)

enum pool_slot_state { POOL_FREE, POOL_TAKEN, POOL_LEAVING };

struct pool_slot {
	__u8 address[MEV_ADDRESS_LEN];
	__u8 state; /* enum pool_slot_state */
};

struct pool_set {
	struct mev_pool *lines;
	struct pool_slot *slots; /* `room` of each */
	__u32 room;
	__u32 end; /* no slot from here on was ever taken */
	__u32 cnt; /* taken */
};

/* A set without pools over `room` lines. 0 or -ENOMEM. */
int pool_set_open(struct pool_set *s, struct mev_pool *lines, __u32 room);
/* Accepts one that is all zero. */
void pool_set_close(struct pool_set *s);

/* Whether the pool is in this slot. */
bool pool_set_has(const struct pool_set *s, const __u8 address[MEV_ADDRESS_LEN], __u32 slot);

/* Takes note of what somebody else has done: a pool is in `slot`, which is free. */
void pool_set_found(struct pool_set *s, const __u8 address[MEV_ADDRESS_LEN], __u32 slot);
/* And: the pool in `slot` is in no index any more. */
void pool_set_lost(struct pool_set *s, __u32 slot);

/* Nobody holds a slot that was left before. */
void pool_set_settled(struct pool_set *s);

/* From what is in a set to what a configuration says. */
struct pool_change {
	const struct config *to;
	__u32 *slots;            /* of each pool of `to`; POOL_SET_NONE: it has none yet */
	__u32 *leaving;          /* slots of those that `to` has not */
	__u32 *came;             /* slots that those got which the set had not */
	struct pool_table *stay; /* index of those that both have */
	struct pool_table *next; /* index of all, filled by pool_change_come() */
	__u32 leaving_cnt, came_cnt;
	__u32 changed;  /* of those that stay */
	__u32 homeless; /* found no slot */
};

/* Changes nothing yet. 0 or -ENOMEM. */
int pool_change_plan(struct pool_change *c, const struct pool_set *s, const struct config *to);

/* Those that leave have left every index: marks their slots. */
void pool_change_leave(const struct pool_change *c, struct pool_set *s);

/*
 * Fees of those that stay, and the reserves of those that no update has reached: what the feed has
 * brought is newer than any file. No reader meets half of a fee or of two reserves.
 */
void pool_change_adjust(struct pool_change *c, struct pool_set *s);

/* Gives those that come a free slot each, fills their lines, and fills c->next. */
void pool_change_come(struct pool_change *c, struct pool_set *s);

/* Frees what is still the change's own: a table that is in use is set to NULL before. */
void pool_change_free(struct pool_change *c);

#endif /* MEV_POOL_SET_H */
