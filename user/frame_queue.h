/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * frame_queue - frames of the TCP/UDP stack on their way to the AF_XDP worker that transmits them
 *
 * A TX ring belongs to one thread, and lwIP sends from whatever thread calls it. So it copies its
 * frames in here, and the worker of the first queue copies them out. Single producer (whoever holds
 * lwIP's core lock), single consumer, bounded: a full queue refuses, and TCP sends again.
 *
 * A worker that is about to sleep says so, looks once more, and is then woken by the next frame
 * through `fd`: frame_queue_sleep(), poll(2), frame_queue_awake().
 */
#ifndef MEV_FRAME_QUEUE_H
#define MEV_FRAME_QUEUE_H

#include "compiler.h"

#define FRAME_QUEUE_SLOTS 256 /* a 64 KiB window of full segments, five times over */
#define FRAME_QUEUE_ROOM 1792 /* bytes of a frame: what a UMEM chunk holds behind its headroom */

struct queued_frame {
	__u32 len;
	__u8 bytes[FRAME_QUEUE_ROOM];
};

struct frame_queue {
	int fd; /* eventfd, readable when a sleeping consumer is to wake up */
	__u32 head __cacheline_aligned; /* frames put in */
	__u32 tail __cacheline_aligned; /* frames taken out */
	bool sleeping;
	struct queued_frame slot[FRAME_QUEUE_SLOTS] __cacheline_aligned;
};

/* 0 or -errno. */
int frame_queue_open(struct frame_queue **out);

/* Accepts NULL. */
void frame_queue_close(struct frame_queue *q);

/* 0, -EAGAIN (full) or -EMSGSIZE. */
int frame_queue_put(struct frame_queue *q, const void *frame, __u32 len);

/* The oldest frame, or NULL; it stays until frame_queue_pop(). */
static inline const struct queued_frame *frame_queue_peek(const struct frame_queue *q)
{
	if (__atomic_load_n(&q->head, __ATOMIC_ACQUIRE) == q->tail)
		return NULL;
	return &q->slot[q->tail % FRAME_QUEUE_SLOTS];
}

static inline void frame_queue_pop(struct frame_queue *q)
{
	__atomic_store_n(&q->tail, q->tail + 1, __ATOMIC_RELEASE);
}

/* True: there is nothing, and the next frame makes `fd` readable. False: do not sleep. */
static inline bool frame_queue_sleep(struct frame_queue *q)
{
	__atomic_store_n(&q->sleeping, true, __ATOMIC_SEQ_CST);
	return __atomic_load_n(&q->head, __ATOMIC_SEQ_CST) == q->tail;
}

/* After frame_queue_sleep(), whatever it said. */
void frame_queue_awake(struct frame_queue *q);

#endif /* MEV_FRAME_QUEUE_H */
