// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "worker.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

#include "log.h"

static void *worker_main(void *arg)
{
	worker_run(arg);
	return NULL;
}

/* Pinned from its first instruction, so that its stack and rings are touched on the right node. */
static int start_on(struct worker *w)
{
	pthread_attr_t attr;
	cpu_set_t set;
	int err;

	err = pthread_attr_init(&attr);
	if (err)
		return -err;
	CPU_ZERO(&set);
	if (w->cpu >= 0) {
		CPU_SET((size_t)w->cpu, &set);
		err = pthread_attr_setaffinity_np(&attr, sizeof(set), &set);
	}
	if (!err)
		err = pthread_create(&w->thread, &attr, worker_main, w);
	pthread_attr_destroy(&attr);
	return -err;
}

int worker_start(struct worker *w)
{
	int err;

	if (w->poll == WORKER_BUSY) {
		err = xsk_busy_poll(w->xsk);
		if (err) {
			log_err("cannot busy-poll queue %u: %s; Linux 5.11 or later can, with "
				"CAP_NET_ADMIN; else take --poll spin",
				w->xsk->queue, strerror(-err));
			return err;
		}
	}
	err = start_on(w);
	if (err) {
		log_err("cannot start the worker of queue %u%s: %s", w->xsk->queue,
			w->cpu >= 0 ? " on its CPU (see --cpus and lscpu)" : "", strerror(-err));
		return err;
	}
	return 0;
}

void worker_join(struct worker *w)
{
	pthread_join(w->thread, NULL);
}
