// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * mev_filter - the XDP program: parse, judge, count, act
 *
 * Runs in the driver for every frame of the interface, on any CPU, with no state but the maps.
 * What it cannot tell is XDP_PASS. Every frame leaves through mev_filter(), which counts its
 * verdict and turns it into an action.
 */
#include "compiler.h"

#include "filter.h"
#include "maps.h"

char _license[] SEC("license") = "Dual BSD/GPL";

/*
 * Puts what was found in front of the packet for the worker. A driver without metadata refuses:
 * the worker then finds no hint and looks the pool up by itself.
 */
static __always_inline void leave_meta(struct xdp_md *ctx, __u32 pool)
{
	struct mev_meta *meta;

	if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(*meta)))
		return;
	meta = (void *)(long)ctx->data_meta;
	if ((void *)(meta + 1) > (void *)(long)ctx->data)
		return;
	meta->rx_ns = bpf_ktime_get_ns();
	meta->pool = pool;
	meta->class = MEV_CLASS_SWAP;
	meta->magic = MEV_META_MAGIC;
}

static __always_inline struct mev_pool *find_pool(const __u8 *address, __u32 *slot)
{
	struct mev_address key;
	__u32 *found;

	__builtin_memcpy(&key, address, sizeof(key));
	found = bpf_map_lookup_elem(&mev_pool_index, &key);
	if (!found)
		return NULL;
	*slot = *found;
	return bpf_map_lookup_elem(&mev_pools, slot);
}

static __always_inline enum mev_verdict take_update(const struct pool_state_update *update)
{
	struct mev_pool *pool;
	bool gap;
	__u32 slot;

	pool = find_pool(update->pool_address, &slot);
	if (!pool)
		return MEV_UPDATE_UNKNOWN_POOL;
	return mev_pool_update(pool, update, &gap);
}

/* The verdict of a frame; *pool is the slot of a candidate's pool. */
static __always_inline enum mev_verdict judge(struct xdp_md *ctx, __u32 *slot)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	struct filter_record record;
	struct mev_pool_state state;
	enum mev_verdict verdict;
	struct mev_config *cfg;
	struct mev_pool *pool;
	__u32 zero = 0;

	cfg = bpf_map_lookup_elem(&mev_config, &zero);
	if (!cfg || !cfg->ready)
		return MEV_PASS;
	verdict = filter_frame(data, data_end, cfg, &record);
	if (verdict != MEV_REDIRECT)
		return verdict;
	if (record.update)
		return take_update(record.update);

	pool = find_pool(record.swap->pool_address, slot);
	if (!pool)
		return MEV_UNKNOWN_POOL;
	if (!mev_pool_read(pool, &state))
		return MEV_POOL_BUSY;
	return filter_swap(record.swap, &state);
}

SEC("xdp")
int mev_filter(struct xdp_md *ctx)
{
	__u64 len = ctx->data_end - ctx->data;
	struct mev_counters *counters;
	struct mev_counter *counter;
	enum mev_verdict verdict;
	__u32 slot = 0, zero = 0;
	int action = XDP_DROP;

	verdict = judge(ctx, &slot);
	if (verdict == MEV_REDIRECT) {
		leave_meta(ctx, slot);
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
