// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "response_ring.h"

static struct response_ring ring;

Test(response_ring, empty_full_and_partial)
{
	__u32 idx;

	response_ring_init(&ring);
	cr_assert_eq(response_ring_peek(&ring, 8, &idx), 0);
	cr_assert_eq(response_ring_room(&ring, 2000), RESPONSE_RING_SLOTS);
	for (__u32 i = 0; i < RESPONSE_RING_SLOTS; i++)
		response_ring_push(&ring, (struct response){ .addr = i });
	cr_assert_eq(response_ring_room(&ring, 1), 0);
	cr_assert_eq(response_ring_peek(&ring, 8, &idx), 0, "not published yet");
	response_ring_publish(&ring);
	cr_assert_eq(response_ring_peek(&ring, 8, &idx), 8);
	cr_assert_eq(response_ring_at(&ring, idx + 7)->addr, 7);
	response_ring_release(&ring, 3);
	cr_assert_eq(response_ring_room(&ring, 64), 3);
	cr_assert_eq(response_ring_peek(&ring, 2000, &idx), RESPONSE_RING_SLOTS - 3);
	cr_assert_eq(response_ring_at(&ring, idx)->addr, 3);
}

Test(response_ring, indices_wrap_at_2_32)
{
	__u32 idx;

	response_ring_init(&ring);
	ring.head = ring.next = ring.tail_copy = ring.tail = ring.head_copy = 0xfffffff0;
	for (__u32 i = 0; i < 100; i++) {
		cr_assert_eq(response_ring_room(&ring, 1), 1);
		response_ring_push(&ring, (struct response){ .addr = i });
		response_ring_publish(&ring);
		cr_assert_eq(response_ring_peek(&ring, 1, &idx), 1);
		cr_assert_eq(response_ring_at(&ring, idx)->addr, i);
		response_ring_release(&ring, 1);
	}
}

#define STREAM 3000000u

static void *produce(void *arg)
{
	unsigned int seed = *(unsigned int *)arg;

	for (__u32 sent = 0; sent < STREAM;) {
		__u32 want = 1 + (__u32)rand_r(&seed) % 64, room;

		if (want > STREAM - sent)
			want = STREAM - sent;
		room = response_ring_room(&ring, want);
		for (__u32 i = 0; i < room; i++, sent++)
			response_ring_push(&ring, (struct response){ .addr = sent,
								     .rx_ns = ~(__u64)sent,
								     .len = sent });
		response_ring_publish(&ring);
		if (!room)
			sched_yield();
	}
	return NULL;
}

Test(response_ring, a_second_thread_gets_everything_once_in_order)
{
	unsigned int seed = 69, consumer_seed = 70;
	pthread_t producer;
	__u32 got = 0;

	response_ring_init(&ring);
	pthread_create(&producer, NULL, produce, &seed);
	while (got < STREAM) {
		__u32 idx, cnt = response_ring_peek(&ring, 1 + (__u32)rand_r(&consumer_seed) % 64,
						    &idx);

		for (__u32 i = 0; i < cnt; i++, got++) {
			const struct response *r = response_ring_at(&ring, idx + i);

			cr_assert(r->addr == got && r->len == got && r->rx_ns == ~(__u64)got,
				  "slot %u", got);
		}
		response_ring_release(&ring, cnt);
		if (!cnt)
			sched_yield();
	}
	pthread_join(producer, NULL);
}
