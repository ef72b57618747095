// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * mevload live - frames made in front of an XDP program, programs to compare it with, and a count of
 * what comes back
 *
 * The kernel runs generate() on each live frame. Live frames are pages that come back as the last
 * program left them, so it writes each one anew, from the first byte to the last, and then becomes
 * the program under test: a tail call, which does not return.
 */
#include "compiler.h"

#include "live_abi.h"
#include "packet.h"
#include "reply.h"

char _license[] SEC("license") = "Dual BSD/GPL";

/* Host byte order; set before loading. */
const volatile __u16 swap_port = 8080;

__u64 frames[LIVE_FRAMES][LIVE_WORDS];
/* One CPU runs it at a time. */
__u64 made, missed;

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} under_test SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct live_came_back);
} came_back SEC(".maps");

SEC("xdp")
int generate(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	const __u64 *from = frames[made++ % LIVE_FRAMES];
	__u64 *to = data;

	if (data + LIVE_LEN > data_end)
		return XDP_ABORTED;
#pragma unroll
	for (int i = 0; i < LIVE_LEN / 8; i++)
		to[i] = from[i];
	*(__u16 *)(to + LIVE_LEN / 8) = (__u16)from[LIVE_LEN / 8];
	bpf_tail_call(ctx, &under_test, 0);
	missed++;
	return XDP_ABORTED;
}

SEC("xdp")
int drop(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_DROP;
}

SEC("xdp")
int pass(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_PASS;
}

/* The least that a filter can do: what is behind the UDP header decides, so that no read is left out. */
SEC("xdp")
int parse(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	struct packet p;

	if (packet_find_udp(data, data_end, &p) && packet_lengths_fit(&p, data_end) &&
	    p.payload + 1 <= data_end && p.udp->dst == MEV_HTONS(swap_port) &&
	    *(__u8 *)p.payload == 0xff)
		return XDP_ABORTED;
	return XDP_DROP;
}

/* Swaps go back as they are; the rest is dropped. */
SEC("xdp")
int reflect(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	struct packet p;

	if (!packet_find_udp(data, data_end, &p) || !p.v4 || p.udp->dst != MEV_HTONS(swap_port))
		return XDP_DROP;
	for (int i = 0; i < 3; i++)
		MEV_SWAP_OF(p.eth->dst[i], p.eth->src[i]);
	MEV_SWAP_OF(p.ip4->src[0], p.ip4->dst[0]);
	MEV_SWAP_OF(p.ip4->src[1], p.ip4->dst[1]);
	MEV_SWAP_OF(p.udp->src, p.udp->dst);
	return XDP_TX;
}

/* At the peer: counts and drops. */
SEC("xdp")
int arrive(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	struct live_came_back *count;
	struct packet p;
	__u32 zero = 0;

	count = bpf_map_lookup_elem(&came_back, &zero);
	if (!count)
		return XDP_DROP;
	count->frames++;
	if (packet_find_udp(data, data_end, &p) && p.udp->src == MEV_HTONS(swap_port) &&
	    p.udp->len == MEV_HTONS(sizeof(struct udp_hdr) + sizeof(struct swap_reply)))
		count->replies++;
	return XDP_DROP;
}
