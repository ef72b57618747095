// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * udp - a UDP socket, one datagram a call: what everybody writes first
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "peer.h"
#include "sockets.h"

static int udp_open(struct peer *p)
{
	struct sockets *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	p->own = s;
	return sockets_open(s, p);
}

static void udp_loop(struct peer *p)
{
	const struct sockets *s = p->own;
	const int flags = p->options->spin ? MSG_DONTWAIT : 0;
	__u8 payload[sizeof(struct dex_swap_tx) + 1] __attribute__((aligned(8)));
	struct sockaddr_in from;
	struct swap_reply reply;

	while (!peer_stopping(p)) {
		socklen_t from_len = sizeof(from);
		enum mev_verdict verdict;
		ssize_t len;

		len = recvfrom(s->swap_fd, payload, sizeof(payload), flags,
			       (struct sockaddr *)&from, &from_len);
		if (len < 0 || (!len && peer_stopping(p)))
			continue;
		verdict = work_datagram(&p->work, payload, (size_t)len, &reply);
		peer_count(p, verdict, (__u32)len);
		if (verdict == MEV_REPLIED &&
		    sendto(s->swap_fd, &reply, sizeof(reply), MSG_DONTWAIT,
			   (const struct sockaddr *)&from, from_len) < 0)
			p->send_errors++;
	}
}

static void udp_wake(struct peer *p)
{
	sockets_shut(p->own);
}

static void udp_close(struct peer *p)
{
	if (p->own)
		sockets_close(p->own);
	free(p->own);
}

const struct peer_ops peer_udp = {
	.name = "udp",
	.what = "UDP socket, a recvfrom and a sendto a swap",
	.works = true,
	.polls = true,
	.open = udp_open,
	.loop = udp_loop,
	.wake = udp_wake,
	.close = udp_close,
};
