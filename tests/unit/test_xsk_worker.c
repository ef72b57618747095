// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The AF_XDP worker's loop between rings whose other end is a thread of this test instead of the
 * kernel: order, backpressure and the account of chunks.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include <sys/eventfd.h>

#include "filter_world.h"
#include "xsk_worker.h"

#define HEADROOM UMEM_HEADROOM
#define REPLY_LEN (14 + 20 + 8 + 32)
#define NEED_WAKEUP 1u /* XDP_RING_NEED_WAKEUP */

/* A ring as the kernel lays it out, and both views of it. */
struct fake_ring {
	__u32 producer __attribute__((aligned(64)));
	__u32 consumer __attribute__((aligned(64)));
	__u32 flags;
	__u64 slots[2 * XSK_FILL_SIZE]; /* room for descriptors of 16 bytes in any of them */
};

static struct {
	struct fake_ring rx, tx, fill, completion;
	struct xsk xsk;
	struct filter_world world;
	struct hot_path hot_path;
	struct xsk_worker worker;
	struct worker_control control;
	__u64 pool_replies[WORLD_POOLS];
} k;

static void view(void *ring, struct fake_ring *f, __u32 size, bool producer)
{
	struct xsk_ring_prod *r = ring; /* both views have one layout */

	r->mask = size - 1;
	r->size = size;
	r->producer = &f->producer;
	r->consumer = &f->consumer;
	r->flags = &f->flags;
	r->ring = f->slots;
	r->cached_cons = producer ? size : 0;
}

static void prepare(void)
{
	world_open(&k.world);
	view(&k.xsk.rx, &k.rx, XSK_RING_SIZE, false);
	view(&k.xsk.tx, &k.tx, XSK_RING_SIZE, true);
	view(&k.xsk.fill, &k.fill, XSK_FILL_SIZE, true);
	view(&k.xsk.completion, &k.completion, XSK_RING_SIZE, false);
	k.xsk.umem.size = (size_t)UMEM_CHUNK_CNT * UMEM_CHUNK_COPY;
	k.xsk.umem.chunk_size = UMEM_CHUNK_COPY;
	k.xsk.umem.area = aligned_alloc(4096, k.xsk.umem.size);
	memset(k.xsk.umem.area, 0, k.xsk.umem.size);
	k.xsk.fd = -1;
	for (; k.xsk.spare_cnt < XSK_SPARE; k.xsk.spare_cnt++)
		k.xsk.spare[k.xsk.spare_cnt] = (__u64)k.xsk.spare_cnt * UMEM_CHUNK_COPY;
	k.xsk.filled = UMEM_CHUNK_CNT - XSK_SPARE;
	for (__u32 i = 0; i < k.xsk.filled; i++)
		k.fill.slots[i] = (__u64)(XSK_SPARE + i) * UMEM_CHUNK_COPY;
	k.fill.producer = k.xsk.fill.cached_prod = (__u32)k.xsk.filled;
	k.hot_path = (struct hot_path){
		.config = &k.world.config,
		.pools = k.world.pools,
		.pool_cnt = WORLD_POOLS,
		.index = k.world.index,
	};
	k.worker = (struct xsk_worker){
		.base = { .control = &k.control,
			  .poll = WORKER_SPIN,
			  .cpu = -1,
			  .pool_replies = k.pool_replies },
		.hot_path = &k.hot_path,
		.xsk = &k.xsk,
	};
	latency_clock_init(&k.worker.base.clock);
}

static void start(void)
{
	cr_assert_eq(worker_start(&k.worker.base, xsk_worker_loop), 0);
}

static void setup(void)
{
	prepare();
	start();
}

static void teardown(void)
{
	free(k.xsk.umem.area);
	world_close(&k.world);
}

/* Puts a frame into the next chunk of the fill ring and that into RX; false: no room now. */
static bool deliver(const struct frame *f, const struct mev_meta *hint)
{
	__u32 prod = k.rx.producer, cons = k.fill.consumer;
	struct xdp_desc *desc = (struct xdp_desc *)k.rx.slots + prod % XSK_RING_SIZE;
	__u64 chunk;

	if (prod - __atomic_load_n(&k.rx.consumer, __ATOMIC_ACQUIRE) == XSK_RING_SIZE ||
	    __atomic_load_n(&k.fill.producer, __ATOMIC_ACQUIRE) == cons)
		return false;
	chunk = k.fill.slots[cons % XSK_FILL_SIZE];
	__atomic_store_n(&k.fill.consumer, cons + 1, __ATOMIC_RELEASE);
	cr_assert_eq(chunk % UMEM_CHUNK_COPY, 0, "a chunk's base is put back");
	memcpy(k.xsk.umem.area + chunk + HEADROOM, f->bytes, f->len);
	if (hint)
		memcpy(k.xsk.umem.area + chunk + HEADROOM - sizeof(*hint), hint, sizeof(*hint));
	*desc = (struct xdp_desc){ .addr = chunk + HEADROOM, .len = f->len };
	__atomic_store_n(&k.rx.producer, prod + 1, __ATOMIC_RELEASE);
	return true;
}

/* Takes one reply from TX and completes it; false: there is none. *nonce is what it answers. */
static bool send_one(__u64 *nonce)
{
	__u32 cons = k.tx.consumer, prod = k.completion.producer;
	struct xdp_desc *desc = (struct xdp_desc *)k.tx.slots + cons % XSK_RING_SIZE;

	if (__atomic_load_n(&k.tx.producer, __ATOMIC_ACQUIRE) == cons ||
	    prod - __atomic_load_n(&k.completion.consumer, __ATOMIC_ACQUIRE) == XSK_RING_SIZE)
		return false;
	cr_assert_eq(desc->len, REPLY_LEN);
	*nonce = get_le(k.xsk.umem.area + desc->addr + 42, 8);
	k.completion.slots[prod % XSK_RING_SIZE] = desc->addr;
	__atomic_store_n(&k.tx.consumer, cons + 1, __ATOMIC_RELEASE);
	__atomic_store_n(&k.completion.producer, prod + 1, __ATOMIC_RELEASE);
	return true;
}

static void stop(void)
{
	__u64 nonce;

	__atomic_store_n(&k.control.stop, true, __ATOMIC_RELEASE);
	while (send_one(&nonce))
		;
	worker_join(&k.worker.base);
}

static struct mev_meta hint_a(void)
{
	return (struct mev_meta){ .class = MEV_CLASS_SWAP,
				  .rx_ns_lo = 1,
				  .reserve0 = 1000000000000,
				  .reserve1 = 500000000000 };
}

TestSuite(xsk_worker, .init = setup, .fini = teardown, .timeout = 60);

#define STREAM 200000u

Test(xsk_worker, every_frame_is_answered_once_in_order_through_stalls)
{
	struct mev_meta hint = hint_a();
	__u64 delivered = 0, answered = 0, nonce;
	unsigned int seed = 5;
	FRAME(f, 0);

	while (answered < STREAM) {
		int burst = rand_r(&seed) % 300, sent = 0;

		while (delivered < STREAM && burst--) {
			put_le(f.bytes + f.payload, delivered, 8);
			if (!deliver(&f, &hint))
				break;
			delivered++;
		}
		/* Now and then the wire stalls until both rings are full. */
		if (delivered - answered < XSK_RING_SIZE && delivered < STREAM && rand_r(&seed) % 8)
			continue;
		while (sent++ < 1 + rand_r(&seed) % 400 && send_one(&nonce)) {
			cr_assert_eq(nonce, answered, "answer %llu is for %llu", answered, nonce);
			answered++;
		}
		sched_yield();
	}
	stop();
	cr_assert_eq(k.worker.base.counters.replied, STREAM);
	cr_assert_eq(k.pool_replies[0], STREAM);
	cr_assert_eq(latency_summarize(&k.worker.base.in_node_ns).count, STREAM);
	cr_assert_eq(xsk_chunks_missing(&k.xsk), 0);
}

Test(xsk_worker, a_stuck_wire_is_backpressure_not_loss)
{
	struct mev_meta hint = hint_a();
	__u64 delivered = 0, answered = 0, nonce;
	FRAME(f, 0);

	/* Nothing is sent: TX fills up, then RX, and no frame is taken that has no room. */
	while (delivered < 2 * XSK_RING_SIZE - XSK_SPARE) {
		put_le(f.bytes + f.payload, delivered, 8);
		if (deliver(&f, &hint))
			delivered++;
		else
			sched_yield();
	}
	while (!MEV_READ_ONCE(k.worker.base.counters.tx_backpressure))
		sched_yield();
	cr_assert_eq(__atomic_load_n(&k.tx.producer, __ATOMIC_ACQUIRE), XSK_RING_SIZE);
	while (answered < delivered) {
		if (!send_one(&nonce)) {
			sched_yield();
			continue;
		}
		cr_assert_eq(nonce, answered);
		answered++;
	}
	stop();
	cr_assert_eq(k.worker.base.counters.replied, delivered);
	cr_assert_eq(xsk_chunks_missing(&k.xsk), 0);
}

Test(xsk_worker, what_is_not_answered_goes_back_to_the_fill_ring)
{
	struct mev_meta hint = hint_a();
	__u64 delivered = 0;
	FRAME(poor, .amount_in = 2000000);
	FRAME(broken, .direction = 7);

	/* Many times more than there are chunks. */
	while (delivered < 5 * UMEM_CHUNK_CNT) {
		if (deliver(delivered & 1 ? &poor : &broken, delivered & 2 ? &hint : NULL))
			delivered++;
		else
			sched_yield();
	}
	while (MEV_READ_ONCE(k.worker.base.counters.received) < delivered)
		sched_yield();
	stop();
	cr_assert_eq(k.worker.base.counters.unprofitable, delivered / 2);
	cr_assert_eq(k.worker.base.counters.rejected, delivered / 2);
	cr_assert_eq(xsk_chunks_missing(&k.xsk), 0);
}

Test(xsk_worker, descriptors_that_lead_outside_are_refused)
{
	static const struct {
		__u64 addr;
		__u32 len;
	} bad[] = {
		{ (__u64)UMEM_CHUNK_CNT * UMEM_CHUNK_COPY + 256, 90 },
		{ ~0ULL - 300, 90 },
		{ 256, 2000 },
		{ 256, ~0u },
		{ 257, 90 },
		{ 0, 90 },
		{ 16, 90 },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		((struct xdp_desc *)k.rx.slots)[i] =
			(struct xdp_desc){ .addr = bad[i].addr, .len = bad[i].len };
	__atomic_store_n(&k.rx.producer, sizeof(bad) / sizeof(bad[0]), __ATOMIC_RELEASE);
	while (MEV_READ_ONCE(k.worker.base.counters.rejected) < sizeof(bad) / sizeof(bad[0]))
		sched_yield();
	stop();
}

TestSuite(xsk_worker_asleep, .init = prepare, .fini = teardown, .timeout = 60);

/* Replies and frames of the stack share the TX ring; spare chunks carry the stack's, and come back. */
Test(xsk_worker_asleep, what_the_stack_sends_goes_out)
{
	struct mev_meta hint = hint_a();
	__u8 segment[REPLY_LEN] = { 0 };
	__u64 sent = 0, queued = 0, delivered = 0, answered = 0, nonce;
	FRAME(f, 0);

	cr_assert_eq(frame_queue_open(&k.worker.frames), 0);
	k.worker.base.poll = WORKER_WAIT;
	k.control.wake_fd = eventfd(0, 0);
	start();
	while (sent < 1000 || answered < 1000) {
		put_le(segment + 42, 1ULL << 63 | queued, 8);
		put_le(f.bytes + f.payload, delivered, 8);
		if (queued < 1000 && !frame_queue_put(k.worker.frames, segment, sizeof(segment)))
			queued++; /* wakes the worker, which nothing else here does */
		if (delivered < queued && deliver(&f, &hint))
			delivered++;
		if (!send_one(&nonce)) {
			if (queued == 1000) /* and for what came behind the last one */
				eventfd_write(k.worker.frames->fd, 1);
			sched_yield();
			continue;
		}
		if (nonce >> 63)
			cr_assert_eq(nonce, 1ULL << 63 | sent++);
		else
			cr_assert_eq(nonce, answered++);
	}
	eventfd_write(k.control.wake_fd, 1);
	stop();
	cr_assert_eq(k.worker.base.counters.replied, 1000);
	cr_assert_eq(k.xsk.spare_cnt, XSK_SPARE);
	cr_assert_eq(xsk_chunks_missing(&k.xsk), 0);
	frame_queue_close(k.worker.frames);
}

/* A driver that pads by sending more of the chunk sends zeros, not what was received there before. */
Test(xsk_worker_asleep, short_frames_are_padded_with_zeros)
{
	static const __u8 nothing[64];
	const __u32 lens[] = { 42, 54, 59, 60, 61 };
	__u8 segment[64];

	memset(segment, 0xff, sizeof(segment));
	memset(k.xsk.umem.area, 0xa5, XSK_SPARE * UMEM_CHUNK_COPY);
	cr_assert_eq(frame_queue_open(&k.worker.frames), 0);
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
		cr_assert_eq(frame_queue_put(k.worker.frames, segment, lens[i]), 0);
	start();
	for (__u32 i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		struct xdp_desc *desc = (struct xdp_desc *)k.tx.slots + i;
		const __u8 *frame;

		while (__atomic_load_n(&k.tx.producer, __ATOMIC_ACQUIRE) <= i)
			sched_yield();
		cr_assert_eq(desc->len, lens[i]);
		frame = k.xsk.umem.area + desc->addr;
		cr_assert_arr_eq(frame, segment, lens[i]);
		if (lens[i] < 60)
			cr_assert_arr_eq(frame + lens[i], nothing, 60 - lens[i]);
		cr_assert_eq(frame[lens[i] < 60 ? 60 : lens[i]], 0xa5, "and no more than that");
		k.completion.slots[i] = desc->addr;
		__atomic_store_n(&k.tx.consumer, i + 1, __ATOMIC_RELEASE);
		__atomic_store_n(&k.completion.producer, i + 1, __ATOMIC_RELEASE);
	}
	stop();
	cr_assert_eq(xsk_chunks_missing(&k.xsk), 0);
	frame_queue_close(k.worker.frames);
}

/* A kernel that wants to be woken is; a wakeup that fails is counted, and nothing is lost by it. */
Test(xsk_worker_asleep, wakeups_are_made_and_counted)
{
	struct mev_meta hint = hint_a();
	__u64 nonce;
	FRAME(f, 0);

	k.tx.flags = k.fill.flags = NEED_WAKEUP;
	start();
	put_le(f.bytes + f.payload, 0, 8);
	cr_assert(deliver(&f, &hint));
	while (!MEV_READ_ONCE(k.worker.base.counters.tx_kick_errors) ||
	       !MEV_READ_ONCE(k.worker.base.counters.rx_kicks))
		sched_yield();
	while (!send_one(&nonce))
		sched_yield();
	stop();
	cr_assert_eq(k.worker.base.counters.replied, 1);
	cr_assert_eq(xsk_chunks_missing(&k.xsk), 0);
}
