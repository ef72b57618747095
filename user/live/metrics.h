/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * metrics - the HTTP endpoint for Prometheus (libmicrohttpd), on the main thread
 *
 *	GET /metrics   the last snapshot (metrics_text.h), made into text once however many ask
 *	GET /healthz   200 while the filter judges, else 503
 *	GET /          where the others are
 *
 * No thread of its own: libmicrohttpd's epoll descriptor is one of the main thread's events, and
 * every call of it is bounded. Clients cost connections and memory of a fixed number and size, each
 * for seconds: one that is silent, slow, or trickles is cut off, others wait in the backlog.
 * Nothing here touches what workers use. Owns its socket and connections.
 */
#ifndef MEV_METRICS_H
#define MEV_METRICS_H

#include <sys/socket.h>

#include "events.h"
#include "snapshot.h"

#define METRICS_CONNECTIONS 32
#define METRICS_IDLE_S 3     /* a connection that says nothing for so long is closed */
#define METRICS_LIFETIME_S 5 /* and any that is so old */

struct metrics;

/*
 * Listens on `address` and serves `snapshot`, which outlives it, from `e`. Before the sandbox, which
 * then needs SANDBOX_METRICS. 0 or -errno, logged.
 */
int metrics_open(struct metrics **out, const struct sockaddr_storage *address,
		 const struct snapshot *snapshot, struct events *e);

/* Accepts NULL. */
void metrics_close(struct metrics *m);

#endif /* MEV_METRICS_H */
