// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "process.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>

#include "log.h"

volatile int process_stop;

static void on_signal(int signal)
{
	(void)signal;
	process_stop = 1;
}

void process_catch_signals(void)
{
	const struct sigaction end = { .sa_handler = on_signal };

	sigaction(SIGINT, &end, NULL);
	sigaction(SIGTERM, &end, NULL);
	signal(SIGPIPE, SIG_IGN);
}

int process_pin(__u32 cpu)
{
	cpu_set_t set;
	int err;

	if (cpu == PROCESS_NO_CPU)
		return 0;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (!sched_setaffinity(0, sizeof(set), &set))
		return 0;
	err = -errno;
	log_err("--cpu %u: %s; `nproc` counts the CPUs of this host", cpu, strerror(-err));
	return err;
}
