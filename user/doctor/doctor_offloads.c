// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <string.h>

#include "doctor_checks.h"
#include "doctor_netlink.h"
#include "doctor_nic.h"

/* What VLAN offload costs: a frame's tag travels beside it, and XDP sees the frame without. */
#define VLAN_HARM "XDP does not see VLAN tags, so tagged requests would get untagged replies"
#define MERGE_HARM "frames are merged before XDP sees them, or native XDP is refused"

static bool is_on(enum doctor_feature state)
{
	return state == DOCTOR_FEATURE_ON || state == DOCTOR_FEATURE_FIXED;
}

/* An offload that should be off: `key` is its name to ethtool -K. */
static void check_off(struct doctor_report *r, const struct netif *netif, const char *name,
		      const char *key, enum doctor_feature state, const char *harm)
{
	if (!is_on(state)) {
		doctor_add(r, DOCTOR_OK, name, "%s off", key);
		return;
	}
	doctor_add(r, DOCTOR_WARNING, name, "%s on%s: %s", key,
		   state == DOCTOR_FEATURE_FIXED ? " and fixed" : "", harm);
	if (state == DOCTOR_FEATURE_ON)
		doctor_remedy(r, "`ethtool -K %s %s off`", netif->name, key);
	else
		doctor_remedy(r, "`mevnode run -i %s --mode skb`, should auto not start",
			      netif->name);
}

/* The far end of a veth, whose transmit offloads decide what arrives here. */
struct peer {
	const char *name;
	bool visible; /* in this network namespace */
	struct doctor_features features;
};

static void check_peer_off(struct doctor_report *r, const struct peer *peer, const char *name,
			   const char *key, const char *feature, const char *harm)
{
	if (peer->visible && !is_on(doctor_feature(&peer->features, feature))) {
		doctor_add(r, DOCTOR_OK, name, "%s of the peer %s off", key, peer->name);
		return;
	}
	doctor_add(r, DOCTOR_WARNING, name, "%s of the peer %s: %s", key,
		   peer->visible ? "on" : "is out of sight; where it is on", harm);
	doctor_remedy(r, "if that matters, %s`ethtool -K %s %s off`",
		      peer->visible ? "" : "in the peer's network namespace ", peer->name, key);
}

static void check_veth(struct doctor_report *r, const struct doctor_link *link)
{
	struct peer peer = { .name = "PEER" };
	struct netif netif;

	if (doctor_find_peer(link, &netif)) {
		peer.name = netif.name;
		peer.visible = !doctor_query_features(netif.name, &peer.features);
	}
	/* rxvlan of this end is without effect: tried with 802.1Q devices on Linux 6.1 and 7.3. */
	check_peer_off(r, &peer, "rx_vlan", "txvlan", "tx-vlan-hw-insert", VLAN_HARM);
	check_peer_off(r, &peer, "checksums", "tx", "tx-checksum-ip-generic",
		       "kernel sockets there send partial UDP checksums, which "
		       "--verify-checksum drops");
}

void doctor_check_offloads(struct doctor_report *r, const struct netif *netif)
{
	struct doctor_features f;
	struct doctor_link link;
	int err = doctor_query_features(netif->name, &f);

	if (err) {
		doctor_add(r, DOCTOR_WARNING, "offloads", "query: %s", strerror(-err));
		doctor_remedy(r, "`ethtool -k %s` shows them", netif->name);
		return;
	}
	check_off(r, netif, "lro", "lro", doctor_feature(&f, "rx-lro"), MERGE_HARM);
	check_off(r, netif, "gro_hw", "rx-gro-hw", doctor_feature(&f, "rx-gro-hw"), MERGE_HARM);
	if (!doctor_query_link(netif->index, &link) && !strcmp(link.kind, "veth")) {
		check_veth(r, &link);
		return;
	}
	check_off(r, netif, "rx_vlan", "rxvlan", doctor_feature(&f, "rx-vlan-hw-parse"), VLAN_HARM);
	doctor_add(r, DOCTOR_OK, "checksums", "as the sender's hardware wrote them");
}
