/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stack_tcp - the swap service over TCP: records in, replies out, whatever the client does
 *
 * A connection holds: a record that a segment ended in (record_stream), the received bytes that
 * are not answered yet for want of room (at most a receive window, and only while its client does
 * not read), and lwIP's queue of replies not yet acknowledged. lwIP takes a pbuf of full size for
 * each segment in that queue, so all connections together have a budget of segments; beyond it
 * each may still queue STACK_TCP_FLOOR.
 *
 * Part of stack.c, under lwIP's core lock.
 */
#ifndef MEV_STACK_TCP_H
#define MEV_STACK_TCP_H

#include "stack.h"
#include "stack_guard.h"

struct stack_tcp;

/* Listens. The configuration's defaults are filled in; `counters` are written by it. -errno. */
int stack_tcp_open(struct stack_tcp **out, const struct stack_config *c,
		   struct stack_counters *counters);

/*
 * Whether lwIP may have the segment, which lost its FIN if that came out of order: NULL, or the
 * counter that names why not. `pool_used`: eighths of the receive buffers.
 */
__u64 *stack_tcp_admit(struct stack_tcp *t, struct guard_segment *seg, __u32 pool_used);

/* After lwIP has had the segment that was admitted last. */
void stack_tcp_settle(struct stack_tcp *t);

/* Resets all connections and listens on another port. 0 or -errno: then it listens on none. */
int stack_tcp_move(struct stack_tcp *t, __u16 port);

/* Resets all connections, half-open ones too. */
void stack_tcp_hang_up(struct stack_tcp *t);

/* The same, and listens no more. Takes NULL. */
void stack_tcp_close(struct stack_tcp *t);

#endif /* MEV_STACK_TCP_H */
