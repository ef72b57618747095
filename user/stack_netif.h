/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stack_netif - a link (stack.h) as lwIP's network interface
 *
 * Replies go to the MAC address that the last frame of their destination came from, as they do on
 * the hot path. So routers need no configuration, and lwIP's ARP table, which has 10 entries, is
 * asked for strangers only. Part of stack.c, under lwIP's core lock.
 */
#ifndef MEV_STACK_NETIF_H
#define MEV_STACK_NETIF_H

#include "stack_guard.h"

struct stack_netif;
struct netif;

/* Brings it up, which sends a gratuitous ARP. `guard` and `counters` outlive it. -errno. */
int stack_netif_open(struct stack_netif **out, const struct stack_config *c,
		     const struct stack_guard *guard, struct stack_counters *counters);

/* For lwIP's input functions. */
struct netif *stack_netif_of(struct stack_netif *n);

/* The address `ip` was behind the sender of this frame. */
void stack_netif_learn(struct stack_netif *n, __be32 ip, const void *frame);

/* Takes NULL. */
void stack_netif_close(struct stack_netif *n);

#endif /* MEV_STACK_NETIF_H */
