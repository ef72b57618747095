// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "pool_set.h"

#define ROOM 4

static struct {
	struct mev_pool lines[ROOM];
	struct pool_set set;
	struct pool_change change;
	struct config_pool pools[ROOM + 1];
	struct config to;
} w;

static void setup(void)
{
	memset(&w, 0, sizeof(w));
	cr_assert_eq(pool_set_open(&w.set, w.lines, ROOM), 0);
}

static void teardown(void)
{
	pool_change_free(&w.change);
	pool_set_close(&w.set);
}

TestSuite(pool_set, .init = setup, .fini = teardown);

/* A configuration with a pool a letter; its reserves follow from the letter. */
static const struct config *pools(const char *letters)
{
	w.to = (struct config){ .pools = w.pools, .pool_cnt = (__u32)strlen(letters) };
	for (__u32 i = 0; i < w.to.pool_cnt; i++) {
		struct config_pool *p = &w.pools[i];

		*p = (struct config_pool){ .fee_n = 997, .fee_d = 1000 };
		memset(p->address, letters[i], sizeof(p->address));
		p->reserve0 = 1000u * (unsigned char)letters[i];
		p->reserve1 = 2000u * (unsigned char)letters[i];
	}
	return &w.to;
}

static __u32 slot_of(char letter)
{
	for (__u32 slot = 0; slot < w.set.end; slot++)
		if (w.set.slots[slot].state == POOL_TAKEN &&
		    w.set.slots[slot].address[0] == (__u8)letter)
			return slot;
	return POOL_SET_NONE;
}

static void plan(const struct config *to)
{
	pool_change_free(&w.change);
	cr_assert_eq(pool_change_plan(&w.change, &w.set, to), 0);
}

/* The whole way; `settled`: nobody holds the slots that were left. */
static void follow(const char *letters, bool settled)
{
	plan(pools(letters));
	pool_change_leave(&w.change, &w.set);
	pool_change_adjust(&w.change, &w.set);
	if (settled)
		pool_set_settled(&w.set);
	pool_change_come(&w.change, &w.set);
}

Test(pool_set, first_configuration)
{
	follow("ab", true);
	cr_assert_eq(w.change.came_cnt, 2);
	cr_assert_eq(w.change.leaving_cnt + w.change.changed + w.change.homeless, 0);
	cr_assert_eq(slot_of('a'), 0);
	cr_assert_eq(slot_of('b'), 1);
	cr_assert_eq(w.lines[1].reserve0, 98000);
	cr_assert_eq(w.lines[1].address_head[MEV_POOL_HEAD_LEN - 1], 'b');
	cr_assert_eq(w.lines[1].lock & 1, 0);
	cr_assert_gt(w.lines[1].kappa_q64, 0);
}

Test(pool_set, planning_changes_nothing)
{
	struct mev_pool before[ROOM];

	follow("ab", true);
	memcpy(before, w.lines, sizeof(before));
	plan(pools("bc"));
	cr_assert_eq(memcmp(before, w.lines, sizeof(before)), 0);
	cr_assert_eq(w.set.cnt, 2);
	cr_assert_eq(w.change.leaving_cnt, 1);
	cr_assert_eq(w.change.leaving[0], 0);
	cr_assert_eq(w.change.slots[0], 1);
	cr_assert_eq(w.change.slots[1], POOL_SET_NONE);
}

Test(pool_set, indexes_of_the_way)
{
	__u32 slot;

	follow("ab", true);
	follow("bc", true);
	cr_assert(pool_table_find(w.change.stay, w.pools[0].address, &slot));
	cr_assert_eq(slot, 1);
	cr_assert_not(pool_table_find(w.change.stay, w.pools[1].address, &slot));
	cr_assert(pool_table_find(w.change.next, w.pools[1].address, &slot));
	cr_assert_eq(slot, 0, "a's, which is free");
}

Test(pool_set, a_slot_in_use_is_not_given_away)
{
	follow("ab", true);
	follow("bc", false);
	cr_assert_eq(slot_of('c'), 2, "somebody may hold a's");
	cr_assert_eq(w.lines[0].reserve0, 97000, "and look at its line");
	follow("bcd", false);
	cr_assert_eq(slot_of('d'), 3);
	follow("bcde", false);
	cr_assert_eq(w.change.homeless, 1);
	cr_assert_eq(slot_of('e'), POOL_SET_NONE);
	follow("bcde", true);
	cr_assert_eq(w.change.homeless, 0);
	cr_assert_eq(slot_of('e'), 0);
}

Test(pool_set, all_replaced_in_a_full_set)
{
	follow("abcd", true);
	follow("efgh", true);
	cr_assert_eq(w.change.came_cnt, 4);
	cr_assert_eq(w.change.leaving_cnt, 4);
	cr_assert_eq(w.set.cnt, 4);
	for (const char *l = "efgh"; *l; l++)
		cr_assert_eq(w.lines[slot_of(*l)].reserve0, 1000u * (unsigned char)*l);
}

Test(pool_set, live_state_outlives_the_file)
{
	const struct pool_state_update u = { .reserve0 = 7, .reserve1 = 8, .slot = 9, .seq = 10 };
	bool gap;

	follow("ab", true);
	cr_assert_eq(mev_pool_update(&w.lines[0], &u, &gap), MEV_UPDATE_APPLIED);
	plan(pools("ab"));
	w.pools[0].reserve0 = w.pools[1].reserve0 = 5;
	w.pools[0].fee_n = 990;
	pool_change_adjust(&w.change, &w.set);
	cr_assert_eq(w.change.changed, 2);
	cr_assert_eq(w.lines[0].reserve0, 7, "fed");
	cr_assert_eq(w.lines[0].slot, 9);
	cr_assert_eq(w.lines[0].seq, 10);
	cr_assert_eq(w.lines[0].fee_n, 990);
	cr_assert_eq(w.lines[1].reserve0, 5, "not fed");
	plan(&w.to);
	pool_change_adjust(&w.change, &w.set);
	cr_assert_eq(w.change.changed, 0);
}

Test(pool_set, a_pool_that_returns_starts_over)
{
	const struct pool_state_update u = { .reserve0 = 7, .reserve1 = 8, .slot = 9, .seq = 10 };
	bool gap;

	follow("a", true);
	mev_pool_update(&w.lines[0], &u, &gap);
	follow("", true);
	cr_assert_eq(w.set.cnt, 0);
	follow("a", true);
	cr_assert_eq(slot_of('a'), 0);
	cr_assert_eq(w.lines[0].reserve0, 97000);
	cr_assert_eq(w.lines[0].fed | w.lines[0].seq | w.lines[0].slot, 0);
}

Test(pool_set, a_lock_left_behind_is_overruled)
{
	follow("a", true);
	w.lines[0].lock = 7;
	plan(pools("a"));
	w.pools[0].reserve0 = 5;
	pool_change_adjust(&w.change, &w.set);
	cr_assert_eq(w.lines[0].reserve0, 5);
	cr_assert_eq(w.lines[0].lock & 1, 0);
}

Test(pool_set, what_somebody_else_did)
{
	__u8 address[MEV_ADDRESS_LEN];

	follow("ab", true);
	memset(address, 'z', sizeof(address));
	pool_set_found(&w.set, address, 3);
	cr_assert(pool_set_has(&w.set, address, 3));
	cr_assert_not(pool_set_has(&w.set, address, 2));
	pool_set_lost(&w.set, 0);
	follow("ab", true);
	cr_assert_eq(w.change.leaving_cnt, 1, "z");
	cr_assert_eq(w.change.came_cnt, 1, "a");
	cr_assert_eq(slot_of('b'), 1);
}

static struct {
	__u64 turns, torn;
	bool stop;
} fees;

/* Counts states whose fee is neither of the two, and how often it was the other one than before. */
static void *read_fees(void *unused)
{
	struct mev_pool_state s;
	__u32 last = 0;

	while (!__atomic_load_n(&fees.stop, __ATOMIC_RELAXED)) {
		if (!mev_pool_read(&w.lines[0], &s))
			continue;
		fees.torn += !(s.fee_n == 997 && s.fee_d == 1000) &&
			     !(s.fee_n == 990000 && s.fee_d == 1000000);
		__atomic_fetch_add(&fees.turns, s.fee_n != last, __ATOMIC_RELAXED);
		last = s.fee_n;
	}
	return unused;
}

/* A suite of its own: valgrind runs one thread at a time. */
TestSuite(pool_fee, .init = setup, .fini = teardown);

Test(pool_fee, nobody_reads_half_of_it)
{
	pthread_t thread;

	follow("a", true);
	plan(pools("a"));
	cr_assert_eq(pthread_create(&thread, NULL, read_fees, NULL), 0);
	for (int i = 0; __atomic_load_n(&fees.turns, __ATOMIC_RELAXED) < 20000; i++) {
		w.pools[0].fee_n = i % 2 ? 997 : 990000;
		w.pools[0].fee_d = i % 2 ? 1000 : 1000000;
		pool_change_adjust(&w.change, &w.set);
	}
	__atomic_store_n(&fees.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	cr_assert_eq(fees.torn, 0);
}
