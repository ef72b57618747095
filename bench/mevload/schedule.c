// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "schedule.h"

#include <math.h>

#include "random.h"

#define SECOND_NS 1000000000ULL

void schedule_init(struct schedule *s, __u64 rate, bool poisson, __u64 seed)
{
	*s = (struct schedule){
		.rate = rate,
		.whole = SECOND_NS / rate,
		.rest = SECOND_NS % rate,
		.poisson = poisson,
		.random = seed,
	};
}

__u64 schedule_poisson_gap(struct schedule *s)
{
	double gap = -log1p(-random_unit(&s->random)) * (double)SECOND_NS / (double)s->rate;
	__u64 ns;

	gap += s->rounded;
	ns = (__u64)gap;
	s->rounded = gap - (double)ns;
	return ns;
}
