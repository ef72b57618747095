// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "quiesce.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int membarrier(int cmd)
{
	return (int)syscall(__NR_membarrier, cmd, 0, 0);
}

void quiesce_barrier(void)
{
	const struct timespec pause = { .tv_nsec = 10000000 };

	/* Registering once would do; again costs nothing. */
	if (!membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) &&
	    !membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED))
		return;
	/* A kernel without membarrier: no store stays in a CPU for as long as this. */
	nanosleep(&pause, NULL);
}

bool quiesce_patience(__u64 deadline)
{
	const struct timespec pause = { .tv_nsec = 100000 };

	nanosleep(&pause, NULL);
	return latency_monotonic_ns() < deadline;
}

bool quiesce_worker(const struct worker *w, __u64 deadline)
{
	__u64 first = __atomic_load_n(&w->beat, __ATOMIC_ACQUIRE);

	if (!(first & 1))
		return true;
	while (__atomic_load_n(&w->beat, __ATOMIC_ACQUIRE) == first)
		if (!quiesce_patience(deadline))
			return false;
	return true;
}
