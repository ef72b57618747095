// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attached.h"
#include "doctor_checks.h"
#include "doctor_netlink.h"
#include "doctor_nic.h"
#include "umem.h"
#include "xdp_tx.h"

/*
 * Largest MTU for which every driver of one buffer a page takes a native program (mlx5: 3,498 with
 * pages of 4 KiB): the rest of the page is headroom and the skb's shared info.
 */
#define NATIVE_MTU ((__u32)sysconf(_SC_PAGESIZE) - 598)
/* In zero-copy mode the NIC writes whole frames, with their 14 + 4 bytes in front, into chunks. */
#define ZEROCOPY_MTU (UMEM_CHUNK_ZEROCOPY - UMEM_HEADROOM - 18)

static const char *hook_name(const struct attached *xdp)
{
	return xdp->native ? "native" : "skb";
}

/* "no XDP program" or "XDP program 7 mev_filter (native)". */
static void describe_xdp(const struct attached *xdp, char *out, size_t len)
{
	if (!xdp->prog_id)
		snprintf(out, len, "no XDP program");
	else
		snprintf(out, len, "XDP program %u %s%s (%s)", xdp->prog_id,
			 xdp->visible ? xdp->name : "of unknown name",
			 xdp->filter_id && xdp->filter_id != xdp->prog_id ? " with mev_filter" : "",
			 hook_name(xdp));
}

/* Our filter, held by no node's BPF link, and no node serves its pins. */
static bool is_orphan(const struct attached *xdp)
{
	struct doctor_pins pins;

	return xdp->filter_id && !xdp->link_id &&
	       !(doctor_find_pins(xdp->filter_id, &pins) && pins.held);
}

/* The list. */

static void list_one(struct doctor_report *r, const char *name)
{
	struct netif netif;
	struct attached xdp;
	char text[96];

	/* One that went away since the list was made is none. */
	if (netif_query(name, &netif) || attached_query(netif.index, &xdp))
		return;
	describe_xdp(&xdp, text, sizeof(text));
	doctor_add(r, is_orphan(&xdp) ? DOCTOR_WARNING : DOCTOR_OK, name,
		   "%s, %s, MTU %u, %u RX queue%s, %s",
		   netif.driver[0] ? netif.driver : "no driver name", netif.up ? "up" : "down",
		   netif.mtu, netif.rx_queues, netif.rx_queues == 1 ? "" : "s", text);
	if (is_orphan(&xdp))
		doctor_remedy(r, "see `mevnode doctor -i %s`", name);
}

void doctor_list_interfaces(struct doctor_report *r)
{
	struct if_nameindex *all = if_nameindex();

	if (!all) {
		doctor_add(r, DOCTOR_WARNING, "interfaces", "%s", strerror(errno));
		doctor_remedy(r, "`ip -br link` lists them");
		return;
	}
	for (struct if_nameindex *i = all; i->if_index; i++)
		list_one(r, i->if_name);
	if_freenameindex(all);
}

/* One interface. */

static void check_link(struct doctor_report *r, const struct netif *netif,
		       const struct doctor_link *link)
{
	bool works = netif->up && link->carrier;
	bool peer_visible;
	struct netif peer;
	char text[64] = "";

	peer_visible = doctor_find_peer(link, &peer);
	if (peer_visible)
		snprintf(text, sizeof(text), ", peer %s", peer.name);
	else if (link->peer_index)
		snprintf(text, sizeof(text), ", peer in another network namespace");
	doctor_add(r, works ? DOCTOR_OK : DOCTOR_WARNING, "link", "driver %s, %s%s%s",
		   netif->driver[0] ? netif->driver : "of unknown name", netif->up ? "up" : "down",
		   !netif->up || link->carrier ? "" : ", no carrier", text);
	if (!netif->up)
		doctor_remedy(r, "`ip link set dev %s up`", netif->name);
	else if (!works && link->peer_index)
		doctor_remedy(r, "%s`ip link set dev %s up`", peer_visible ? "" : "there ",
			      peer_visible ? peer.name : "PEER");
	else if (!works)
		doctor_remedy(r, "check the cable and the far end: `ethtool %s`", netif->name);
}

static void check_mtu(struct doctor_report *r, const struct netif *netif,
		      const struct doctor_link *link, __u64 features)
{
	struct netif peer;
	/* veth judges by the frames that the far end may send (veth_xdp_set). */
	__u32 mtu = doctor_find_peer(link, &peer) && peer.mtu > netif->mtu ? peer.mtu : netif->mtu;
	const char *of = mtu > netif->mtu ? " of the peer" : "";

	if (!(features & NETDEV_XDP_BASIC) || mtu <= ZEROCOPY_MTU ||
	    (mtu <= NATIVE_MTU && !(features & NETDEV_XDP_XSK_ZEROCOPY))) {
		doctor_add(r, DOCTOR_OK, "mtu", "%u", netif->mtu);
		return;
	}
	if (mtu > NATIVE_MTU)
		doctor_add(r, DOCTOR_WARNING, "mtu",
			   "%u%s: above %u drivers may refuse a native XDP program", mtu, of,
			   NATIVE_MTU);
	else
		doctor_add(r, DOCTOR_WARNING, "mtu",
			   "%u: above %u a frame may not fit the chunks of zero-copy mode", mtu,
			   ZEROCOPY_MTU);
	doctor_remedy(r, "`ip link set dev %s mtu 1500`%s",
		      mtu > netif->mtu ? peer.name : netif->name,
		      link->peer_elsewhere ? ", and the same for its peer" : "");
}

/*
 * What the virtual hardware of virtio_net leaves out, whatever the driver announces: feature bits
 * of the virtio standard (5.1.3, 6), which virtnet_xdp_set and virtnet_xsk_pool_enable look at.
 */
static const char *virtio_obstacle(const struct netif *netif, __u64 *features)
{
	const int ctrl_guest_offloads = 2, access_platform = 33;
	const int guest_offloads[] = { 1 /* csum */, 7 /* tso4 */, 8 /* tso6 */, 9 /* ecn */,
				       10 /* ufo */ };
	char bits[80];

	if (strcmp(netif->driver, "virtio_net") ||
	    netif_read_sysfs(netif, "device/features", bits, sizeof(bits)) ||
	    strlen(bits) <= (size_t)access_platform)
		return "";
	for (size_t i = 0; i < sizeof(guest_offloads) / sizeof(guest_offloads[0]); i++) {
		if (bits[guest_offloads[i]] == '1' && bits[ctrl_guest_offloads] == '0') {
			*features &= ~(__u64)(NETDEV_XDP_REDIRECT | NETDEV_XDP_XSK_ZEROCOPY);
			return " (the host offloads checksums or GRO and cannot be told not to)";
		}
	}
	if (*features & NETDEV_XDP_XSK_ZEROCOPY && bits[access_platform] == '0') {
		*features &= ~(__u64)NETDEV_XDP_XSK_ZEROCOPY;
		return " (zero-copy would take a device with iommu_platform=on)";
	}
	return "";
}

static void check_modes(struct doctor_report *r, const struct netif *netif,
			const struct doctor_link *link, int err, __u64 features)
{
	const __u64 native = NETDEV_XDP_BASIC | NETDEV_XDP_REDIRECT;
	const char *why;

	if (err) {
		doctor_add(r, DOCTOR_WARNING, "modes", "unknown%s%s",
			   err == -ENOENT ? " before Linux 6.3" : ": ",
			   err == -ENOENT ? "" : strerror(-err));
		doctor_remedy(r, "`mevnode run -i %s --duration 1` tells: mode=", netif->name);
		return;
	}
	why = virtio_obstacle(netif, &features);
	if ((features & native) != native) {
		doctor_add(r, DOCTOR_WARNING, "modes", "skb: no native XDP here%s", why);
		if (link->peer_index)
			doctor_remedy(r,
				      "at its peer `ethtool -L PEER tx %u`: veth wants no more "
				      "TX queues there than RX queues here",
				      netif->rx_queues);
		else
			doctor_remedy(r, "for more speed take a NIC with native XDP: ice, i40e, "
					 "ixgbe, igb, mlx5, virtio_net and others");
	} else if (features & NETDEV_XDP_XSK_ZEROCOPY) {
		doctor_add(r, DOCTOR_OK, "modes", "zerocopy, copy, skb");
	} else {
		doctor_add(r, DOCTOR_OK, "modes", "copy, skb; no zero-copy here%s", why);
	}
}

/* Our filter, which a loader attached: it stays when no node serves it. */
static void check_loaded(struct doctor_report *r, const struct netif *netif,
			 const struct attached *xdp, const char *text)
{
	char remove[96], holder[32] = "";
	struct doctor_pins pins;

	if (xdp->filter_id != xdp->prog_id)
		snprintf(remove, sizeof(remove), "`xdp-loader unload %s --id %u`", netif->name,
			 xdp->filter_id);
	else
		snprintf(remove, sizeof(remove), "`ip link set dev %s %s off`", netif->name,
			 xdp->native ? "xdpdrv" : "xdpgeneric");
	if (!doctor_find_pins(xdp->filter_id, &pins)) {
		doctor_add(
			r, DOCTOR_WARNING, "xdp",
			"%s, attached by a loader, its maps pinned nowhere: no node can adopt it",
			text);
		doctor_remedy(r, "%s removes it", remove);
	} else if (pins.held) {
		if (pins.holder)
			snprintf(holder, sizeof(holder), ", process %d", pins.holder);
		doctor_add(r, DOCTOR_OK, "xdp",
			   "%s, attached by a loader, served through %s by a running node%s", text,
			   pins.dir, holder);
	} else {
		doctor_add(r, DOCTOR_WARNING, "xdp",
			   "%s, attached by a loader, maps pinned in %s: no node serves it, so its "
			   "candidates go to the kernel",
			   text, pins.dir);
		doctor_remedy(r,
			      "%s removes it; `mevnode run -i %s --adopt --pin-path %s` serves it",
			      remove, netif->name, pins.dir);
	}
}

static void check_foreign(struct doctor_report *r, const struct netif *netif,
			  const struct attached *xdp, const char *text)
{
	if (xdp->link_id) {
		doctor_add(r, DOCTOR_WARNING, "xdp",
			   "%s, held by BPF link %u: a node does not start beside it", text,
			   xdp->link_id);
		doctor_remedy(r, "stop its owner: `bpftool link show id %u`", xdp->link_id);
		return;
	}
	doctor_add(r, DOCTOR_WARNING, "xdp",
		   "%s, of no BPF link, so it stays until it is removed: a node does not start "
		   "beside it",
		   text);
	if (!strcmp(xdp->name, "xdp_dispatcher"))
		doctor_remedy(r, "`xdp-loader unload %s --all`", netif->name);
	else
		doctor_remedy(r, "`ip link set dev %s %s off`", netif->name,
			      xdp->native ? "xdpdrv" : "xdpgeneric");
}

/* What --engine kernel needs; it is no shortcoming of the interface for --engine user. */
static void check_engine(struct doctor_report *r, const struct netif *netif)
{
	char text[128], remedy[128];
	enum xdp_tx_way way = xdp_tx_query(netif, text, sizeof(text), remedy, sizeof(remedy));

	doctor_add(r, DOCTOR_OK, "xdp_tx", "%s%s",
		   way == XDP_TX_UNKNOWN ? "whether replies of a program go out is " : "", text);
	if (remedy[0])
		doctor_remedy(r, "for --engine kernel: %s", remedy);
}

static void check_xdp(struct doctor_report *r, const struct netif *netif)
{
	struct attached xdp;
	char text[96];
	int err = attached_query(netif->index, &xdp);

	if (err) {
		doctor_add(r, DOCTOR_WARNING, "xdp", "query: %s", strerror(-err));
		doctor_remedy(r, "`ip link show dev %s` tells", netif->name);
		return;
	}
	describe_xdp(&xdp, text, sizeof(text));
	if (!xdp.prog_id) {
		doctor_add(r, DOCTOR_OK, "xdp", "%s", text);
	} else if (!xdp.visible) {
		doctor_add(r, DOCTOR_WARNING, "xdp", "%s", text);
		doctor_remedy(r, "run as root to see whose it is");
	} else if (!xdp.filter_id) {
		check_foreign(r, netif, &xdp, text);
	} else if (xdp.link_id) {
		doctor_add(r, DOCTOR_OK, "xdp", "%s, held by BPF link %u of a running node", text,
			   xdp.link_id);
	} else {
		check_loaded(r, netif, &xdp, text);
	}
}

void doctor_check_interface(struct doctor_report *r, const struct netif *netif)
{
	struct doctor_link link; /* nothing known of it if the query fails */
	__u64 features = 0;
	int err = doctor_query_link(netif->index, &link);

	if (err) {
		doctor_add(r, DOCTOR_WARNING, "link", "driver %s, not to be seen: %s",
			   netif->driver, strerror(-err));
		doctor_remedy(r, "`ip -d link show dev %s` tells", netif->name);
	} else {
		check_link(r, netif, &link);
	}
	err = doctor_query_xdp_features(netif->index, &features);
	/* Not known is not "none": then the MTU is judged as for native XDP. */
	check_mtu(r, netif, &link, err ? NETDEV_XDP_BASIC : features);
	check_modes(r, netif, &link, err, features);
	check_engine(r, netif);
	check_xdp(r, netif);
}
