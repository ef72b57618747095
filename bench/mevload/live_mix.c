// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "live_mix.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "live_kinds.h"
#include "log.h"
#include "parse.h"
#include "random.h"
#include "reply.h"

_Static_assert(sizeof(struct swap_frame) == LIVE_LEN, "a swap over IPv4 without options");
_Static_assert(LIVE_WORDS * 8 >= LIVE_LEN, "a frame fits its words");

/* Draws of one kind that may fail in a row before the configuration is held to be the reason. */
#define MAX_TRIES 10000

static const char *const names[] = {
#define X(id, name, text) #name,
	LIVE_KINDS(X)
#undef X
};

const char *live_kind_name(enum live_kind kind)
{
	return names[kind];
}

static bool take_share(char *part, struct live_mix *mix)
{
	char *equals = strchr(part, '=');
	__u32 weight;

	if (!equals)
		return false;
	*equals = '\0';
	if (parse_u32(equals + 1, 0, 65535, &weight))
		return false;
	for (int k = 0; k < LIVE_KIND_CNT; k++) {
		if (strcmp(part, names[k]))
			continue;
		mix->weight[k] += weight;
		return true;
	}
	return false;
}

bool live_mix_parse(const char *text, struct live_mix *mix)
{
	char buf[256], *rest = buf, *part;
	__u64 sum = 0;

	*mix = (struct live_mix){ 0 };
	if (strlen(text) >= sizeof(buf))
		return false;
	strcpy(buf, text);
	while ((part = strsep(&rest, ",")))
		if (!take_share(part, mix))
			return false;
	for (int k = 0; k < LIVE_KIND_CNT; k++)
		sum += mix->weight[k];
	return sum;
}

void live_mix_counts(const struct live_mix *mix, __u32 cnt[LIVE_KIND_CNT])
{
	__u64 sum = 0, rest[LIVE_KIND_CNT];
	__u32 given = 0;

	for (int k = 0; k < LIVE_KIND_CNT; k++)
		sum += mix->weight[k];
	for (int k = 0; k < LIVE_KIND_CNT; k++) {
		__u64 share = (__u64)mix->weight[k] * LIVE_FRAMES;

		cnt[k] = (__u32)(share / sum);
		rest[k] = share % sum;
		if (mix->weight[k] && !cnt[k]) { /* there is one, however few there should be */
			cnt[k] = 1;
			rest[k] = 0;
		}
		given += cnt[k];
	}
	while (given != LIVE_FRAMES) {
		int best = 0;

		for (int k = 1; k < LIVE_KIND_CNT; k++)
			if (given < LIVE_FRAMES ? rest[k] > rest[best] : cnt[k] > cnt[best])
				best = k;
		rest[best] = 0;
		if (given < LIVE_FRAMES)
			cnt[best]++, given++;
		else
			cnt[best]--, given--;
	}
}

static int make_kind(struct live_maker *m, struct live_frames *out, enum live_kind kind,
		     __u32 *made, __u32 cnt)
{
	__u32 tries = 0;

	for (__u32 end = *made + cnt; *made < end;) {
		struct swap_frame f = { 0 };
		enum mev_verdict verdict;

		if (tries++ == MAX_TRIES) {
			log_err("no frames of kind %s to be had: leave it out of --mix, or give "
				"--config pools that have them",
				names[kind]);
			return -EINVAL;
		}
		live_kind_draw(m, kind, &f);
		verdict = oracle_verdict(m->oracle, &f, sizeof(f));
		if (!live_kind_is(verdict, kind))
			continue;
		memcpy(out->bytes[*made], &f, sizeof(f));
		out->kind[*made] = (__u8)kind;
		out->verdict[*made] = (__u8)verdict;
		++*made;
		tries = 0;
	}
	return 0;
}

/* Fisher and Yates. */
static void shuffle(struct live_frames *f, __u64 *random)
{
	for (__u32 i = LIVE_FRAMES - 1; i; i--) {
		__u64 j = random_below(random, i + 1);

		for (int w = 0; w < LIVE_WORDS; w++)
			MEV_SWAP_OF(f->bytes[i][w], f->bytes[j][w]);
		MEV_SWAP_OF(f->kind[i], f->kind[j]);
		MEV_SWAP_OF(f->verdict[i], f->verdict[j]);
	}
}

int live_mix_make(struct live_frames *out, const struct frame_rules *rules,
		  const struct live_mix *mix, __u64 seed)
{
	struct live_maker m = { .rules = rules, .random = seed };
	__u32 cnt[LIVE_KIND_CNT], made = 0;
	int err;

	memset(out, 0, sizeof(*out));
	if (!rules->config->pool_cnt) {
		log_err("--config has no pools: live frames are made for those");
		return -EINVAL;
	}
	err = oracle_open(&m.oracle, rules);
	if (err) {
		log_err("out of memory for %d frames", LIVE_FRAMES);
		return err;
	}
	live_mix_counts(mix, cnt);
	for (int k = 0; k < LIVE_KIND_CNT && !err; k++)
		err = make_kind(&m, out, (enum live_kind)k, &made, cnt[k]);
	oracle_close(m.oracle);
	shuffle(out, &m.random);
	return err;
}

void live_mix_due(const struct live_frames *f, __u64 cnt, __u64 due[MEV_VERDICT_CNT + 1])
{
	__u64 laps = cnt / LIVE_FRAMES, rest = cnt % LIVE_FRAMES;

	for (__u32 i = 0; i < LIVE_FRAMES; i++)
		due[f->verdict[i]] += laps + (i < rest);
}
