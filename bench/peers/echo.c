// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * echo - AF_XDP with nothing between RX and TX but swapped addresses: what the node could reach if
 * its work cost nothing. The socket is the node's own module, so rings, chunks, batch and wakeups are
 * the node's.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "attach.h"
#include "log.h"
#include "packet.h"
#include "peer.h"
#include "xsk.h"

#define RETRY_MS 10

struct echo {
	struct attach attach;
	struct xsk *xsk;
};

static int echo_open(struct peer *p)
{
	struct echo *e = calloc(1, sizeof(*e));
	__u32 queue = 0;
	int err, fd;

	if (!e)
		return -ENOMEM;
	p->own = e;
	err = attach_load(&e->attach, p);
	if (!err)
		err = attach_xdp(&e->attach, p, e->attach.bpf->progs.mevpeer_echo);
	if (!err)
		err = xsk_open(&e->xsk, p->netif.name, queue, false);
	if (err)
		return err;
	fd = e->xsk->fd;
	err = bpf_map_update_elem(bpf_map__fd(e->attach.bpf->maps.mevpeer_xsks), &queue, &fd, 0);
	if (err)
		log_err("cannot lead frames to the socket: %s", strerror(-err));
	return err;
}

static void reclaim(struct xsk *x)
{
	__u32 from, to, cnt = xsk_ring_cons__peek(&x->completion, PEER_BATCH, &from);

	if (!cnt)
		return;
	/* There is always room: XSK_FILL_SIZE. */
	if (xsk_ring_prod__reserve(&x->fill, cnt, &to) == cnt) {
		for (__u32 i = 0; i < cnt; i++)
			*xsk_ring_prod__fill_addr(&x->fill, to + i) =
				umem_chunk(&x->umem,
					   *xsk_ring_cons__comp_addr(&x->completion, from + i));
		xsk_ring_prod__submit(&x->fill, cnt);
	}
	xsk_ring_cons__release(&x->completion, cnt);
}

#define SWAP(a, b)                        \
	do {                              \
		__typeof__(a) tmp_ = (a); \
		(a) = (b);                \
		(b) = tmp_;               \
	} while (0)

/* IPv4 without options and UDP are taken for granted; whatever else it is goes back garbled. */
static void swap_addresses(struct eth_hdr *eth)
{
	struct ipv4_hdr *ip4 = (struct ipv4_hdr *)(eth + 1);
	struct udp_hdr *udp = (struct udp_hdr *)(ip4 + 1);

	for (int i = 0; i < 3; i++)
		SWAP(eth->dst[i], eth->src[i]);
	for (int i = 0; i < 2; i++)
		SWAP(ip4->dst[i], ip4->src[i]);
	SWAP(udp->dst, udp->src);
}

/* RX to TX. Returns how many frames there were. */
static __u32 turn(struct peer *p, struct xsk *x)
{
	__u32 room = xsk_prod_nb_free(&x->tx, PEER_BATCH), cnt, from, to;

	cnt = xsk_ring_cons__peek(&x->rx, room < PEER_BATCH ? room : PEER_BATCH, &from);
	if (!cnt || xsk_ring_prod__reserve(&x->tx, cnt, &to) != cnt)
		return 0;
	for (__u32 i = 0; i < cnt; i++) {
		const struct xdp_desc *desc = xsk_ring_cons__rx_desc(&x->rx, from + i);

		swap_addresses((struct eth_hdr *)(x->umem.area + desc->addr));
		*xsk_ring_prod__tx_desc(&x->tx, to + i) =
			(struct xdp_desc){ .addr = desc->addr, .len = desc->len };
	}
	xsk_ring_prod__submit(&x->tx, cnt);
	xsk_ring_cons__release(&x->rx, cnt);
	mev_counter_of(&p->counters, MEV_REPLIED)->packets += cnt;
	return cnt;
}

/* True: it was told to come again. */
static bool kick(struct peer *p, struct xsk *x)
{
	if (!xsk_tx_waiting(x) || !xsk_ring_prod__needs_wakeup(&x->tx) ||
	    sendto(x->fd, NULL, 0, MSG_DONTWAIT, NULL, 0) >= 0)
		return false;
	if (errno == EAGAIN || errno == EBUSY || errno == ENOBUFS)
		return true;
	p->send_errors++;
	return false;
}

static void echo_loop(struct peer *p)
{
	struct xsk *x = ((struct echo *)p->own)->xsk;
	struct pollfd fds[] = {
		{ .fd = x->fd, .events = POLLIN },
		{ .fd = p->wake_fd, .events = POLLIN },
	};

	while (!peer_stopping(p)) {
		__u32 cnt;
		bool again;

		reclaim(x);
		cnt = turn(p, x);
		again = kick(p, x);
		if (!cnt && !again && !p->options->spin)
			poll(fds, 2, xsk_tx_waiting(x) ? RETRY_MS : -1);
	}
}

static void echo_close(struct peer *p)
{
	struct echo *e = p->own;

	if (!e)
		return;
	attach_close(&e->attach);
	xsk_close(e->xsk);
	free(e);
}

const struct peer_ops peer_echo = {
	.name = "echo",
	.what = "AF_XDP socket as the node's, addresses swapped",
	.polls = true,
	.hooks = true,
	.open = echo_open,
	.loop = echo_loop,
	.close = echo_close,
};
