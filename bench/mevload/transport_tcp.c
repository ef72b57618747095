// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Swaps as a stream of 48-byte records over one TCP connection; replies are a stream of 32-byte
 * ones. What the socket does not take at once stays in a buffer and goes first next time.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "socket_util.h"
#include "transport.h"

struct tcp {
	struct transport base;
	int fd;
	__u32 record_len;       /* of what comes back */
	__u32 out_off, out_len; /* what of out[] is not sent yet */
	__u32 in_len;           /* what of in[] is there */
	__u32 in_used;          /* of it, handed over by the last receive */
	__u8 out[TRANSPORT_BATCH * sizeof(struct dex_swap_tx)];
	__u8 in[TRANSPORT_BATCH * sizeof(struct dex_swap_tx)];
};

static int lost_connection(const char *why)
{
	log_err("the TCP connection is gone: %s", why);
	return -ECONNRESET;
}

/* Sends what is left of out[]; 0 or -errno. */
static int flush(struct tcp *c)
{
	ssize_t n = send(c->fd, c->out + c->out_off, c->out_len, MSG_NOSIGNAL);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : lost_connection(strerror(errno));
	c->out_off += (__u32)n;
	c->out_len -= (__u32)n;
	return 0;
}

static int tcp_send(struct transport *t, const struct shot *shots, __u32 cnt)
{
	struct tcp *c = (struct tcp *)t;
	int err = c->out_len ? flush(c) : 0;

	if (err || c->out_len || !cnt)
		return err;
	for (__u32 i = 0; i < cnt; i++) {
		const struct load_frame *f = shots[i].frame;
		struct dex_swap_tx *tx = (struct dex_swap_tx *)c->out + i;

		memcpy(tx, t->set->bytes + f->off + f->record_off, sizeof(*tx));
		tx->nonce = shots[i].nonce;
	}
	c->out_off = 0;
	c->out_len = cnt * (__u32)sizeof(struct dex_swap_tx);
	err = flush(c);
	return err ? err : (int)cnt;
}

static int tcp_receive(struct transport *t, struct arrival *out)
{
	struct tcp *c = (struct tcp *)t;
	int cnt = 0;
	ssize_t n;

	c->in_len -= c->in_used;
	memmove(c->in, c->in + c->in_used, c->in_len);
	c->in_used = 0;
	n = recv(c->fd, c->in + c->in_len, TRANSPORT_BATCH * c->record_len - c->in_len, 0);
	if (n == 0)
		return lost_connection("the responder closed it");
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : lost_connection(strerror(errno));
	c->in_len += (__u32)n;
	for (; c->in_used + c->record_len <= c->in_len; c->in_used += c->record_len)
		out[cnt++] = (struct arrival){ c->in + c->in_used, c->record_len };
	return cnt;
}

static void tcp_stats(struct transport *t, struct transport_stats *s)
{
	(void)t;
	(void)s;
}

static void tcp_close(struct transport *t)
{
	close(((struct tcp *)t)->fd);
	free(t);
}

static const struct transport_ops ops = {
	.name = "tcp",
	.send = tcp_send,
	.receive = tcp_receive,
	.stats = tcp_stats,
	.close = tcp_close,
};

int transport_tcp_open(struct transport **out, const struct transport_config *config)
{
	struct tcp *c = calloc(1, sizeof(*c));

	if (!c) {
		log_err("out of memory for the transport");
		return -ENOMEM;
	}
	c->base = (struct transport){ .ops = &ops, .set = config->set };
	c->record_len = config->echo ? sizeof(struct dex_swap_tx) : sizeof(struct swap_reply);
	c->fd = socket_open(config, SOCK_STREAM);
	if (c->fd < 0) {
		int err = c->fd;

		free(c);
		return err;
	}
	*out = &c->base;
	return 0;
}
