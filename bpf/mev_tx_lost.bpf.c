// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * mev_tx_lost - counts frames that a driver lost after a program returned XDP_TX
 *
 * The program has no way to know, and drivers count under names of their own or not at all; these
 * two tracepoints they share. xdp_exception: a frame that could not be queued (virtio_net, igb,
 * ixgbe, mlx5, the generic hook and others); xdp_bulk_tx: what of a batch did not get to the peer
 * (veth). Loaded by the node (user/xdp_tx.c) beside mev_filter, which it does not know.
 */
#include "compiler.h"

/* What is needed of the kernel's own, found by name whatever its layout. */
struct ns_common {
	unsigned int inum;
} __attribute__((preserve_access_index));

struct net {
	struct ns_common ns;
} __attribute__((preserve_access_index));

typedef struct {
	struct net *net;
} __attribute__((preserve_access_index)) possible_net_t;

struct net_device {
	int ifindex;
	possible_net_t nd_net;
} __attribute__((preserve_access_index));

char _license[] SEC("license") = "Dual BSD/GPL";

/* Which interface: its index, which other network namespaces may have as well, and its namespace. */
const volatile int ifindex;
const volatile __u32 netns;

__u64 lost;

static __always_inline bool is_ours(const struct net_device *dev)
{
	return dev->ifindex == ifindex && dev->nd_net.net->ns.inum == netns;
}

/* Arguments of the tracepoints: include/trace/events/xdp.h. */

SEC("tp_btf/xdp_exception")
int on_exception(__u64 *args) /* device, program, action */
{
	if ((__u32)args[2] == XDP_TX && is_ours((const void *)args[0]))
		__sync_fetch_and_add(&lost, 1);
	return 0;
}

SEC("tp_btf/xdp_bulk_tx")
int on_bulk_tx(__u64 *args) /* device, sent, dropped, error */
{
	int dropped = (int)args[2];

	if (dropped > 0 && is_ours((const void *)args[0]))
		__sync_fetch_and_add(&lost, (__u64)dropped);
	return 0;
}
