// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The part of stack_tcp.h that keeps replies moving where lwIP takes its time.
 *
 * Lost ones: lwIP sends again after three duplicate acknowledgements, which the last replies of a
 * burst never cause, or when a timer of whole half seconds has run for 1 to 1.5 s; and it fills one
 * hole a round. Here the first reply that is not acknowledged is sent again once after two round
 * trips, 200 ms at least, as a probe (RFC 8985 7); and an acknowledgement that leaves a hole has it
 * filled at once (RFC 6582 3.2).
 *
 * Small windows: use_small_window().
 */
#include "stack_conn.h"

#include <lwip/timeouts.h>

/* Bytes of a client's window that are worth a segment: 8 replies. */
#define SMALL_WINDOW_MIN 256

#define TICK_MS 50
#define PROBE_MIN_MS 200    /* a client may wait this long before it acknowledges */
#define PROBE_FIRST_MS 1000 /* as long as the round trip is not known */

void conn_recover_init(struct conn *n)
{
	n->probe_ms = PROBE_FIRST_MS;
}

static void probe(struct conn *n, __u32 now)
{
	struct tcp_pcb *pcb = n->pcb;

	if (!pcb->unacked || n->recovering || now - n->waiting_ms < n->probe_ms)
		return;
	if (tcp_rexmit(pcb))
		return;
	n->recovering = true;
	n->recover = pcb->snd_nxt;
	n->tcp->counters->probes++;
	tcp_output(pcb);
}

static void on_tick(void *arg)
{
	struct stack_tcp *t = arg;
	__u32 now = sys_now();

	t->ticking = t->queued != 0;
	if (!t->ticking)
		return;
	sys_timeout(TICK_MS, on_tick, t);
	for (__u32 i = 0; i < t->config.max_connections; i++)
		if (t->conns[i].pcb)
			probe(&t->conns[i], now);
}

/* Replies were queued: n->queued is what was there before. */
void conn_recover_queued(struct conn *n)
{
	struct stack_tcp *t = n->tcp;

	if (!n->queued)
		n->waiting_ms = sys_now();
	if (!t->ticking) {
		t->ticking = true;
		sys_timeout(TICK_MS, on_tick, t);
	}
}

/* Before a segment is processed: lwIP forgets that it is in recovery with the first new ack. */
void conn_recover_before(struct conn *n)
{
	if ((n->pcb->flags & TF_INFR) && !n->recovering) {
		n->recovering = true;
		n->recover = n->pcb->snd_nxt;
	}
}

/* Replies were acknowledged. */
void conn_recover_acked(struct conn *n)
{
	struct tcp_pcb *pcb = n->pcb;
	__u32 now = sys_now(), rtt = now - n->waiting_ms;

	if (n->recovering) {
		/* After lwIP's own timeout all is under way again anyhow. */
		if (!TCP_SEQ_LT(pcb->lastack, n->recover))
			n->recovering = false;
		else if (!(pcb->flags & TF_RTO))
			tcp_rexmit(pcb); /* sent when this input is done with */
	} else if (!pcb->snd_queuelen || n->probe_ms == PROBE_FIRST_MS) {
		/* Longer than the round trip where replies were queued while others waited. */
		n->probe_ms = 2 * rtt > PROBE_MIN_MS ? 2 * rtt : PROBE_MIN_MS;
	}
	n->waiting_ms = now;
}

/*
 * lwIP sends a segment that is larger than the client's window only when its persist timer fires,
 * after 1.5 s, and then again for the next one. A window of some replies is used at once.
 */
static void use_small_window(struct conn *n)
{
	struct tcp_pcb *pcb = n->pcb;
	const struct tcp_seg *seg = pcb->unsent;
	__u32 fits;

	if (!seg || pcb->unacked || pcb->snd_wnd < SMALL_WINDOW_MIN)
		return;
	/* It may have been acknowledged in part, by the client's answers to probes. */
	fits = pcb->snd_wnd + pcb->lastack - lwip_ntohl(seg->tcphdr->seqno);
	if (fits >= seg->len || tcp_split_unsent_seg(pcb, (u16_t)fits))
		return;
	tcp_output(pcb);
	conn_account(n);
}

void stack_tcp_settle(struct stack_tcp *t)
{
	struct conn *n = t->current;

	t->current = NULL;
	if (n)
		use_small_window(n);
}

void stack_tcp_stop_ticking(struct stack_tcp *t)
{
	if (t->ticking)
		sys_untimeout(on_tick, t);
}
