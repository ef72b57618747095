// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The part of stack_tcp.h that stands before lwIP: whatever a segment could do to a connection's
 * queues that lwIP asserts it does not, and what it could make lwIP keep without bound.
 */
#include "stack_conn.h"

/* Segments that one connection may have waiting: out of order, and unread. A full window is 45. */
#define REORDER_MAX 128
#define HELD_MAX 64

/* Eighths of the receive buffers in use, from which on those are no longer kept. */
#define HELD_USED_MAX 4
#define REORDER_USED_MAX 6

/*
 * Before a SYN: lwIP opens half a connection for every one, without bound. Beyond ours the oldest
 * makes room, so that in a flood whoever answers within the time it takes to fill them gets in.
 */
static void limit_half_open(struct stack_tcp *t)
{
	struct tcp_pcb *oldest = NULL;
	__u32 cnt = 0;

	if (t->half_open++ < t->config.max_half_open)
		return;
	for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb; pcb = pcb->next) {
		if (pcb->state != SYN_RCVD)
			continue;
		cnt++;
		/* New ones come first in the list. */
		if (!oldest || tcp_ticks - pcb->tmr >= tcp_ticks - oldest->tmr)
			oldest = pcb;
	}
	if (oldest && cnt >= t->config.max_half_open) {
		tcp_abandon(oldest, 0);
		t->counters->half_open_evicted++;
		cnt--;
	}
	t->half_open = cnt + 1;
}

/* The connection that a segment belongs to, as far as lwIP knows it and we do not yet. */
static struct tcp_pcb *find_half_open(const struct guard_segment *seg)
{
	struct tcp_pcb *pcb = tcp_active_pcbs;

	while (pcb && (pcb->state != SYN_RCVD || pcb->remote_port != seg->source_port ||
		       ip_2_ip4(&pcb->remote_ip)->addr != seg->source))
		pcb = pcb->next;
	return pcb;
}

static bool many_reordered(const struct tcp_pcb *pcb)
{
	__u32 cnt = 0;

	for (const struct tcp_seg *s = pcb->ooseq; s && cnt < REORDER_MAX; s = s->next)
		cnt++;
	return cnt == REORDER_MAX;
}

/*
 * lwIP queues a segment that is ahead without trimming it to the window, and asserts that it fits
 * when its turn comes; a FIN in that queue can come to lie a byte beyond. Nobody honest sends what
 * was not offered, and a FIN is sent again.
 */
static __u64 *admit_ahead(struct stack_tcp *t, const struct tcp_pcb *pcb, struct guard_segment *seg,
			  __u32 ahead, __u32 pool_used)
{
	if (ahead + seg->len > pcb->rcv_wnd)
		return &t->counters->overrun;
	if (many_reordered(pcb))
		return &t->counters->reorder_refused;
	if (pool_used >= REORDER_USED_MAX)
		return &t->counters->no_buffers;
	if (seg->fin)
		guard_clear_fin(seg);
	return NULL;
}

__u64 *stack_tcp_admit(struct stack_tcp *t, struct guard_segment *seg, __u32 pool_used)
{
	const struct tcp_pcb *pcb;
	struct conn *n;
	__u32 ahead;

	t->current = NULL;
	if (!seg->tcp || seg->port != t->config.swap_port)
		return NULL;
	n = conn_find(t, seg);
	t->arriving = seg->hash;
	t->current = n;
	if (n)
		conn_recover_before(n);
	if (seg->syn) {
		if (!n)
			limit_half_open(t);
		return NULL;
	}
	if (!seg->len && !seg->fin)
		return NULL;
	pcb = n ? n->pcb : find_half_open(seg);
	if (!pcb)
		return NULL;
	ahead = seg->seq - pcb->rcv_nxt;
	if (ahead && ahead < pcb->rcv_wnd)
		return admit_ahead(t, pcb, seg, ahead, pool_used);
	if (n && n->held && (pool_used >= HELD_USED_MAX || pbuf_clen(n->held) >= HELD_MAX))
		return &t->counters->held_refused;
	return NULL;
}
