// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "matcher.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define COUNT_MASK ((1ULL << MATCHER_COUNT_BITS) - 1)

int matcher_open(struct matcher *m, const struct frame_set *set)
{
	*m = (struct matcher){ .set = set };
	m->table = calloc(MATCHER_ROOM, sizeof(*m->table));
	m->latency = calloc(1, sizeof(*m->latency));
	if (!m->table || !m->latency) {
		matcher_close(m);
		return -ENOMEM;
	}
	if (getrandom(&m->tag, sizeof(m->tag), GRND_NONBLOCK) != sizeof(m->tag))
		m->tag = (__u64)time(NULL) << MATCHER_COUNT_BITS;
	m->tag &= ~COUNT_MASK;
	return 0;
}

void matcher_close(struct matcher *m)
{
	free(m->table);
	free(m->latency);
	*m = (struct matcher){ 0 };
}

/* The first reply to a frame. */
static void answered(struct matcher *m, struct sent *s, struct account *a, __u64 now_ns)
{
	m->waiting -= s->waiting;
	a->late += s->timed_out;
	a->received++;
	s->waiting = 0;
	s->answered = 1;
	if (s->measured)
		hist_record(m->latency, now_ns > s->since_ns ? now_ns - s->since_ns : 0);
}

static bool content_right(const struct load_frame *f, const __u8 *payload, __u32 len)
{
	const size_t nonce_len = sizeof(__u64);

	if (f->expect == EXPECT_MAYBE)
		return len == sizeof(struct swap_reply);
	return len == f->reply_len &&
	       !memcmp(payload + nonce_len, f->reply + nonce_len, len - nonce_len);
}

void matcher_arrived(struct matcher *m, const __u8 *payload, __u32 len, __u64 now_ns)
{
	const struct load_frame *f;
	struct account *a;
	struct sent *s;
	__u64 nonce, count;

	if (len < sizeof(nonce)) {
		m->unexpected++;
		return;
	}
	memcpy(&nonce, payload, sizeof(nonce));
	count = nonce & COUNT_MASK;
	if ((nonce & ~COUNT_MASK) != m->tag || count >= m->next) {
		m->unexpected++;
		return;
	}
	s = &m->table[count % MATCHER_ROOM];
	a = s->measured ? &m->measured : &m->warmup;
	if (s->seq != (__u32)count) {
		a->late++;
		return;
	}
	m->reordered += count < m->last;
	m->last = count;
	f = &m->set->frames[s->frame];
	if (s->answered)
		a->duplicated++;
	else if (f->expect == EXPECT_NOTHING)
		a->wrong++;
	else
		answered(m, s, a, now_ns);
	if (f->expect != EXPECT_NOTHING && !content_right(f, payload, len))
		a->wrong++;
}

void matcher_expire(struct matcher *m, __u64 before_ns)
{
	if (m->next - m->oldest > MATCHER_ROOM)
		m->oldest = m->next - MATCHER_ROOM;
	for (; m->oldest < m->next; m->oldest++) {
		struct sent *s = &m->table[m->oldest % MATCHER_ROOM];

		if (!s->waiting)
			continue;
		if (s->since_ns >= before_ns)
			break;
		s->waiting = 0;
		s->timed_out = 1;
		m->waiting--;
	}
}
