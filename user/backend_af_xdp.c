// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The AF_XDP back end: program and maps, a socket a queue with full rings, workers, attach; and back.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "filter_prog.h"
#include "log.h"
#include "netif.h"
#include "pins.h"
#include "xsk_worker.h"

struct af_xdp {
	struct backend base;
	const struct backend_env *env;
	struct netif netif;
	struct pool_table *index;
	struct filter_prog *prog;
	enum run_mode mode;         /* what was obtained */
	struct xsk_worker *workers; /* base.queue_cnt of them */
	struct stack *stack;        /* for --own-ip, else NULL */
	struct frame_queue *frames; /* what it sends, by the first worker */
	__u32 started_cnt;
};

/* Queues. */

static enum exit_code choose_queues(struct af_xdp *b)
{
	const struct run_options *o = b->env->options;

	b->base.queue_cnt = o->queue_cnt ? o->queue_cnt : b->netif.rx_queues;
	if (b->base.queue_cnt > MEV_MAX_QUEUES) {
		log_err("%s has %u queues, %d are supported: choose with --queues", b->netif.name,
			b->base.queue_cnt, MEV_MAX_QUEUES);
		return EXIT_USAGE;
	}
	for (__u32 i = 0; i < b->base.queue_cnt; i++) {
		b->base.queues[i] = o->queue_cnt ? o->queues[i] : i;
		if (b->base.queues[i] >= b->netif.rx_queues) {
			log_err("%s has no RX queue %u, only 0 to %u", b->netif.name,
				b->base.queues[i], b->netif.rx_queues - 1);
			return EXIT_USAGE;
		}
	}
	if (o->cpu_cnt && o->cpu_cnt != b->base.queue_cnt) {
		log_err("--cpus names %u CPUs, but %s has %u RX queues: give one each", o->cpu_cnt,
			b->netif.name, b->base.queue_cnt);
		return EXIT_USAGE;
	}
	return EXIT_DONE;
}

/* Asked once attached: virtio_net may raise the number of its queues for a program. */
static void warn_of_unserved(struct af_xdp *b)
{
	struct netif now;

	if (!netif_query(b->netif.name, &now) && b->base.queue_cnt < now.rx_queues)
		log_warn("%u of %u RX queues of %s are served: candidates on the others go to the "
			 "kernel, counted as no_socket",
			 b->base.queue_cnt, now.rx_queues, b->netif.name);
}

/* Sockets. */

static void close_sockets(struct af_xdp *b)
{
	for (__u32 i = 0; b->workers && i < b->base.queue_cnt; i++) {
		xsk_close(b->workers[i].xsk);
		b->workers[i].xsk = NULL;
	}
}

static int open_sockets(struct af_xdp *b, bool zerocopy)
{
	int err = 0;

	for (__u32 i = 0; i < b->base.queue_cnt && !err; i++)
		err = xsk_open(&b->workers[i].xsk, b->netif.name, b->base.queues[i], zerocopy);
	if (err)
		close_sockets(b);
	return err;
}

/* Zero-copy unless a lesser mode is asked for; the lesser one only where none is demanded. */
static int open_sockets_in_mode(struct af_xdp *b)
{
	const struct run_options *o = b->env->options;
	int err;

	if (o->mode == MODE_AUTO || o->mode == MODE_ZEROCOPY) {
		err = open_sockets(b, true);
		if (err != -EOPNOTSUPP && err != -EINVAL) {
			b->mode = MODE_ZEROCOPY;
			return err;
		}
		if (o->mode == MODE_ZEROCOPY) {
			log_err("%s (%s) has no zero-copy: %s; take --mode copy, or a driver that "
				"has it",
				b->netif.name, b->netif.driver, strerror(-err));
			return -EOPNOTSUPP;
		}
		log_info("%s (%s) has no zero-copy: %s; trying copy", b->netif.name,
			 b->netif.driver, strerror(-err));
	}
	b->mode = o->mode == MODE_SKB ? MODE_SKB : MODE_COPY;
	return open_sockets(b, false);
}

static int attach_in_mode(struct af_xdp *b)
{
	const struct run_options *o = b->env->options;
	int err;

	if (b->mode != MODE_SKB) {
		err = filter_prog_attach(b->prog, true);
		/* With its present settings, as MTU or queues, the driver may refuse: skb does not. */
		if (err != -EOPNOTSUPP && err != -ERANGE && err != -ENOSPC)
			return err;
		if (o->mode != MODE_AUTO) {
			log_err("%s (%s) takes no native XDP: %s; take --mode skb, or see the remedies "
				"of `mevnode doctor -i %s`",
				b->netif.name, b->netif.driver, strerror(-err), b->netif.name);
			return -EOPNOTSUPP;
		}
		log_info("%s (%s) takes no native XDP: %s; trying skb", b->netif.name,
			 b->netif.driver, strerror(-err));
		b->mode = MODE_SKB;
	}
	err = filter_prog_attach(b->prog, false);
	if (err == -EOPNOTSUPP)
		log_err("%s (%s) takes no XDP program at all", b->netif.name, b->netif.driver);
	return err;
}

/* Workers. */

static int prepare_worker(struct af_xdp *b, __u32 i, const struct latency_clock *clock)
{
	const struct run_options *o = b->env->options;
	struct xsk_worker *w = &b->workers[i];

	w->hot_path = (struct hot_path){
		.config = filter_prog_config(b->prog),
		.pools = filter_prog_pools(b->prog),
		.pool_cnt = MEV_MAX_POOLS,
		.index = b->index,
	};
	w->base.control = b->env->control;
	w->base.poll = o->poll;
	w->base.cpu = o->cpu_cnt ? (int)o->cpus[i] : -1;
	w->base.queue = b->base.queues[i];
	w->base.clock = *clock;
	w->base.pool_replies = calloc(MEV_MAX_POOLS, sizeof(*w->base.pool_replies));
	return w->base.pool_replies ? 0 : -ENOMEM;
}

static int prepare_workers(struct af_xdp *b)
{
	const struct config *config = b->env->config;
	size_t size = b->base.queue_cnt * sizeof(*b->workers);
	struct latency_clock clock;
	int err;

	b->workers = aligned_alloc(MEV_CACHELINE, size);
	if (!b->workers)
		return -ENOMEM;
	memset(b->workers, 0, size);
	err = pool_table_open(&b->index, config->pool_cnt);
	for (__u32 i = 0; i < config->pool_cnt && !err; i++)
		err = pool_table_add(b->index, config->pools[i].address, i);

	latency_clock_init(&clock);
	for (__u32 i = 0; i < b->base.queue_cnt && !err; i++)
		err = prepare_worker(b, i, &clock);
	if (err)
		log_err("cannot prepare the workers: %s", strerror(-err));
	return err;
}

static int queue_frame(void *ctx, const void *frame, __u32 len)
{
	return frame_queue_put(ctx, frame, len);
}

/* With --own-ip the node answers for an address of its own, which the kernel never sees. */
static int open_stack(struct af_xdp *b)
{
	struct stack_link link = { .send = queue_frame };
	int err;

	if (!b->env->options->own_ip)
		return 0;
	err = frame_queue_open(&b->frames);
	if (err) {
		log_err("cannot make the stack's frame queue: %s", strerror(-err));
		return err;
	}
	link.ctx = b->frames;
	err = backend_open_stack(&b->stack, b->env, &b->workers[0].hot_path, &b->netif,
				 b->netif.mac, link);
	if (err)
		return err;
	b->workers[0].frames = b->frames;
	for (__u32 i = 0; i < b->base.queue_cnt; i++)
		b->workers[i].stack = b->stack;
	return 0;
}

static int busy_poll(struct xsk_worker *w)
{
	int err;

	if (w->base.poll != WORKER_BUSY)
		return 0;
	err = xsk_busy_poll(w->xsk);
	if (err)
		log_err("cannot busy-poll queue %u: %s; Linux 5.11 or later can, with "
			"CAP_NET_ADMIN; else take --poll spin",
			w->base.queue, strerror(-err));
	return err;
}

static int start_workers(struct af_xdp *b)
{
	int err;

	for (; b->started_cnt < b->base.queue_cnt; b->started_cnt++) {
		struct xsk_worker *w = &b->workers[b->started_cnt];

		err = busy_poll(w);
		if (!err)
			err = filter_prog_set_xsk(b->prog, w->base.queue, w->xsk->fd);
		if (!err)
			err = worker_start(&w->base, xsk_worker_loop);
		if (err)
			return err;
	}
	return 0;
}

/* The interface of backend.h. */

static struct af_xdp *af_xdp(struct backend *base)
{
	return (struct af_xdp *)base;
}

static void af_xdp_close(struct backend *base)
{
	struct af_xdp *b = af_xdp(base);

	stack_close(b->stack);
	frame_queue_close(b->frames);
	close_sockets(b);
	filter_prog_close(b->prog);
	pool_table_close(b->index);
	for (__u32 i = 0; b->workers && i < b->base.queue_cnt; i++)
		free(b->workers[i].base.pool_replies);
	free(b->workers);
	free(b);
}

static enum exit_code find_interface(struct af_xdp *b)
{
	const char *name = b->env->options->interface;
	int err = netif_query(name, &b->netif);

	if (err) {
		log_err("interface %s: %s; `ip -br link` lists what there is", name,
			strerror(-err));
		return err == -ENODEV ? EXIT_USAGE : backend_exit_code(err);
	}
	if (!b->netif.ethernet) {
		log_err("%s (%s) carries no Ethernet frames: take another interface", name,
			b->netif.driver);
		return EXIT_HOST;
	}
	if (!b->netif.up)
		log_warn("%s is down: no frame comes until `ip link set %s up`", name, name);
	strcpy(b->base.interface, b->netif.name);
	b->base.ifindex = b->netif.index;
	return choose_queues(b);
}

static int load(struct af_xdp *b)
{
	const struct run_options *o = b->env->options;
	char pin_path[64 + IF_NAMESIZE];
	int err;

	snprintf(pin_path, sizeof(pin_path), "%s/%s", PINS_ROOT, b->netif.name);
	/* A bpffs takes no dots in names, which those of VLAN interfaces have: eth0.100. */
	for (char *dot = pin_path; (dot = strchr(dot, '.'));)
		*dot = '_';
	if (o->pin_path && !pins_in_bpffs(o->pin_path)) {
		log_err("--pin-path %s is not in a bpffs: take a folder below /sys/fs/bpf",
			o->pin_path);
		return -EINVAL;
	}
	err = filter_prog_open(&b->prog, &b->netif, o->pin_path ? o->pin_path : pin_path,
			       b->env->config->pool_cnt);
	if (!err)
		err = filter_prog_configure(b->prog, b->env->config,
					    o->verify_checksum ? MEV_VERIFY_UDP_SUM : 0, o->own_ip);
	return err;
}

static enum exit_code af_xdp_open(struct backend **out, const struct backend_env *env)
{
	struct af_xdp *b = calloc(1, sizeof(*b));
	enum exit_code code;
	int err;

	if (!b)
		return EXIT_FAILED;
	b->base.ops = &backend_af_xdp;
	b->env = env;
	code = find_interface(b);
	if (code == EXIT_DONE) {
		err = load(b);
		if (err == -EINVAL && env->options->pin_path)
			code = EXIT_USAGE;
		if (!err)
			err = prepare_workers(b);
		if (!err)
			err = open_sockets_in_mode(b);
		if (!err)
			err = open_stack(b);
		if (code == EXIT_DONE)
			code = backend_exit_code(err);
	}
	if (code != EXIT_DONE) {
		af_xdp_close(&b->base);
		return code;
	}
	*out = &b->base;
	return EXIT_DONE;
}

static void af_xdp_stop(struct backend *base)
{
	struct af_xdp *b = af_xdp(base);

	filter_prog_detach(b->prog);
	stack_hang_up(b->stack); /* its frames are the workers' to send */
	worker_stop(b->env->control);
	while (b->started_cnt)
		worker_join(&b->workers[--b->started_cnt].base);
}

static enum exit_code af_xdp_start(struct backend *base)
{
	struct af_xdp *b = af_xdp(base);
	int err;

	err = start_workers(b);
	if (!err)
		err = attach_in_mode(b);
	if (err)
		af_xdp_stop(base);
	else
		warn_of_unserved(b);
	b->base.mode = run_mode_name(b->mode);
	return backend_exit_code(err);
}

static void collect_socket(const struct xsk *x, struct stats *s)
{
	struct xdp_statistics k;
	int err = xsk_statistics(x, &k);

	if (err)
		log_err("cannot read the statistics of queue %u: %s", x->queue, strerror(-err));
	stats_io(s, "rx_dropped", (__s64)k.rx_dropped);
	stats_io(s, "rx_invalid_descs", (__s64)k.rx_invalid_descs);
	stats_io(s, "tx_invalid_descs", (__s64)k.tx_invalid_descs);
	stats_io(s, "rx_ring_full", (__s64)k.rx_ring_full);
	stats_io(s, "rx_fill_ring_empty_descs", (__s64)k.rx_fill_ring_empty_descs);
	stats_io(s, "tx_ring_empty_descs", (__s64)k.tx_ring_empty_descs);
	stats_io(s, "chunks_missing", xsk_chunks_missing(x));
	if (xsk_chunks_missing(x))
		log_err("queue %u: %lld chunks are missing from the rings' account: please report",
			x->queue, (long long)xsk_chunks_missing(x));
}

static void af_xdp_collect(struct backend *base, struct stats *s)
{
	struct af_xdp *b = af_xdp(base);
	int err;

	s->io_name = "xsk";
	err = filter_prog_counters(b->prog, &s->filter);
	for (__u32 i = 0; i < s->pool_cnt && !err; i++)
		err = filter_prog_pool_counters(b->prog, i, &s->pools[i].filter);
	if (err)
		log_err("cannot read all of the program's counters: %s", strerror(-err));
	for (__u32 i = 0; i < b->base.queue_cnt; i++) {
		stats_add_worker(s, &b->workers[i].base);
		collect_socket(b->workers[i].xsk, s);
	}
	if (b->stack) {
		stack_counters(b->stack, &s->stack);
		s->has_stack = true;
	}
	stats_io(s, "tx_backpressure", (__s64)s->worker.tx_backpressure);
	stats_io(s, "tx_kicks", (__s64)s->worker.tx_kicks);
	stats_io(s, "tx_kick_again", (__s64)s->worker.tx_kick_again);
	stats_io(s, "rx_kicks", (__s64)s->worker.rx_kicks);
	stats_io(s, "tx_kick_errors", (__s64)s->worker.tx_kick_errors);
}

const struct backend_ops backend_af_xdp = {
	.name = "af_xdp",
	.open = af_xdp_open,
	.start = af_xdp_start,
	.stop = af_xdp_stop,
	.collect = af_xdp_collect,
	.close = af_xdp_close,
};
