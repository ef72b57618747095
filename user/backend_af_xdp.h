/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * backend_af_xdp - the AF_XDP back end, as its two files share it
 *
 * backend_af_xdp.c has the program's life and the order of things; backend_af_xdp_queues.c what
 * there is one of a queue: socket and worker. Called from the main thread only.
 */
#ifndef MEV_BACKEND_AF_XDP_H
#define MEV_BACKEND_AF_XDP_H

#include "backend.h"
#include "filter_prog.h"
#include "netif.h"
#include "xdp_tx.h"
#include "xsk_worker.h"

struct af_xdp {
	struct backend base;
	const struct backend_env *env;
	struct netif netif;
	struct pool_table *index; /* the one in use */
	struct af_xdp_view *view; /* the one in use */
	struct filter_prog *prog;
	enum run_mode mode;           /* what was obtained */
	struct xdp_tx_losses *losses; /* NULL: not counted */
	struct xsk_worker *workers;   /* base.queue_cnt of them */
	struct stack *stack;          /* for --own-ip, else NULL */
	struct frame_queue *frames;   /* what it sends, by the first worker */
	__u32 started_cnt;
};

/*
 * Once attached: which queues to serve, into b->base, and a socket for each in the best mode that
 * b->mode and the options allow, which b->mode then says. Logged.
 */
enum exit_code af_xdp_open_queues(struct af_xdp *b);
/* Accepts a back end without sockets. */
void af_xdp_close_sockets(struct af_xdp *b);

/* A worker a queue. 0 or -errno, logged. */
int af_xdp_prepare_workers(struct af_xdp *b);
int af_xdp_start_workers(struct af_xdp *b);

/* backend_af_xdp_reload.c. 0 or -errno. */
int af_xdp_fill_pools(struct af_xdp *b);
int af_xdp_first_view(struct af_xdp *b);
int af_xdp_reload(struct backend *base, const struct config *to, struct pool_change *c);
void af_xdp_close_pools(struct af_xdp *b);

/* Adds a socket's counters; with STATS_FINAL its account of chunks, which only then adds up. */
void af_xdp_collect_socket(const struct xsk *x, struct stats *s, unsigned int parts);

#endif /* MEV_BACKEND_AF_XDP_H */
