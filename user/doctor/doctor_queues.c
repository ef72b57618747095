// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "doctor_checks.h"
#include "doctor_netlink.h"
#include "doctor_nic.h"
#include "maps_abi.h"

/* Entries of an indirection table; the largest known (mlx5) has 2,048. */
#define RSS_MAX 4096
#define RSS_KEY_MAX 256
/*
 * Fewer RX descriptors than RING_MIN do not carry a burst over one delay of the scheduler. More
 * than RING_GOOD, as many as an AF_XDP ring has, would hold most of the UMEM's chunks in zero-copy
 * mode.
 */
#define RING_MIN 512
#define RING_GOOD 2048

/* Queues. */

/* virtio_net adds a TX queue a CPU when XDP is attached, and RX queues with them, if it has any. */
static bool grows_with_xdp(const struct netif *netif, const struct ethtool_channels *c)
{
	return !strcmp(netif->driver, "virtio_net") &&
	       c->combined_count + (__u32)sysconf(_SC_NPROCESSORS_CONF) <= c->max_combined;
}

/* How many TX queues the driver says it has; 0 if it does not say. */
static __u32 count_tx_queues(const struct netif *netif, struct ethtool_channels *c)
{
	*c = (struct ethtool_channels){ .cmd = ETHTOOL_GCHANNELS };
	return doctor_ethtool(netif->name, c) ? 0 : c->combined_count + c->tx_count;
}

/* A veth takes a native program only if it has an RX queue for each of its peer's TX queues. */
static void check_peer_queues(struct doctor_report *r, const struct netif *netif)
{
	struct ethtool_channels c;
	struct doctor_link link;
	struct netif peer;
	__u32 tx;

	if (doctor_query_link(netif->index, &link) || !doctor_find_peer(&link, &peer))
		return;
	tx = count_tx_queues(&peer, &c);
	if (tx <= netif->rx_queues)
		return;
	doctor_add(r, DOCTOR_WARNING, "peer_queues",
		   "%s has %u TX, here are %u RX: no native XDP program", peer.name, tx,
		   netif->rx_queues);
	doctor_remedy(r, "`ethtool -L %s tx %u`", peer.name, netif->rx_queues);
}

static void check_queues(struct doctor_report *r, const struct netif *netif)
{
	struct ethtool_channels c;
	__u32 tx = count_tx_queues(netif, &c);

	if (tx && tx < netif->rx_queues) {
		doctor_add(r, DOCTOR_WARNING, "queues",
			   "%u RX but %u TX: a reply leaves by the queue of its request",
			   netif->rx_queues, tx);
		doctor_remedy(r, "`ethtool -L %s tx %u`", netif->name, netif->rx_queues);
	} else if (grows_with_xdp(netif, &c)) {
		doctor_add(r, DOCTOR_WARNING, "queues",
			   "%u, but virtio_net goes up when XDP is attached, and RSS follows",
			   netif->rx_queues);
		doctor_remedy(r, "`ethtool -L %s combined %u`", netif->name, c.max_combined);
	} else if (netif->rx_queues > MEV_MAX_QUEUES) {
		doctor_add(r, DOCTOR_WARNING, "queues", "%u RX, a node serves %u", netif->rx_queues,
			   MEV_MAX_QUEUES);
		doctor_remedy(r, "`ethtool -L %s combined %u`", netif->name, MEV_MAX_QUEUES);
	} else {
		doctor_add(r, DOCTOR_OK, "queues", "%u RX: as many workers", netif->rx_queues);
	}
}

/* RSS: which queue a flow goes to. */

struct rss {
	__u32 entry_cnt; /* 0: no table */
	__u32 queue_cnt; /* different queues in the table */
};

static __u32 count_queues(const __u32 *table, __u32 cnt)
{
	bool seen[RSS_MAX] = { false };
	__u32 different = 0;

	for (__u32 i = 0; i < cnt; i++) {
		if (table[i] < RSS_MAX && !seen[table[i]]) {
			seen[table[i]] = true;
			different++;
		}
	}
	return different;
}

static int query_rss(const struct netif *netif, struct rss *out)
{
	struct ethtool_rxfh sizes = { .cmd = ETHTOOL_GRSSH }, *full;
	int err = doctor_ethtool(netif->name, &sizes);

	*out = (struct rss){ 0 };
	if (err || !sizes.indir_size)
		return err;
	if (sizes.indir_size > RSS_MAX || sizes.key_size > RSS_KEY_MAX)
		return -E2BIG;
	full = calloc(1, sizeof(*full) + sizes.indir_size * sizeof(__u32) + sizes.key_size);
	if (!full)
		return -ENOMEM;
	full->cmd = ETHTOOL_GRSSH;
	full->indir_size = sizes.indir_size;
	full->key_size = sizes.key_size;
	err = doctor_ethtool(netif->name, full);
	if (!err) {
		out->entry_cnt = full->indir_size;
		out->queue_cnt = count_queues(full->rss_config, full->indir_size);
	}
	free(full);
	return err;
}

static void check_rss(struct doctor_report *r, const struct netif *netif)
{
	struct rss rss;
	int err = query_rss(netif, &rss);

	if (netif->rx_queues == 1) {
		doctor_add(r, DOCTOR_OK, "rss", "one queue takes everything");
	} else if (err && err != -EOPNOTSUPP) {
		doctor_add(r, DOCTOR_WARNING, "rss", "query: %s", strerror(-err));
		doctor_remedy(r, "`ethtool -x %s` shows the table", netif->name);
	} else if (!rss.entry_cnt) {
		doctor_add(r, DOCTOR_OK, "rss", "no table: the driver spreads flows by itself");
	} else if (rss.queue_cnt < netif->rx_queues) {
		doctor_add(r, DOCTOR_WARNING, "rss", "the table leads to %u of %u queues",
			   rss.queue_cnt, netif->rx_queues);
		doctor_remedy(r, "`ethtool -X %s equal %u`", netif->name, netif->rx_queues);
	} else {
		doctor_add(r, DOCTOR_OK, "rss", "%u entries lead to all %u queues", rss.entry_cnt,
			   rss.queue_cnt);
	}
}

static void check_hash(struct doctor_report *r, const struct netif *netif, const char *flow,
		       __u32 flow_type)
{
	struct ethtool_rxnfc ask = { .cmd = ETHTOOL_GRXFH, .flow_type = flow_type };
	bool by_port;
	char name[16];

	/* Most of the drivers without this setting hash UDP by port anyway. */
	if (netif->rx_queues == 1 || doctor_ethtool(netif->name, &ask))
		return;
	snprintf(name, sizeof(name), "%s_hash", flow);
	by_port = ask.data & (RXH_L4_B_0_1 | RXH_L4_B_2_3);
	doctor_add(r, by_port ? DOCTOR_OK : DOCTOR_WARNING, name, "by %s%s%s",
		   ask.data & (RXH_IP_SRC | RXH_IP_DST) ? "address" : "nothing",
		   by_port ? " and port" : "",
		   by_port ? "" : " only: frames between two hosts stay on one queue");
	if (!by_port)
		doctor_remedy(r, "`ethtool -N %s rx-flow-hash %s sdfn`", netif->name, flow);
}

/* Rings and busy polling. */

static void check_rings(struct doctor_report *r, const struct netif *netif)
{
	struct ethtool_ringparam ring = { .cmd = ETHTOOL_GRINGPARAM };
	__u32 most;

	if (doctor_ethtool(netif->name, &ring) || !ring.rx_pending)
		return;
	most = ring.rx_max_pending;
	if (ring.rx_pending >= RING_MIN || ring.rx_pending >= most) {
		doctor_add(r, DOCTOR_OK, "rings", "%u RX descriptors a queue, %u at most",
			   ring.rx_pending, most);
		return;
	}
	doctor_add(r, DOCTOR_WARNING, "rings", "%u RX descriptors a queue: a burst overruns them",
		   ring.rx_pending);
	doctor_remedy(r, "`ethtool -G %s rx %u`", netif->name, most < RING_GOOD ? most : RING_GOOD);
}

/*
 * With interrupts deferred, preferred busy polling runs without them (Documentation/networking/
 * napi.rst, "Software IRQ coalescing" and "Busy polling").
 */
static void check_busy_poll(struct doctor_report *r, const struct netif *netif)
{
	char defer[16], timeout[24];

	if (netif_read_sysfs(netif, "napi_defer_hard_irqs", defer, sizeof(defer)) ||
	    netif_read_sysfs(netif, "gro_flush_timeout", timeout, sizeof(timeout)))
		return;
	doctor_add(r, DOCTOR_OK, "busy_poll", "napi_defer_hard_irqs %s, gro_flush_timeout %s ns",
		   defer, timeout);
	if (!strcmp(defer, "0") || !strcmp(timeout, "0"))
		doctor_remedy(r,
			      "only for --poll busy: `cd /sys/class/net/%s && "
			      "echo 2 > napi_defer_hard_irqs && echo 200000 > gro_flush_timeout`",
			      netif->name);
}

void doctor_check_queues(struct doctor_report *r, const struct netif *netif)
{
	check_queues(r, netif);
	check_peer_queues(r, netif);
	check_rss(r, netif);
	check_hash(r, netif, "udp4", UDP_V4_FLOW);
	check_hash(r, netif, "udp6", UDP_V6_FLOW);
	check_rings(r, netif);
	check_busy_poll(r, netif);
}
