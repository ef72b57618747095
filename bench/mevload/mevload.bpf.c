// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * mevload - on the client's interface: replies to the generator's socket, the rest to the kernel
 */
#include "compiler.h"

#include "packet.h"

char _license[] SEC("license") = "Dual BSD/GPL";

/* Host byte order; set before loading. */
const volatile __u16 node_port = 8080;
const volatile __u16 first_port = 0, last_port = 65535; /* of the generator */
/* Echoes may come back with their ports as they were sent, from who swaps MAC addresses alone. */
const volatile bool take_echoes = false;

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, __u32);
} mevload_xsks SEC(".maps");

static __always_inline bool ours(__u16 node, __u16 client)
{
	return node == node_port && client >= first_port && client <= last_port;
}

SEC("xdp")
int mevload(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	struct packet p;
	__u16 src, dst;

	if (!packet_find_udp(data, data_end, &p))
		return XDP_PASS;
	src = MEV_NTOHS(p.udp->src);
	dst = MEV_NTOHS(p.udp->dst);
	if (!ours(src, dst) && !(take_echoes && ours(dst, src)))
		return XDP_PASS;
	return (int)bpf_redirect_map(&mevload_xsks, ctx->rx_queue_index, XDP_PASS);
}
