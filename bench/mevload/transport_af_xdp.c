// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Whole frames over AF_XDP in copy mode, on the node's own socket module. A small XDP program leads
 * replies to the socket. Chunks: xsk.h; those for sending are the spare ones, and what replies
 * arrive in joins them until there are TX_CHUNKS.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "mevload.skel.h"
#include "netif.h"
#include "transport.h"
#include "xsk.h"

#define TX_CHUNKS 1024u

struct af_xdp {
	struct transport base;
	struct xsk *xsk;
	struct mevload_bpf *prog;
	int link_fd;
	bool skb;
	__u64 send_errors;
	__u64 free[TX_CHUNKS];  /* chunks to send from */
	__u32 free_cnt, tx_cnt; /* of those, and of all that are for sending */
	__u32 held;             /* RX descriptors that the arrivals of the last receive lie in */
	__u32 held_idx;
};

static void reclaim(struct af_xdp *a)
{
	struct xsk *x = a->xsk;
	__u32 idx, cnt = xsk_ring_cons__peek(&x->completion, TRANSPORT_BATCH, &idx);

	for (__u32 i = 0; i < cnt; i++)
		a->free[a->free_cnt++] =
			umem_chunk(&x->umem, *xsk_ring_cons__comp_addr(&x->completion, idx + i));
	xsk_ring_cons__release(&x->completion, cnt);
	x->completed += cnt;
}

/* In copy mode the kernel sends within this call, and its peer's softirq may run in it. */
static void kick(struct af_xdp *a)
{
	if (!xsk_tx_waiting(a->xsk))
		return;
	if (sendto(a->xsk->fd, NULL, 0, MSG_DONTWAIT, NULL, 0) < 0 && errno != EAGAIN &&
	    errno != EBUSY && errno != ENOBUFS)
		a->send_errors++;
}

static void put_frame(struct af_xdp *a, struct xdp_desc *desc, const struct shot *shot)
{
	const struct load_frame *f = shot->frame;
	__u64 addr = a->free[--a->free_cnt] + UMEM_HEADROOM;
	__u8 *to = a->xsk->umem.area + addr;

	memcpy(to, a->base.set->bytes + f->off, f->len);
	if (f->record_off)
		frame_set_nonce(to + f->record_off, shot->nonce);
	*desc = (struct xdp_desc){ .addr = addr, .len = f->len };
}

static int af_xdp_send(struct transport *t, const struct shot *shots, __u32 cnt)
{
	struct af_xdp *a = (struct af_xdp *)t;
	struct xsk *x = a->xsk;
	__u32 idx;

	reclaim(a);
	if (cnt > a->free_cnt)
		cnt = a->free_cnt;
	if (cnt && xsk_ring_prod__reserve(&x->tx, cnt, &idx) != cnt)
		cnt = 0;
	for (__u32 i = 0; i < cnt; i++)
		put_frame(a, xsk_ring_prod__tx_desc(&x->tx, idx + i), &shots[i]);
	if (cnt) {
		xsk_ring_prod__submit(&x->tx, cnt);
		x->sent += cnt;
	}
	kick(a);
	return (int)cnt;
}

/* The chunks of the last arrivals: to send from, as long as those are few, else back to fill. */
static void let_go(struct af_xdp *a)
{
	struct xsk *x = a->xsk;
	__u32 idx, fill_cnt = a->held;

	if (!a->held)
		return;
	if (TX_CHUNKS - a->tx_cnt < fill_cnt)
		fill_cnt -= TX_CHUNKS - a->tx_cnt;
	else
		fill_cnt = 0;
	/* There is always room: XSK_FILL_SIZE. */
	if (xsk_ring_prod__reserve(&x->fill, fill_cnt, &idx) != fill_cnt)
		fill_cnt = 0;
	for (__u32 i = 0; i < a->held; i++) {
		__u64 addr = xsk_ring_cons__rx_desc(&x->rx, a->held_idx + i)->addr;

		addr = umem_chunk(&x->umem, addr);
		if (i < fill_cnt) {
			*xsk_ring_prod__fill_addr(&x->fill, idx + i) = addr;
		} else if (a->tx_cnt < TX_CHUNKS) {
			a->free[a->free_cnt++] = addr;
			a->tx_cnt++;
		}
	}
	xsk_ring_prod__submit(&x->fill, fill_cnt);
	x->filled += fill_cnt;
	xsk_ring_cons__release(&x->rx, a->held);
	x->received += a->held;
	a->held = 0;
}

/* A UDP payload whose lengths and checksums are right, or nothing. */
static struct arrival look_at(__u8 *frame, __u32 len)
{
	struct arrival none = { 0 };
	struct packet p;
	__u32 payload_len;

	if (!packet_find_udp(frame, frame + len, &p) || !packet_lengths_fit(&p, frame + len) ||
	    !packet_ip4_sum_ok(&p, frame + len))
		return none;
	payload_len = MEV_NTOHS(p.udp->len) - (__u32)sizeof(*p.udp);
	if (payload_len & 1 || !packet_udp_sum_ok(&p, payload_len))
		return none;
	return (struct arrival){ p.payload, payload_len };
}

static int af_xdp_receive(struct transport *t, struct arrival *out)
{
	struct af_xdp *a = (struct af_xdp *)t;
	struct xsk *x = a->xsk;

	let_go(a);
	a->held = xsk_ring_cons__peek(&x->rx, TRANSPORT_BATCH, &a->held_idx);
	for (__u32 i = 0; i < a->held; i++) {
		const struct xdp_desc *d = xsk_ring_cons__rx_desc(&x->rx, a->held_idx + i);

		out[i] = look_at(x->umem.area + d->addr, d->len);
	}
	return (int)a->held;
}

static void af_xdp_stats(struct transport *t, struct transport_stats *s)
{
	struct af_xdp *a = (struct af_xdp *)t;
	struct xdp_statistics xs;

	s->mode = a->skb ? "skb" : "native";
	s->send_errors = a->send_errors;
	if (!xsk_statistics(a->xsk, &xs)) {
		s->rx_dropped = xs.rx_dropped + xs.rx_ring_full;
		s->send_errors += xs.tx_invalid_descs;
	}
}

static void af_xdp_close(struct transport *t)
{
	struct af_xdp *a = (struct af_xdp *)t;

	if (a->link_fd >= 0) {
		bpf_link_detach(a->link_fd);
		close(a->link_fd);
	}
	mevload_bpf__destroy(a->prog);
	xsk_close(a->xsk);
	free(a);
}

static const struct transport_ops ops = {
	.name = "af_xdp",
	.send = af_xdp_send,
	.receive = af_xdp_receive,
	.stats = af_xdp_stats,
	.close = af_xdp_close,
};

static int load_prog(struct af_xdp *a, const struct transport_config *c)
{
	__u32 queue = c->queue;
	int err, fd;

	a->prog = mevload_bpf__open();
	if (!a->prog)
		return -errno;
	a->prog->rodata->node_port = c->ends.to_port;
	a->prog->rodata->first_port = c->ends.from_port;
	a->prog->rodata->last_port = c->ends.from_port_last;
	a->prog->rodata->take_echoes = c->echo;
	err = mevload_bpf__load(a->prog);
	if (err)
		return err;
	fd = a->xsk->fd;
	return bpf_map_update_elem(bpf_map__fd(a->prog->maps.mevload_xsks), &queue, &fd, 0);
}

static int attach(struct af_xdp *a, const struct transport_config *c, const struct netif *netif)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts,
		    .flags = c->skb ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE);
	int err;

	err = load_prog(a, c);
	if (err) {
		log_err("cannot load the client's XDP program: %s%s", strerror(-err),
			err == -EPERM ? "; run as root" : "");
		return err;
	}
	a->link_fd = bpf_link_create(bpf_program__fd(a->prog->progs.mevload), (int)netif->index,
				     BPF_XDP, &opts);
	if (a->link_fd < 0)
		log_err("cannot attach to %s (%s): %s; %s", c->interface, netif->driver,
			strerror(-a->link_fd),
			a->link_fd == -EBUSY ? "another XDP program is there, stop its owner" :
					       "is there native XDP? if not, take --skb");
	return a->link_fd < 0 ? a->link_fd : 0;
}

int transport_af_xdp_open(struct transport **out, const struct transport_config *c)
{
	struct netif netif;
	struct af_xdp *a;
	int err;

	err = netif_query(c->interface, &netif);
	if (err) {
		log_err("interface %s: %s; `ip -br link` lists them", c->interface, strerror(-err));
		return err;
	}
	if (netif.rx_queues > 1)
		log_warn(
			"%s has %u RX queues, and replies are taken from queue %u alone: steer them "
			"there, as with `ethtool -L %s combined 1`",
			c->interface, netif.rx_queues, c->queue, c->interface);
	a = calloc(1, sizeof(*a));
	if (!a) {
		log_err("out of memory for the transport");
		return -ENOMEM;
	}
	a->base = (struct transport){ .ops = &ops, .set = c->set };
	a->link_fd = -1;
	a->skb = c->skb;
	err = xsk_open(&a->xsk, c->interface, c->queue, false);
	if (!err)
		err = attach(a, c, &netif);
	if (err) {
		af_xdp_close(&a->base);
		return err;
	}
	while (a->xsk->spare_cnt)
		a->free[a->free_cnt++] = a->xsk->spare[--a->xsk->spare_cnt];
	a->tx_cnt = a->free_cnt;
	*out = &a->base;
	return 0;
}
