// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "worker.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

#include "log.h"
#include "privileges.h"

static void *unprivileged(void *worker)
{
	struct worker *w = worker;

	w->drop_err = privileges_drop();
	sem_post(&w->unprivileged);
	return w->drop_err ? NULL : w->loop(w);
}

/* Pinned from its first instruction, so that its stack and rings are touched on the right node. */
static int start_on(struct worker *w)
{
	pthread_attr_t attr;
	cpu_set_t set;
	int err;

	if (sem_init(&w->unprivileged, 0, 0))
		return -errno;
	err = pthread_attr_init(&attr);
	if (err)
		return -err;
	CPU_ZERO(&set);
	if (w->cpu >= 0) {
		CPU_SET((size_t)w->cpu, &set);
		err = pthread_attr_setaffinity_np(&attr, sizeof(set), &set);
	}
	if (!err)
		err = pthread_create(&w->thread, &attr, unprivileged, w);
	pthread_attr_destroy(&attr);
	/* The sandbox is for threads at work: one that is still starting would not survive it. */
	while (!err && sem_wait(&w->unprivileged))
		;
	if (err || !w->drop_err)
		return -err;
	pthread_join(w->thread, NULL);
	return w->drop_err;
}

int worker_start(struct worker *w, void *(*loop)(void *))
{
	int err;

	w->loop = loop;
	err = start_on(w);
	if (err)
		log_err("cannot start the worker of queue %u%s: %s", w->queue,
			w->cpu >= 0 ? " on its CPU (see --cpus and lscpu)" : "", strerror(-err));
	return err;
}

void worker_join(struct worker *w)
{
	pthread_join(w->thread, NULL);
}

void worker_stop(struct worker_control *c)
{
	const __u64 one = 1;

	__atomic_store_n(&c->stop, true, __ATOMIC_RELEASE);
	if (write(c->wake_fd, &one, sizeof(one)) < 0)
		log_warn("cannot wake the workers: %s", strerror(errno));
}

void worker_go(struct worker_control *c)
{
	__u64 wakeups;

	c->stop = false;
	if (read(c->wake_fd, &wakeups, sizeof(wakeups)) < 0)
		return; /* nobody had been told to stop */
}

bool worker_moves(struct worker *w)
{
	__u64 beat = __atomic_load_n(&w->beat, __ATOMIC_ACQUIRE), before = w->seen_beat;

	w->seen_beat = beat;
	return !(beat & 1) || beat != before;
}
