// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "node.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "config.h"
#include "filter_prog.h"
#include "log.h"
#include "netif.h"
#include "stats.h"
#include "worker.h"

struct node {
	const struct run_options *options;
	struct config config;
	struct netif netif;
	struct pool_table *index;
	struct filter_prog *prog;
	enum run_mode mode; /* what was obtained */
	__u32 queues[MEV_MAX_QUEUES];
	__u32 queue_cnt;
	struct worker *workers; /* queue_cnt of them */
	__u32 started_cnt;
	struct worker_control control;
	int signal_fd, timer_fd, link_fd;
};

/* What a failure of the host's making exits with. */
static enum exit_code exit_code_of(int err)
{
	switch (err) {
	case 0:
		return EXIT_DONE;
	case -EPERM:
	case -EACCES:
	case -EOPNOTSUPP:
	case -ENOSYS:
	case -EAFNOSUPPORT:
		return EXIT_HOST;
	default:
		return EXIT_FAILED;
	}
}

/* Queues. */

static enum exit_code choose_queues(struct node *n)
{
	const struct run_options *o = n->options;

	n->queue_cnt = o->queue_cnt ? o->queue_cnt : n->netif.rx_queues;
	if (n->queue_cnt > MEV_MAX_QUEUES) {
		log_err("%s has %u queues, %d are supported: choose with --queues", n->netif.name,
			n->queue_cnt, MEV_MAX_QUEUES);
		return EXIT_USAGE;
	}
	for (__u32 i = 0; i < n->queue_cnt; i++) {
		n->queues[i] = o->queue_cnt ? o->queues[i] : i;
		if (n->queues[i] >= n->netif.rx_queues) {
			log_err("%s has no RX queue %u, only 0 to %u", n->netif.name, n->queues[i],
				n->netif.rx_queues - 1);
			return EXIT_USAGE;
		}
	}
	if (o->cpu_cnt && o->cpu_cnt != n->queue_cnt) {
		log_err("--cpus names %u CPUs, but %s has %u RX queues: give one each", o->cpu_cnt,
			n->netif.name, n->queue_cnt);
		return EXIT_USAGE;
	}
	if (n->queue_cnt < n->netif.rx_queues)
		log_warn("%u of %u RX queues of %s are served: candidates on the others go to the "
			 "kernel, counted as no_socket",
			 n->queue_cnt, n->netif.rx_queues, n->netif.name);
	return EXIT_DONE;
}

/* Sockets. */

static void close_sockets(struct node *n)
{
	for (__u32 i = 0; n->workers && i < n->queue_cnt; i++) {
		xsk_close(n->workers[i].xsk);
		n->workers[i].xsk = NULL;
	}
}

static int open_sockets(struct node *n, bool zerocopy)
{
	int err = 0;

	for (__u32 i = 0; i < n->queue_cnt && !err; i++)
		err = xsk_open(&n->workers[i].xsk, n->netif.name, n->queues[i], zerocopy);
	if (err)
		close_sockets(n);
	return err;
}

/* Zero-copy unless a lesser mode is asked for; the lesser one only where none is demanded. */
static int open_sockets_in_mode(struct node *n)
{
	const struct run_options *o = n->options;
	int err;

	if (o->mode == MODE_AUTO || o->mode == MODE_ZEROCOPY) {
		err = open_sockets(n, true);
		if (err != -EOPNOTSUPP && err != -EINVAL) {
			n->mode = MODE_ZEROCOPY;
			return err;
		}
		if (o->mode == MODE_ZEROCOPY) {
			log_err("%s (%s) has no zero-copy: %s; take --mode copy, or a driver that "
				"has it",
				n->netif.name, n->netif.driver, strerror(-err));
			return -EOPNOTSUPP;
		}
		log_info("%s (%s) has no zero-copy: %s; trying copy", n->netif.name,
			 n->netif.driver, strerror(-err));
	}
	n->mode = o->mode == MODE_SKB ? MODE_SKB : MODE_COPY;
	return open_sockets(n, false);
}

static int attach_in_mode(struct node *n)
{
	const struct run_options *o = n->options;
	int err;

	if (n->mode != MODE_SKB) {
		err = filter_prog_attach(n->prog, true);
		if (err != -EOPNOTSUPP)
			return err;
		if (o->mode != MODE_AUTO) {
			log_err("%s (%s) has no native XDP; take --mode skb, or a driver that has it",
				n->netif.name, n->netif.driver);
			return err;
		}
		log_info("%s (%s) has no native XDP; trying skb", n->netif.name, n->netif.driver);
		n->mode = MODE_SKB;
	}
	err = filter_prog_attach(n->prog, false);
	if (err == -EOPNOTSUPP)
		log_err("%s (%s) takes no XDP program at all", n->netif.name, n->netif.driver);
	return err;
}

/* Workers. */

static int prepare_workers(struct node *n)
{
	size_t size = n->queue_cnt * sizeof(*n->workers);
	struct latency_clock clock;
	int err;

	n->workers = aligned_alloc(MEV_CACHELINE, size);
	if (!n->workers)
		return -ENOMEM;
	memset(n->workers, 0, size);

	err = pool_table_open(&n->index, n->config.pool_cnt);
	if (err)
		return err;
	for (__u32 i = 0; i < n->config.pool_cnt; i++)
		pool_table_add(n->index, n->config.pools[i].address, i);

	latency_clock_init(&clock);
	for (__u32 i = 0; i < n->queue_cnt; i++) {
		struct worker *w = &n->workers[i];

		w->hot_path = (struct hot_path){
			.config = filter_prog_config(n->prog),
			.pools = filter_prog_pools(n->prog),
			.pool_cnt = MEV_MAX_POOLS,
			.index = n->index,
		};
		w->pool_replies = calloc(MEV_MAX_POOLS, sizeof(*w->pool_replies));
		if (!w->pool_replies)
			return -ENOMEM;
		w->control = &n->control;
		w->poll = n->options->poll;
		w->cpu = n->options->cpu_cnt ? (int)n->options->cpus[i] : -1;
		w->clock = clock;
	}
	return 0;
}

static void free_workers(struct node *n)
{
	for (__u32 i = 0; n->workers && i < n->queue_cnt; i++)
		free(n->workers[i].pool_replies);
	free(n->workers);
}

static int start_workers(struct node *n)
{
	int err;

	for (; n->started_cnt < n->queue_cnt; n->started_cnt++) {
		struct worker *w = &n->workers[n->started_cnt];

		err = filter_prog_set_xsk(n->prog, w->xsk->queue, w->xsk->fd);
		if (err)
			return err;
		err = worker_start(w);
		if (err)
			return err;
	}
	return 0;
}

static void stop_workers(struct node *n)
{
	const __u64 one = 1;

	__atomic_store_n(&n->control.stop, true, __ATOMIC_RELEASE);
	if (write(n->control.wake_fd, &one, sizeof(one)) < 0)
		log_warn("cannot wake the workers: %s", strerror(errno));
	while (n->started_cnt)
		worker_join(&n->workers[--n->started_cnt]);
}

/* Events that end a run. The main thread sleeps until one comes; it never polls. */

static int open_events(struct node *n)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	/* A reader of the summary that has gone must not keep us from unpinning. */
	signal(SIGPIPE, SIG_IGN);
	/* Blocked before any thread starts, so that they all inherit it. */
	sigprocmask(SIG_BLOCK, &signals, NULL);

	n->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
	n->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	n->link_fd = netif_watch_open();
	n->control.wake_fd = eventfd(0, EFD_CLOEXEC);
	n->control.event_fd = eventfd(0, EFD_CLOEXEC);
	if (n->signal_fd < 0 || n->timer_fd < 0 || n->link_fd < 0 || n->control.wake_fd < 0 ||
	    n->control.event_fd < 0) {
		int err = n->link_fd < 0 ? n->link_fd : -errno;

		log_err("cannot set up signals and timers: %s", strerror(-err));
		return err;
	}
	return 0;
}

static void close_events(struct node *n)
{
	const int fds[] = { n->signal_fd, n->timer_fd, n->link_fd, n->control.wake_fd,
			    n->control.event_fd };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static enum exit_code wait_for_end(struct node *n)
{
	struct itimerspec duration = { .it_value.tv_sec = n->options->duration_s };
	enum { SIGNAL, TIMER, REPLIES, LINK };
	struct pollfd fds[] = {
		[SIGNAL] = { .fd = n->signal_fd, .events = POLLIN },
		[TIMER] = { .fd = n->timer_fd, .events = POLLIN },
		[REPLIES] = { .fd = n->control.event_fd, .events = POLLIN },
		[LINK] = { .fd = n->link_fd, .events = POLLIN },
	};

	timerfd_settime(n->timer_fd, 0, &duration, NULL);
	for (;;) {
		if (poll(fds, sizeof(fds) / sizeof(fds[0]), -1) < 0) {
			if (errno == EINTR)
				continue;
			log_err("poll: %s", strerror(errno));
			return EXIT_FAILED;
		}
		if (fds[SIGNAL].revents || fds[TIMER].revents || fds[REPLIES].revents)
			return EXIT_DONE;
		if (fds[LINK].revents && netif_watch_gone(n->link_fd, n->netif.index)) {
			log_err("%s was removed: stopping", n->netif.name);
			return EXIT_FAILED;
		}
	}
}

static void say_ready(const struct node *n)
{
	printf("ready backend=af_xdp mode=%s iface=%s queues=", run_mode_name(n->mode),
	       n->netif.name);
	for (__u32 i = 0; i < n->queue_cnt; i++)
		printf("%s%u", i ? "," : "", n->queues[i]);
	printf(" pid=%d\n", getpid());
	fflush(stdout);
}

static int collect_pools(const struct node *n, struct stats *s)
{
	int err = 0;

	s->pools = calloc(n->config.pool_cnt, sizeof(*s->pools));
	if (!s->pools)
		return -ENOMEM;
	s->pool_cnt = n->config.pool_cnt;
	for (__u32 i = 0; i < s->pool_cnt && !err; i++) {
		s->pools[i].address = n->config.pools[i].address;
		err = filter_prog_pool_counters(n->prog, i, &s->pools[i].kernel);
	}
	return err;
}

static void summarize(const struct node *n)
{
	static struct stats s;
	int err;

	s.backend = "af_xdp";
	s.mode = run_mode_name(n->mode);
	s.interface = n->netif.name;
	err = filter_prog_counters(n->prog, &s.kernel);
	if (!err)
		err = collect_pools(n, &s);
	if (err)
		log_err("cannot read all counters: %s", strerror(-err));
	for (__u32 i = 0; i < n->queue_cnt; i++)
		stats_add_worker(&s, &n->workers[i]);
	if (s.chunks_missing)
		log_err("%lld chunks are missing from the rings' account: please report this",
			(long long)s.chunks_missing);
	if (n->options->json)
		stats_print_json(&s);
	else
		stats_print(&s);
	free(s.pools);
}

static enum exit_code serve(struct node *n)
{
	enum exit_code code;
	int err;

	err = start_workers(n);
	if (!err)
		err = attach_in_mode(n);
	if (err) {
		stop_workers(n);
		return exit_code_of(err);
	}
	say_ready(n);
	code = wait_for_end(n);
	filter_prog_detach(n->prog);
	stop_workers(n);
	summarize(n);
	return code;
}

static enum exit_code build_and_serve(struct node *n)
{
	const struct run_options *o = n->options;
	char pin_path[64 + IF_NAMESIZE];
	enum exit_code code;
	int err;

	err = o->config_path ? config_load(&n->config, o->config_path) : config_default(&n->config);
	if (err)
		return err == -ENOMEM ? EXIT_FAILED : EXIT_USAGE;
	err = netif_query(o->interface, &n->netif);
	if (err) {
		log_err("interface %s: %s; `ip -br link` lists what there is", o->interface,
			strerror(-err));
		return err == -ENODEV ? EXIT_USAGE : exit_code_of(err);
	}
	code = choose_queues(n);
	if (code)
		return code;

	snprintf(pin_path, sizeof(pin_path), "%s/%s", FILTER_PROG_PIN_ROOT, n->netif.name);
	err = filter_prog_open(&n->prog, &n->netif, o->pin_path ? o->pin_path : pin_path,
			       n->config.pool_cnt);
	if (!err)
		err = filter_prog_configure(n->prog, &n->config,
					    o->verify_checksum ? MEV_VERIFY_UDP_SUM : 0);
	if (!err)
		err = prepare_workers(n);
	if (!err)
		err = open_sockets_in_mode(n);
	if (!err)
		err = open_events(n);
	return err ? exit_code_of(err) : serve(n);
}

enum exit_code node_run(const struct run_options *o)
{
	struct node n = {
		.options = o,
		.signal_fd = -1,
		.timer_fd = -1,
		.link_fd = -1,
		.control = { .wake_fd = -1, .event_fd = -1, .reply_limit = o->replies },
	};
	enum exit_code code = build_and_serve(&n);

	close_sockets(&n);
	filter_prog_close(n.prog);
	close_events(&n);
	pool_table_close(n.index);
	free_workers(&n);
	config_free(&n.config);
	return code;
}
