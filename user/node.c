// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "node.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "backend.h"
#include "broker.h"
#include "config.h"
#include "events.h"
#include "link_watch.h"
#include "log.h"
#include "metrics.h"
#include "netif.h"
#include "notify.h"
#include "privileges.h"
#include "reload.h"
#include "sandbox.h"
#include "snapshot.h"
#include "stats.h"
#include "worker.h"

#define REPLIES_PERIOD_NS 10000000

struct node {
	struct run_options options;
	struct config config;
	struct worker_control control;
	struct backend_env env; /* the three above, as back ends get them */
	struct backend *backend;
	struct events events;
	struct snapshot *snapshot;
	struct metrics *metrics; /* NULL: nobody is to ask */
	struct link_watch link;
	int signal_fd, timer_fd, replies_fd;
};

/* What the main thread waits for. */

static int open_events(struct node *n)
{
	sigset_t signals;
	int err;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	/* A reader of the summary that has gone must not keep us from unpinning. */
	signal(SIGPIPE, SIG_IGN);
	/* Blocked before any thread starts, so that they all inherit it. */
	sigprocmask(SIG_BLOCK, &signals, NULL);

	n->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
	n->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	n->replies_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	n->control.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	n->control.event_fd = eventfd(0, EFD_CLOEXEC);
	err = n->signal_fd < 0 || n->timer_fd < 0 || n->replies_fd < 0 || n->control.wake_fd < 0 ||
			      n->control.event_fd < 0 ?
		      -errno :
		      link_watch_open(&n->link);
	if (err)
		log_err("cannot set up signals and timers: %s", strerror(-err));
	return err;
}

static void close_events(struct node *n)
{
	const int fds[] = { n->signal_fd, n->timer_fd, n->replies_fd, n->control.wake_fd,
			    n->control.event_fd };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	link_watch_close(&n->link);
}

/* Handlers. */

static int on_end(void *node)
{
	(void)node;
	return EXIT_DONE;
}

/* SIGHUP is no end but a configuration to be read again. */
static int on_signal(void *node)
{
	struct node *n = node;
	struct signalfd_siginfo info;
	bool done;

	if (read(n->signal_fd, &info, sizeof(info)) != sizeof(info))
		return EVENTS_GO_ON;
	if (info.ssi_signo != SIGHUP)
		return EXIT_DONE;
	notify_reloading();
	done = reload_run(n->backend, &n->config, n->options.config_path);
	if (done)
		snapshot_set_pools(n->snapshot);
	notify_ready(n->backend, done);
	return EVENTS_GO_ON;
}

/* Replies that no worker gives nobody counts towards --replies: they are looked at now and then. */
static int on_replies_due(void *node)
{
	struct node *n = node;
	__u64 ticks, workers = __atomic_load_n(&n->control.replies, __ATOMIC_RELAXED);

	if (read(n->replies_fd, &ticks, sizeof(ticks)) < 0)
		return EVENTS_GO_ON;
	return workers + n->backend->ops->driver_replies(n->backend) >= n->options.replies ?
		       EXIT_DONE :
		       EVENTS_GO_ON;
}

static void watch_replies(struct node *n)
{
	const struct itimerspec often = { .it_value.tv_nsec = REPLIES_PERIOD_NS,
					  .it_interval.tv_nsec = REPLIES_PERIOD_NS };

	events_add(&n->events, n->control.event_fd, on_end, n);
	if (!n->options.replies || !n->backend->ops->driver_replies)
		return;
	events_add(&n->events, n->replies_fd, on_replies_due, n);
	timerfd_settime(n->replies_fd, 0, &often, NULL);
}

static enum exit_code wait_for_end(struct node *n)
{
	struct itimerspec duration = { .it_value.tv_sec = n->options.duration_s };

	events_add(&n->events, n->signal_fd, on_signal, n);
	events_add(&n->events, n->timer_fd, on_end, n);
	watch_replies(n);
	if (link_watch_begin(&n->link, n->backend, &n->events) ||
	    notify_watchdog(&n->events, n->backend))
		return EXIT_FAILED;
	timerfd_settime(n->timer_fd, 0, &duration, NULL);
	return (enum exit_code)events_run(&n->events);
}

static void say_ready(const struct backend *b)
{
	printf("ready backend=%s mode=%s iface=%s queues=", b->ops->name, b->mode, b->interface);
	for (__u32 i = 0; i < b->queue_cnt; i++)
		printf("%s%u", i ? "," : "", b->queues[i]);
	printf(" pid=%d\n", getpid());
	fflush(stdout);
}

static enum exit_code summarize(const struct node *n)
{
	int err = snapshot_take(n->snapshot, STATS_FINAL);
	const struct stats *s = snapshot_stats(n->snapshot);

	if (err)
		log_err("cannot read all of the program's counters: %s", strerror(-err));
	err = n->options.json ? stats_print_json(s) : stats_print(s);
	if (err)
		log_err("cannot write the summary: %s", strerror(-err));
	return err ? EXIT_FAILED : EXIT_DONE;
}

/* What is left to do needs no privilege; the other threads have dropped theirs. */
static int confine(const struct node *n)
{
	int err;

	stats_prepare();
	err = privileges_drop();
	if (err) {
		log_err("cannot drop privileges: %s; not going on with them", strerror(-err));
		return err;
	}
	if (n->options.visible)
		privileges_unhide();
	if (n->options.no_sandbox)
		return 0;
	return sandbox_enter(SANDBOX_NODE | (n->metrics ? SANDBOX_METRICS : 0));
}

/* What others may ask a node at work. */
static enum exit_code open_doors(struct node *n)
{
	int err = snapshot_open(&n->snapshot, n->backend);

	if (!err)
		err = snapshot_schedule(n->snapshot, &n->events);
	if (!err)
		snapshot_take(n->snapshot, 0);
	if (!err && n->options.listen.ss_family)
		err = metrics_open(&n->metrics, &n->options.listen, n->snapshot, &n->events);
	return err ? EXIT_FAILED : EXIT_DONE;
}

static enum exit_code serve(struct node *n)
{
	enum exit_code code = open_doors(n);

	if (code == EXIT_DONE && confine(n))
		code = EXIT_HOST;
	if (code != EXIT_DONE) {
		n->backend->ops->stop(n->backend);
		return code;
	}
	say_ready(n->backend);
	notify_ready(n->backend, true);
	code = wait_for_end(n);
	notify_stopping();
	n->backend->ops->stop(n->backend);
	return summarize(n) == EXIT_DONE ? code : EXIT_FAILED;
}

static enum exit_code open_and_start(struct node *n, const struct backend_ops *ops)
{
	enum exit_code code = ops->open(&n->backend, &n->env);

	if (code == EXIT_DONE)
		code = ops->start(n->backend);
	if (code != EXIT_DONE && n->backend) {
		ops->close(n->backend);
		n->backend = NULL;
	}
	return code;
}

/* Whether `auto` means TAP for this interface from the start: it is one, or is to become one. */
static bool wants_tap(const char *interface)
{
	struct netif netif;

	if (netif_query(interface, &netif))
		return !strncmp(interface, "tap", 3);
	return !strcmp(netif.driver, "tun");
}

/* The back end asked for; for `auto` AF_XDP, and TAP where this host or interface has none. */
static enum exit_code start_backend(struct node *n)
{
	struct run_options *o = &n->options;
	enum exit_code code;
	char why[512];

	if (o->adopt || o->engine == MEV_ENGINE_KERNEL)
		o->backend = BACKEND_AF_XDP; /* demands on the XDP program */
	if (o->backend == BACKEND_AUTO && o->mode == MODE_AUTO && wants_tap(o->interface)) {
		log_info("%s is a TAP device, or is to be one: backend tap", o->interface);
		o->backend = BACKEND_TAP;
	}
	if (o->backend == BACKEND_AF_XDP || o->mode != MODE_AUTO)
		return open_and_start(n, &backend_af_xdp); /* a mode is a demand on AF_XDP */
	if (o->backend == BACKEND_AUTO) {
		log_hold_errors(why, sizeof(why));
		code = open_and_start(n, &backend_af_xdp);
		log_hold_errors(NULL, 0);
		if (code != EXIT_HOST) {
			if (code != EXIT_DONE)
				log_err("%s", *why ? why : "out of memory");
			return code;
		}
		log_info("no AF_XDP on %s, so backend tap: %s", o->interface, why);
		o->interface = NULL;
		worker_go(&n->control);
	}
	options_for_tap(o);
	return open_and_start(n, &backend_tap);
}

/* Who may read the file with the privileges of the start may not later: better said now. */
static int start_broker(const char *config_path)
{
	int fd, err = broker_start(config_path);

	if (err)
		return err;
	fd = broker_open_config();
	if (fd == -ECONNRESET || fd == -EPIPE)
		return fd;
	if (fd < 0)
		log_warn("SIGHUP will not read %s again, since without privileges that fails: %s; "
			 "let user %u read it",
			 config_path, strerror(-fd), geteuid());
	else
		close(fd);
	return 0;
}

static enum exit_code configure_and_serve(struct node *n)
{
	const struct run_options *o = &n->options;
	enum exit_code code;
	int err;

	sandbox_prepare();
	err = privileges_begin(o->user);
	if (err)
		return err == -EINVAL ? EXIT_USAGE : backend_exit_code(err);
	err = o->config_path ? config_load(&n->config, o->config_path) : config_default(&n->config);
	if (err)
		return err == -ENOMEM ? EXIT_FAILED : EXIT_USAGE;
	if (o->config_path && start_broker(o->config_path))
		return EXIT_FAILED;
	if (open_events(n))
		return EXIT_FAILED;
	notify_open();
	code = start_backend(n);
	return code == EXIT_DONE ? serve(n) : code;
}

enum exit_code node_run(const struct run_options *o)
{
	struct node n = {
		.options = *o,
		.signal_fd = -1,
		.timer_fd = -1,
		.replies_fd = -1,
		.link = LINK_WATCH_NONE,
		.control = { .wake_fd = -1, .event_fd = -1, .reply_limit = o->replies },
	};
	enum exit_code code;

	n.env = (struct backend_env){
		.options = &n.options,
		.config = &n.config,
		.control = &n.control,
	};
	code = configure_and_serve(&n);
	if (code != EXIT_DONE && !log_erred())
		log_err("out of memory"); /* all that fails without words of its own */

	metrics_close(n.metrics);
	snapshot_close(n.snapshot);
	if (n.backend)
		n.backend->ops->close(n.backend);
	close_events(&n);
	notify_close();
	broker_stop();
	config_free(&n.config);
	return code;
}
