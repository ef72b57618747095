/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sockets - what the two UDP peers share: a bound socket for swaps, a thread for pool updates
 *
 * Swaps and updates come to two ports. Asking both sockets each turn would cost the swaps a syscall,
 * so updates have a thread that sleeps on theirs, as one would do it without a node.
 */
#ifndef MEVPEER_SOCKETS_H
#define MEVPEER_SOCKETS_H

#include <pthread.h>

#include "peer.h"

struct sockets {
	int swap_fd, update_fd;
	pthread_t thread;
	bool started;
	struct peer *peer;
	struct mev_counters updates; /* written by the thread */
};

/* 0 or -errno, logged; sockets_close() in either case. */
int sockets_open(struct sockets *s, struct peer *p);

/* Ends receiving on both: blocked calls return. */
void sockets_shut(struct sockets *s);

/* Joins the thread, whose counters go to the peer's; closes. */
void sockets_close(struct sockets *s);

#endif /* MEVPEER_SOCKETS_H */
