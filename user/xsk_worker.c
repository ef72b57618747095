// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "xsk_worker.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "filter.h"
#include "response_ring.h"

/*
 * Frames a turn. 64 is NAPI's weight, so a busy queue fills it; larger batches only let the first
 * frame of one wait for the last before its reply is handed over.
 */
#define BATCH 64

/*
 * How many frames before its turn a frame's memory is asked for, and its pool's. bench/micro,
 * worker/optimal/pools_1000: frames in no cache 226 to 81 ns, cached ones 79 to 72; 6 and 3, 8 and
 * 4, 12 and 6 gain less.
 */
#define FRAMES_AHEAD 4
#define POOLS_AHEAD 2

/*
 * What Ethernet pads shorter frames to (IEEE 802.3, without FCS). Where a driver does that by sending
 * more of the chunk, it must not find somebody's old frame there. Replies are longer.
 */
#define FRAME_MIN 60
_Static_assert(sizeof(struct eth_hdr) + sizeof(struct ipv4_hdr) + sizeof(struct udp_hdr) +
			       sizeof(struct swap_reply) >=
		       FRAME_MIN,
	       "replies need no padding");

#define DRAIN_NS 100000000
#define ANCHOR_NS 1000000000
#define CLOCK_TURNS 64 /* a turn that spins is shorter than asking the time is */
#define RETRY_MS 10

_Static_assert(sizeof(struct mev_meta) == UMEM_META, "metadata and headers share a cache line");

/* What one turn found, stored into the shared counters at its end. */
struct turn {
	struct worker_counters add;
	__u64 recycled[BATCH];
	__u32 recycled_cnt;
};

static inline void put_back(struct xsk *x, const __u64 *chunks, __u32 cnt)
{
	__u32 idx;

	/* There is always room: XSK_FILL_SIZE. */
	if (!cnt || xsk_ring_prod__reserve(&x->fill, cnt, &idx) != cnt)
		return;
	for (__u32 i = 0; i < cnt; i++)
		*xsk_ring_prod__fill_addr(&x->fill, idx + i) = umem_chunk(&x->umem, chunks[i]);
	xsk_ring_prod__submit(&x->fill, cnt);
	x->filled += cnt;
}

/* Sent chunks go to the fill ring, where the spare ones are complete. */
static void reclaim(struct xsk *x)
{
	__u32 idx, cnt = xsk_ring_cons__peek(&x->completion, BATCH, &idx), fill_cnt = 0;
	__u64 chunks[BATCH];

	if (!cnt)
		return;
	for (__u32 i = 0; i < cnt; i++) {
		__u64 addr = *xsk_ring_cons__comp_addr(&x->completion, idx + i);

		if (unlikely(x->spare_cnt < XSK_SPARE))
			x->spare[x->spare_cnt++] = umem_chunk(&x->umem, addr);
		else
			chunks[fill_cnt++] = addr;
	}
	xsk_ring_cons__release(&x->completion, cnt);
	x->completed += cnt;
	put_back(x, chunks, fill_cnt);
}

/* How many replies could be taken now; frames beyond that stay in RX. */
static __u32 reply_room(struct xsk *x, struct response_ring *ring)
{
	__u32 tx = xsk_prod_nb_free(&x->tx, BATCH);

	return response_ring_room(ring, tx < BATCH ? tx : BATCH);
}

/* The lines of a frame that is soon to be decided. A prefetch cannot fault. */
static inline void expect_frame(const struct xsk_worker *w, __u64 addr)
{
	const __u8 *frame = w->xsk->umem.area + addr;

	__builtin_prefetch(frame - sizeof(struct mev_meta));
	__builtin_prefetch(frame, 1);
	__builtin_prefetch(frame + MEV_CACHELINE, 1);
}

/* Later, when they have come: what its hint names, which is in bounds and may be anything. */
static inline void expect_pool(const struct xsk_worker *w, const struct hot_path *hp, __u64 addr)
{
	struct mev_meta hint;

	if (addr < sizeof(hint) || addr > w->xsk->umem.size)
		return;
	memcpy(&hint, w->xsk->umem.area + addr - sizeof(hint), sizeof(hint));
	if (hint.pool >= hp->pool_cnt)
		return;
	__builtin_prefetch(&hp->pools[hint.pool]);
	__builtin_prefetch(&w->base.pool_replies[hint.pool], 1);
}

/* Address of the i-th frame of those peeked. */
static inline __u64 rx_addr(const struct xsk *x, __u32 i)
{
	return xsk_ring_cons__rx_desc(&x->rx, i)->addr;
}

/*
 * Decides one frame. Descriptors come from the kernel, and are looked at all the same: nothing
 * that a frame or a ring holds may lead outside the UMEM.
 */
static enum mev_verdict decide(struct xsk_worker *w, const struct hot_path *hp,
			       const struct xdp_desc *desc, struct response *response)
{
	const struct umem *umem = &w->xsk->umem;
	struct hot_path_reply reply;
	enum mev_verdict verdict;
	__u64 base = umem_chunk(umem, desc->addr), off = desc->addr - base;
	struct mev_meta hint;
	__u8 *frame, *class;

	if (base >= umem->size || off + desc->len > umem->chunk_size || off & 1 ||
	    off < sizeof(hint))
		return MEV_REJECTED;
	frame = umem->area + desc->addr;
	memcpy(&hint, frame - sizeof(hint), sizeof(hint)); /* as aligned as the driver likes */
	verdict = hot_path_candidate(hp, frame, desc->len, &hint, &reply);
	if (likely(verdict == MEV_REPLIED)) {
		response->addr = desc->addr;
		response->len = reply.len;
		response->rx_ns = (__u64)hint.rx_ns_hi << 32 | hint.rx_ns_lo;
		response->timed = hint.class == MEV_CLASS_SWAP && response->rx_ns;
		MEV_WRITE_ONCE(w->base.pool_replies[reply.slot],
			       w->base.pool_replies[reply.slot] + 1);
	}
	if (unlikely(verdict == MEV_REJECTED && w->stack) &&
	    filter_own(frame, frame + desc->len, hp->config) == MEV_STACK) {
		stack_input(w->stack, frame, desc->len);
		verdict = MEV_STACK;
	}
	/* Used up: it must not be taken for the next frame's in this chunk. */
	class = frame - sizeof(hint) + offsetof(struct mev_meta, class);
	*class = MEV_CLASS_NONE;
	return verdict;
}

static __u32 receive(struct xsk_worker *w, struct response_ring *ring, struct turn *t)
{
	const struct hot_path *hp = __atomic_load_n(&w->hot_path, __ATOMIC_ACQUIRE);
	__u32 room = reply_room(w->xsk, ring), cnt, idx;

	if (unlikely(!room)) {
		t->add.tx_backpressure++;
		return 0;
	}
	cnt = xsk_ring_cons__peek(&w->xsk->rx, room, &idx);
	if (!cnt)
		return 0;

	for (__u32 i = 1; i < cnt && i < FRAMES_AHEAD; i++)
		expect_frame(w, rx_addr(w->xsk, idx + i));
	for (__u32 i = 0; i < cnt; i++) {
		const struct xdp_desc *desc = xsk_ring_cons__rx_desc(&w->xsk->rx, idx + i);
		/* Two looks at the clock are a third of a decision (bench/micro, histogram/clock). */
		bool timed = (w->xsk->received + i) % MEV_META_TIMED == 0;
		struct response response = { 0 };
		enum mev_verdict verdict;
		__u64 before = 0;

		if (i + FRAMES_AHEAD < cnt)
			expect_frame(w, rx_addr(w->xsk, idx + i + FRAMES_AHEAD));
		if (i + POOLS_AHEAD < cnt)
			expect_pool(w, hp, rx_addr(w->xsk, idx + i + POOLS_AHEAD));
		if (timed)
			before = latency_ticks(&w->base.clock);
		verdict = decide(w, hp, desc, &response);
		if (likely(verdict == MEV_REPLIED)) {
			if (timed)
				latency_record(&w->base.hot_path_ns,
					       latency_ns(&w->base.clock,
							  latency_ticks(&w->base.clock) - before));
			response_ring_push(ring, response);
			t->add.replied++;
		} else {
			t->recycled[t->recycled_cnt++] = desc->addr;
			t->add.unprofitable += verdict == MEV_UNPROFITABLE;
			t->add.rejected += verdict == MEV_REJECTED;
			t->add.pool_busy += verdict == MEV_POOL_BUSY;
		}
	}
	xsk_ring_cons__release(&w->xsk->rx, cnt);
	w->xsk->received += cnt;
	t->add.received += cnt;
	response_ring_publish(ring);
	put_back(w->xsk, t->recycled, t->recycled_cnt);
	return cnt;
}

/* In copy mode the kernel sends within this call, a batch of its own size at a time. */
static void kick(struct xsk_worker *w, struct turn *t)
{
	if (!xsk_ring_prod__needs_wakeup(&w->xsk->tx))
		return;
	t->add.tx_kicks++;
	if (sendto(w->xsk->fd, NULL, 0, MSG_DONTWAIT, NULL, 0) >= 0)
		return;
	if (errno == EAGAIN || errno == EBUSY || errno == ENOBUFS)
		t->add.tx_kick_again++;
	else
		t->add.tx_kick_errors++;
}

/*
 * A driver that ran out of empty chunks stops receiving until it is told that there are some again:
 * spinning on the RX ring would not find that out. Zero-copy only; poll(2) tells it as well.
 */
static void wake_rx(struct xsk_worker *w, struct turn *t)
{
	if (likely(!xsk_ring_prod__needs_wakeup(&w->xsk->fill)))
		return;
	t->add.rx_kicks++;
	recvfrom(w->xsk->fd, NULL, 0, MSG_DONTWAIT, NULL, NULL);
}

/*
 * Ns from `rx_ns`, of which MEV_META_RX_BITS are known, to `now`. Two clocks that are tied only
 * once a second may show an effect before its cause: that is 0.
 */
static inline __u64 since(__u64 rx_ns, __u64 now)
{
	__u64 span = (now - rx_ns) << (64 - MEV_META_RX_BITS);

	return (__s64)span < 0 ? 0 : span >> (64 - MEV_META_RX_BITS);
}

/* What the stack wants to send, in spare chunks, as far as they and the TX ring go. */
static void transmit_frames(struct xsk *x, struct frame_queue *q)
{
	const struct queued_frame *f;
	__u32 idx, cnt = 0;

	while (x->spare_cnt && (f = frame_queue_peek(q)) &&
	       xsk_ring_prod__reserve(&x->tx, 1, &idx) == 1) {
		__u64 addr = x->spare[--x->spare_cnt] + UMEM_HEADROOM;

		memcpy(x->umem.area + addr, f->bytes, f->len);
		if (f->len < FRAME_MIN)
			memset(x->umem.area + addr + f->len, 0, FRAME_MIN - f->len);
		*xsk_ring_prod__tx_desc(&x->tx, idx) =
			(struct xdp_desc){ .addr = addr, .len = f->len };
		frame_queue_pop(q);
		cnt++;
	}
	if (cnt)
		xsk_ring_prod__submit(&x->tx, cnt);
	x->sent += cnt;
}

/* Books how long those of the first `cnt` replies took until `now` that are timed. */
static void book(struct xsk_worker *w, const struct response_ring *ring, __u32 first, __u32 cnt,
		 __u64 now)
{
	for (__u32 i = 0; i < cnt; i++) {
		const struct response *response = response_ring_at(ring, first + i);

		if (response->timed)
			latency_record(&w->base.in_node_ns, since(response->rx_ns, now));
	}
}

static void transmit(struct xsk_worker *w, struct response_ring *ring, struct turn *t)
{
	__u32 first, idx, cnt = response_ring_peek(ring, BATCH, &first);
	bool timed = false;
	__u64 now = 0;

	/* receive() took no more than TX has room for. */
	if (cnt && xsk_ring_prod__reserve(&w->xsk->tx, cnt, &idx) == cnt) {
		for (__u32 i = 0; i < cnt; i++) {
			const struct response *response = response_ring_at(ring, first + i);

			*xsk_ring_prod__tx_desc(&w->xsk->tx, idx + i) = (struct xdp_desc){
				.addr = response->addr,
				.len = response->len,
			};
			timed |= response->timed;
		}
		xsk_ring_prod__submit(&w->xsk->tx, cnt);
		w->xsk->sent += cnt;
		if (timed)
			now = latency_when(&w->base.clock, latency_ticks(&w->base.clock));
	} else {
		cnt = 0;
	}
	if (w->frames)
		transmit_frames(w->xsk, w->frames);
	if (xsk_tx_waiting(w->xsk))
		kick(w, t);
	/* Replies do not wait for their own bookkeeping (bench: mevload run --load closed, min). */
	if (timed)
		book(w, ring, first, cnt, now);
	response_ring_release(ring, cnt);
}

/* True while there is more to do at once. */
static bool turn(struct xsk_worker *w, struct response_ring *ring)
{
	struct turn t;
	__u32 cnt;

	worker_turn(&w->base);
	memset(&t.add, 0, sizeof(t.add));
	t.recycled_cnt = 0;
	reclaim(w->xsk);
	cnt = receive(w, ring, &t);
	transmit(w, ring, &t);
	wake_rx(w, &t);
	worker_store(&w->base, &t.add);
	worker_count_replies(&w->base, t.add.replied);
	return cnt || t.add.tx_kick_again;
}

/* Sleeps until a frame or the end comes; while replies are under way, not for long. */
static void sleep_for_work(struct xsk_worker *w)
{
	struct pollfd fds[] = {
		{ .fd = w->xsk->fd, .events = POLLIN },
		{ .fd = w->base.control->wake_fd, .events = POLLIN },
		{ .fd = w->frames ? w->frames->fd : -1, .events = POLLIN },
	};
	int timeout = xsk_tx_waiting(w->xsk) ? RETRY_MS : -1;

	worker_sleeps(&w->base);
	if (!w->frames) {
		poll(fds, 2, timeout);
	} else {
		if (frame_queue_sleep(w->frames))
			poll(fds, 3, timeout);
		frame_queue_awake(w->frames);
	}
	worker_wakes(&w->base);
}

/* Anew once a second: latency.h. */
static void tie_clock(struct xsk_worker *w)
{
	struct latency_clock *clock = &w->base.clock;

	if (latency_ns(clock, latency_ticks(clock) - clock->ticks0) > ANCHOR_NS)
		latency_clock_anchor(clock);
}

/* Nothing to do: what the poll mode does then. */
static void idle(struct xsk_worker *w)
{
	if (w->base.poll == WORKER_BUSY)
		recvfrom(w->xsk->fd, NULL, 0, MSG_DONTWAIT, NULL, NULL);
	if (w->base.poll != WORKER_WAIT)
		return;
	sleep_for_work(w);
	tie_clock(w);
}

static void drain(struct xsk_worker *w, struct response_ring *ring)
{
	__u64 end = latency_monotonic_ns() + DRAIN_NS;

	while (latency_monotonic_ns() < end) {
		bool busy = turn(w, ring);

		if (!busy && w->xsk->sent == w->xsk->completed)
			return;
	}
}

void *xsk_worker_loop(void *xsk_worker)
{
	struct xsk_worker *w = xsk_worker;
	struct response_ring ring;

	response_ring_init(&ring);
	worker_wakes(&w->base);
	latency_clock_anchor(&w->base.clock);
	for (__u32 turns = 1; !worker_stopping(&w->base); turns++) {
		if (!turn(w, &ring))
			idle(w);
		if (turns % CLOCK_TURNS == 0)
			tie_clock(w);
	}
	drain(w, &ring);
	worker_sleeps(&w->base);
	return NULL;
}
