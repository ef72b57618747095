// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "rings.h"

#include <ck_ring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *take_lines(size_t size)
{
	void *p = aligned_alloc(MEV_CACHELINE, (size + MEV_CACHELINE - 1) & -(size_t)MEV_CACHELINE);

	if (!p)
		abort();
	memset(p, 0, size);
	return p;
}

static inline void relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#endif
}

/* As receive() fills in what a reply needs. */
static inline struct response nth(__u64 n)
{
	return (struct response){ .addr = n, .rx_ns = n, .len = RING_LEN, .timed = true };
}

/* ------------------------------------------------------------------ ours */

static void *node_open(void)
{
	struct response_ring *r = take_lines(sizeof(*r));

	response_ring_init(r);
	return r;
}

static __always_inline __u32 node_push(void *ring, __u64 first, __u32 want)
{
	__u32 room = response_ring_room(ring, want);

	for (__u32 i = 0; i < room; i++)
		response_ring_push(ring, nth(first + i));
	response_ring_publish(ring);
	return room;
}

static __always_inline __u32 node_pop(void *ring, __u64 *sum, __u32 want)
{
	__u32 idx, cnt = response_ring_peek(ring, want, &idx);

	for (__u32 i = 0; i < cnt; i++) {
		const struct response *r = response_ring_at(ring, idx + i);

		*sum += r->addr + r->len;
	}
	response_ring_release(ring, cnt);
	return cnt;
}

/* ------------------------------------------------------------------ Concurrency Kit */

CK_RING_PROTOTYPE(response, response)

struct ck {
	ck_ring_t ring;
	struct response slot[RESPONSE_RING_SLOTS] __cacheline_aligned;
};

static void *ck_open(void)
{
	struct ck *c = take_lines(sizeof(*c));

	ck_ring_init(&c->ring, RESPONSE_RING_SLOTS);
	return c;
}

static __always_inline __u32 ck_push(void *ring, __u64 first, __u32 want)
{
	struct ck *c = ring;

	for (__u32 i = 0; i < want; i++) {
		struct response r = nth(first + i);

		if (!CK_RING_ENQUEUE_SPSC(response, &c->ring, c->slot, &r))
			return i;
	}
	return want;
}

static __always_inline __u32 ck_pop(void *ring, __u64 *sum, __u32 want)
{
	struct ck *c = ring;
	struct response r;

	for (__u32 i = 0; i < want; i++) {
		if (!CK_RING_DEQUEUE_SPSC(response, &c->ring, c->slot, &r))
			return i;
		*sum += r.addr + r.len;
	}
	return want;
}

/* ------------------------------------------------------------------ naive */

/* A line for each index, but the other side's is read each time, and each response published. */
struct naive {
	__u32 head __cacheline_aligned;
	__u32 tail __cacheline_aligned;
	struct response slot[RESPONSE_RING_SLOTS] __cacheline_aligned;
};

static void *naive_open(void)
{
	return take_lines(sizeof(struct naive));
}

static __always_inline __u32 naive_push(void *ring, __u64 first, __u32 want)
{
	struct naive *n = ring;

	for (__u32 i = 0; i < want; i++) {
		__u32 head = n->head;

		if (head - __atomic_load_n(&n->tail, __ATOMIC_ACQUIRE) == RESPONSE_RING_SLOTS)
			return i;
		n->slot[head % RESPONSE_RING_SLOTS] = nth(first + i);
		__atomic_store_n(&n->head, head + 1, __ATOMIC_RELEASE);
	}
	return want;
}

static __always_inline __u32 naive_pop(void *ring, __u64 *sum, __u32 want)
{
	struct naive *n = ring;

	for (__u32 i = 0; i < want; i++) {
		__u32 tail = n->tail;
		const struct response *r = &n->slot[tail % RESPONSE_RING_SLOTS];

		if (tail == __atomic_load_n(&n->head, __ATOMIC_ACQUIRE))
			return i;
		*sum += r->addr + r->len;
		__atomic_store_n(&n->tail, tail + 1, __ATOMIC_RELEASE);
	}
	return want;
}

/* ------------------------------------------------------------------ the loops */

typedef __u32 (*push_fn)(void *ring, __u64 first, __u32 want);
typedef __u32 (*pop_fn)(void *ring, __u64 *sum, __u32 want);

static __always_inline void produce(void *ring, __u64 cnt, __u32 batch, push_fn push)
{
	for (__u64 sent = 0; sent < cnt;) {
		__u64 left = cnt - sent;
		__u32 pushed = push(ring, sent, left < batch ? (__u32)left : batch);

		if (!pushed)
			relax();
		sent += pushed;
	}
}

static __always_inline __u64 consume(void *ring, __u64 cnt, __u32 batch, pop_fn pop)
{
	__u64 sum = 0;

	for (__u64 got = 0; got < cnt;) {
		__u32 popped = pop(ring, &sum, batch);

		if (!popped)
			relax();
		got += popped;
	}
	return sum;
}

static __always_inline __u64 both(void *ring, __u64 cnt, __u32 batch, push_fn push, pop_fn pop)
{
	__u64 sum = 0;

	for (__u64 sent = 0; sent < cnt; sent += batch) {
		push(ring, sent, batch);
		pop(ring, &sum, batch);
	}
	return sum;
}

static __always_inline void wait_pop(void *ring, pop_fn pop)
{
	__u64 unused = 0;

	while (!pop(ring, &unused, 1))
		relax();
}

#define RING(kind)                                                      \
	static void kind##_produce(void *ring, __u64 cnt, __u32 batch)  \
	{                                                               \
		produce(ring, cnt, batch, kind##_push);                 \
	}                                                               \
	static __u64 kind##_consume(void *ring, __u64 cnt, __u32 batch) \
	{                                                               \
		return consume(ring, cnt, batch, kind##_pop);           \
	}                                                               \
	static __u64 kind##_both(void *ring, __u64 cnt, __u32 batch)    \
	{                                                               \
		return both(ring, cnt, batch, kind##_push, kind##_pop); \
	}                                                               \
	static void kind##_ping(void *there, void *back, __u64 cnt)     \
	{                                                               \
		for (__u64 i = 0; i < cnt; i++) {                       \
			kind##_push(there, i, 1);                       \
			wait_pop(back, kind##_pop);                     \
		}                                                       \
	}                                                               \
	static void kind##_echo(void *there, void *back, __u64 cnt)     \
	{                                                               \
		for (__u64 i = 0; i < cnt; i++) {                       \
			wait_pop(there, kind##_pop);                    \
			kind##_push(back, i, 1);                        \
		}                                                       \
	}

RING(node)
RING(ck)
RING(naive)

#define KIND(kind, title)                                                                     \
	{                                                                                     \
		.name = title, .open = kind##_open, .close = free, .produce = kind##_produce, \
		.consume = kind##_consume, .both = kind##_both, .ping = kind##_ping,          \
		.echo = kind##_echo,                                                          \
	}

const struct ring_kind ring_kinds[] = {
	KIND(node, "response_ring"),
	KIND(ck, "ck_ring"),
	KIND(naive, "naive"),
};

const __u32 ring_kind_cnt = sizeof(ring_kinds) / sizeof(ring_kinds[0]);
