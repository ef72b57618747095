// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What a sender can say to the TCP/UDP stack: lwIP, whose assertions end the process, stays behind its
 * guards, and every frame that comes out has right lengths and checksums and goes to one host.
 *
 * Input: a list of steps, a byte of kind and its arguments each. Segments have right checksums, and
 * sequence numbers relative to where the connection stands, or nothing would ever get in.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "frame.h"
#include "stack.h"

/* lwIP's clock, wound by hand: a quarter of a second a call. */
void sys_lock_tcpip_core(void);
void sys_unlock_tcpip_core(void);
void tcp_tmr(void);

#define CLIENTS 4
#define MTU 1500
#define CONNECTIONS 3

static struct {
	__u32 seq, ack; /* next to send; next expected */
} client[CLIENTS];
static __u32 refused; /* so many frames the link does not take */

/* What is left of the input. */
struct input {
	const uint8_t *at, *end;
};

static __u32 take(struct input *in, int bytes)
{
	__u32 v = 0;

	while (bytes--)
		v = v << 8 | (in->at < in->end ? *in->at++ : 0);
	return v;
}

/* Up to `len` bytes, the rest zero. */
static void take_bytes(struct input *in, __u8 *to, __u32 len)
{
	for (__u32 i = 0; i < len; i++)
		to[i] = (__u8)take(in, 1);
}

static __u32 get32be(const __u8 *p)
{
	return (__u32)get16be(p) << 16 | (__u32)get16be(p + 2);
}

static void put32be(__u8 *p, __u32 v)
{
	put16be(p, v >> 16);
	put16be(p + 2, v & 0xffff);
}

static __u32 pseudo(const __u8 *ip, __u32 l4_len)
{
	return ref_sum(ip[9] + l4_len, ip + 12, 8);
}

/* Frames out. */

static void check_ip(const __u8 *ip, __u32 len)
{
	__u32 l4_len = len - 20, frag = get16be(ip + 6) & 0x3fffu;
	__u32 port = get16be(ip + 22) - 40000u;

	if (len < 28 || ip[0] != 0x45 || get16be(ip + 2) != len || ref_fold(ref_sum(0, ip, 20)))
		abort();
	if (!frag && ref_fold(ref_sum(ip[9] == 1 ? 0 : pseudo(ip, l4_len), ip + 20, l4_len)))
		abort();
	if (ip[9] == 6 && port < CLIENTS)
		client[port].ack =
			get32be(ip + 24) + ((ip[33] & 3) != 0) + l4_len - (ip[32] >> 4) * 4u;
}

static int take_frame(void *ctx, const void *frame, __u32 len)
{
	static const __u8 node[6] = NODE_MAC;
	const __u8 *f = frame;

	(void)ctx;
	if (refused) {
		refused--;
		return -EAGAIN;
	}
	if (len < 42 || len > 14 + MTU || memcmp(f + 6, node, 6))
		abort();
	if (get16be(f + 12) == 0x0800) {
		if (f[0] & 1)
			abort();
		check_ip(f + 14, len - 14);
	}
	return 0;
}

static enum mev_verdict decide(void *ctx, const struct dex_swap_tx *tx, struct swap_reply *reply)
{
	(void)ctx;
	*reply = (struct swap_reply){ tx->nonce, 1, 2, 3 };
	return tx->token_direction > 1 ? MEV_BAD_FIELD : MEV_REPLIED;
}

/* Frames in. */

static void send_ip(struct stack *s, __u8 *f, __u8 proto, __u32 frag, __u32 l4_len)
{
	static const __u8 macs[2][6] = { NODE_MAC, PEER_MAC };
	__u8 *copy;

	memset(f, 0, 34);
	memcpy(f, macs, 12);
	put16be(f + 12, 0x0800);
	f[14] = 0x45;
	put16be(f + 16, 20 + l4_len);
	put16be(f + 18, 7);
	put16be(f + 20, frag);
	f[22] = 64;
	f[23] = proto;
	memcpy(f + 26, "\xc0\xa8\x45\x01\xc0\xa8\x45\x02", 8);
	put16be(f + 24, ref_fold(ref_sum(0, f + 14, 20)));
	copy = malloc(34 + l4_len); /* with a fence behind it */
	memcpy(copy, f, 34 + l4_len);
	stack_input(s, copy, 34 + l4_len);
	free(copy);
}

/* `reach`: how many bytes a step of the distance is, so that the whole window is within. */
static void segment(struct stack *s, struct input *in, __s32 reach)
{
	__u32 which = take(in, 1) % CLIENTS, option_len = take(in, 1) % 11 * 4, len, head;
	__u8 f[14 + MTU + 64] = { 0 }, *l4 = f + 34;
	__s32 seq_off = (__s16)take(in, 2) * reach, ack_off = (__s16)take(in, 2);

	l4[13] = (__u8)take(in, 1);
	len = take(in, 2) % (MTU - 40 - option_len + 1);
	head = 20 + option_len;
	put16be(l4, 40000 + which);
	put16be(l4 + 2, 8080);
	put32be(l4 + 4, client[which].seq + (__u32)seq_off);
	put32be(l4 + 8, client[which].ack + (__u32)ack_off);
	l4[12] = (__u8)(head / 4 << 4);
	put16be(l4 + 14, take(in, 2));
	take_bytes(in, l4 + 20, option_len);
	if (len)
		l4[head] = (__u8)take(in, 1); /* zeros, but for one byte of the first nonce */
	memcpy(f + 26, "\xc0\xa8\x45\x01\xc0\xa8\x45\x02", 8);
	f[23] = 6;
	put16be(l4 + 16, ref_fold(ref_sum(pseudo(f + 14, head + len), l4, head + len)));
	if (!seq_off)
		client[which].seq += len + (l4[13] & 1) + (l4[13] >> 1 & 1);
	send_ip(s, f, 6, 0, head + len);
}

/* UDP, ICMP or whatever; whole ones with right checksums, fragments as they are. */
static void datagram(struct stack *s, struct input *in)
{
	__u32 proto = take(in, 1), frag = take(in, 2), len = take(in, 2) % (MTU - 20 + 1);
	__u8 f[14 + MTU + 64] = { 0 }, *l4 = f + 34;

	proto = proto & 1 ? 17 : proto & 2 ? 1 : proto;
	take_bytes(in, l4, len < 64 ? len : 64);
	memcpy(f + 26, "\xc0\xa8\x45\x01\xc0\xa8\x45\x02", 8);
	f[23] = (__u8)proto;
	if (proto == 17 && len >= 8) {
		put16be(l4 + 2, l4[2] & 1 ? 9 : 8080);
		put16be(l4 + 4, len);
		put16be(l4 + 6, 0);
	} else if (proto == 1 && len >= 8) {
		put16be(l4 + 2, 0);
		put16be(l4 + 2, ref_fold(ref_sum(0, l4, len)));
	}
	send_ip(s, f, (__u8)proto, frag, len);
}

static void any_frame(struct stack *s, struct input *in)
{
	__u32 len = take(in, 1) % 129;
	__u8 *f = malloc(len + 1);

	take_bytes(in, f, len);
	stack_input(s, f, len);
	free(f);
}

static void wind_clock(__u32 ticks)
{
	for (__u32 i = 0; i < ticks; i++) {
		sys_lock_tcpip_core();
		tcp_tmr();
		sys_unlock_tcpip_core();
	}
}

static void step(struct stack *s, struct input *in)
{
	__u32 kind = take(in, 1) % 8;

	switch (kind) {
	case 0:
		any_frame(s, in);
		break;
	case 1:
		datagram(s, in);
		break;
	case 2:
		wind_clock(take(in, 1) % 64);
		break;
	case 3:
		refused = take(in, 1) % 16;
		break;
	default:
		segment(s, in, kind == 7 ? 2 : 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct stack_config config = {
		.ip = inet_addr("192.168.69.2"),
		.prefix_len = 24,
		.mac = NODE_MAC,
		.mtu = MTU,
		.swap_port = 8080,
		.link = { .send = take_frame },
		.decide = decide,
		.max_connections = CONNECTIONS,
		.max_half_open = 2,
		.idle_timeout_s = 20,
	};
	struct input in = { data, data + size };
	struct stack_counters c;
	struct stack *s;

	memset(client, 0, sizeof(client));
	if (stack_open(&s, &config))
		abort();
	while (in.at < in.end)
		step(s, &in);
	stack_counters(s, &c);
	if (c.open > CONNECTIONS)
		abort();
	refused = 0;
	stack_close(s);
	return 0;
}
