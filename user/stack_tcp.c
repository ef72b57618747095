// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "stack_conn.h"

#include <errno.h>
#include <lwip/sys.h>
#include <stdlib.h>

/* Replies a tcp_write(): what fits a segment. */
#define BATCH (TCP_MSS / (__u32)sizeof(struct swap_reply))

/* Segments of replies queued by all connections together, some 1.6 kB each; and what each may. */
#define QUEUE_BUDGET 32768
#define QUEUE_FLOOR 4

#define POLL_INTERVAL 2 /* of lwIP's slow timer: 1 s */

/* The table of connections. */

/* Forgets a connection; its pcb may be gone already. */
static void drop(struct conn *n)
{
	struct stack_tcp *t = n->tcp;
	struct conn **at = conn_bucket(t, n->hash);

	while (*at != n)
		at = &(*at)->next;
	*at = n->next;
	t->counters->open--;
	t->counters->unfinished += record_stream_pending(&n->stream) != 0;
	t->queued -= n->queued;
	if (n->held)
		pbuf_free(n->held);
	n->held = NULL;
	n->pcb = NULL;
	n->next = t->free;
	t->free = n;
	if (t->current == n)
		t->current = NULL;
}

/* Resets a connection. ERR_ABRT, which lwIP's callbacks must then return. */
static err_t give_up(struct conn *n, __u64 *counter)
{
	struct tcp_pcb *pcb = n->pcb;

	++*counter;
	tcp_arg(pcb, NULL);
	tcp_err(pcb, NULL);
	drop(n);
	tcp_abort(pcb);
	return ERR_ABRT;
}

/* Serving. */

/* How many replies could be queued now, without fail. */
static __u32 reply_room(const struct conn *n)
{
	const struct tcp_pcb *pcb = n->pcb;
	__u32 limit = n->tcp->queued < QUEUE_BUDGET ? TCP_SND_QUEUELEN : QUEUE_FLOOR;
	__u32 room = tcp_sndbuf(pcb), segments;

	/* One segment less: a write may begin with a short one. */
	if (pcb->snd_queuelen + 1u >= limit)
		return 0;
	segments = limit - 1 - pcb->snd_queuelen;
	if (room > segments * pcb->mss)
		room = segments * pcb->mss;
	room /= (__u32)sizeof(struct swap_reply);
	return room < BATCH ? room : BATCH;
}

static bool decide(struct stack_tcp *t, const struct dex_swap_tx *tx, struct swap_reply *reply)
{
	enum mev_verdict verdict = t->config.decide(t->config.decide_ctx, tx, reply);
	struct mev_counter *counter = mev_counter_of(&t->counters->tcp, verdict);

	if (counter) {
		counter->packets++;
		counter->bytes += sizeof(*tx);
	}
	return verdict == MEV_REPLIED;
}

/* The first `len` bytes of what is held are done with; they lie in its first pbuf. */
static void consume(struct conn *n, u16_t len)
{
	struct pbuf *first = n->held;

	if (len < first->len) {
		pbuf_remove_header(first, len);
		return;
	}
	n->held = first->next;
	if (n->held)
		pbuf_ref(n->held); /* freeing the first lets go of it */
	pbuf_free(first);
}

/* Takes records from the first held pbuf, until it is used up or `room` replies are due. */
static err_t answer(struct conn *n, __u32 room)
{
	struct stack_tcp *t = n->tcp;
	const __u8 *bytes = n->held->payload;
	__u32 left = n->held->len, cnt = 0;
	const struct dex_swap_tx *tx = NULL;
	struct swap_reply replies[BATCH];
	u16_t used;

	while (cnt < room && (tx = record_stream_next(&n->stream, &bytes, &left))) {
		cnt += decide(t, tx, &replies[cnt]);
		n->active_ms = sys_now();
	}
	used = (u16_t)(n->held->len - left);
	if (cnt) {
		u16_t len = (u16_t)(cnt * sizeof(replies[0]));
		bool more = n->held->tot_len > used;

		if (tcp_write(n->pcb, replies, len,
			      TCP_WRITE_FLAG_COPY | (more ? TCP_WRITE_FLAG_MORE : 0)))
			return give_up(n, &t->counters->no_memory_closed);
		t->counters->tcp_bytes_out += len;
		conn_recover_queued(n);
		conn_account(n);
	}
	t->counters->tcp_bytes_in += used;
	consume(n, used);
	tcp_recved(n->pcb, used);
	return ERR_OK;
}

/*
 * Serves what is held as far as there is room for replies, and ends what the client has ended. Our
 * FIN waits until all replies are acknowledged: lwIP puts it on the last segment that is queued,
 * and leaves it on the first half when a small window makes it split that one.
 */
static err_t serve(struct conn *n)
{
	while (n->held) {
		__u32 room = reply_room(n);
		err_t err;

		if (!room) {
			n->tcp->counters->throttled += !n->throttled;
			n->throttled = true;
			return ERR_OK;
		}
		n->throttled = false;
		err = answer(n, room);
		if (err)
			return err;
	}
	if (n->fin && n->pcb->state == CLOSE_WAIT && !n->pcb->snd_queuelen)
		tcp_shutdown(n->pcb, 0, 1);
	return ERR_OK;
}

/* lwIP's callbacks. */

static err_t on_recv(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err)
{
	struct conn *n = arg;

	(void)err;
	if (!p) {
		n->fin = true;
		return serve(n);
	}
	/*
	 * A client that waits before it sends the next small segment (Nagle) waits for the
	 * acknowledgement of this one; lwIP would take up to 250 ms. Full ones it has in pairs.
	 */
	if (p->tot_len < pcb->mss)
		tcp_ack_now(pcb);
	if (n->held)
		pbuf_cat(n->held, p);
	else
		n->held = p;
	return serve(n);
}

static err_t on_sent(void *arg, struct tcp_pcb *pcb, u16_t len)
{
	struct conn *n = arg;

	(void)len;
	/*
	 * A client that shrinks its window and then acknowledges everything leaves lwIP probing
	 * that window with nothing to send: an assertion in its timer.
	 */
	if (!pcb->unsent)
		pcb->persist_backoff = 0;
	n->active_ms = sys_now();
	conn_recover_acked(n);
	conn_account(n);
	return serve(n);
}

static err_t on_poll(void *arg, struct tcp_pcb *pcb)
{
	struct conn *n = arg;
	struct stack_counters *c = n->tcp->counters;

	conn_account(n);
	if (sys_now() - n->active_ms >= n->tcp->config.idle_timeout_s * 1000) {
		bool waiting = n->held || pcb->snd_queuelen || n->fin;

		return give_up(n, waiting ? &c->stalled_closed : &c->idle_closed);
	}
	return serve(n);
}

/* The pcb is gone: closed in order, reset, or given up by lwIP after its last try. */
static void on_error(void *arg, err_t err)
{
	struct conn *n = arg;

	if (err == ERR_CLSD)
		n->tcp->counters->closed++;
	else
		n->tcp->counters->reset++;
	drop(n);
}

static err_t on_accept(void *arg, struct tcp_pcb *pcb, err_t err)
{
	struct stack_tcp *t = arg;
	struct conn *n = t->free;

	if (err || !pcb)
		return ERR_VAL;
	if (!n) {
		t->counters->refused++;
		tcp_abort(pcb);
		return ERR_ABRT;
	}
	t->free = n->next;
	*n = (struct conn){
		.tcp = t,
		.pcb = pcb,
		.hash = t->arriving,
		.active_ms = sys_now(),
		.port = pcb->remote_port,
		.ip = ip_2_ip4(&pcb->remote_ip)->addr,
		.next = *conn_bucket(t, t->arriving),
	};
	*conn_bucket(t, n->hash) = n;
	conn_recover_init(n);
	t->counters->opened++;
	t->counters->open++;

	/*
	 * lwIP sizes segments by half the largest window it has seen, or by the MSS as long as
	 * that is 0: the size shrinks when a first small window comes, and an assertion in
	 * tcp_write() with it. So it is the MSS throughout.
	 */
	if (pcb->snd_wnd_max < 2 * TCP_MSS)
		pcb->snd_wnd_max = 2 * TCP_MSS;
	tcp_nagle_disable(pcb);
	tcp_arg(pcb, n);
	tcp_recv(pcb, on_recv);
	tcp_sent(pcb, on_sent);
	tcp_err(pcb, on_error);
	tcp_poll(pcb, on_poll, POLL_INTERVAL);
	return ERR_OK;
}

/* Opening and closing. */

static int listen_on(struct stack_tcp *t)
{
	ip_addr_t ip = IPADDR4_INIT(t->config.ip);
	struct tcp_pcb *pcb = tcp_new_ip_type(IPADDR_TYPE_V4);

	if (!pcb)
		return -ENOMEM;
	if (tcp_bind(pcb, &ip, t->config.swap_port)) {
		tcp_abort(pcb);
		return -EADDRINUSE;
	}
	t->listener = tcp_listen(pcb);
	if (!t->listener) {
		tcp_abort(pcb);
		return -ENOMEM;
	}
	tcp_arg(t->listener, t);
	tcp_accept(t->listener, on_accept);
	return 0;
}

int stack_tcp_open(struct stack_tcp **out, const struct stack_config *c,
		   struct stack_counters *counters)
{
	struct stack_tcp *t = calloc(1, sizeof(*t));
	__u32 bucket_cnt = 64;
	int err = -ENOMEM;

	if (!t)
		return -ENOMEM;
	while (bucket_cnt < c->max_connections)
		bucket_cnt *= 2;
	t->config = *c;
	t->counters = counters;
	t->bucket_mask = bucket_cnt - 1;
	t->buckets = calloc(bucket_cnt, sizeof(*t->buckets));
	t->conns = calloc(c->max_connections, sizeof(*t->conns));
	if (t->buckets && t->conns) {
		for (__u32 i = c->max_connections; i; i--) {
			t->conns[i - 1].next = t->free;
			t->free = &t->conns[i - 1];
		}
		err = listen_on(t);
	}
	if (err) {
		stack_tcp_close(t);
		return err;
	}
	*out = t;
	return 0;
}

void stack_tcp_hang_up(struct stack_tcp *t)
{
	__u64 ignored = 0;

	for (__u32 i = 0; t->conns && i < t->config.max_connections; i++)
		if (t->conns[i].pcb)
			give_up(&t->conns[i], &ignored);
	/* What is left is half open. */
	while (t->listener && tcp_active_pcbs)
		tcp_abort(tcp_active_pcbs);
}

int stack_tcp_move(struct stack_tcp *t, __u16 port)
{
	stack_tcp_hang_up(t);
	if (t->listener)
		tcp_close(t->listener);
	t->listener = NULL;
	t->config.swap_port = port;
	return listen_on(t);
}

void stack_tcp_close(struct stack_tcp *t)
{
	if (!t)
		return;
	stack_tcp_stop_ticking(t);
	stack_tcp_hang_up(t);
	if (t->listener)
		tcp_close(t->listener);
	free(t->buckets);
	free(t->conns);
	free(t);
}
