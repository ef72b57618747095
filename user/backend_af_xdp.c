// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The AF_XDP back end: program and maps, attach, a socket a queue with full rings, workers; and back.
 *
 * The program is attached first and passes every frame until filter_prog_start(): drivers rebuild
 * their rings for XDP, and some change how many there are.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend_af_xdp.h"
#include "log.h"
#include "pins.h"

/* Somebody has chosen the hook already. */
static int adopt_in_mode(struct af_xdp *b)
{
	bool native = filter_prog_native(b->prog);

	if (b->env->options->mode == MODE_AUTO && !native)
		b->mode = MODE_SKB;
	if (native == (b->mode != MODE_SKB))
		return 0;
	log_err("the program on %s is attached %s, which --mode %s is not: drop --mode, or attach it "
		"anew",
		b->netif.name, native ? "in the driver" : "in the generic hook",
		run_mode_name(b->mode));
	return -EOPNOTSUPP;
}

/* Leaves in b->mode the best that may come of it. */
static int attach_in_mode(struct af_xdp *b)
{
	const struct run_options *o = b->env->options;
	int err;

	b->mode = o->mode == MODE_AUTO ? MODE_ZEROCOPY : o->mode;
	if (o->adopt)
		return adopt_in_mode(b);
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

/* What the program's own replies need, and a count of those that do not get out. */
static int prepare_engine(struct af_xdp *b)
{
	bool kernel = b->env->options->engine == MEV_ENGINE_KERNEL;
	int err = 0;

	if (kernel && b->mode != MODE_SKB)
		err = xdp_tx_check(&b->netif);
	if (err)
		return err;
	/* Always, as the engine may be switched later. */
	err = xdp_tx_losses_open(&b->losses, &b->netif);
	if (err && kernel)
		log_warn(
			"replies that %s loses after XDP_TX are not counted: %s; `ethtool -S %s` may "
			"have them",
			b->netif.name, strerror(-err), b->netif.name);
	return 0;
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
	err = backend_open_stack(&b->stack, b->env, &b->base, &b->netif, b->netif.mac, link);
	if (err)
		return err;
	b->workers[0].frames = b->frames;
	for (__u32 i = 0; i < b->base.queue_cnt; i++)
		b->workers[i].stack = b->stack;
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
	af_xdp_close_sockets(b);
	filter_prog_close(b->prog);
	af_xdp_close_pools(b);
	xdp_tx_losses_close(b->losses);
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
	return EXIT_DONE;
}

static int load(struct af_xdp *b)
{
	const struct run_options *o = b->env->options;
	int err;

	if (o->pin_path && !pins_in_bpffs(o->pin_path)) {
		log_err("--pin-path %s is not in a bpffs: take a folder below /sys/fs/bpf",
			o->pin_path);
		return -EINVAL;
	}
	err = filter_prog_open(&b->prog, &b->netif, o->pin_path, b->env->config->pool_cnt,
			       o->adopt);
	if (!err)
		err = af_xdp_fill_pools(b);
	if (!err)
		err = filter_prog_configure(b->prog, b->env->config,
					    o->verify_checksum ? MEV_VERIFY_UDP_SUM : 0, o->own_ip,
					    o->engine);
	return err;
}

static enum exit_code open_in_order(struct af_xdp *b)
{
	enum exit_code code = find_interface(b);
	int err;

	if (code != EXIT_DONE)
		return code;
	err = load(b);
	if (err == -EINVAL && b->env->options->pin_path)
		return EXIT_USAGE;
	if (!err)
		err = attach_in_mode(b);
	if (!err)
		err = prepare_engine(b);
	if (err)
		return backend_exit_code(err);
	code = af_xdp_open_queues(b);
	if (code != EXIT_DONE)
		return code;
	err = af_xdp_prepare_workers(b);
	if (!err)
		err = open_stack(b);
	return backend_exit_code(err);
}

static enum exit_code af_xdp_open(struct backend **out, const struct backend_env *env)
{
	struct af_xdp *b = calloc(1, sizeof(*b));
	enum exit_code code;

	if (!b)
		return EXIT_FAILED;
	b->base.ops = &backend_af_xdp;
	b->env = env;
	code = open_in_order(b);
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

	err = af_xdp_start_workers(b);
	if (err)
		af_xdp_stop(base);
	else
		filter_prog_start(b->prog);
	b->base.mode = run_mode_name(b->mode);
	b->base.map_id = filter_prog_map_id(b->prog);
	b->base.prog_id = filter_prog_attached(b->prog, &b->base.prog_is_dispatcher);
	return backend_exit_code(err);
}

static struct worker *af_xdp_worker_of(struct backend *base, __u32 i)
{
	return &af_xdp(base)->workers[i].base;
}

static int collect_pools(const struct af_xdp *b, struct stats *s)
{
	__u32 end = s->pool_cnt ? s->pools[s->pool_cnt - 1].slot + 1 : 0;
	struct mev_pool_counters *sums = calloc(end + 1, sizeof(*sums));
	int err = sums ? filter_prog_pool_counters(b->prog, end, sums) : -ENOMEM;

	for (__u32 i = 0; i < s->pool_cnt && !err; i++)
		s->pools[i].filter = sums[s->pools[i].slot];
	free(sums);
	return err;
}

static int af_xdp_collect(struct backend *base, struct stats *s, unsigned int parts)
{
	struct af_xdp *b = af_xdp(base);
	int err;

	strcpy(s->io_name, "xsk");
	s->ready = MEV_READ_ONCE(filter_prog_config(b->prog)->ready) != 0;
	s->engine = MEV_READ_ONCE(filter_prog_config(b->prog)->engine);
	err = filter_prog_counters(b->prog, &s->filter);
	if (!err)
		err = filter_prog_decisions(b->prog, &s->decision_ns);
	if (!err && (parts & STATS_POOLS))
		err = collect_pools(b, s);
	for (__u32 i = 0; i < b->base.queue_cnt; i++) {
		stats_add_worker(s, &b->workers[i].base, parts);
		af_xdp_collect_socket(b->workers[i].xsk, s, parts);
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
	if (b->losses)
		stats_io(s, "xdp_tx_lost", xdp_tx_lost(b->losses));
	return err;
}

static __u64 af_xdp_driver_replies(struct backend *base)
{
	struct mev_counters sum;

	return filter_prog_counters(af_xdp(base)->prog, &sum) ? 0 : sum.replied_in_driver.packets;
}

const struct backend_ops backend_af_xdp = {
	.name = "af_xdp",
	.open = af_xdp_open,
	.start = af_xdp_start,
	.stop = af_xdp_stop,
	.reload = af_xdp_reload,
	.worker = af_xdp_worker_of,
	.collect = af_xdp_collect,
	.driver_replies = af_xdp_driver_replies,
	.close = af_xdp_close,
};
