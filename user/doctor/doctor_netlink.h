/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * doctor_netlink - what only netlink tells about an interface
 *
 * Questions without side effects, which need no privileges; each opens and closes its own socket.
 */
#ifndef MEV_DOCTOR_NETLINK_H
#define MEV_DOCTOR_NETLINK_H

#include <linux/types.h>
#include <stdbool.h>

#include "netif.h"

/*
 * enum netdev_xdp_act of the kernel's linux/netdev.h (Linux 6.3), which Debian 12 does not ship;
 * Documentation/netlink/specs/netdev.yaml.
 */
#define NETDEV_XDP_BASIC (1u << 0)        /* aborted, drop, pass, TX */
#define NETDEV_XDP_REDIRECT (1u << 1)     /* hence AF_XDP in copy mode */
#define NETDEV_XDP_XSK_ZEROCOPY (1u << 3) /* AF_XDP without copying */

struct doctor_link {
	char kind[16];       /* "veth", "bond", empty for hardware */
	__u32 peer_index;    /* of a veth, 0: none */
	bool peer_elsewhere; /* the peer is in another network namespace, */
	__s32 peer_nsid;     /* which has this id here */
	bool carrier;
};

/* 0 or -errno. */
int doctor_query_link(__u32 index, struct doctor_link *out);

/* The far end of a veth, if there is one in this network namespace. */
bool doctor_find_peer(const struct doctor_link *link, struct netif *out);

/*
 * Whether the far end of a veth has a native XDP program. 0; -ENODEV: there is no far end; -EPERM:
 * it is in another namespace and takes CAP_NET_ADMIN there to ask; or another -errno.
 */
int doctor_query_peer_program(const struct doctor_link *link, bool *has);

/* What the driver says it can: NETDEV_XDP_*. 0, -ENOENT (Linux before 6.3) or another -errno. */
int doctor_query_xdp_features(__u32 index, __u64 *features);

#endif /* MEV_DOCTOR_NETLINK_H */
