// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <criterion/criterion.h>
#include <pthread.h>

#include "quiesce.h"

static __u64 soon(void)
{
	return latency_monotonic_ns() + 20000000;
}

Test(quiesce, who_sleeps_holds_nothing)
{
	struct worker w = { 0 };

	cr_assert(quiesce_worker(&w, soon()), "not started");
	worker_wakes(&w);
	cr_assert_not(quiesce_worker(&w, soon()), "at work, for as long as one waits");
	worker_sleeps(&w);
	cr_assert(quiesce_worker(&w, soon()));
}

Test(quiesce, who_hangs_does_not_move)
{
	struct worker w = { 0 };

	cr_assert(worker_moves(&w));
	cr_assert(worker_moves(&w), "asleep is no hanging");
	worker_wakes(&w);
	cr_assert(worker_moves(&w));
	cr_assert_not(worker_moves(&w), "the same turn");
	worker_turn(&w);
	cr_assert(worker_moves(&w));
	worker_turn(&w);
	worker_turn(&w);
	cr_assert(worker_moves(&w));
	worker_sleeps(&w);
	worker_wakes(&w);
	cr_assert(worker_moves(&w), "it slept in between");
}

/* Memory that is taken back under a reader that loads its pointer once a turn. */
static struct {
	struct worker worker;
	const __u64 *published;
	__u64 wrong, seen;
	bool stop;
} r;

static void *reader(void *unused)
{
	worker_wakes(&r.worker);
	while (!__atomic_load_n(&r.stop, __ATOMIC_RELAXED)) {
		const __u64 *p;
		__u64 first;

		worker_turn(&r.worker);
		p = __atomic_load_n(&r.published, __ATOMIC_ACQUIRE);
		first = MEV_READ_ONCE(*p);
		for (int i = 0; i < 50; i++)
			r.wrong += MEV_READ_ONCE(*p) != first || !first;
		r.seen++;
		if (!(r.seen % 64)) {
			worker_sleeps(&r.worker);
			worker_wakes(&r.worker);
		}
	}
	worker_sleeps(&r.worker);
	return unused;
}

Test(quiesce, no_reader_meets_what_was_taken_back)
{
	__u64 cells[2] = { 1, 0 };
	pthread_t thread;

	r.published = &cells[0];
	cr_assert_eq(pthread_create(&thread, NULL, reader, NULL), 0);
	for (__u64 i = 2; i < 2000; i++) {
		__u64 *next = &cells[(i + 1) % 2], *old = &cells[i % 2];

		MEV_WRITE_ONCE(*next, i);
		__atomic_store_n(&r.published, next, __ATOMIC_RELEASE);
		quiesce_barrier();
		cr_assert(quiesce_worker(&r.worker, latency_monotonic_ns() + 10000000000ull));
		MEV_WRITE_ONCE(*old, 0);
	}
	__atomic_store_n(&r.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	cr_assert_gt(r.seen, 0);
	cr_assert_eq(r.wrong, 0);
}
