// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "load_loop.h"

#include <stdio.h>
#include <string.h>

/* A reply that takes longer is not waited for, in a closed loop and at the end. */
#define TIMEOUT_NS 200000000
/* Once all has come: duplicates of the last replies may still follow. */
#define SETTLE_NS 5000000
/* How far behind its schedule an open loop may end. */
#define CATCH_UP_NS 200000000
#define SECOND_NS 1000000000

static __u64 now_ns(const struct load_loop *l)
{
	return latency_ns(&l->clock, latency_ticks(&l->clock) - l->start_ticks);
}

static bool timed(const struct load_loop *l)
{
	return l->options->kind == LOAD_OPEN || l->options->kind == LOAD_POISSON;
}

/* Whether one more frame may go out now. */
static bool may_send(const struct load_loop *l, __u64 now)
{
	switch (l->options->kind) {
	case LOAD_OPEN:
	case LOAD_POISSON:
		return l->schedule.next_ns <= now && l->schedule.next_ns < l->end_ns;
	case LOAD_CLOSED:
		return l->matcher.waiting + l->shot_due_cnt < l->options->outstanding;
	case LOAD_FLOOD:
		return true;
	}
	return false;
}

static void add_shot(struct load_loop *l, __u64 since_ns)
{
	const struct load_frame *f = &l->set->frames[l->next_frame];

	l->shots[l->shot_cnt++] = (struct shot){
		.frame = f,
		.nonce = matcher_nonce(&l->matcher, l->next_count++),
		.since_ns = since_ns,
		.frame_idx = l->next_frame,
	};
	l->shot_due_cnt += f->expect == EXPECT_REPLY;
	if (++l->next_frame == l->set->cnt)
		l->next_frame = 0;
}

/* Sends what may go out now. Returns how many frames went, or -errno. */
static int send_due(struct load_loop *l, __u64 now)
{
	int cnt;

	if (!timed(l)) /* those that had no room count from when they go */
		for (__u32 i = 0; i < l->shot_cnt; i++)
			l->shots[i].since_ns = now;
	while (l->shot_cnt < TRANSPORT_BATCH && may_send(l, now))
		add_shot(l, timed(l) ? schedule_take(&l->schedule) : now);

	cnt = l->transport->ops->send(l->transport, l->shots, l->shot_cnt);
	for (int i = 0; i < cnt; i++) {
		const struct shot *s = &l->shots[i];

		matcher_sent(&l->matcher, s->frame_idx, s->since_ns, s->since_ns >= l->measure_ns);
		l->shot_due_cnt -= s->frame->expect == EXPECT_REPLY;
	}
	if (cnt > 0) {
		l->shot_cnt -= (__u32)cnt;
		memmove(l->shots, l->shots + cnt, l->shot_cnt * sizeof(l->shots[0]));
	}
	return cnt;
}

static __u64 replies(const struct load_loop *l)
{
	return l->matcher.warmup.received + l->matcher.measured.received;
}

static int take_replies(struct load_loop *l)
{
	struct arrival arrivals[TRANSPORT_BATCH];
	int cnt = l->transport->ops->receive(l->transport, arrivals);
	__u64 before = replies(l), now;

	if (cnt <= 0)
		return cnt;
	now = now_ns(l); /* all of them were there by now; what follows is our time, not theirs */
	for (int i = 0; i < cnt; i++)
		matcher_arrived(&l->matcher, arrivals[i].payload, arrivals[i].len, now);
	l->last_arrival_ns = now;
	if (now >= l->measure_ns && !l->stopped_ns)
		l->in_window += replies(l) - before;
	return cnt;
}

static void show_progress(const struct load_loop *l, __u64 now)
{
	fprintf(stderr, "\r%3llu s  sent %llu  replies %llu  p50 %.1f us ",
		(unsigned long long)(now / SECOND_NS), (unsigned long long)l->matcher.next,
		(unsigned long long)replies(l),
		(double)hist_percentile(l->matcher.latency, 50) / 1000);
}

/* Whether sending goes on. */
static bool goes_on(const struct load_loop *l, __u64 now)
{
	if (now < l->end_ns)
		return true;
	return timed(l) && (l->schedule.next_ns < l->end_ns || l->shot_cnt) &&
	       now < l->end_ns + CATCH_UP_NS;
}

/* Until all that is due has come, or nothing more has for a while. */
static int drain(struct load_loop *l)
{
	__u64 patience = TIMEOUT_NS;
	int err = 0;

	l->shot_cnt = 0;
	if (l->last_arrival_ns < l->stopped_ns)
		l->last_arrival_ns = l->stopped_ns;
	while (err >= 0 && now_ns(l) < l->last_arrival_ns + patience) {
		err = l->transport->ops->send(l->transport, NULL, 0);
		if (err >= 0)
			err = take_replies(l);
		if (l->set->due_known && matcher_complete(&l->matcher))
			patience = SETTLE_NS;
	}
	return err;
}

static void count_unsent(struct load_loop *l)
{
	if (!timed(l))
		return;
	l->unsent = l->shot_cnt;
	for (; l->schedule.next_ns < l->stopped_ns && l->schedule.next_ns < l->end_ns; l->unsent++)
		schedule_take(&l->schedule);
}

int load_loop_run(struct load_loop *l, const volatile int *stop)
{
	__u64 now = 0, shown = 0;
	int err = 0;

	l->start_ticks = latency_ticks(&l->clock);
	while (!*stop && goes_on(l, now)) {
		err = send_due(l, now);
		if (err >= 0)
			err = take_replies(l);
		if (err < 0)
			return err;
		now = now_ns(l);
		if (l->options->kind == LOAD_CLOSED && now > TIMEOUT_NS)
			matcher_expire(&l->matcher, now - TIMEOUT_NS);
		if (l->progress && now - shown > SECOND_NS) {
			shown = now;
			show_progress(l, now);
		}
	}
	if (l->progress && shown)
		fputc('\n', stderr);
	l->stopped_ns = now;
	count_unsent(l);
	err = drain(l);
	return err < 0 ? err : 0;
}
