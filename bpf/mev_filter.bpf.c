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
#define bpf_xdp_adjust_meta(ctx, delta) ((void)(ctx), -1)
#define bpf_xdp_adjust_tail(ctx, delta) ((void)(ctx), -1)
#endif

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

/* A swap for userspace to decide. */
struct candidate {
	struct mev_pool_state state;
	__u32 pool; /* slot in mev_pools */
};

/*
 * Puts what was found in front of the packet for the worker. A driver without metadata refuses:
 * the worker then finds no hint and looks the pool up by itself.
 */
static __always_inline void leave_meta(struct xdp_md *ctx, const struct candidate *c)
{
	__u64 now = bpf_ktime_get_ns();
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

/*
 * The address in a record, by words: by bytes the copy is 80 instructions, and the hash, which reads
 * words next, waits for all of them (bench: mevload live --mix break_even=1).
 */
static __always_inline void read_address(struct mev_address *to, const __u8 *address)
{
	typedef struct {
		__u32 word[MEV_ADDRESS_LEN / 4];
	} __wire_words words;

	for (int i = 0; i < MEV_ADDRESS_LEN / 4; i++)
		((words *)to)->word[i] = ((const words *)address)->word[i];
}

static __always_inline struct mev_pool *find_pool(const __u8 *address, __u32 *slot)
{
	struct mev_address key __attribute__((aligned(8)));
	__u32 *found;

	read_address(&key, address);
	found = bpf_map_lookup_elem(&mev_pool_index, &key);
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

static __always_inline enum mev_verdict take_update(const struct mev_config *cfg,
						    const struct filter_record *record)
{
	struct mev_pool_counters *counters;
	enum mev_verdict verdict;
	struct mev_pool *pool;
	bool gap;
	__u32 slot;

	if (!feed_allowed(cfg, &record->packet))
		return MEV_UPDATE_FORBIDDEN;
	pool = find_pool(record->update->pool_address, &slot);
	if (!pool)
		return MEV_UPDATE_UNKNOWN_POOL;
	verdict = mev_pool_update(pool, record->update, &gap);

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
static __always_inline enum mev_verdict judge(struct xdp_md *ctx, struct candidate *c)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	struct filter_record record;
	enum mev_verdict verdict;
	struct mev_config *cfg;
	__u32 zero = 0;

	cfg = bpf_map_lookup_elem(&mev_config, &zero);
	if (!cfg || !cfg->ready)
		return MEV_PASS;
	verdict = filter_frame(data, data_end, cfg, &record);
	if (verdict == MEV_PASS)
		return filter_own(data, data_end, cfg);
	if (verdict != MEV_REDIRECT)
		return verdict;
	return record.is_swap ? take_swap(record.swap, c) : take_update(cfg, &record);
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

	verdict = judge(ctx, &candidate);
	if (verdict == MEV_REDIRECT)
		leave_meta(ctx, &candidate);
	if (verdict == MEV_REDIRECT || verdict == MEV_STACK) {
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
