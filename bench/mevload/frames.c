// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "frames.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "filter.h"
#include "hot_path.h"
#include "user_filter.h"

_Static_assert(sizeof(struct load_frame) == MEV_CACHELINE, "one cache line a frame");

struct oracle {
	const struct frame_rules *rules;
	struct mev_config config;
	struct mev_pool *pools;
	struct mev_pool_counters *counters;
	struct pool_table *index;
	struct user_filter filter;
	struct hot_path hot_path;
	bool pools_changed;
	__u8 scratch[65536] __attribute__((aligned(2)));
};

int frames_room(struct frame_set *s, __u32 cnt, __u64 size)
{
	*s = (struct frame_set){ .room = cnt };
	s->frames = aligned_alloc(MEV_CACHELINE, (cnt + 1ULL) * sizeof(*s->frames));
	s->bytes = malloc(size + 1);
	if (s->frames && s->bytes)
		return 0;
	frames_free(s);
	return -ENOMEM;
}

void frames_free(struct frame_set *s)
{
	free(s->frames);
	free(s->bytes);
	*s = (struct frame_set){ 0 };
}

int oracle_open(struct oracle **out, const struct frame_rules *rules)
{
	const struct config *c = rules->config;
	struct oracle *o = aligned_alloc(64, (sizeof(*o) + 63) / 64 * 64);

	if (!o)
		return -ENOMEM;
	memset(o, 0, sizeof(*o));
	o->rules = rules;
	o->config = c->node;
	o->config.ready = 1;
	memcpy(o->config.mac, rules->ends.to_mac, sizeof(o->config.mac));
	o->pools = aligned_alloc(MEV_CACHELINE, (c->pool_cnt + 1ULL) * sizeof(*o->pools));
	o->counters = calloc(c->pool_cnt + 1ULL, sizeof(*o->counters));
	if (!o->pools || !o->counters || pool_table_open(&o->index, c->pool_cnt + 1)) {
		oracle_close(o);
		return -ENOMEM;
	}
	for (__u32 i = 0; i < c->pool_cnt; i++) {
		config_pool_line(&c->pools[i], &o->pools[i]);
		pool_table_add(o->index, c->pools[i].address, i);
	}
	o->filter = (struct user_filter){
		.config = &o->config,
		.pools = o->pools,
		.counters = o->counters,
		.pool_cnt = c->pool_cnt,
		.index = o->index,
		.feeds = c->feeds,
		.feed_cnt = c->feed_cnt,
	};
	o->hot_path = (struct hot_path){
		.config = &o->config,
		.pools = o->pools,
		.pool_cnt = c->pool_cnt,
		.index = o->index,
	};
	*out = o;
	return 0;
}

void oracle_close(struct oracle *o)
{
	if (!o)
		return;
	pool_table_close(o->index);
	free(o->pools);
	free(o->counters);
	free(o);
}

/* Where the swap's record lies that the responder would look at; 0 if it would not. */
static __u16 find_record(const struct oracle *o, __u8 *frame, __u32 len)
{
	struct filter_record r;

	switch (filter_frame(frame, frame + len, &o->config, &r)) {
	case MEV_PASS:
	case MEV_MALFORMED:
	case MEV_BAD_CHECKSUM:
	case MEV_BAD_LENGTH:
		return 0;
	default:
		return r.is_swap ? (__u16)((__u8 *)r.swap - frame) : 0;
	}
}

/* The verdict of the frame in `scratch`, which a reply overwrites. */
static enum mev_verdict judge(struct oracle *o, __u32 len)
{
	struct hot_path_reply reply;
	enum mev_verdict verdict;
	__u32 slot;

	verdict = user_filter_judge(&o->filter, o->scratch, len, &slot);
	if (verdict == MEV_REDIRECT)
		verdict = hot_path_candidate(&o->hot_path, o->scratch, len, NULL, &reply);
	o->pools_changed |= verdict == MEV_UPDATE_APPLIED;
	return verdict;
}

enum mev_verdict oracle_verdict(struct oracle *o, const void *bytes, __u32 len)
{
	memcpy(o->scratch, bytes, len);
	return judge(o, len);
}

/* What the frame in `scratch` deserves. */
static void expect(struct oracle *o, struct load_frame *f, __u32 len)
{
	enum mev_verdict verdict = o->rules->echo ? MEV_PASS : judge(o, len);

	if (!f->record_off)
		return;
	if (o->rules->echo) {
		f->expect = EXPECT_REPLY;
		f->reply_len = sizeof(struct dex_swap_tx);
	} else if (verdict == MEV_REPLIED) {
		f->expect = EXPECT_REPLY;
		f->reply_len = sizeof(struct swap_reply);
	} else {
		return;
	}
	memcpy(f->reply, o->scratch + f->record_off, f->reply_len);
}

bool oracle_add(struct oracle *o, struct frame_set *s, const __u8 *bytes, __u32 len)
{
	struct load_frame f = { .off = s->size, .len = (__u16)len };

	if (len > o->rules->longest || len < sizeof(struct eth_hdr) || s->cnt == s->room)
		return false;
	memcpy(o->scratch, bytes, len);
	if (o->rules->records_only) /* to whom a socket sends is not in the frame */
		memcpy(o->scratch, o->config.mac, sizeof(o->config.mac));
	f.record_off = find_record(o, o->scratch, len);
	if (o->rules->records_only && !f.record_off)
		return false;
	expect(o, &f, len);
	memcpy(s->bytes + f.off, bytes, len);
	s->frames[s->cnt++] = f;
	s->size += (len + 1) & ~1U;
	return true;
}

void oracle_settle(struct oracle *o, struct frame_set *s)
{
	bool unknown = o->pools_changed && !o->rules->echo && !o->rules->records_only;

	s->due_known = !unknown;
	s->due_cnt = 0;
	for (__u32 i = 0; i < s->cnt; i++) {
		struct load_frame *f = &s->frames[i];

		if (unknown && f->record_off)
			*f = (struct load_frame){ .off = f->off,
						  .len = f->len,
						  .record_off = f->record_off,
						  .expect = EXPECT_MAYBE };
		s->due_cnt += f->expect == EXPECT_REPLY;
	}
}
