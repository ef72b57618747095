/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * schedule - when each frame is meant to go out, in an open loop
 *
 * Intended times do not depend on what the sender manages or the responder answers. Latency counts
 * from them, so a sender or responder that stalls pays for every frame that waited meanwhile, and
 * not for one alone (coordinated omission). Integer ns from the run's start; one thread.
 */
#ifndef MEVLOAD_SCHEDULE_H
#define MEVLOAD_SCHEDULE_H

#include <linux/types.h>
#include <stdbool.h>

struct schedule {
	__u64 next_ns;            /* when the next frame is meant to go out */
	__u64 rate;               /* frames a second */
	__u64 whole, rest, carry; /* of 1 s / rate: ns, and what `rate` goes into */
	bool poisson;
	double rounded; /* what Poisson gaps lost to whole ns so far, below 1 */
	__u64 random;
};

/*
 * `rate` frames a second, 1 to 10^9, evenly or as a Poisson process of that mean whose gaps follow
 * from `seed`. The first frame is due at 0.
 */
void schedule_init(struct schedule *s, __u64 rate, bool poisson, __u64 seed);

/* The gap of a Poisson process to the next frame, in ns. */
__u64 schedule_poisson_gap(struct schedule *s);

/* The time of the frame that is next, and on to the one behind it. */
static inline __u64 schedule_take(struct schedule *s)
{
	__u64 at = s->next_ns;

	if (s->poisson) {
		s->next_ns += schedule_poisson_gap(s);
		return at;
	}
	s->next_ns += s->whole;
	s->carry += s->rest;
	if (s->carry >= s->rate) {
		s->carry -= s->rate;
		s->next_ns++;
	}
	return at;
}

#endif /* MEVLOAD_SCHEDULE_H */
