/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * engine.h - the driver's engine: decides a candidate and turns its frame into the reply
 *
 * One global function, which the verifier checks by itself instead of once along every way through
 * the parser: it knows nothing of its arguments, so the frame's parts are found again, by offset.
 * The decision is decision.h's and the reply reply.h's, as in userspace.
 */
#ifndef MEV_ENGINE_H
#define MEV_ENGINE_H

#include "decision.h"
#include "latency_hist.h"
#include "maps.h"
#include "packet.h"
#include "reply.h"

/* A swap worth a decision. */
struct candidate {
	struct mev_pool_state state;
	__u32 pool; /* slot in mev_pools */
	__u8 engine;
	bool limited; /* candidate_limit() is known */
	__u8 v4_l3;   /* where the IP header is, bytes from the frame's start; with CANDIDATE_V4 */
	__u8 l4;      /* where the UDP header is */
};

#define CANDIDATE_V4 0x80

/*
 * The victim's limit, where it took engine_limit() to find it. It lies where the break-even was,
 * which has done its part: the stack is 512 bytes for all functions together.
 */
static __always_inline __u64 candidate_limit(const struct candidate *c)
{
	return c->limited ? c->state.kappa_q64 : DECISION_NO_LIMIT;
}

/* Time is taken of every so manieth decision: two clock readings cost a third of one. */
#define ENGINE_SAMPLE 64

static __always_inline void engine_remember(const struct packet *p, struct candidate *c)
{
	c->v4_l3 = (__u8)((__u8 *)p->ip4 - (__u8 *)p->eth) | (p->v4 ? CANDIDATE_V4 : 0);
	c->l4 = (__u8)((__u8 *)p->udp - (__u8 *)p->eth);
}

/* Finds the parts of a frame again that filter_frame() has seen. False never happens. */
static __always_inline bool engine_recall(struct xdp_md *ctx, const struct candidate *c,
					  __u32 payload_len, struct packet *p)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	__u8 *l3 = data + (c->v4_l3 & 31), *l4 = data + (c->l4 & 127);

	MEV_ONE_VALUE(l3);
	MEV_ONE_VALUE(l4);
	p->eth = data;
	p->udp = (void *)l4;
	p->payload = p->udp + 1;
	p->v4 = c->v4_l3 & CANDIDATE_V4;
	p->ip4 = (void *)l3;
	p->ip4_len = c->l4 - (c->v4_l3 & 31u);
	return p->payload + payload_len <= data_end && (void *)(p->eth + 1) <= data_end &&
	       (void *)(p->v4 ? (void *)(p->ip4 + 1) : (void *)(p->ip6 + 1)) <= data_end;
}

/* Cuts the frame to the reply's length and writes it. False: nothing has changed. */
static __always_inline bool engine_reply(struct xdp_md *ctx, const struct candidate *c,
					 __u64 front_in, __u64 profit)
{
	__u32 len = c->l4 + (__u32)(sizeof(struct udp_hdr) + sizeof(struct swap_reply));
	long was = (void *)(long)ctx->data_end - (void *)(long)ctx->data;
	struct packet p;

	MEV_ONE_VALUE(was); /* the verifier takes no 32-bit difference of pointers */
	if (bpf_xdp_adjust_tail(ctx, (int)len - (int)was))
		return false;
	if (engine_recall(ctx, c, sizeof(struct swap_reply), &p))
		reply_write(&p, profit, front_in, c->state.slot);
	return true;
}

static __always_inline bool engine_decision(struct xdp_md *ctx, const struct candidate *c,
					    struct decision *d, struct amm_side *side)
{
	struct dex_swap_tx *tx;
	struct mev_config *cfg;
	struct packet p;
	__u32 zero = 0;

	cfg = bpf_map_lookup_elem(&mev_config, &zero);
	if (!cfg || !engine_recall(ctx, c, sizeof(*tx), &p))
		return false;
	tx = p.payload;
	*d = decision_on(cfg, tx);
	*side = mev_pool_side(&c->state, tx->token_direction);
	return true;
}

static __always_inline enum mev_verdict engine_settle(struct xdp_md *ctx, const struct candidate *c)
{
	struct mev_pool_counters *counters;
	enum mev_verdict verdict;
	__u64 front_in, profit;
	struct amm_side side;
	struct decision d;
	__u32 slot;

	if (!engine_decision(ctx, c, &d, &side))
		return MEV_HANDED_UP;
	verdict = decision_make_quick(&d, &side, candidate_limit(c), &front_in, &profit);
	if (verdict != MEV_REPLIED)
		return verdict;
	if (!engine_reply(ctx, c, front_in, profit))
		return MEV_HANDED_UP;
	slot = c->pool; /* before Linux 6.2 an argument's memory was no key */
	counters = bpf_map_lookup_elem(&mev_pool_stats, &slot);
	if (counters)
		counters->replies++;
	return MEV_REPLIED_IN_DRIVER;
}

/*
 * REPLIED_IN_DRIVER: the frame is the reply, to be sent. UNPROFITABLE, or HANDED_UP: the frame is as
 * it was.
 */
__attribute__((noinline)) int engine_answer(struct xdp_md *ctx, const struct candidate *c)
{
	struct latency_hist *hist = NULL;
	struct mev_counters *counters;
	enum mev_verdict verdict;
	__u64 before = 0;
	__u32 zero = 0;

	if (MEV_NO(c))
		return MEV_HANDED_UP;
	counters = bpf_map_lookup_elem(&mev_verdicts, &zero);
	if (counters && !(counters->replied_in_driver.packets % ENGINE_SAMPLE)) {
		hist = bpf_map_lookup_elem(&mev_decision_ns, &zero);
		before = bpf_ktime_get_ns();
	}
	verdict = engine_settle(ctx, c);
	if (hist && verdict == MEV_REPLIED_IN_DRIVER)
		latency_record(hist, bpf_ktime_get_ns() - before);
	return verdict;
}

/*
 * What makes most of those that engine_answer() hands up easy for it: a victim's limit that is loose.
 * True: it is worth another call.
 */
__attribute__((noinline)) int engine_limit(struct xdp_md *ctx, struct candidate *c)
{
	struct amm_side side;
	struct decision d;
	__u64 limit;

	if (MEV_NO(c) || c->limited || !engine_decision(ctx, c, &d, &side))
		return false;
	limit = decision_limit(&d, &side);
	if (limit == DECISION_NO_LIMIT)
		return false;
	c->state.kappa_q64 = limit;
	return c->limited = true;
}

#endif /* MEV_ENGINE_H */
