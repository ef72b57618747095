// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * udp-batch - a UDP socket, a recvmmsg and a sendmmsg for up to 64 swaps
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "peer.h"
#include "sockets.h"

struct udp_batch {
	struct sockets sockets;
	struct sockaddr_in from[PEER_BATCH];
	__u8 in[PEER_BATCH][64]; /* longer ones are no swaps */
	struct swap_reply out[PEER_BATCH];
	struct iovec in_iov[PEER_BATCH], out_iov[PEER_BATCH];
	struct mmsghdr in_msg[PEER_BATCH], out_msg[PEER_BATCH];
};

static int udp_batch_open(struct peer *p)
{
	struct udp_batch *b = calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	p->own = b;
	for (__u32 i = 0; i < PEER_BATCH; i++) {
		b->in_iov[i] = (struct iovec){ b->in[i], sizeof(b->in[i]) };
		b->in_msg[i].msg_hdr = (struct msghdr){
			.msg_name = &b->from[i],
			.msg_iov = &b->in_iov[i],
			.msg_iovlen = 1,
		};
		b->out_iov[i] = (struct iovec){ &b->out[i], sizeof(b->out[i]) };
		b->out_msg[i].msg_hdr = (struct msghdr){
			.msg_namelen = sizeof(b->from[i]),
			.msg_iov = &b->out_iov[i],
			.msg_iovlen = 1,
		};
	}
	return sockets_open(&b->sockets, p);
}

/* Decides what came. Returns how many replies there are in `out`. */
static __u32 decide(struct peer *p, struct udp_batch *b, __u32 cnt)
{
	__u32 replies = 0;

	for (__u32 i = 0; i < cnt; i++) {
		__u32 len = b->in_msg[i].msg_len;
		enum mev_verdict verdict;

		verdict = work_datagram(&p->work, b->in[i], len, &b->out[replies]);
		peer_count(p, verdict, len);
		if (verdict == MEV_REPLIED)
			b->out_msg[replies++].msg_hdr.msg_name = &b->from[i];
	}
	return replies;
}

static void udp_batch_loop(struct peer *p)
{
	const int flags = p->options->spin ? MSG_DONTWAIT : MSG_WAITFORONE;
	struct udp_batch *b = p->own;

	while (!peer_stopping(p)) {
		__u32 replies;
		int cnt, sent;

		for (__u32 i = 0; i < PEER_BATCH; i++)
			b->in_msg[i].msg_hdr.msg_namelen = sizeof(b->from[i]);
		cnt = recvmmsg(b->sockets.swap_fd, b->in_msg, PEER_BATCH, flags, NULL);
		if (cnt <= 0 || peer_stopping(p))
			continue;
		replies = decide(p, b, (__u32)cnt);
		if (!replies)
			continue;
		sent = sendmmsg(b->sockets.swap_fd, b->out_msg, replies, MSG_DONTWAIT);
		p->send_errors += replies - (__u32)(sent > 0 ? sent : 0);
	}
}

static void udp_batch_wake(struct peer *p)
{
	sockets_shut(&((struct udp_batch *)p->own)->sockets);
}

static void udp_batch_close(struct peer *p)
{
	struct udp_batch *b = p->own;

	if (b)
		sockets_close(&b->sockets);
	free(b);
}

const struct peer_ops peer_udp_batch = {
	.name = "udp-batch",
	.what = "UDP socket, a recvmmsg and a sendmmsg for up to 64 swaps",
	.works = true,
	.polls = true,
	.open = udp_batch_open,
	.loop = udp_batch_loop,
	.wake = udp_batch_wake,
	.close = udp_batch_close,
};
