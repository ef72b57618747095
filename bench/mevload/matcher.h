/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * matcher - which request a reply answers, whether rightly, and how long it took
 *
 * Each send has a nonce of its own: 24 bits that mark the run, so that a reply to an earlier one
 * is no match, and 40 bits that count. The count is the index into a table of what was sent, so
 * matching is one load. The table holds the last MATCHER_ROOM sends; one that is overwritten
 * unanswered stays lost. Allocated once; one thread.
 */
#ifndef MEVLOAD_MATCHER_H
#define MEVLOAD_MATCHER_H

#include "frames.h"
#include "hist.h"

/* More than rings and socket buffers on the way hold together; 4 MiB. */
#define MATCHER_ROOM (1u << 18)
#define MATCHER_COUNT_BITS 40

/* What became of the frames of one phase. received: first replies to frames that were due one. */
struct account {
	__u64 sent, due, received;
	__u64 duplicated; /* replies after the first to the same frame */
	__u64 wrong;      /* replies with the wrong content, or to what deserves none */
	__u64 late;       /* replies that came after the time-out, or to overwritten entries */
};

struct sent {
	__u64 since_ns; /* latency counts from here */
	__u32 seq;      /* low bits of the count */
	__u32 frame : 28 /* FRAMES_MAX */, waiting : 1, answered : 1, timed_out : 1, measured : 1;
};

struct matcher {
	const struct frame_set *set;
	struct sent *table;
	__u64 tag;    /* of this run, in the nonce's upper bits */
	__u64 next;   /* count of the next send */
	__u64 oldest; /* nothing before it waits for a reply */
	__u64 last;   /* count of the last reply */
	__u64 waiting;
	struct account warmup, measured;
	__u64 unexpected;     /* replies that match nothing that was sent, or are no replies */
	__u64 reordered;      /* replies that were overtaken */
	struct hist *latency; /* of measured frames */
};

/* 0 or -ENOMEM. */
int matcher_open(struct matcher *m, const struct frame_set *set);
void matcher_close(struct matcher *m);

static inline __u64 matcher_nonce(const struct matcher *m, __u64 count)
{
	return m->tag | (count & ((1ULL << MATCHER_COUNT_BITS) - 1));
}

/* Frame `frame` of the set went out with nonce matcher_nonce(m, m->next). */
static inline void matcher_sent(struct matcher *m, __u32 frame, __u64 since_ns, bool measured)
{
	struct account *a = measured ? &m->measured : &m->warmup;
	bool due = m->set->frames[frame].expect == EXPECT_REPLY;
	struct sent *s = &m->table[m->next % MATCHER_ROOM];

	m->waiting -= s->waiting;
	*s = (struct sent){
		.since_ns = since_ns,
		.seq = (__u32)m->next,
		.frame = frame & (FRAMES_MAX - 1),
		.waiting = due,
		.measured = measured,
	};
	m->waiting += due;
	m->next++;
	a->sent++;
	a->due += due;
}

/* A payload came back at now_ns: `len` bytes; 0 for a frame that is no sound reply. */
void matcher_arrived(struct matcher *m, const __u8 *payload, __u32 len, __u64 now_ns);

/* Waits no longer for what was sent before `before_ns`. Send times must not fall. */
void matcher_expire(struct matcher *m, __u64 before_ns);

/* Nothing that is due is missing. */
static inline bool matcher_complete(const struct matcher *m)
{
	return m->measured.received == m->measured.due && m->warmup.received == m->warmup.due;
}

#endif /* MEVLOAD_MATCHER_H */
