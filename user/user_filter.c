// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user_filter.h"

#include "filter.h"

/* Whether the first prefix_len bits of `a` are those of `source`. */
static bool covers(const struct mev_feed_key *a, const struct mev_feed_key *source)
{
	const __u8 *p = (const __u8 *)a->addr, *q = (const __u8 *)source->addr;
	__u32 bytes = a->prefix_len / 8, bits = a->prefix_len % 8;

	for (__u32 i = 0; i < bytes; i++)
		if (p[i] != q[i])
			return false;
	return !bits || !((p[bytes] ^ q[bytes]) >> (8 - bits));
}

static bool feed_allowed(const struct user_filter *f, const struct packet *packet)
{
	struct mev_feed_key source;

	if (!(f->config->flags & MEV_FEED_RESTRICTED))
		return true;
	source = filter_source(packet);
	for (__u32 i = 0; i < f->feed_cnt; i++)
		if (covers(&f->feeds[i], &source))
			return true;
	return false;
}

static bool find_pool(const struct user_filter *f, const __u8 *address, __u32 *slot)
{
	return pool_table_find(f->index, address, slot) && *slot < f->pool_cnt;
}

static enum mev_verdict take_update(const struct user_filter *f, const struct filter_record *record)
{
	struct mev_pool_counters *counters;
	enum mev_verdict verdict;
	__u32 slot;
	bool gap;

	if (!feed_allowed(f, &record->packet))
		return MEV_UPDATE_FORBIDDEN;
	if (!find_pool(f, record->update->pool_address, &slot))
		return MEV_UPDATE_UNKNOWN_POOL;
	verdict = mev_pool_update(&f->pools[slot], record->update, &gap);

	counters = &f->counters[slot];
	counters->updates += verdict == MEV_UPDATE_APPLIED;
	counters->stale += verdict == MEV_UPDATE_STALE;
	counters->gaps += gap;
	return verdict;
}

static enum mev_verdict take_swap(const struct user_filter *f, const struct dex_swap_tx *swap,
				  __u32 *slot)
{
	struct mev_pool_state state;
	enum mev_verdict verdict;

	if (!find_pool(f, swap->pool_address, slot))
		return MEV_UNKNOWN_POOL;
	verdict =
		mev_pool_read(&f->pools[*slot], &state) ? filter_swap(swap, &state) : MEV_POOL_BUSY;
	f->counters[*slot].swaps++;
	f->counters[*slot].candidates += verdict == MEV_REDIRECT;
	return verdict;
}

enum mev_verdict user_filter_judge(const struct user_filter *f, void *frame, __u32 len, __u32 *slot)
{
	struct filter_record record;
	enum mev_verdict verdict;

	if (!f->config->ready)
		return MEV_PASS;
	verdict = filter_frame(frame, (__u8 *)frame + len, f->config, &record);
	if (verdict == MEV_PASS)
		return filter_own(frame, (__u8 *)frame + len, f->config);
	if (verdict != MEV_REDIRECT)
		return verdict;
	return record.is_swap ? take_swap(f, record.swap, slot) : take_update(f, &record);
}
