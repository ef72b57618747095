// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tap_worker.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

/* For what waits in the device when the end is called; a flood must not put that off. */
#define DRAIN_NS 100000000

static void count(struct mev_counters *counters, enum mev_verdict verdict, __u32 len)
{
	struct mev_counter *c = mev_counter_of(counters, verdict);

	MEV_WRITE_ONCE(c->packets, c->packets + 1);
	MEV_WRITE_ONCE(c->bytes, c->bytes + len);
}

static void send_reply(struct tap_worker *w, const struct hot_path_reply *reply, __u64 received)
{
	__u64 *replies = &w->base.pool_replies[reply->slot];

	if (write(w->fd, w->frame, reply->len) < 0) {
		w->write_again += errno == EAGAIN || errno == ENOBUFS;
		w->write_errors += errno != EAGAIN && errno != ENOBUFS;
	}
	MEV_WRITE_ONCE(*replies, *replies + 1);
	latency_record(&w->base.in_node_ns,
		       latency_ns(&w->base.clock, latency_ticks(&w->base.clock) - received));
}

static void decide(struct tap_worker *w, const struct hot_path *hp, __u32 len, __u64 received)
{
	struct worker_counters add = { .received = 1 };
	struct hot_path_reply reply;
	enum mev_verdict verdict;

	verdict = hot_path_candidate(hp, w->frame, len, NULL, &reply);
	add.replied = verdict == MEV_REPLIED;
	add.unprofitable = verdict == MEV_UNPROFITABLE;
	add.rejected = verdict == MEV_REJECTED;
	add.pool_busy = verdict == MEV_POOL_BUSY;
	if (verdict == MEV_REPLIED) {
		latency_record(&w->base.hot_path_ns,
			       latency_ns(&w->base.clock,
					  latency_ticks(&w->base.clock) - received));
		send_reply(w, &reply, received);
	}
	worker_store(&w->base, &add);
	worker_count_replies(&w->base, add.replied);
}

static void take_frame(struct tap_worker *w, __u32 len)
{
	const struct tap_view *view = __atomic_load_n(&w->view, __ATOMIC_ACQUIRE);
	__u64 received = latency_ticks(&w->base.clock);
	enum mev_verdict verdict;
	__u32 slot;

	verdict = user_filter_judge(&view->filter, w->frame, len, &slot);
	count(&w->verdicts, verdict, len);
	if (verdict == MEV_REDIRECT)
		decide(w, &view->hot_path, len, received);
	else if (verdict == MEV_PASS)
		stack_input(w->stack, w->frame, len);
}

/* Sleeps until a frame or the end comes; without the device, until the end. */
static void idle(struct tap_worker *w, bool gone)
{
	struct pollfd fds[] = {
		{ .fd = gone ? -1 : w->fd, .events = POLLIN },
		{ .fd = w->base.control->wake_fd, .events = POLLIN },
	};

	if (w->base.poll != WORKER_WAIT && !gone)
		return;
	worker_sleeps(&w->base);
	poll(fds, 2, -1);
	worker_wakes(&w->base);
}

static void drain(struct tap_worker *w)
{
	__u64 end = latency_monotonic_ns() + DRAIN_NS;
	ssize_t len;

	while (latency_monotonic_ns() < end && (len = read(w->fd, w->frame, TAP_FRAME_ROOM)) > 0) {
		worker_turn(&w->base);
		take_frame(w, (__u32)len);
	}
}

void *tap_worker_loop(void *tap_worker)
{
	struct tap_worker *w = tap_worker;

	worker_wakes(&w->base);
	while (!worker_stopping(&w->base)) {
		ssize_t len = read(w->fd, w->frame, TAP_FRAME_ROOM);
		bool gone = len < 0 && errno == EBADFD; /* the interface was deleted */

		worker_turn(&w->base);
		if (len > 0) {
			take_frame(w, (__u32)len);
			continue;
		}
		if (len < 0 && errno != EAGAIN && errno != EINTR && !gone)
			w->read_errors++;
		idle(w, gone);
	}
	drain(w);
	worker_sleeps(&w->base);
	return NULL;
}
