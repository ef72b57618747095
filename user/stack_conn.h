/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stack_conn - what stack_tcp.c and stack_admit.c know of connections
 */
#ifndef MEV_STACK_CONN_H
#define MEV_STACK_CONN_H

#include <lwip/priv/tcp_priv.h>

#include "record_stream.h"
#include "stack_tcp.h"

struct conn {
	struct stack_tcp *tcp;
	struct tcp_pcb *pcb;
	struct pbuf *held; /* received, not yet answered */
	struct conn *next; /* in its bucket, or free */
	__u64 hash;
	__u32 active_ms; /* last whole record or acknowledged reply */
	__u16 queued;    /* its share of stack_tcp.queued */
	__be16 port;     /* far, host byte order */
	__be32 ip;
	__u32 waiting_ms; /* since when the first reply that is not acknowledged waits */
	__u32 probe_ms;   /* how long until it is sent again */
	__u32 recover; /* sequence number up to which holes are filled at once, if `recovering` */
	bool recovering;
	bool fin; /* the client sends no more */
	bool throttled;
	struct record_stream stream;
};

struct stack_tcp {
	struct stack_config config;
	struct stack_counters *counters;
	struct tcp_pcb *listener;
	struct conn *conns;
	struct conn *free;
	struct conn **buckets; /* bucket_mask + 1 of them */
	__u32 bucket_mask;
	bool ticking;         /* stack_recover.c's timer runs */
	__u32 queued;         /* segments of replies, all connections */
	__u32 half_open;      /* no fewer than there are */
	__u64 arriving;       /* hash of the segment that was admitted last */
	struct conn *current; /* its connection, if it has one and that is still there */
};

static inline struct conn **conn_bucket(struct stack_tcp *t, __u64 hash)
{
	return &t->buckets[(hash >> 32) & t->bucket_mask];
}

static inline struct conn *conn_find(struct stack_tcp *t, const struct guard_segment *seg)
{
	struct conn *n = *conn_bucket(t, seg->hash);

	while (n && (n->ip != seg->source || n->port != seg->source_port))
		n = n->next;
	return n;
}

/* lwIP's queue of replies may have changed. */
static inline void conn_account(struct conn *n)
{
	struct stack_tcp *t = n->tcp;

	t->queued = t->queued - n->queued + n->pcb->snd_queuelen;
	n->queued = n->pcb->snd_queuelen;
}

/* stack_recover.c */
void conn_recover_init(struct conn *n);
void conn_recover_queued(struct conn *n);
void conn_recover_before(struct conn *n);
void conn_recover_acked(struct conn *n);
void stack_tcp_stop_ticking(struct stack_tcp *t);

#endif /* MEV_STACK_CONN_H */
