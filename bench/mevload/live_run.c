// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "live_run.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "latency.h"
#include "process.h"

/* Before the clock starts: runs of more and more frames, until one has taken so much CPU time. */
#define FIRST_CNT (1u << 12)
#define WARM_NS 20000000
/*
 * A run sets up and takes down a pool of pages, and for the latter waits some 15 ms for RCU while
 * nobody gets a frame: so it should be long beside that. A signal ends it.
 */
#define RUN_NS 400000000ULL
#define MOST_CNT (1u << 26)
/* Nothing has come back for so long: nothing will. */
#define SETTLE_NS 20000000
#define SETTLE_MOST_NS 500000000

/* Until what is under way through a node's socket has arrived. */
static int settle(struct live_progs *p, struct live_came_back *back)
{
	const struct timespec pause = { .tv_nsec = SETTLE_NS };
	__u64 end = latency_monotonic_ns() + SETTLE_MOST_NS, before;
	int err;

	do {
		before = back->frames;
		nanosleep(&pause, NULL);
		err = live_progs_came_back(p, back);
	} while (!err && back->frames != before && latency_monotonic_ns() < end);
	return err;
}

static void add_verdicts(struct mev_counters *to, const struct mev_counters *before,
			 const struct mev_counters *after)
{
	const __u64 *from = (const __u64 *)before, *till = (const __u64 *)after;
	__u64 *sum = (__u64 *)to;

	for (size_t i = 0; i < sizeof(*to) / sizeof(*sum); i++)
		sum[i] += till[i] - from[i];
}

static __u64 clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (__u64)ts.tv_sec * 1000000000 + (__u64)ts.tv_nsec;
}

/* Frames that count, and for how long they ran. */
struct timed {
	__u64 made; /* the warm-up's included */
	__u64 frames;
	__u64 ns, cpu_ns;
};

/* One run on the clock. */
static int run_once(struct live_progs *p, __u32 cnt, struct timed *t)
{
	__u64 wall = clock_ns(CLOCK_MONOTONIC), cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	__u64 before = t->made;
	int err = live_progs_run(p, cnt, &t->made);

	t->cpu_ns += clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu;
	t->ns += clock_ns(CLOCK_MONOTONIC) - wall;
	t->frames += t->made - before;
	return err;
}

/* How many frames, in whole laps, take so long at the pace of the last run. */
static __u32 frames_in(const struct timed *last, __u64 ns)
{
	double cnt = (double)last->frames * (double)ns / (double)(last->cpu_ns + 1);

	if (cnt < FIRST_CNT)
		return FIRST_CNT;
	return cnt > MOST_CNT ? MOST_CNT : (__u32)cnt / LIVE_FRAMES * LIVE_FRAMES;
}

/* Runs for the time of a round. */
static int run_timed(struct live_progs *p, const struct live_options *o, struct timed *t)
{
	const __u64 *ns = o->by_cpu_time ? &t->cpu_ns : &t->ns;
	__u32 cnt = FIRST_CNT / 2;
	int err;

	*t = (struct timed){ 0 };
	do {
		cnt *= 2;
		*t = (struct timed){ .made = t->made };
		err = run_once(p, cnt, t);
	} while (!err && !process_stop && t->cpu_ns < WARM_NS && cnt < MOST_CNT);
	cnt = frames_in(t, o->duration_ns < RUN_NS ? o->duration_ns : RUN_NS);
	*t = (struct timed){ .made = t->made };
	while (!err && !process_stop && *ns < o->duration_ns)
		err = run_once(p, cnt, t);
	return err;
}

static int measure(struct live_progs *p, const struct live_options *o,
		   const struct live_frames *set, struct live_result *r)
{
	struct live_came_back before = { 0 }, after = { 0 };
	struct mev_counters first, last;
	struct live_round *round;
	struct timed t = { 0 };
	__u64 ns;
	int err;

	err = live_progs_select(p, r->program);
	if (!err && r->counted)
		err = live_progs_verdicts(p, &first);
	if (!err && o->peer)
		err = live_progs_came_back(p, &before);
	if (!err)
		err = run_timed(p, o, &t);
	if (!err && o->peer) {
		after = before;
		err = settle(p, &after);
	}
	if (!err && r->counted)
		err = live_progs_verdicts(p, &last);
	if (err)
		return err;
	r->made += t.made;
	live_mix_due(set, t.made, r->due);
	if (r->counted)
		add_verdicts(&r->verdicts, &first, &last);
	r->back.frames += after.frames - before.frames;
	r->back.replies += after.replies - before.replies;
	ns = o->by_cpu_time ? t.cpu_ns : t.ns;
	if (process_stop || !ns)
		return 0; /* cut short: counted, but no round */
	round = &r->rounds[r->round_cnt++];
	round->frames_per_s = (double)t.frames * 1e9 / (double)ns;
	round->cpu_share = (double)t.cpu_ns / (double)t.ns;
	/* The warm-up's came back, too: as many of them as of the rest. */
	round->back_per_s =
		round->frames_per_s * (double)(after.frames - before.frames) / (double)t.made;
	round->replies_per_s =
		round->frames_per_s * (double)(after.replies - before.replies) / (double)t.made;
	return 0;
}

int live_run(struct live_progs *p, const struct live_options *o, const struct live_frames *frames,
	     struct live_result *results)
{
	int err = 0;

	for (__u32 i = 0; i < o->program_cnt; i++) {
		results[i] = (struct live_result){ .program = o->programs[i] };
		results[i].counted = live_progs_counts(p, o->programs[i]);
	}
	for (__u32 round = 0; round < o->rounds; round++)
		for (__u32 i = 0; i < o->program_cnt && !err && !process_stop; i++)
			err = measure(p, o, frames, &results[i]);
	return err;
}

static __u64 counter(const struct live_result *r, __u32 verdict)
{
	struct mev_counters copy = r->verdicts;

	return mev_counter_of(&copy, verdict)->packets;
}

static bool decided_in_kernel(const struct live_result *r)
{
	return r->verdicts.replied_in_driver.packets || r->verdicts.unprofitable.packets;
}

__u64 live_result_found(const struct live_result *r, __u32 verdict)
{
	if (verdict == MEV_REDIRECT)
		return counter(r, MEV_REDIRECT) + counter(r, MEV_NO_SOCKET);
	if (verdict == MEV_REPLIED) /* whoever answers */
		return counter(r, MEV_REPLIED) + counter(r, MEV_REPLIED_IN_DRIVER);
	return verdict == MEV_NO_SOCKET || verdict == MEV_REPLIED_IN_DRIVER ? 0 :
									      counter(r, verdict);
}

__u64 live_result_due(const struct live_result *r, __u32 verdict)
{
	if (decided_in_kernel(r))
		return r->due[verdict];
	if (verdict == MEV_REDIRECT)
		return r->due[MEV_REPLIED] + r->due[MEV_UNPROFITABLE];
	return verdict == MEV_REPLIED || verdict == MEV_UNPROFITABLE ? 0 : r->due[verdict];
}

bool live_result_wrong(const struct live_result *r)
{
	if (!r->counted)
		return false;
	for (__u32 v = 1; v <= MEV_VERDICT_CNT; v++) {
		__u64 found = live_result_found(r, v), due = live_result_due(r, v);

		if (v == MEV_PASS || v == MEV_STACK ? found < due : found != due)
			return true;
	}
	return false;
}
