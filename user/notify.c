// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include "log.h"
#include "parse.h"

static int sock = -1, timer_fd = -1;
static struct sockaddr_un to;
static socklen_t to_len;
static __u64 watchdog_us;
static bool silent; /* the watchdog: a worker hangs, and that has been said */

/* The socket. */

static int take_address(const char *name)
{
	size_t len = strlen(name);

	if ((name[0] != '/' && name[0] != '@') || len >= sizeof(to.sun_path))
		return -EINVAL;
	to.sun_family = AF_UNIX;
	memcpy(to.sun_path, name, len);
	if (name[0] == '@')
		to.sun_path[0] = '\0'; /* the abstract namespace */
	to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	return 0;
}

/* How often the manager wants to hear of this very process; 0: never. */
static __u64 take_watchdog(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	__u64 us, whose;

	if (!usec || parse_u64(usec, 2, ~0ULL, &us))
		return 0;
	if (pid && (parse_u64(pid, 1, ~0ULL, &whose) || whose != (__u64)getpid()))
		return 0;
	return us;
}

void notify_open(void)
{
	const char *name = getenv("NOTIFY_SOCKET");
	int err;

	if (!name)
		return;
	err = take_address(name);
	if (!err) {
		sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		err = sock < 0 ? -errno : 0;
	}
	if (err)
		log_warn("NOTIFY_SOCKET=%s: %s; the service manager will not hear of this node",
			 name, strerror(-err));
	else
		watchdog_us = take_watchdog();
	if (watchdog_us)
		timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
}

void notify_close(void)
{
	if (sock >= 0)
		close(sock);
	if (timer_fd >= 0)
		close(timer_fd);
	sock = timer_fd = -1;
}

/* Datagrams. */

static void tell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void tell(const char *fmt, ...)
{
	char text[512];
	va_list ap;
	int len;

	if (sock < 0)
		return;
	va_start(ap, fmt);
	len = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (sendto(sock, text, (size_t)len, MSG_NOSIGNAL, (struct sockaddr *)&to, to_len) < 0)
		log_warn("cannot tell the service manager \"%.*s\": %s", (int)strcspn(text, "\n"),
			 text, strerror(errno));
}

static __u64 replies(struct backend *b)
{
	__u64 sum = 0;

	for (__u32 i = 0; i < b->queue_cnt; i++)
		sum += MEV_READ_ONCE(b->ops->worker(b, i)->counters.replied);
	return sum;
}

/* For `systemctl status`. */
static void status(struct backend *b, char *text, size_t size, const char *remark)
{
	snprintf(text, size, "%s on %s, %s, %u queue%s: %u pools, %llu replies%s", b->ops->name,
		 b->interface, b->mode, b->queue_cnt, b->queue_cnt == 1 ? "" : "s", b->pools.cnt,
		 (unsigned long long)replies(b), remark);
}

void notify_ready(struct backend *b, bool reloaded)
{
	char text[256];

	status(b, text, sizeof(text),
	       reloaded ? "" : "; the last reload failed: see the log, the node goes on as it was");
	tell("READY=1\nSTATUS=%s", text);
}

void notify_reloading(void)
{
	tell("RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)latency_monotonic_ns() / 1000);
}

void notify_stopping(void)
{
	tell("STOPPING=1\nSTATUS=detached, answering what has come");
}

/* The watchdog. */

/* The first worker that is in the turn it was in when this was asked before, or NULL. */
static const struct worker *hanging(struct backend *b)
{
	const struct worker *found = NULL;

	for (__u32 i = 0; i < b->queue_cnt; i++) {
		struct worker *w = b->ops->worker(b, i);

		if (!worker_moves(w) && !found)
			found = w;
	}
	return found;
}

static int on_timer(void *backend)
{
	struct backend *b = backend;
	const struct worker *w;
	char text[256];
	__u64 times;

	if (read(timer_fd, &times, sizeof(times)) != sizeof(times))
		return EVENTS_GO_ON;
	w = hanging(b);
	if (!w) {
		status(b, text, sizeof(text), "");
		tell("WATCHDOG=1\nSTATUS=%s", text);
	} else if (!silent) {
		log_err("the worker of queue %u hangs: no ping for the service manager's watchdog "
			"until it moves",
			w->queue);
	}
	silent = w != NULL;
	return EVENTS_GO_ON;
}

int notify_watchdog(struct events *e, struct backend *b)
{
	__u64 half = watchdog_us / 2; /* as sd_watchdog_enabled(3) advises */
	struct itimerspec every = {
		.it_interval = { (time_t)(half / 1000000), (long)(half % 1000000) * 1000 },
	};
	int err;

	if (!half)
		return 0;
	every.it_value = every.it_interval;
	if (timer_fd >= 0 && !timerfd_settime(timer_fd, 0, &every, NULL))
		return events_add(e, timer_fd, on_timer, b);
	err = -errno;
	log_err("cannot set the watchdog's timer: %s", strerror(-err));
	return err;
}
