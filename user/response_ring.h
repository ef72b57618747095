/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * response_ring - replies on their way from the deciding stage to the transmitting stage
 *
 * Single producer, single consumer, wait-free. One thread may be both, as the AF_XDP worker is, and
 * pays nothing for it: on x86 acquire and release are plain loads and stores. Two threads need
 * nothing more. Each side keeps a copy of the other's index, which it refreshes only when the copy
 * shows too little: Lee et al., "A lock-free, cache-efficient multi-core synchronization mechanism
 * for line-rate network traffic monitoring" (MCRingBuffer), IPDPS 2010. What a side shows lies in a
 * line of its own, apart from what it writes for itself: with both in one, each push fetched back
 * the line that the consumer was reading (bench/micro, response_ring/two_threads/batch_64: 1.45
 * times as long; ping_pong 1.43).
 *
 *	producer: response_ring_push() ... response_ring_publish()
 *	consumer: response_ring_peek() ... response_ring_release()
 *
 * Indices run free and wrap at 2^32; the ring holds all 1,024 slots.
 */
#ifndef MEV_RESPONSE_RING_H
#define MEV_RESPONSE_RING_H

#include "compiler.h"

#define RESPONSE_RING_SLOTS 1024

struct response {
	__u64 addr;  /* of the reply's first byte, an offset into the UMEM */
	__u64 rx_ns; /* when its request entered the XDP program, MEV_META_RX_BITS of it */
	__u32 len;
	bool timed; /* rx_ns is known */
};

struct response_ring {
	/* Producer's lines. */
	__u32 head __cacheline_aligned; /* slots published */
	__u32 next __cacheline_aligned; /* slots filled, published or not */
	__u32 tail_copy;
	/* Consumer's lines. */
	__u32 tail __cacheline_aligned; /* slots released */
	__u32 head_copy __cacheline_aligned;

	struct response slot[RESPONSE_RING_SLOTS] __cacheline_aligned;
};

_Static_assert((RESPONSE_RING_SLOTS & (RESPONSE_RING_SLOTS - 1)) == 0, "a power of two");

static inline void response_ring_init(struct response_ring *r)
{
	r->head = r->next = r->tail_copy = 0;
	r->tail = r->head_copy = 0;
}

/* Slots that can be pushed now, at most `want`. */
static inline __u32 response_ring_room(struct response_ring *r, __u32 want)
{
	__u32 room = RESPONSE_RING_SLOTS - (r->next - r->tail_copy);

	if (room < want) {
		r->tail_copy = __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE);
		room = RESPONSE_RING_SLOTS - (r->next - r->tail_copy);
	}
	return room < want ? room : want;
}

/* Fills the next slot; the caller has asked response_ring_room(). Not visible until published. */
static inline void response_ring_push(struct response_ring *r, struct response response)
{
	r->slot[r->next++ % RESPONSE_RING_SLOTS] = response;
}

static inline void response_ring_publish(struct response_ring *r)
{
	__atomic_store_n(&r->head, r->next, __ATOMIC_RELEASE);
}

/* Published slots not yet released, at most `want`; *idx is the first one's index. */
static inline __u32 response_ring_peek(struct response_ring *r, __u32 want, __u32 *idx)
{
	__u32 ready = r->head_copy - r->tail;

	if (ready < want) {
		r->head_copy = __atomic_load_n(&r->head, __ATOMIC_ACQUIRE);
		ready = r->head_copy - r->tail;
	}
	*idx = r->tail;
	return ready < want ? ready : want;
}

static inline const struct response *response_ring_at(const struct response_ring *r, __u32 idx)
{
	return &r->slot[idx % RESPONSE_RING_SLOTS];
}

/* Gives the first `cnt` peeked slots back to the producer. */
static inline void response_ring_release(struct response_ring *r, __u32 cnt)
{
	__atomic_store_n(&r->tail, r->tail + cnt, __ATOMIC_RELEASE);
}

#endif /* MEV_RESPONSE_RING_H */
