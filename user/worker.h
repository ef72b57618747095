/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * worker - what every worker thread has: where it runs, when it stops, what it counts
 *
 * xsk_worker and tap_worker embed one as their first member and bring the loop. Counters and
 * histograms have this one writer, the worker, and are stored once a turn; the main thread reads
 * them when the worker has ended.
 */
#ifndef MEV_WORKER_H
#define MEV_WORKER_H

#include <pthread.h>
#include <semaphore.h>
#include <unistd.h>

#include "compiler.h"
#include "latency.h"

#define WORKER_MAX_CPUS 1024 /* as many as a cpu_set_t has */

enum worker_poll {
	WORKER_WAIT, /* poll(2) when there is nothing to do */
	WORKER_SPIN, /* never sleep */
	WORKER_BUSY, /* drive the NIC's NAPI from here: preferred busy polling */
};

/* What all workers share. */
struct worker_control {
	bool stop;         /* set by the main thread: drain and return */
	int wake_fd;       /* eventfd, readable once stop is set */
	int event_fd;      /* eventfd, written by a worker once reply_limit is reached */
	__u64 reply_limit; /* 0: none */
	__u64 replies;     /* of all workers; kept only where there is a limit */
};

/* Sums since the start; plain __u64 one and all, see worker_store(). */
struct worker_counters {
	__u64 received; /* frames that came to be decided */
	__u64 replied;
	__u64 unprofitable;
	__u64 rejected;
	__u64 pool_busy;
	__u64 tx_backpressure; /* turns in which no reply had room, so that RX waited */
	__u64 tx_kicks;        /* wakeups of the kernel's transmit side */
	__u64 tx_kick_again;   /* of these, told to come again: EAGAIN, EBUSY, ENOBUFS */
	__u64 rx_kicks;        /* wakeups of a driver that had run out of empty chunks */
	__u64 tx_kick_errors;  /* of these, failed otherwise, as when the link is down */
};

struct worker {
	struct worker_control *control;
	enum worker_poll poll;
	int cpu;             /* -1: not pinned */
	__u32 queue;         /* the RX queue it serves */
	__u64 *pool_replies; /* by slot; written by this worker only */
	pthread_t thread;
	void *(*loop)(void *);
	sem_t unprivileged; /* posted once the thread is, or once it failed to be: */
	int drop_err;
	struct latency_clock clock;
	__u64 seen_beat; /* the main thread's: worker_moves() */
	struct worker_counters counters __cacheline_aligned;
	__u64 beat; /* odd: at work, more with every turn; even: asleep, or not running */
	struct latency_hist hot_path_ns __cacheline_aligned; /* frame in hand to reply written */
	struct latency_hist in_node_ns; /* frame received to reply handed over for transmission */
};

/*
 * Starts the thread, which drops its privileges and runs `loop`, whose argument is the worker. They
 * are dropped when it returns 0; or -errno, logged.
 */
int worker_start(struct worker *w, void *(*loop)(void *));

/* Waits for the thread, whose control must say stop. */
void worker_join(struct worker *w);

/* Tells all workers to stop. */
void worker_stop(struct worker_control *c);

/* Takes worker_stop() back, once the workers it was for have ended. */
void worker_go(struct worker_control *c);

/*
 * A turn begins, a sleep begins, a sleep is over. What a worker is led to by a pointer it loads
 * anew in each turn, and lets go of before it sleeps: so who has published another one knows by
 * the beat when nobody has the old one any more (quiesce.h, which brings the barriers). Loads must
 * only not be moved by the compiler, so a turn costs one store to the worker's own cache line.
 */
static inline void worker_beat(struct worker *w, __u64 add)
{
	__atomic_store_n(&w->beat, w->beat + add, __ATOMIC_RELEASE);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static inline void worker_turn(struct worker *w)
{
	worker_beat(w, 2);
}

static inline void worker_sleeps(struct worker *w)
{
	worker_beat(w, 1);
}

static inline void worker_wakes(struct worker *w)
{
	worker_beat(w, 1);
}

/* Whether it sleeps, or has begun a turn since the last call. One caller, the main thread. */
bool worker_moves(struct worker *w);

static inline bool worker_stopping(const struct worker *w)
{
	return __atomic_load_n(&w->control->stop, __ATOMIC_RELAXED);
}

/* Adds what a turn has counted, number by number, so that a reader never sees half of one. */
static inline void worker_store(struct worker *w, const struct worker_counters *add)
{
	const __u64 *from = (const __u64 *)add;
	__u64 *sum = (__u64 *)&w->counters;

	for (size_t i = 0; i < sizeof(*add) / sizeof(*sum); i++)
		if (from[i])
			MEV_WRITE_ONCE(sum[i], sum[i] + from[i]);
}

/* Counts replies towards --replies and tells the main thread when they are complete. */
static inline void worker_count_replies(struct worker *w, __u64 replied)
{
	struct worker_control *c = w->control;
	const __u64 one = 1;
	__u64 total;

	if (likely(!c->reply_limit) || !replied)
		return;
	total = __atomic_add_fetch(&c->replies, replied, __ATOMIC_RELAXED);
	if (total >= c->reply_limit && total - replied < c->reply_limit &&
	    write(c->event_fd, &one, sizeof(one)) < 0)
		return; /* an eventfd that holds 1 is never full */
}

#endif /* MEV_WORKER_H */
