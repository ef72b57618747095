/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * xdp_tx - the way of the XDP program's own replies: whether an interface has one, and what got lost
 *
 * A program that returns XDP_TX never hears whether the frame went out. So the node asks before it
 * starts what the interface needs for it, and counts what drivers lose (bpf/mev_tx_lost.bpf.c).
 * Main thread only.
 */
#ifndef MEV_XDP_TX_H
#define MEV_XDP_TX_H

#include <stdbool.h>
#include <stddef.h>

#include "netif.h"

enum xdp_tx_way {
	XDP_TX_WORKS,
	XDP_TX_UNKNOWN, /* Linux before 6.3 does not tell */
	XDP_TX_NO_PEER, /* a veth whose peer takes no frames from a program: all would be lost */
	XDP_TX_NONE,    /* no native XDP at all */
};

/*
 * Whether frames of a program in the driver of `netif` go out. (From the generic hook they do on
 * any interface: the kernel sends them as it sends anything.) In `text` what there is to know, in
 * `remedy` what helps, empty if nothing has to.
 */
enum xdp_tx_way xdp_tx_query(const struct netif *netif, char *text, size_t text_len, char *remedy,
			     size_t remedy_len);

/* 0, or -EOPNOTSUPP: XDP_TX_NONE. Both that and a doubt, as a peer that may change, are logged. */
int xdp_tx_check(const struct netif *netif);

/* Whether they also do where the queue is an AF_XDP socket's in zero-copy. */
bool xdp_tx_from_zerocopy(const struct netif *netif);

struct xdp_tx_losses;

/*
 * Starts to count frames that `netif` loses after XDP_TX. 0 or -errno, not logged: without
 * CAP_BPF and CAP_PERFMON, or without kernel BTF, there is no such count. NULL is then a good one.
 */
int xdp_tx_losses_open(struct xdp_tx_losses **out, const struct netif *netif);

/* So far; no syscall. -1: nobody counts. */
__s64 xdp_tx_lost(const struct xdp_tx_losses *l);

/* Accepts NULL. */
void xdp_tx_losses_close(struct xdp_tx_losses *l);

#endif /* MEV_XDP_TX_H */
