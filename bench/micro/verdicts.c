// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Each verdict's frame, from the tests' fixtures: the first row that meets its verdict time and
 * again. One frame over and over: what a verdict costs at least.
 */
#include <stdlib.h>

#include "filter_world.h"
#include "hot_path.h"
#include "small_loops.h"

#define LOOP_MAX 24

static struct filter_world world;
static struct verdict_loop loops[LOOP_MAX];
static struct frame frames[LOOP_MAX];

static void set(const struct verdict_loop *v)
{
	world_reset_pools(world.pools);
	world_config(&world.config, v->flags);
	world.config.own_ip = v->verdict == MEV_STACK ? 0x0245a8c0 : 0; /* 192.168.69.2 */
	world.pools[0].lock = v->busy;
	world.pools[0].fed = v->verdict == MEV_UPDATE_STALE;
	world.pools[0].seq = 100;
}

static __u64 run_filter(const struct verdict_loop *v, __u32 cnt)
{
	struct frame *f = v->frame;
	__u64 sum = 0;
	__u32 slot;

	set(v);
	for (__u32 i = 0; i < cnt; i++)
		sum += user_filter_judge(&world.filter, f->bytes, f->len, &slot);
	return sum;
}

/* Frames that are answered would have to be written anew: hot_path measures those. */
static __u64 run_candidate(const struct verdict_loop *v, __u32 cnt)
{
	const struct hot_path hp = { &world.config, world.pools, WORLD_POOLS, world.index };
	struct frame *f = v->frame;
	struct hot_path_reply reply;
	__u64 sum = 0;

	set(v);
	for (__u32 i = 0; i < cnt; i++)
		sum += hot_path_candidate(&hp, f->bytes, f->len, NULL, &reply);
	return sum;
}

static const struct frame_spec special[] = {
	{ .update = 1, .reserve0 = 7, .reserve1 = 9, .seq = 5 },
	{ 0 },
	{ .src_port = 7 },
};

/* False: not this verdict each time. */
static bool add(__u32 *cnt, __u32 verdict, const struct frame *f, __u32 flags, bool busy)
{
	struct verdict_loop *v = &loops[*cnt];

	frames[*cnt] = *f;
	*v = (struct verdict_loop){
		.name = mev_verdict_name(verdict),
		.filter = run_filter,
		.frame = &frames[*cnt],
		.verdict = verdict,
		.flags = flags,
		.busy = busy,
	};
	if (run_filter(v, 100) != 100ULL * verdict)
		return false;
	if (verdict != MEV_REDIRECT) {
		v->candidate = run_candidate;
		v->of_candidate = verdict == MEV_POOL_BUSY        ? MEV_POOL_BUSY :
				  verdict == MEV_BELOW_BREAK_EVEN ? MEV_UNPROFITABLE :
				  verdict == MEV_VICTIM_REVERTS   ? MEV_UNPROFITABLE :
								    MEV_REJECTED;
		if (run_candidate(v, 100) != 100ULL * v->of_candidate)
			return false;
	}
	++*cnt;
	return true;
}

static bool add_fixture(__u32 *cnt, __u32 verdict)
{
	struct frame f;

	for (size_t i = 0; i < FIXTURE_CNT; i++) {
		if (fixtures[i].verdict != verdict)
			continue;
		fixture_frame(&f, &fixtures[i]);
		if (add(cnt, verdict, &f, fixtures[i].flags, false))
			return true;
	}
	return false;
}

const struct verdict_loop *verdict_loops(__u32 *cnt)
{
	static const __u32 of_fixtures[] = {
		MEV_PASS,
		MEV_MALFORMED,
		MEV_BAD_CHECKSUM,
		MEV_BAD_LENGTH,
		MEV_BAD_FIELD,
		MEV_BELOW_MIN,
		MEV_UNKNOWN_POOL,
		MEV_NO_STATE,
		MEV_BELOW_BREAK_EVEN,
		MEV_VICTIM_REVERTS,
		MEV_REDIRECT,
		MEV_UPDATE_APPLIED,
		MEV_UPDATE_INVALID,
		MEV_UPDATE_UNKNOWN_POOL,
		MEV_UPDATE_FORBIDDEN,
	};
	struct frame f;

	*cnt = 0;
	world_open(&world);
	for (size_t i = 0; i < sizeof(of_fixtures) / sizeof(of_fixtures[0]); i++)
		if (!add_fixture(cnt, of_fixtures[i]))
			return NULL;
	frame_build(&f, &special[0]);
	if (!add(cnt, MEV_UPDATE_STALE, &f, 0, false))
		return NULL;
	frame_build(&f, &special[1]);
	if (!add(cnt, MEV_POOL_BUSY, &f, 0, true))
		return NULL;
	frame_build(&f, &special[2]);
	f.bytes[f.l3 + 9] = 6; /* TCP */
	frame_fix_ip_sum(&f);
	return add(cnt, MEV_STACK, &f, 0, false) ? loops : NULL;
}
