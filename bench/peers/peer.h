/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * peer - a responder to compare the node with
 *
 * Those that do the node's work do it with the node's own code (work.h) and differ in how frames
 * come and replies go; the others do no work, and are the limit of what their way of I/O allows.
 * main() opens a peer, runs its loop on a thread of its own, which may be pinned, and waits for
 * SIGINT. The peer belongs to that thread in between.
 */
#ifndef MEVPEER_PEER_H
#define MEVPEER_PEER_H

#include <stdio.h>

#include "netif.h"
#include "verdict.h"
#include "work.h"

/* Frames or datagrams a turn, as in the node. */
#define PEER_BATCH 64u

#define PEER_NO_CPU (~0u)

struct peer_options {
	const char *interface;
	const char *config_path; /* NULL: the node's built-in one */
	bool skb;                /* the kernel's generic hook instead of the driver's */
	bool spin;               /* never sleep */
	__u32 cpu;
};

struct peer {
	const struct peer_ops *ops;
	const struct peer_options *options;
	struct netif netif;
	struct work work; /* where ops->works */
	void *own;        /* the implementation's */
	int wake_fd;      /* readable once stop is set */
	bool stop;
	struct mev_counters counters; /* what became of frames; those of echoes count as REPLIED */
	__u64 send_errors;
};

struct peer_ops {
	const char *name;
	const char *what; /* it does, for --help */
	bool works;       /* the node's filter and economics */
	bool polls;       /* --poll is for it */
	bool hooks;       /* --mode is for it: it attaches an XDP program */
	/* 0 or -errno, logged. */
	int (*open)(struct peer *p);
	/* Until peer_stopping(). */
	void (*loop)(struct peer *p);
	/* From another thread, once stop is set: the loop must not sleep on. May be NULL. */
	void (*wake)(struct peer *p);
	/* After the loop; also of what was only half opened. Last chance to count. */
	void (*close)(struct peer *p);
};

extern const struct peer_ops peer_udp, peer_udp_batch, peer_packet, peer_echo, peer_reflect;

static inline bool peer_stopping(const struct peer *p)
{
	return __atomic_load_n(&p->stop, __ATOMIC_RELAXED);
}

static inline void peer_count(struct peer *p, enum mev_verdict verdict, __u32 len)
{
	struct mev_counter *c = mev_counter_of(&p->counters, verdict);

	c->packets++;
	c->bytes += len;
}

#endif /* MEVPEER_PEER_H */
