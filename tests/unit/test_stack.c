// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The slow path without a device: frames made by hand go in, frames come out of a link that is a
 * function. The client below keeps the books of one connection, and answers only when told to.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <unistd.h>

#include "frame.h"
#include "stack.h"

/* lwIP's clock, wound by hand: a quarter of a second a call. */
void sys_lock_tcpip_core(void);
void sys_unlock_tcpip_core(void);
void tcp_tmr(void);

#define FIN 0x01
#define SYN 0x02
#define RST 0x04
#define PSH 0x08
#define ACK 0x10

#define RECORD 48
#define REPLY 32

static struct stack *stack;

/* What came out. Written by whoever holds lwIP's lock, in one thread at a time. */
static struct {
	__u8 last[2048];
	__u32 last_len;
	int cnt, wrong; /* frames; those with a wrong address, length or checksum */
	int refuse;     /* the link says this instead of taking a frame */
} out;

static struct client {
	__u16 port;
	__u32 seq, ack; /* next to send; next expected */
	__u32 acked;    /* what the node has acknowledged */
	__u32 window;   /* what it offers */
	__u32 isn;      /* its first sequence number */
	int acks, rst, fin, synack;
	__u8 got[1 << 20];
	__u32 got_len;
} client;

/* Frames out. */

static void client_take(const __u8 *l4, __u32 len)
{
	__u32 head = (l4[12] >> 4) * 4u, seq, left = len - head;
	__u8 flags = l4[13];

	memcpy(&seq, l4 + 4, 4);
	seq = ntohl(seq);
	memcpy(&client.acked, l4 + 8, 4);
	client.acked = ntohl(client.acked);
	client.window = get16be(l4 + 14);
	client.acks++;
	if (flags & SYN) {
		client.synack++;
		client.isn = seq;
		client.ack = seq + 1;
	}
	client.rst += (flags & RST) != 0;
	if (seq == client.ack && left) {
		memcpy(client.got + client.got_len, l4 + head, left);
		client.got_len += left;
		client.ack += left;
		seq += left;
	}
	if ((flags & FIN) && seq + (client.fin ? 1 : 0) == client.ack && !client.fin) {
		client.fin = 1;
		client.ack++;
	}
}

static int sums_right(const __u8 *ip, __u32 len)
{
	__u32 l4_len = get16be(ip + 2) - 20, sum = ref_sum(ip[9] + l4_len, ip + 12, 8);

	if (ip[0] != 0x45 || get16be(ip + 2) != len || ref_fold(ref_sum(0, ip, 20)))
		return 0;
	return !ref_fold(ref_sum(ip[9] == 1 ? 0 : sum, ip + 20, l4_len));
}

static int take_frame(void *ctx, const void *frame, __u32 len)
{
	static const __u8 node[6] = NODE_MAC;
	const __u8 *f = frame;

	(void)ctx;
	if (out.refuse)
		return out.refuse;
	out.cnt++;
	out.last_len = len;
	memcpy(out.last, frame, len);
	out.wrong += memcmp(f + 6, node, 6) != 0;
	if (get16be(f + 12) != 0x0800)
		return 0;
	out.wrong += !sums_right(f + 14, len - 14);
	if (f[14 + 9] == 6 && get16be(f + 14 + 20 + 2) == client.port)
		client_take(f + 34, get16be(f + 16) - 20);
	return 0;
}

/* Frames in. */

static __u32 ip_frame(__u8 *f, int proto, __u32 frag, const void *payload, __u32 len)
{
	static const __u8 macs[2][6] = { NODE_MAC, PEER_MAC };

	memset(f, 0, 34);
	memcpy(f, macs, 12);
	put16be(f + 12, 0x0800);
	f[14] = 0x45;
	put16be(f + 16, 20 + len);
	put16be(f + 18, 7);
	put16be(f + 20, frag);
	f[22] = 64;
	f[23] = (__u8)proto;
	memcpy(f + 26, "\xc0\xa8\x45\x01\xc0\xa8\x45\x02", 8);
	put16be(f + 24, ref_fold(ref_sum(0, f + 14, 20)));
	memmove(f + 34, payload, len);
	return 34 + len;
}

struct segment {
	__u32 seq, ack;
	int flags;
	const void *data;
	__u32 len;
	const char *options; /* a multiple of 4 bytes */
	__u32 option_len;
	__u32 window; /* 0: 65535 */
	int closed;   /* a window of 0 */
	int partial;  /* leave the checksum to hardware that is not there */
};

static void put32be(__u8 *p, __u32 v)
{
	put16be(p, v >> 16);
	put16be(p + 2, v & 0xffff);
}

static __u32 tcp_frame(__u8 *f, const struct segment *s)
{
	__u8 l4[2048] = { 0 };
	__u32 head = 20 + s->option_len, len = head + s->len, sum;

	put16be(l4, client.port);
	put16be(l4 + 2, 8080);
	put32be(l4 + 4, s->seq);
	put32be(l4 + 8, s->ack);
	l4[12] = (__u8)(head / 4 << 4);
	l4[13] = (__u8)s->flags;
	put16be(l4 + 14, s->closed ? 0 : s->window ? s->window : 65535);
	if (s->option_len)
		memcpy(l4 + 20, s->options, s->option_len);
	if (s->len)
		memcpy(l4 + head, s->data, s->len);
	ip_frame(f, 6, 0, l4, len);
	sum = ref_sum(6 + len, f + 26, 8);
	if (s->partial)
		put16be(f + 34 + 16, (__u16)~ref_fold(sum));
	else
		put16be(f + 34 + 16, ref_fold(ref_sum(sum, f + 34, len)));
	return 34 + len;
}

static void input_segment(const struct segment *s)
{
	__u8 f[2048];

	stack_input(stack, f, tcp_frame(f, s));
}

#define SEGMENT(...) input_segment(&(const struct segment){ __VA_ARGS__ })

/* At a distance from what is next, without moving on. */
static void send_at(__s32 distance, const void *data, __u32 len, int flags)
{
	SEGMENT(.seq = client.seq + (__u32)distance, .ack = client.ack, .flags = ACK | flags,
		.data = data, .len = len);
}

static void send_data(const void *data, __u32 len)
{
	send_at(0, data, len, PSH);
	client.seq += len;
}

static void send_ack(void)
{
	send_at(0, NULL, 0, 0);
}

static void connect_with(__u16 port, __u32 window, const char *options, __u32 option_len)
{
	memset(&client, 0, sizeof(client));
	client.port = port;
	client.seq = 1000;
	SEGMENT(.seq = client.seq++, .flags = SYN, .window = window, .closed = !window,
		.options = options, .option_len = option_len);
	cr_assert_eq(client.synack, 1);
	cr_assert_eq(client.acked, client.seq);
	SEGMENT(.seq = client.seq, .ack = client.ack, .flags = ACK, .window = window,
		.closed = !window);
}

static void connect_from(__u16 port)
{
	connect_with(port, 65535, "\x02\x04\x05\xb4", 4);
}

/* Records: those with an even nonce are answered. */

static enum mev_verdict decide(void *ctx, const struct dex_swap_tx *tx, struct swap_reply *reply)
{
	(void)ctx;
	if (tx->token_direction > 1)
		return MEV_BAD_FIELD;
	if (tx->nonce & 1)
		return MEV_UNPROFITABLE;
	*reply = (struct swap_reply){ tx->nonce, tx->amount_in, 2, 3 };
	return MEV_REPLIED;
}

static void put_record(__u8 *p, __u64 nonce)
{
	memset(p, 0, RECORD);
	frame_put_record(p, &(const struct frame_spec){ .nonce = nonce });
}

static void put_records(__u8 *p, __u64 first, __u32 cnt)
{
	for (__u32 i = 0; i < cnt; i++)
		put_record(p + i * RECORD, first + i);
}

/* Whether exactly the even ones of first..first+cnt-1 were answered, in order; starts afresh. */
static void expect_replies(__u64 first, __u32 cnt)
{
	__u32 at = 0;

	for (__u64 nonce = first; nonce < first + cnt; nonce++) {
		if (nonce & 1)
			continue;
		cr_assert_leq(at + REPLY, client.got_len, "no reply to %llu", nonce);
		cr_assert_eq(get_le(client.got + at, 8), nonce);
		cr_assert_eq(get_le(client.got + at + 8, 8), 20000000000ULL);
		at += REPLY;
	}
	cr_assert_eq(at, client.got_len);
	client.got_len = 0;
}

static struct stack_counters counters(void)
{
	struct stack_counters c;

	stack_counters(stack, &c);
	return c;
}

static void wind_clock(double seconds)
{
	for (int i = 0; i < seconds * 4; i++) {
		sys_lock_tcpip_core();
		tcp_tmr();
		sys_unlock_tcpip_core();
	}
}

static const struct stack_config config = {
	.prefix_len = 24,
	.mac = NODE_MAC,
	.mtu = 1500,
	.swap_port = 8080,
	.link = { .send = take_frame },
	.decide = decide,
	.max_connections = 64,
	.max_half_open = 16,
};

static void setup(void)
{
	struct stack_config c = config;

	c.ip = inet_addr("192.168.69.2");
	cr_assert_eq(stack_open(&stack, &c), 0);
}

static void teardown(void)
{
	cr_assert_eq(out.wrong, 0);
	stack_close(stack);
}

TestSuite(stack, .init = setup, .fini = teardown, .timeout = 20);

/* ARP, ICMP, UDP. */

static const __u8 arp_request[] = "\xff\xff\xff\xff\xff\xff\x02\0\0\0\0\x02\x08\x06"
				  "\0\x01\x08\0\x06\x04\0\x01\x02\0\0\0\0\x02\xc0\xa8\x45\x01"
				  "\0\0\0\0\0\0\xc0\xa8\x45\x02";

Test(stack, arp)
{
	__u8 f[42];

	cr_assert_eq(out.cnt, 1, "a gratuitous one when it comes up");
	cr_assert_arr_eq(out.last, "\xff\xff\xff\xff\xff\xff\x02\0\0\0\0\x01\x08\x06", 14);
	stack_input(stack, arp_request, 42);
	cr_assert_eq(out.cnt, 2);
	cr_assert_arr_eq(out.last, "\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x08\x06", 14);
	cr_assert_arr_eq(out.last + 20,
			 "\0\x02\x02\0\0\0\0\x01\xc0\xa8\x45\x02\x02\0\0\0\0\x02\xc0\xa8\x45\x01",
			 22);
	memcpy(f, arp_request, 42);
	f[41] = 9;
	stack_input(stack, f, 42);
	stack_input(stack, arp_request, 41);
	cr_assert_eq(out.cnt, 2);
	cr_assert_eq(counters().not_ours, 1);
	cr_assert_eq(counters().malformed, 1);
}

Test(stack, echo)
{
	__u8 icmp[1480] = { 8, 0, 0, 0, 1, 2, 3, 4 }, f[2048];
	__u32 len;

	for (__u32 i = 8; i < sizeof(icmp); i++)
		icmp[i] = (__u8)i;
	put16be(icmp + 2, ref_fold(ref_sum(0, icmp, sizeof(icmp))));
	len = ip_frame(f, 1, 0, icmp, sizeof(icmp));
	stack_input(stack, f, len);
	cr_assert_eq(out.cnt, 2);
	cr_assert_eq(out.last_len, len);
	cr_assert_eq(out.last[34], 0);
	cr_assert_arr_eq(out.last + 38, icmp + 4, sizeof(icmp) - 4);
	icmp[9]++;
	stack_input(stack, f, ip_frame(f, 1, 0, icmp, sizeof(icmp)));
	cr_assert_eq(out.cnt, 2);
	cr_assert_eq(counters().bad_checksum, 1);
}

Test(stack, udp_in_fragments)
{
	__u8 udp[56] = { 0x9c, 0x40, 0x1f, 0x90, 0, 56 }, f[2048];

	put_record(udp + 8, 12);
	stack_input(stack, f, ip_frame(f, 17, 3, udp + 24, 32));
	cr_assert_eq(out.cnt, 1);
	stack_input(stack, f, ip_frame(f, 17, 0x2000, udp, 24));
	cr_assert_eq(out.cnt, 2);
	cr_assert_eq(out.last_len, 34 + 8 + REPLY);
	cr_assert_eq(get16be(out.last + 36), 40000);
	cr_assert_eq(get_le(out.last + 42, 8), 12);

	put16be(udp + 4, 55);
	stack_input(stack, f, ip_frame(f, 17, 0, udp, 55));
	cr_assert_eq(out.cnt, 2);
	cr_assert_eq(counters().udp_datagrams, 2);
	cr_assert_eq(counters().udp.replied.packets, 1);
	cr_assert_eq(counters().udp.bad_length.packets, 1);
	/* Left for stack_close() to clean up: the first of two. */
	stack_input(stack, f, ip_frame(f, 17, 0x2000, udp, 24));
}

Test(stack, what_is_not_for_it)
{
	static const struct {
		int at, value;
	} changes[] = { { 5, 9 },  { 33, 9 }, { 13, 0xdd }, { 23, 47 },  { 14, 0x44 }, { 17, 0xff },
			{ 11, 1 }, { 6, 3 },  { 26, 0 },    { 26, 239 }, { 26, 127 },  { 29, 2 } };
	__u8 f[2048];
	__u32 len;

	client.port = 40000;
	for (__u32 i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		len = tcp_frame(f, &(struct segment){ .flags = SYN, .window = 100 });
		f[changes[i].at] = (__u8)changes[i].value;
		put16be(f + 24, 0);
		put16be(f + 24, ref_fold(ref_sum(0, f + 14, 20)));
		stack_input(stack, f, len);
		cr_assert_eq(out.cnt, 1, "%u", i);
	}
	for (__u32 cut = 0; cut < len; cut++) {
		tcp_frame(f, &(struct segment){ .flags = SYN, .window = 100 });
		stack_input(stack, f, cut);
		cr_assert_eq(out.cnt, 1);
	}
	cr_assert_eq(counters().not_ours + counters().unsupported + counters().malformed +
			     counters().bad_checksum,
		     sizeof(changes) / sizeof(changes[0]) + len);
}

/* TCP. */

Test(stack, records_cut_everywhere)
{
	__u8 data[6 * RECORD];
	__u64 nonce = 0;

	connect_from(40000);
	for (__u32 cut = 1; cut < sizeof(data); cut++, nonce += 6) {
		put_records(data, nonce, 6);
		send_data(data, cut);
		send_data(data + cut, (__u32)sizeof(data) - cut);
		expect_replies(nonce, 6);
		cr_assert_eq(client.acked, client.seq);
		send_ack();
	}
	for (__u32 i = 0; i < sizeof(data); i++)
		send_data(data + i, 1);
	expect_replies(nonce - 6, 6);
	cr_assert_eq(counters().tcp.replied.packets, 3 * sizeof(data));
	cr_assert_eq(counters().tcp.unprofitable.packets, 3 * sizeof(data));
	cr_assert_eq(counters().tcp_bytes_in, sizeof(data) * sizeof(data));
}

Test(stack, bad_records_do_not_end_it)
{
	__u8 data[4 * RECORD];

	connect_from(40000);
	put_records(data, 0, 4);
	data[RECORD + 44] = 7;
	send_data(data, sizeof(data));
	cr_assert_eq(client.got_len, 2 * REPLY);
	cr_assert_eq(counters().tcp.bad_field.packets, 1);
	cr_assert_eq(counters().tcp.bad_field.bytes, RECORD);
	cr_assert_eq(client.rst, 0);
}

Test(stack, out_of_order_and_duplicates)
{
	__u8 data[40 * RECORD];
	__u32 part = sizeof(data) / 8;
	static const int orders[][10] = { { 7, 6, 5, 4, 3, 2, 1, 0, 0, 7 },
					  { 1, 1, 3, 3, 5, 0, 2, 4, 6, 7 },
					  { 0, 2, 2, 1, 1, 7, 6, 5, 4, 3 },
					  { 4, 0, 4, 1, 7, 2, 3, 5, 5, 6 } };

	connect_from(40000);
	for (int o = 0; o < 4; o++) {
		put_records(data, 0, 40);
		for (int i = 0; i < 10; i++) {
			__u32 at = (__u32)orders[o][i] * part, len = part;

			/* Now and then one that overlaps the next. */
			if (i % 3 == 1 && at + 2 * part <= sizeof(data))
				len += part / 2;
			send_at((__s32)at, data + at, len, 0);
		}
		client.seq += (__u32)sizeof(data);
		cr_assert_eq(client.acked, client.seq);
		expect_replies(0, 40);
		send_ack();
	}
}

Test(stack, fin_after_all_is_answered)
{
	__u8 data[3 * RECORD];

	connect_from(40000);
	put_records(data, 0, 3);
	send_at(0, data, 2 * RECORD + 5, FIN);
	client.seq += 2 * RECORD + 5 + 1;
	expect_replies(0, 2);
	cr_assert_eq(client.fin, 0, "the reply is not acknowledged yet");
	send_ack();
	cr_assert_eq(client.fin, 1);
	cr_assert_eq(counters().open, 1);
	send_ack();
	cr_assert_eq(counters().open, 0);
	cr_assert_eq(counters().closed, 1);
	cr_assert_eq(counters().unfinished, 1);
}

Test(stack, fin_out_of_order_is_taken_when_it_comes_again)
{
	__u8 data[2 * RECORD];

	connect_from(40000);
	put_records(data, 0, 2);
	send_at(RECORD, data + RECORD, RECORD, FIN);
	send_data(data, RECORD);
	client.seq += RECORD;
	cr_assert_eq(client.acked, client.seq);
	send_ack();
	cr_assert_eq(client.fin, 0);
	send_at(0, NULL, 0, FIN);
	client.seq++;
	cr_assert_eq(client.acked, client.seq);
	cr_assert_eq(client.fin, 1);
	expect_replies(0, 2);
}

Test(stack, simultaneous_close_and_late_segments)
{
	__u8 data[RECORD];
	__u32 ack;

	connect_from(40000);
	ack = client.ack;
	put_record(data, 1);
	send_data(data, RECORD);
	send_at(0, NULL, 0, FIN);
	client.seq++;
	cr_assert_eq(client.fin, 1);
	/* The node's FIN and these cross each other: its own again, one late, one behind it. */
	SEGMENT(.seq = client.seq - 1, .ack = ack, .flags = ACK | FIN);
	SEGMENT(.seq = client.seq - 1 - RECORD, .ack = ack, .flags = ACK, .data = data,
		.len = RECORD);
	SEGMENT(.seq = client.seq, .ack = ack, .flags = ACK, .data = data, .len = RECORD);
	cr_assert_eq(counters().tcp_bytes_in, RECORD);
	cr_assert_eq(counters().open, 1);
	cr_assert_eq(client.rst, 0);
	send_ack();
	cr_assert_eq(counters().closed, 1);
	send_at(0, data, RECORD, 0);
	cr_assert_eq(client.rst, 1, "nobody knows it any more");
}

Test(stack, reset)
{
	connect_from(40000);
	send_data("abc", 3);
	send_at(1, NULL, 0, RST);
	cr_assert_eq(counters().open, 1, "in the window but not the next: a guess");
	send_at(0, NULL, 0, RST);
	cr_assert_eq(counters().open, 0);
	cr_assert_eq(counters().reset, 1);
	cr_assert_eq(counters().unfinished, 1);
}

Test(stack, client_that_does_not_read)
{
	static __u8 data[1392]; /* 29 records */
	__u32 sent = 0, before;

	connect_from(40000);
	/* Its window stays open, but it acknowledges nothing. */
	before = client.ack;
	while (client.window > 1392 / 2 && sent < 1000000) {
		put_records(data, 2, 29);
		for (__u32 i = 0; i < 29; i++)
			put_record(data + i * RECORD, 2 * (sent / RECORD + i));
		SEGMENT(.seq = client.seq, .ack = before, .flags = ACK, .data = data,
			.len = sizeof(data));
		client.seq += (__u32)sizeof(data);
		sent += (__u32)sizeof(data);
	}
	cr_assert_lt(sent, 200000, "send buffer and receive window");
	cr_assert_eq(counters().throttled, 1);
	cr_assert_leq(counters().tcp_bytes_out, 65535);
	/* Now it reads. */
	for (int i = 0; i < 2000 && client.got_len / REPLY < sent / RECORD; i++)
		send_ack();
	cr_assert_eq(client.got_len / REPLY, sent / RECORD);
	for (__u32 i = 0; i < sent / RECORD; i++)
		cr_assert_eq(get_le(client.got + i * REPLY, 8), 2 * i);
	send_ack();
	cr_assert_gt(client.window, 32000);
}

Test(stack, lost_replies_are_sent_again)
{
	__u8 data[20 * RECORD];
	__u32 ack;

	connect_from(40000);
	put_records(data, 0, 20);
	ack = client.ack;
	send_data(data, sizeof(data));
	client.ack = ack; /* it never came */
	client.got_len = 0;
	wind_clock(4);
	expect_replies(0, 20);
	/* And the link may have been full. */
	out.refuse = -EAGAIN;
	send_data(data, sizeof(data));
	out.refuse = 0;
	cr_assert_gt(counters().link_full, 0);
	wind_clock(4);
	expect_replies(0, 20);
}

Test(stack, last_reply_of_a_burst_is_probed_for)
{
	__u8 data[4 * RECORD];
	__u32 ack;

	connect_from(40000);
	put_records(data, 0, 4);
	send_data(data, 2 * RECORD);
	send_ack(); /* which tells the round trip */
	client.got_len = 0;
	ack = client.ack;
	send_data(data + 2 * RECORD, 2 * RECORD);
	client.ack = ack; /* it never came */
	client.got_len = 0;
	/* lwIP's own timer has nothing to say for a second. */
	for (int i = 0; i < 80 && !client.got_len; i++)
		usleep(10000);
	expect_replies(2, 2);
	cr_assert_eq(counters().probes, 1);
}

Test(stack, many_connections_and_no_more)
{
	__u8 data[RECORD];

	for (__u16 i = 0; i < 64; i++) {
		connect_from((__u16)(40000 + i));
		put_record(data, 2);
		send_data(data, RECORD);
		expect_replies(2, 1);
	}
	connect_from(50000);
	cr_assert_eq(client.rst, 1);
	cr_assert_eq(counters().open, 64);
	cr_assert_eq(counters().refused, 1);
}

Test(stack, syn_flood)
{
	__u8 data[RECORD];

	for (int i = 0; i < 5000; i++) {
		client.port = (__u16)(1024 + i);
		SEGMENT(.seq = (__u32)i, .flags = SYN);
	}
	cr_assert_eq(counters().half_open_evicted, 5000 - 16);
	connect_from(50000);
	put_record(data, 2);
	send_data(data, RECORD);
	expect_replies(2, 1);
}

Test(stack, sequence_numbers_cannot_be_guessed)
{
	__u32 isn[8];

	for (__u16 i = 0; i < 8; i++) {
		connect_from((__u16)(40000 + i));
		isn[i] = client.isn;
		for (__u16 j = 0; j < i; j++)
			cr_assert((isn[i] - isn[j]) + 100000 > 200000, "%u %u", isn[i], isn[j]);
	}
}

Test(stack, checksum_left_to_hardware)
{
	__u8 data[RECORD];

	connect_from(40000);
	put_record(data, 4);
	SEGMENT(.seq = client.seq, .ack = client.ack, .flags = ACK, .data = data, .len = RECORD,
		.partial = 1);
	expect_replies(4, 1);
	cr_assert_eq(counters().sums_completed, 1);
}

/* What would end a process that hands lwIP every frame: each is named for lwIP's assertion. */

Test(stack, assert_mss_local_is_too_small_by_option)
{
	__u8 data[29 * RECORD];

	connect_from(40000);
	put_records(data, 0, 29);
	for (__u32 i = 0; i < 60; i++) {
		SEGMENT(.seq = client.seq, .ack = client.isn + 1, .flags = ACK, .data = data,
			.len = sizeof(data), .closed = 1, .options = "\x02\x04\x00\x01",
			.option_len = i < 20 ? 0 : 4);
		client.seq += (__u32)sizeof(data);
	}
	cr_assert_eq(counters().open, 1);
}

Test(stack, assert_mss_local_is_too_small_by_window)
{
	__u8 data[29 * RECORD];

	connect_with(40000, 0, "\x02\x04\x05\xb4", 4);
	put_records(data, 0, 29);
	for (__u32 i = 0; i < 60; i++) {
		SEGMENT(.seq = client.seq, .ack = client.isn + 1, .flags = ACK, .data = data,
			.len = sizeof(data), .window = i * 4, .closed = !i);
		client.seq += (__u32)sizeof(data);
	}
	cr_assert_eq(counters().open, 1);
}

Test(stack, assert_ooseq_tcplen_is_beyond_rcv_wnd)
{
	__u8 data[1440] = { 0 };

	connect_from(40000);
	send_at(65534, data, 1440, 0);
	for (__s32 at = 1440; at < 65534; at += 1440)
		send_at(at, data, at + 1440 < 65534 ? 1440 : (__u32)(65534 - at), 0);
	send_at(0, data, 1440, 0);
	cr_assert_eq(counters().open, 1);
	cr_assert_eq(counters().overrun, 1);
	cr_assert_eq(counters().tcp_bytes_in, 65534);
}

Test(stack, assert_ooseq_tcplen_is_beyond_rcv_wnd_by_a_fin)
{
	__u8 data[1440] = { 0 };

	connect_from(40000);
	send_at(65535 - 50, data, 10, FIN);
	send_at(65535 - 50, data, 50, 0); /* longer: replaces that one, and takes its FIN */
	for (__s32 at = 1440; at < 65535 - 50; at += 1440)
		send_at(at, data, at + 1440 < 65485 ? 1440 : (__u32)(65485 - at), 0);
	send_at(0, data, 1440, 0);
	cr_assert_eq(counters().open, 1);
	cr_assert_eq(counters().tcp_bytes_in, 65535);
}

Test(stack, assert_persist_ticking_with_empty_send_buffer)
{
	__u8 data[29 * RECORD];
	__u32 ack;

	connect_from(40000);
	put_records(data, 0, 29);
	ack = client.ack;
	send_data(data, sizeof(data));
	/* The window closes over what is under way, and then all of it is acknowledged. */
	SEGMENT(.seq = client.seq++, .ack = ack, .flags = ACK, .data = "x", .len = 1, .closed = 1);
	wind_clock(4);
	SEGMENT(.seq = client.seq, .ack = client.ack, .flags = ACK, .closed = 1);
	wind_clock(2);
	cr_assert_eq(counters().open, 1);
}

Test(stack, tiny_segments_out_of_order_are_bounded)
{
	connect_from(40000);
	for (__s32 at = 65000; at > 60000; at -= 2)
		send_at(at, "x", 1, 0);
	cr_assert_eq(counters().reorder_refused, 2500 - 128);
}

Test(stack, tiny_mss_and_window)
{
	__u8 data[29 * RECORD];
	int before;

	connect_with(40000, 65535, "\x02\x04\x00\x01", 4);
	put_records(data, 0, 29);
	before = out.cnt;
	send_data(data, sizeof(data));
	cr_assert_lt(out.cnt - before, 12);
	for (int i = 0; i < 20; i++)
		SEGMENT(.seq = client.seq, .ack = client.ack, .flags = ACK, .window = 300);
	expect_replies(0, 29);
}

Test(stack, small_window_is_used_at_once)
{
	__u8 data[29 * RECORD];

	connect_from(40000);
	put_records(data, 0, 29);
	/* A smaller window is believed if it comes with a larger sequence number. */
	send_data(data + RECORD, RECORD);
	for (int i = 0; i < 4; i++) {
		SEGMENT(.seq = client.seq, .ack = client.ack, .flags = ACK, .data = data,
			.len = i ? 0 : sizeof(data), .window = 300);
		client.seq += i ? 0 : (__u32)sizeof(data);
	}
	expect_replies(0, 29);
}

Test(stack, one_at_a_time_and_again)
{
	struct stack_config c = config;
	struct stack *second;

	c.ip = inet_addr("192.168.69.2");
	cr_assert_eq(stack_open(&second, &c), -EBUSY);
	for (int i = 0; i < 3; i++) {
		connect_from(40000);
		send_data("abc", 3);
		stack_close(stack);
		cr_assert_eq(client.rst, 1, "what is open is reset");
		cr_assert_eq(stack_open(&stack, &c), 0);
	}
	c.mtu = 100;
	cr_assert_eq(stack_open(&second, &c), -EINVAL);
}
