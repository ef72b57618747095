// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "hot_world.h"

#include <math.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "amm.h"
#include "filter_world.h"
#include "random.h"
#include "sandwich.h"
#include "xsk_worker.h"

#define FRAME_MAX 128 /* of a candidate; IPv6 makes 110 */

struct swap {
	struct mev_meta hint;
	__u8 bytes[FRAME_MAX];
};

struct indices {
	__u32 producer __cacheline_aligned;
	__u32 consumer __cacheline_aligned;
	__u32 flags;
};

struct hot_world {
	struct hot_case c;
	struct mev_config config;
	struct mev_pool *pools;
	struct swap *swaps;
	__u32 swap_cnt, frame_len;
	__u32 first; /* swap of this lap */
	__u64 *addr; /* of the frames, in the order of the lap */
	struct worker_control control;
	struct hot_path hot_path;
	struct xsk_worker worker;
	struct xsk xsk;
	struct indices rx, tx, fill, completion;
};

static void *take(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		abort();
	return p;
}

static double log_uniform(__u64 *seed, double lo, double hi)
{
	return lo * pow(hi / lo, random_unit(seed));
}

static void address_of(__u32 pool, __u8 *address)
{
	__u64 seed = pool,
	      words[3] = { random_next(&seed), random_next(&seed), random_next(&seed) };

	memcpy(address, words, MEV_ADDRESS_LEN);
}

static void make_pools(struct hot_world *w, __u64 *seed)
{
	static const __u32 fees[][2] = { { 997, 1000 }, { 997, 1000 }, { 9975, 10000 } };
	struct pool_table *index;
	__u8 address[MEV_ADDRESS_LEN];

	w->pools = take(w->c.pool_cnt * sizeof(*w->pools));
	if (pool_table_open(&index, w->c.pool_cnt) < 0)
		abort();
	for (__u32 i = 0; i < w->c.pool_cnt; i++) {
		const __u32 *fee = fees[random_below(seed, 3)];

		w->pools[i] = (struct mev_pool){
			.reserve0 = (__u64)log_uniform(seed, 0x1p38, 0x1p44),
			.reserve1 = (__u64)log_uniform(seed, 0x1p38, 0x1p44),
			.slot = i,
			.kappa_q64 = amm_kappa_q64(fee[0], fee[1]),
			.fee_n = fee[0],
			.fee_d = fee[1],
		};
		address_of(i, address);
		memcpy(w->pools[i].address_head, address, MEV_POOL_HEAD_LEN);
		if (pool_table_add(index, address, i) < 0)
			abort();
	}
	w->hot_path = (struct hot_path){
		.config = &w->config, .pools = w->pools, .pool_cnt = w->c.pool_cnt, .index = index
	};
	w->worker.hot_path = &w->hot_path;
}

static struct amm_side side_of(const struct mev_pool *p, __u8 direction)
{
	struct mev_pool_state s;

	mev_pool_read(p, &s);
	return mev_pool_side(&s, direction);
}

static void make_swap(struct hot_world *w, struct swap *s, __u64 *seed)
{
	__u32 i = (__u32)random_below(seed, w->c.pool_cnt);
	const struct mev_pool *p = &w->pools[i];
	__u8 address[MEV_ADDRESS_LEN];
	struct frame_spec spec = {
		.ipv6 = w->c.ipv6,
		.udp_checksum = w->c.verify_sum,
		.pool = (const char *)address,
		.nonce = random_next(seed),
		.direction = random_next(seed) & 1,
	};
	struct amm_side side = side_of(p, spec.direction);
	struct frame f;

	address_of(i, address);
	do
		spec.amount_in = (__u64)((double)side.rin * log_uniform(seed, 0.004, 0.1));
	while (spec.amount_in < amm_break_even(side.rin, p->kappa_q64));
	spec.min_amount_out = (__u64)((double)amm_out(&side, spec.amount_in) *
				      (1 - log_uniform(seed, 0.001, 0.02)));
	frame_build(&f, &spec);
	w->frame_len = f.len;
	memcpy(s->bytes, f.bytes, sizeof(s->bytes));
	s->hint = (struct mev_meta){
		.reserve0 = p->reserve0,
		.reserve1 = p->reserve1,
		.slot = p->slot,
		.rx_ns_lo = !(spec.nonce % MEV_META_TIMED),
		.class = w->c.no_hint ? MEV_CLASS_NONE : MEV_CLASS_SWAP,
		.pool = (__u16)i,
	};
}

/* One descriptor ring or address ring; both views of it have one layout. */
static void view(void *ring, struct indices *i, __u32 size, size_t slot)
{
	struct xsk_ring_prod *r = ring;

	r->mask = size - 1;
	r->size = size;
	r->producer = &i->producer;
	r->consumer = &i->consumer;
	r->flags = &i->flags;
	r->ring = take(size * slot);
}

/*
 * The other end takes what it is given at the moment when it is given: the consumer's index is the
 * producer's, and what is put into TX is in the completion ring at once.
 */
static void make_rings(struct hot_world *w)
{
	struct xsk *x = &w->xsk;

	view(&x->rx, &w->rx, XSK_RING_SIZE, sizeof(struct xdp_desc));
	view(&x->tx, &w->tx, XSK_RING_SIZE, sizeof(struct xdp_desc));
	view(&x->fill, &w->fill, XSK_FILL_SIZE, sizeof(__u64));
	view(&x->completion, &w->completion, XSK_RING_SIZE, sizeof(__u64));
	x->tx.consumer = x->completion.producer = &w->tx.producer;
	x->fill.consumer = &w->fill.producer;
	x->tx.cached_cons = XSK_RING_SIZE;
	x->fill.cached_cons = XSK_FILL_SIZE;
	x->spare_cnt = XSK_SPARE;
	x->fd = -1;
	w->worker.xsk = x;
}

/* All worlds use the same memory, since each lap starts with its own frames. */
static void make_umem(struct hot_world *w, __u64 *seed)
{
	static __u8 *area;
	struct umem *u = &w->xsk.umem;
	__u32 cnt = w->c.chunk_cnt;

	if (!area) {
		area = take(HOT_MAX_CHUNKS * UMEM_CHUNK_COPY);
		/* a UMEM of the node's size does not miss the TLB as this one would */
		madvise(area, HOT_MAX_CHUNKS * UMEM_CHUNK_COPY, MADV_HUGEPAGE);
	}
	u->chunk_size = UMEM_CHUNK_COPY;
	u->size = (size_t)cnt * u->chunk_size;
	u->area = area;
	w->addr = take(cnt * sizeof(*w->addr));
	for (__u32 i = 0; i < cnt; i++) {
		__u32 j = (__u32)random_below(seed, i + 1);

		w->addr[i] = w->addr[j];
		w->addr[j] = (__u64)i * u->chunk_size + UMEM_HEADROOM;
	}
}

struct hot_world *hot_open(const struct hot_case *c, __u32 swap_cnt)
{
	struct hot_world *w = take(sizeof(*w));
	__u64 seed = 42;

	w->c = *c;
	world_config(&w->config, c->verify_sum ? MEV_VERIFY_UDP_SUM : 0);
	w->config.strategy = c->strategy;
	w->config.capital = c->strategy == SANDWICH_FIXED ? 1ULL << 30 : 1ULL << 37;
	make_pools(w, &seed);
	w->swaps = take(swap_cnt * sizeof(*w->swaps));
	w->swap_cnt = swap_cnt;
	for (__u32 i = 0; i < swap_cnt; i++)
		make_swap(w, &w->swaps[i], &seed);
	make_umem(w, &seed);
	make_rings(w);
	w->control.stop = true; /* the loop then serves what there is, and returns */
	w->worker.base.control = &w->control;
	w->worker.base.pool_replies = take(c->pool_cnt * sizeof(__u64));
	latency_clock_init(&w->worker.base.clock);
	return w;
}

static inline void flush(const __u8 *p, size_t len)
{
#if defined(__x86_64__)
	for (size_t i = 0; i < len; i += MEV_CACHELINE)
		__builtin_ia32_clflush(p + i);
#endif
}

void hot_prepare(struct hot_world *w)
{
	struct xdp_desc *desc = w->xsk.rx.ring;
	__u32 cnt = w->c.chunk_cnt, at = (w->first + cnt) % w->swap_cnt;

	w->first = at;
	for (__u32 i = 0; i < cnt; i++, at = at + 1 < w->swap_cnt ? at + 1 : 0) {
		const struct swap *s = &w->swaps[at];
		__u8 *frame = w->xsk.umem.area + w->addr[i];

		memcpy(frame - sizeof(s->hint), s, sizeof(*s));
		if (w->c.flushed)
			flush(frame - MEV_CACHELINE, 3 * MEV_CACHELINE);
	}
	for (__u32 i = 0; i < cnt && cnt <= XSK_RING_SIZE; i++)
		desc[(w->rx.producer + i) % XSK_RING_SIZE] =
			(struct xdp_desc){ .addr = w->addr[i], .len = w->frame_len };
}

__u32 hot_decide(struct hot_world *w, __u32 from, __u32 cnt)
{
	__u32 replied = 0;

	for (__u32 i = from; i < from + cnt; i++) {
		__u8 *frame = w->xsk.umem.area + w->addr[i];
		struct hot_path_reply reply;
		struct mev_meta hint;

		memcpy(&hint, frame - sizeof(hint), sizeof(hint));
		replied += hot_path_candidate(&w->hot_path, frame, w->frame_len, &hint, &reply) ==
			   MEV_REPLIED;
	}
	return replied;
}

__u32 hot_work(struct hot_world *w, __u32 from, __u32 cnt)
{
	__u64 before = w->worker.base.counters.replied;

	(void)from;
	w->rx.producer += cnt;
	xsk_worker_loop(&w->worker);
	return (__u32)(w->worker.base.counters.replied - before);
}

/* What a swap deserves by itself: its frame, or its reply; false: the frame is neither. */
static bool check_frame(const struct hot_world *w, const struct swap *s, const __u8 *frame,
			bool *replied)
{
	__u32 at = w->frame_len - (__u32)sizeof(struct dex_swap_tx);
	const struct dex_swap_tx *tx = (const void *)(s->bytes + at);
	const struct swap_reply *reply = (const void *)(frame + at);
	struct amm_side side = side_of(&w->pools[s->hint.pool], tx->token_direction);
	struct sandwich best;

	*replied = sandwich_decide(&side, tx->amount_in, tx->min_amount_out, w->config.capital,
				   w->config.strategy, &best);
	if (!*replied)
		return !memcmp(frame, s->bytes, w->frame_len);
	return reply->nonce == tx->nonce && reply->profit == best.profit &&
	       reply->front_run_in == best.front_in && reply->slot == s->hint.slot &&
	       !memcmp(frame, s->bytes + 6, 6) && !memcmp(frame + 6, s->bytes, 6);
}

double hot_check(struct hot_world *w, hot_lap lap)
{
	__u32 replied, right = 0, cnt = w->c.chunk_cnt;

	hot_prepare(w);
	replied = lap(w, 0, cnt);
	for (__u32 i = 0; i < cnt; i++) {
		const struct swap *s = &w->swaps[(w->first + i) % w->swap_cnt];
		bool one;

		if (!check_frame(w, s, w->xsk.umem.area + w->addr[i], &one))
			return -1;
		right += one;
	}
	return right == replied ? (double)right / cnt : -1;
}
