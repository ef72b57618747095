// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * mevpeer - XDP programs of the peers that do no work, and what keeps the kernel from doing some
 */
#include "compiler.h"

#include "packet.h"

char _license[] SEC("license") = "Dual BSD/GPL";

#define TC_ACT_OK 0
#define TC_ACT_SHOT 2

/* Host byte order; set before loading. */
const volatile __u16 swap_port = 8080, update_port = 8081;

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, __u32);
} mevpeer_xsks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} mevpeer_reflected SEC(".maps");

/* All that comes goes to the socket: neighbours are static. */
SEC("xdp")
int mevpeer_echo(struct xdp_md *ctx)
{
	return (int)bpf_redirect_map(&mevpeer_xsks, ctx->rx_queue_index, XDP_PASS);
}

/* An option-less IPv4 and UDP header, the least that can be swapped. */
struct plain_frame {
	struct eth_hdr eth;
	struct ipv4_hdr ip4;
	struct udp_hdr udp;
} __wire;

SEC("xdp")
int mevpeer_reflect(struct xdp_md *ctx)
{
	struct plain_frame *f = (void *)(long)ctx->data;
	__u32 zero = 0;
	__u64 *count;
	__be16 tmp;

	if ((void *)(f + 1) > (void *)(long)ctx->data_end || f->ip4.proto != MEV_IPPROTO_UDP ||
	    f->udp.dst != MEV_HTONS(swap_port))
		return XDP_PASS;
	for (int i = 0; i < 3; i++) {
		tmp = f->eth.dst[i];
		f->eth.dst[i] = f->eth.src[i];
		f->eth.src[i] = tmp;
	}
	for (int i = 0; i < 2; i++) {
		tmp = f->ip4.dst[i];
		f->ip4.dst[i] = f->ip4.src[i];
		f->ip4.src[i] = tmp;
	}
	tmp = f->udp.dst;
	f->udp.dst = f->udp.src;
	f->udp.src = tmp;
	count = bpf_map_lookup_elem(&mevpeer_reflected, &zero);
	if (count)
		++*count;
	return XDP_TX;
}

/* As much of the kernel's struct __sk_buff (linux/bpf.h) as is looked at. */
struct skb_context {
	__u32 unused[19];
	__u32 data, data_end;
};

/*
 * Behind the packet socket, which has its copy by then: the kernel's UDP would answer that nobody
 * listens.
 */
SEC("tc")
int mevpeer_swallow(struct skb_context *skb)
{
	void *data = (void *)(long)skb->data, *data_end = (void *)(long)skb->data_end;
	struct packet p;
	__u16 port;

	if (!packet_find_udp(data, data_end, &p))
		return TC_ACT_OK;
	port = MEV_NTOHS(p.udp->dst);
	return port == swap_port || port == update_port ? TC_ACT_SHOT : TC_ACT_OK;
}
