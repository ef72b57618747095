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

/*
 * veth_xdp_flush() wakes the peer only if there is a program on it; with NAPI alone (GRO on) frames
 * lie in its ring and wait (seen on 6.18), with neither they are lost.
 */
#define VETH_REMEDY                                                                                      \
	"attach any native XDP program to its peer, as `ip link set dev PEER xdpdrv obj xdp_pass.bpf.o " \
	"sec xdp`"

static enum xdp_tx_way query_veth(const struct netif *netif, char *text, size_t len)
{
	struct doctor_link link;
	bool program = false;
	int err = doctor_query_link(netif->index, &link);

	if (!err)
		err = doctor_query_peer_program(&link, &program);
	if (err) {
		snprintf(text, len, "unknown, since its peer is not to be seen: %s",
			 strerror(-err));
		return XDP_TX_UNKNOWN;
	}
	if (program)
		return XDP_TX_WORKS;
	snprintf(text, len, "a veth loses what a program sends (XDP_TX) if its peer has none");
	return XDP_TX_NO_PEER;
}

static enum xdp_tx_way query_features(const struct netif *netif, char *text, size_t len)
{
	__u64 features = 0;
	int err = doctor_query_xdp_features(netif->index, &features);

	if (err) {
		snprintf(text, len, "unknown%s%s", err == -ENOENT ? " before Linux 6.3" : ": ",
			 err == -ENOENT ? "" : strerror(-err));
		return XDP_TX_UNKNOWN;
	}
	if (features & NETDEV_XDP_BASIC)
		return XDP_TX_WORKS;
	snprintf(text, len, "the driver takes no program that could reply in it");
	return XDP_TX_NONE;
}

enum xdp_tx_way xdp_tx_query(const struct netif *netif, char *text, size_t text_len, char *remedy,
			     size_t remedy_len)
{
	bool veth = !strcmp(netif->driver, "veth");
	enum xdp_tx_way way;

	snprintf(text, text_len, "replies of a program in the driver go out (XDP_TX)");
	way = veth ? query_veth(netif, text, text_len) : query_features(netif, text, text_len);
	snprintf(remedy, remedy_len, "%s",
		 way == XDP_TX_WORKS ? "" :
		 veth                ? VETH_REMEDY :
		 way == XDP_TX_NONE  ? "--mode skb replies from the generic hook" :
				       "xdp_tx_lost in the summary counts what did not go out");
	return way;
}

int xdp_tx_check(const struct netif *netif)
{
	char text[128], remedy[128];
	enum xdp_tx_way way = xdp_tx_query(netif, text, sizeof(text), remedy, sizeof(remedy));

	if (way == XDP_TX_WORKS)
		return 0;
	if (way == XDP_TX_NONE) {
		log_err("--engine kernel on %s (%s): %s; take --engine user; %s", netif->name,
			netif->driver, text, remedy);
		return -EOPNOTSUPP;
	}
	/* A peer's program may come later. */
	log_warn("--engine kernel on %s (%s): %s%s; %s", netif->name, netif->driver,
		 way == XDP_TX_UNKNOWN ? "whether replies go out is " : "", text, remedy);
	return 0;
}

/* virtio_net of 7.3 drops them all then (ethtool -S: tx0_xdp_tx_drops); igb and others do not. */
bool xdp_tx_from_zerocopy(const struct netif *netif)
{
	return strcmp(netif->driver, "virtio_net") != 0;
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
	if (!err && !l->skel->bss) /* libbpf does without mapping it where it thinks it has to */
		err = -EOPNOTSUPP;
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
