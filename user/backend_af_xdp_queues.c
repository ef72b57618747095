// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

#include "backend_af_xdp.h"
#include "log.h"
#include "xdp_tx.h"

/* Queues. */

/* Replies leave by the TX queue of the same number. Without one, copy mode would send nothing, silently. */
static __u32 sending_queues(const struct af_xdp *b)
{
	const struct netif *n = &b->netif;

	return n->tx_queues ? MIN(n->rx_queues, n->tx_queues) : n->rx_queues;
}

/* Into b->base: those asked for, else the first `cnt`. */
static enum exit_code choose_queues(struct af_xdp *b, __u32 cnt)
{
	const struct run_options *o = b->env->options;

	b->base.queue_cnt = o->queue_cnt ? o->queue_cnt : cnt;
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
		if (b->base.queues[i] >= sending_queues(b)) {
			log_err("%s has no TX queue %u, by which replies from RX queue %u would "
				"leave, only 0 to %u",
				b->netif.name, b->base.queues[i], b->base.queues[i],
				b->netif.tx_queues - 1);
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

/* Sockets. */

void af_xdp_close_sockets(struct af_xdp *b)
{
	for (__u32 i = 0; b->workers && i < b->base.queue_cnt; i++) {
		xsk_close(b->workers[i].xsk);
		b->workers[i].xsk = NULL;
	}
}

static int open_sockets(struct af_xdp *b, bool zerocopy)
{
	size_t size = b->base.queue_cnt * sizeof(*b->workers);
	int err = 0;

	free(b->workers);
	b->workers = aligned_alloc(MEV_CACHELINE, size);
	if (!b->workers)
		return -ENOMEM;
	memset(b->workers, 0, size);
	for (__u32 i = 0; i < b->base.queue_cnt && !err; i++)
		err = xsk_open(&b->workers[i].xsk, b->netif.name, b->base.queues[i], zerocopy);
	if (err)
		af_xdp_close_sockets(b);
	return err;
}

/* What open_zerocopy() says where it comes to nothing. */
static bool leave_zerocopy(struct af_xdp *b, const char *why, const char *remedy,
			   enum exit_code *code)
{
	const struct netif *n = &b->netif;

	if (b->env->options->mode == MODE_ZEROCOPY) {
		log_err("%s (%s) %s; take --mode copy, or %s", n->name, n->driver, why, remedy);
		*code = EXIT_HOST;
		return true;
	}
	log_info("%s (%s) %s; trying copy", n->name, n->driver, why);
	b->mode = MODE_COPY;
	return false;
}

/* True: done with, *code says how. False: there is no zero-copy, and none is demanded. */
static bool open_zerocopy(struct af_xdp *b, __u32 cnt, enum exit_code *code)
{
	char why[96];
	int err;

	if (b->env->options->engine == MEV_ENGINE_KERNEL && !xdp_tx_from_zerocopy(&b->netif))
		return leave_zerocopy(b, "loses what a program sends (XDP_TX) in zero-copy",
				      "--engine user", code);
	*code = choose_queues(b, cnt);
	if (*code != EXIT_DONE)
		return true;
	err = open_sockets(b, true);
	*code = backend_exit_code(err);
	if (err != -EOPNOTSUPP && err != -EINVAL)
		return true;
	snprintf(why, sizeof(why), "has no zero-copy: %s", strerror(-err));
	return leave_zerocopy(b, why, "a driver that has it", code);
}

static void say_unserved(const struct af_xdp *b, __u32 before)
{
	const struct netif *n = &b->netif;
	const char *why = "";

	if (before < n->rx_queues)
		why = "; XDP has raised their number: see the remedy of `mevnode doctor`";
	else if (sending_queues(b) < n->rx_queues)
		why = "; replies need a TX queue each: `ethtool -L`";
	log_warn("%u of %u RX queues of %s are served: candidates on the others go to the kernel, "
		 "counted as no_socket%s",
		 b->base.queue_cnt, n->rx_queues, n->name, why);
}

enum exit_code af_xdp_open_queues(struct af_xdp *b)
{
	__u32 before = b->netif.rx_queues;
	int err = netif_query(b->base.interface, &b->netif);
	enum exit_code code;

	if (err) {
		log_err("interface %s: %s", b->base.interface, strerror(-err));
		return backend_exit_code(err);
	}
	/*
	 * Queues that came with the program (virtio_net with more of them than CPUs) go with it, and
	 * virtio_net lets no zero-copy socket go from a queue that is gone: the next start would hang
	 * in the kernel. They get one only if asked for.
	 */
	if (b->mode != MODE_ZEROCOPY || !open_zerocopy(b, MIN(before, sending_queues(b)), &code)) {
		code = choose_queues(b, sending_queues(b));
		if (code == EXIT_DONE)
			code = backend_exit_code(open_sockets(b, false));
	}
	if (code == EXIT_DONE && b->base.queue_cnt < b->netif.rx_queues)
		say_unserved(b, before);
	return code;
}

/* Workers. */

static int prepare_worker(struct af_xdp *b, __u32 i, const struct latency_clock *clock)
{
	const struct run_options *o = b->env->options;
	struct xsk_worker *w = &b->workers[i];

	w->base.control = b->env->control;
	w->base.poll = o->poll;
	w->base.cpu = o->cpu_cnt ? (int)o->cpus[i] : -1;
	w->base.queue = b->base.queues[i];
	w->base.clock = *clock;
	w->base.pool_replies = calloc(MEV_MAX_POOLS, sizeof(*w->base.pool_replies));
	return w->base.pool_replies ? 0 : -ENOMEM;
}

int af_xdp_prepare_workers(struct af_xdp *b)
{
	struct latency_clock clock;
	int err = 0;

	latency_clock_init(&clock);
	for (__u32 i = 0; i < b->base.queue_cnt && !err; i++)
		err = prepare_worker(b, i, &clock);
	if (!err)
		err = af_xdp_first_view(b);
	if (err)
		log_err("cannot prepare the workers: %s", strerror(-err));
	return err;
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

int af_xdp_start_workers(struct af_xdp *b)
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

/* What was counted. */

void af_xdp_collect_socket(const struct xsk *x, struct stats *s, unsigned int parts)
{
	struct xdp_statistics k = { 0 };
	int err = xsk_statistics(x, &k);

	if (err && (parts & STATS_FINAL))
		log_err("cannot read the statistics of queue %u: %s", x->queue, strerror(-err));
	stats_io(s, "rx_dropped", (__s64)k.rx_dropped);
	stats_io(s, "rx_invalid_descs", (__s64)k.rx_invalid_descs);
	stats_io(s, "tx_invalid_descs", (__s64)k.tx_invalid_descs);
	stats_io(s, "rx_ring_full", (__s64)k.rx_ring_full);
	stats_io(s, "rx_fill_ring_empty_descs", (__s64)k.rx_fill_ring_empty_descs);
	stats_io(s, "tx_ring_empty_descs", (__s64)k.tx_ring_empty_descs);
	if (!(parts & STATS_FINAL))
		return;
	stats_io(s, "chunks_missing", xsk_chunks_missing(x));
	if (xsk_chunks_missing(x))
		log_err("queue %u: %lld chunks are missing from the rings' account: please report",
			x->queue, (long long)xsk_chunks_missing(x));
}
