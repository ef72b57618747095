// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Swaps over a connected UDP socket that never blocks: what a client without XDP would use.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "socket_util.h"
#include "transport.h"

struct udp {
	struct transport base;
	int fd;
	__u64 send_errors;
	struct dex_swap_tx out[TRANSPORT_BATCH];
	__u8 in[TRANSPORT_BATCH][64]; /* longer ones are no replies */
	struct iovec out_iov[TRANSPORT_BATCH], in_iov[TRANSPORT_BATCH];
	struct mmsghdr out_msg[TRANSPORT_BATCH], in_msg[TRANSPORT_BATCH];
};

static bool passing(int err)
{
	return err == EAGAIN || err == ENOBUFS || err == EINTR;
}

static int udp_send(struct transport *t, const struct shot *shots, __u32 cnt)
{
	struct udp *u = (struct udp *)t;
	int sent;

	if (!cnt)
		return 0;
	for (__u32 i = 0; i < cnt; i++) {
		const struct load_frame *f = shots[i].frame;

		memcpy(&u->out[i], t->set->bytes + f->off + f->record_off, sizeof(u->out[i]));
		u->out[i].nonce = shots[i].nonce;
	}
	sent = sendmmsg(u->fd, u->out_msg, cnt, 0);
	if (sent >= 0)
		return sent;
	/* An ICMP error of an earlier datagram shows here: nobody is listening. That one is lost. */
	u->send_errors += !passing(errno);
	return 0;
}

static int udp_receive(struct transport *t, struct arrival *out)
{
	struct udp *u = (struct udp *)t;
	int cnt = recvmmsg(u->fd, u->in_msg, TRANSPORT_BATCH, MSG_DONTWAIT, NULL);

	if (cnt < 0) {
		u->send_errors += !passing(errno);
		return 0;
	}
	for (int i = 0; i < cnt; i++) {
		bool cut = u->in_msg[i].msg_hdr.msg_flags & MSG_TRUNC;

		out[i] = (struct arrival){ u->in[i], cut ? 0 : u->in_msg[i].msg_len };
	}
	return cnt;
}

static void udp_stats(struct transport *t, struct transport_stats *s)
{
	s->send_errors = ((struct udp *)t)->send_errors;
	s->rx_dropped = socket_drops(((struct udp *)t)->fd);
}

static void udp_close(struct transport *t)
{
	close(((struct udp *)t)->fd);
	free(t);
}

static const struct transport_ops ops = {
	.name = "udp",
	.send = udp_send,
	.receive = udp_receive,
	.stats = udp_stats,
	.close = udp_close,
};

int transport_udp_open(struct transport **out, const struct transport_config *c)
{
	struct udp *u = calloc(1, sizeof(*u));

	if (!u) {
		log_err("out of memory for the transport");
		return -ENOMEM;
	}
	u->base = (struct transport){ .ops = &ops, .set = c->set };
	u->fd = socket_open(c, SOCK_DGRAM);
	if (u->fd < 0) {
		int err = u->fd;

		free(u);
		return err;
	}
	for (__u32 i = 0; i < TRANSPORT_BATCH; i++) {
		u->out_iov[i] = (struct iovec){ &u->out[i], sizeof(u->out[i]) };
		u->in_iov[i] = (struct iovec){ u->in[i], sizeof(u->in[i]) };
		u->out_msg[i].msg_hdr =
			(struct msghdr){ .msg_iov = &u->out_iov[i], .msg_iovlen = 1 };
		u->in_msg[i].msg_hdr = (struct msghdr){ .msg_iov = &u->in_iov[i], .msg_iovlen = 1 };
	}
	*out = &u->base;
	return 0;
}
