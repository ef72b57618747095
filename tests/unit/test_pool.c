// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Update rules, and the sequence lock under threads. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>

#include "latency.h"
#include "pool.h"

static enum mev_verdict update(struct mev_pool *p, __u32 seq, __u64 r0, bool *gap)
{
	struct pool_state_update u = {
		.reserve0 = r0, .reserve1 = r0 + 1, .slot = r0 + 2, .seq = seq
	};

	return mev_pool_update(p, &u, gap);
}

Test(pool, update_rules)
{
	static const struct {
		__u32 seq;
		__u64 reserve0;
		enum mev_verdict verdict;
		bool gap;
	} rows[] = {
		{ 0x90000000, 1, MEV_UPDATE_APPLIED, false }, /* joined in mid-stream */
		{ 0x90000000, 2, MEV_UPDATE_STALE, false },
		{ 0x8fffffff, 2, MEV_UPDATE_STALE, false },
		{ 0x90000001, 3, MEV_UPDATE_APPLIED, false },
		{ 0x90000003, 4, MEV_UPDATE_APPLIED, true },
		{ 0x90000002, 5, MEV_UPDATE_STALE, false },
		{ 0, 6, MEV_UPDATE_APPLIED, false }, /* the feed restarted */
		{ 0, 7, MEV_UPDATE_APPLIED, false },
		{ 1, 0, MEV_UPDATE_INVALID, false },
		{ 1, 8, MEV_UPDATE_APPLIED, false },
		{ 0x7fffffff, 9, MEV_UPDATE_APPLIED, true },
		{ 0xfffffffe, 10, MEV_UPDATE_APPLIED, true },
		{ 0xffffffff, 11, MEV_UPDATE_APPLIED, false },
		{ 1, 12, MEV_UPDATE_APPLIED, true }, /* newer across 2^32; 0 would start over */
		{ 0xffffffff, 13, MEV_UPDATE_STALE, false },
		{ 0x80000001, 14, MEV_UPDATE_STALE, false }, /* exactly 2^31 away: undefined */
	};
	struct mev_pool p = { .fee_n = 997, .fee_d = 1000 };
	struct mev_pool_state s;
	__u64 last = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool gap;

		cr_assert_eq(update(&p, rows[i].seq, rows[i].reserve0, &gap), rows[i].verdict,
			     "row %zu", i);
		cr_assert_eq(gap, rows[i].gap, "row %zu", i);
		if (rows[i].verdict == MEV_UPDATE_APPLIED)
			last = rows[i].reserve0;
		cr_assert(mev_pool_read(&p, &s));
		cr_assert(s.reserve0 == last && (!last || s.slot == last + 2), "row %zu", i);
	}
}

Test(pool, serial_arithmetic_around_2_32)
{
	cr_assert(mev_seq_newer(1, 0));
	cr_assert(mev_seq_newer(0, 0xffffffff));
	cr_assert(mev_seq_newer(5, 0xfffffffb));
	cr_assert(mev_seq_newer(0x7fffffff, 0));
	cr_assert_not(mev_seq_newer(0x80000000, 0));
	cr_assert_not(mev_seq_newer(0, 0x80000000));
	cr_assert_not(mev_seq_newer(0xffffffff, 0));
	cr_assert_not(mev_seq_newer(7, 7));
}

Test(pool, a_lock_that_stays_taken_is_said)
{
	struct mev_pool p = { .lock = 1, .reserve0 = 1, .reserve1 = 1 };
	struct mev_pool_state s;
	bool gap;

	cr_assert_not(mev_pool_read(&p, &s));
	cr_assert_eq(update(&p, 1, 5, &gap), MEV_POOL_BUSY);
	cr_assert(p.reserve0 == 1 && p.lock == 1);
}

Test(pool, nothing_scribbled_is_computed_with)
{
	static const struct mev_pool_state good = {
		.reserve0 = 1, .reserve1 = 1, .fee_n = 1, .fee_d = 1
	};
	struct mev_pool_state s = good;

	cr_assert(mev_pool_usable(&s));
	s.fee_d = 0;
	cr_assert_not(mev_pool_usable(&s));
	s = good, s.fee_n = 0;
	cr_assert_not(mev_pool_usable(&s));
	s = good, s.fee_n = 2;
	cr_assert_not(mev_pool_usable(&s));
	s = good, s.fee_d = 1000001;
	cr_assert_not(mev_pool_usable(&s));
	s = good, s.reserve1 = 0;
	cr_assert_not(mev_pool_usable(&s));
}

static struct {
	struct mev_pool pool;
	bool stop;
	__u64 applied[2];
} shared;

static void *write_updates(void *arg)
{
	size_t id = (size_t)arg;
	bool gap;

	for (__u64 i = id; !__atomic_load_n(&shared.stop, __ATOMIC_RELAXED); i += 2)
		shared.applied[id] +=
			update(&shared.pool, 0, i * 0x100000001 + 1, &gap) == MEV_UPDATE_APPLIED;
	return NULL;
}

Test(pool, two_writers_and_a_reader_see_no_torn_state, .timeout = 60)
{
	__u64 end = latency_monotonic_ns() + 2000000000, seen = 0, changes = 0, last = 0;
	pthread_t writers[2];
	struct mev_pool_state s;

	shared.pool = (struct mev_pool){ .fee_n = 1, .fee_d = 1 };
	for (size_t i = 0; i < 2; i++)
		pthread_create(&writers[i], NULL, write_updates, (void *)i);
	/* However busy the machine is: until enough states went by (the timeout ends it else). */
	while (latency_monotonic_ns() < end || changes < 100) {
		if (!mev_pool_read(&shared.pool, &s) || !s.reserve0)
			continue;
		cr_assert(s.reserve1 == s.reserve0 + 1 && s.slot == s.reserve0 + 2,
			  "torn: %llx %llx %llx", s.reserve0, s.reserve1, s.slot);
		seen++;
		changes += s.reserve0 != last;
		last = s.reserve0;
	}
	__atomic_store_n(&shared.stop, true, __ATOMIC_RELAXED);
	for (size_t i = 0; i < 2; i++)
		pthread_join(writers[i], NULL);
	cr_assert_geq(changes, 100, "%llu reads saw only %llu states", seen, changes);
	cr_assert(shared.applied[0] && shared.applied[1]);
	cr_assert_eq(shared.pool.lock, 2 * (shared.applied[0] + shared.applied[1]) & 0xffffffff);
}
