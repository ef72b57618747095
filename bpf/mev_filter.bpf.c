// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * mev_filter - the XDP program: parse, judge, count, act
 *
 * Runs in the driver for every frame of the interface, on any CPU, with no state but the maps.
 * What it cannot tell is XDP_PASS. Every frame leaves through mev_filter(), which counts its
 * verdict and turns it into an action.
 */
#include "compiler.h"

#include <xdp/xdp_helpers.h>

/*
 * As mev_filter_chain.bpf.o, for libxdp's dispatcher. Since Linux 6.12.x a program there may not call
 * what changes a packet's bounds, as the stub that it takes the place of does not: the worker then
 * gets no hint and looks the pool up by itself.
 */
#ifdef MEV_CHAIN
#define bpf_xdp_adjust_meta(ctx, delta) ((void)(ctx), (void)(delta), -1)
#define bpf_xdp_adjust_tail(ctx, delta) ((void)(ctx), (void)(delta), -1)
#endif

#include "engine.h"
#include "filter.h"
#include "maps.h"

char _license[] SEC("license") = "Dual BSD/GPL";

/*
 * For libxdp's dispatcher, where the kernel allows one: run behind a packet filter (xdp-filter has
 * priority 10) and before what has the default of 50; what this program passes goes on to those.
 */
struct {
	__uint(priority, 20);
	__uint(XDP_PASS, 1);
} XDP_RUN_CONFIG(mev_filter);

/*
 * The time for every MEV_META_TIMED-th candidate of a CPU, 0 for the others: where the clock is a
 * virtual machine's, asking it costs as much as half of all the rest (make bench, replies/s).
 */
static __always_inline __u64 sampled_time(const __u32 *zero)
{
	const struct mev_counters *counters = bpf_map_lookup_elem(&mev_verdicts, zero);

	if (!counters || counters->redirect.packets % MEV_META_TIMED)
		return 0;
	return bpf_ktime_get_ns();
}

/*
 * Puts what was found in front of the packet for the worker. A driver without metadata refuses:
 * the worker then finds no hint and looks the pool up by itself.
 */
static __always_inline void leave_meta(struct xdp_md *ctx, const struct candidate *c, __u64 now)
{
	struct mev_meta *meta;

	if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(*meta)))
		return;
	meta = (void *)(long)ctx->data_meta;
	if ((void *)(meta + 1) > (void *)(long)ctx->data)
		return;
	meta->rx_ns_lo = (__u32)now;
	meta->rx_ns_hi = (__u8)(now >> 32);
	meta->reserve0 = c->state.reserve0;
	meta->reserve1 = c->state.reserve1;
	meta->slot = c->state.slot;
	meta->class = MEV_CLASS_SWAP;
	meta->pool = (__u16)c->pool;
}

/* `address` lies in the frame, which the kernel takes as a key just as well as a copy. */
static __always_inline struct mev_pool *find_pool(const __u8 *address, __u32 *slot)
{
	__u32 *found = bpf_map_lookup_elem(&mev_pool_index, address);

	if (!found)
		return NULL;
	*slot = *found;
	/* By the entry itself: the copy would have to reach memory first. */
	return bpf_map_lookup_elem(&mev_pools, found);
}

static __always_inline bool feed_allowed(const struct mev_config *cfg, const struct packet *packet)
{
	struct mev_feed_key source;

	if (!(cfg->flags & MEV_FEED_RESTRICTED))
		return true;
	source = filter_source(packet);
	return bpf_map_lookup_elem(&mev_feed_allow, &source) != NULL;
}

/* Out of line, for the stack's sake: what updates need there, swaps have for the decision. */
static __noinline enum mev_verdict take_update(const struct mev_config *cfg, __u32 v4,
					       struct ipv4_hdr *ip,
					       const struct pool_state_update *update)
{
	const struct packet packet = { .v4 = v4, .ip4 = ip };
	struct mev_pool_counters *counters;
	enum mev_verdict verdict;
	struct mev_pool *pool;
	bool gap;
	__u32 slot;

	if (!feed_allowed(cfg, &packet))
		return MEV_UPDATE_FORBIDDEN;
	pool = find_pool(update->pool_address, &slot);
	if (!pool)
		return MEV_UPDATE_UNKNOWN_POOL;
	verdict = mev_pool_update(pool, update, &gap);

	counters = bpf_map_lookup_elem(&mev_pool_stats, &slot);
	if (counters) {
		counters->updates += verdict == MEV_UPDATE_APPLIED;
		counters->stale += verdict == MEV_UPDATE_STALE;
		counters->gaps += gap;
	}
	return verdict;
}

static __always_inline enum mev_verdict take_swap(const struct dex_swap_tx *swap,
						  struct candidate *c)
{
	struct mev_pool_counters *counters;
	enum mev_verdict verdict;
	struct mev_pool *pool;

	pool = find_pool(swap->pool_address, &c->pool);
	if (!pool)
		return MEV_UNKNOWN_POOL;
	verdict = mev_pool_read(pool, &c->state) ? filter_swap(swap, &c->state) : MEV_POOL_BUSY;

	counters = bpf_map_lookup_elem(&mev_pool_stats, &c->pool);
	if (counters) {
		counters->swaps++;
		counters->candidates += verdict == MEV_REDIRECT;
	}
	return verdict;
}

/* The verdict of a frame; MEV_REDIRECT: *c is filled in. */
static __always_inline enum mev_verdict judge(struct xdp_md *ctx, const __u32 *zero,
					      struct candidate *c)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	struct filter_record record;
	enum mev_verdict verdict;
	struct mev_config *cfg;

	cfg = bpf_map_lookup_elem(&mev_config, zero);
	if (!cfg || !cfg->ready)
		return MEV_PASS;
	verdict = filter_frame(data, data_end, cfg, &record);
	if (verdict == MEV_PASS)
		return filter_own(data, data_end, cfg);
	if (verdict != MEV_REDIRECT)
		return verdict;
	if (!record.is_swap)
		return take_update(cfg, record.packet.v4, record.packet.ip4, record.update);
	c->engine = (__u8)MEV_READ_ONCE(cfg->engine);
	c->limited = false;
	engine_remember(&record.packet, c);
	return take_swap(record.swap, c);
}

SEC("xdp")
int mev_filter(struct xdp_md *ctx)
{
	__u64 len = ctx->data_end - ctx->data;
	struct mev_counters *counters;
	struct mev_counter *counter;
	enum mev_verdict verdict;
	struct candidate candidate;
	int action = XDP_DROP;
	__u32 zero = 0;

	verdict = judge(ctx, &zero, &candidate);
	if (verdict == MEV_REDIRECT && candidate.engine == MEV_ENGINE_KERNEL)
		verdict = engine_answer(ctx, &candidate);
	if (verdict == MEV_HANDED_UP && engine_limit(ctx, &candidate))
		verdict = engine_answer(ctx, &candidate);
	if (verdict == MEV_REDIRECT || verdict == MEV_HANDED_UP)
		leave_meta(ctx, &candidate, sampled_time(&zero));
	if (verdict == MEV_REPLIED_IN_DRIVER) {
		action = XDP_TX;
	} else if (verdict == MEV_REDIRECT || verdict == MEV_HANDED_UP || verdict == MEV_STACK) {
		action = (int)bpf_redirect_map(&mev_xsks, ctx->rx_queue_index, XDP_PASS);
		if (action == XDP_PASS)
			verdict = MEV_NO_SOCKET;
	} else if (verdict == MEV_PASS) {
		action = XDP_PASS;
	}

	counters = bpf_map_lookup_elem(&mev_verdicts, &zero);
	if (counters) {
		counter = mev_counter_of(counters, verdict);
		if (counter) {
			counter->packets++;
			counter->bytes += len;
		}
	}
	return action;
}
