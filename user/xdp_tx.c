// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "xdp_tx.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "compiler.h"
#include "doctor_netlink.h"
#include "log.h"
#include "mev_tx_lost.skel.h"

/* The way out. */

#define VETH_NEEDS "`ethtool -K PEER gro on` at its peer, or any native XDP program there"

static enum xdp_tx_way query_veth(__u64 features)
{
	/* veth_set_xdp_features: whether the peer's NAPI runs, without which veth_xdp_xmit fails */
	return features & NETDEV_XDP_NDO_XMIT ? XDP_TX_WORKS : XDP_TX_NO_PEER;
}

enum xdp_tx_way xdp_tx_query(const struct netif *netif, char *text, size_t text_len, char *remedy,
			     size_t remedy_len)
{
	bool veth = !strcmp(netif->driver, "veth");
	enum xdp_tx_way way;
	__u64 features = 0;
	int err = doctor_query_xdp_features(netif->index, &features);

	remedy[0] = '\0';
	if (err) {
		way = XDP_TX_UNKNOWN;
		snprintf(text, text_len, "unknown%s%s", err == -ENOENT ? " before Linux 6.3" : ": ",
			 err == -ENOENT ? "" : strerror(-err));
		if (veth)
			snprintf(remedy, remedy_len, "veth needs " VETH_NEEDS);
		else
			snprintf(remedy, remedy_len,
				 "watch tx_lost in the summary: what the driver did not send");
		return way;
	}
	if (!(features & NETDEV_XDP_BASIC)) {
		snprintf(text, text_len, "the driver takes no program, so none replies in it");
		snprintf(remedy, remedy_len,
			 "`--engine kernel --mode skb` replies from the generic hook");
		return XDP_TX_NONE;
	}
	way = veth ? query_veth(features) : XDP_TX_WORKS;
	if (way == XDP_TX_WORKS) {
		snprintf(text, text_len, "a program's replies go out (XDP_TX)");
	} else {
		snprintf(text, text_len,
			 "a program's replies (XDP_TX) would be lost: the peer does not take them");
		snprintf(remedy, remedy_len, "for --engine kernel " VETH_NEEDS);
	}
	return way;
}

int xdp_tx_check(const struct netif *netif)
{
	char text[128], remedy[160];

	switch (xdp_tx_query(netif, text, sizeof(text), remedy, sizeof(remedy))) {
	case XDP_TX_WORKS:
		return 0;
	case XDP_TX_UNKNOWN:
		log_warn("whether replies of the XDP program leave %s (%s) is %s: %s", netif->name,
			 netif->driver, text, remedy);
		return 0;
	default:
		log_err("--engine kernel on %s (%s): %s; %s, or --engine user", netif->name,
			netif->driver, text, remedy);
		return -EOPNOTSUPP;
	}
}

/* What got lost. */

struct xdp_tx_losses {
	struct mev_tx_lost_bpf *skel;
};

int xdp_tx_losses_open(struct xdp_tx_losses **out, const struct netif *netif)
{
	struct xdp_tx_losses *l = calloc(1, sizeof(*l));
	struct stat ns;
	int err = 0;

	*out = NULL;
	if (!l)
		return -ENOMEM;
	l->skel = mev_tx_lost_bpf__open();
	if (!l->skel || stat("/proc/self/ns/net", &ns))
		err = -errno;
	if (!err) {
		l->skel->rodata->ifindex = (int)netif->index;
		l->skel->rodata->netns = (__u32)ns.st_ino;
		err = mev_tx_lost_bpf__load(l->skel);
	}
	if (!err)
		err = mev_tx_lost_bpf__attach(l->skel);
	if (err)
		xdp_tx_losses_close(l);
	else
		*out = l;
	return err;
}

__s64 xdp_tx_lost(const struct xdp_tx_losses *l)
{
	return l ? (__s64)MEV_READ_ONCE(l->skel->bss->lost) : -1;
}

void xdp_tx_losses_close(struct xdp_tx_losses *l)
{
	if (!l)
		return;
	mev_tx_lost_bpf__destroy(l->skel);
	free(l);
}
