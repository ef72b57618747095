// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * LD_PRELOAD: a wall clock that somebody sets, by ten years forth and back, at every look at it. At
 * its end the process says how often it looked.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define STEP_S (10L * 365 * 86400)

static unsigned long looks;

static struct timespec wall(void)
{
	struct timespec now;

	syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
	now.tv_sec += __atomic_add_fetch(&looks, 1, __ATOMIC_RELAXED) & 1 ? STEP_S : -STEP_S;
	return now;
}

int clock_gettime(clockid_t clock, struct timespec *to)
{
	if (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)
		return (int)syscall(SYS_clock_gettime, clock, to);
	*to = wall();
	return 0;
}

int gettimeofday(struct timeval *restrict to, void *restrict zone)
{
	struct timespec now = wall();

	(void)zone;
	*to = (struct timeval){ .tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000 };
	return 0;
}

time_t time(time_t *to)
{
	struct timespec now = wall();

	if (to)
		*to = now.tv_sec;
	return now.tv_sec;
}

__attribute__((destructor)) static void end(void)
{
	char text[64];
	int len = snprintf(text, sizeof(text), "clock steps: %lu\n", looks);

	if (write(2, text, (size_t)len) != len)
		_exit(1);
}
