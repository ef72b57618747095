/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * transport - how frames leave and replies arrive
 *
 * AF_XDP sends whole frames from an interface; UDP and TCP sockets send the swaps in them and
 * leave the rest to the kernel. Nothing here allocates, sleeps or reads a clock once open. One
 * thread.
 */
#ifndef MEVLOAD_TRANSPORT_H
#define MEVLOAD_TRANSPORT_H

#include "frames.h"

/* Frames or replies a turn. */
#define TRANSPORT_BATCH 64u

/* One frame on its way out. */
struct shot {
	const struct load_frame *frame;
	__u64 nonce; /* to put into its swap, if it has one */
	__u64 since_ns;
	__u32 frame_idx;
};

/* What came back: a payload, good until the next receive; len 0: not a sound reply. */
struct arrival {
	const __u8 *payload;
	__u32 len;
};

/* What the transport itself has to report, beyond what the matcher sees. */
struct transport_stats {
	__u64 send_errors;
	__u64 rx_dropped; /* frames that this side had no room for: the client's fault */
	const char *mode; /* native, skb, kernel */
};

struct transport;

struct transport_ops {
	const char *name;
	/*
	 * Hands over the first of `shots`, as many as there is room for, and urges on what was
	 * handed over before. Returns their number, or -errno (logged): it cannot go on.
	 */
	int (*send)(struct transport *t, const struct shot *shots, __u32 cnt);
	/* Fills out[TRANSPORT_BATCH]; their number, or -errno (logged). */
	int (*receive)(struct transport *t, struct arrival *out);
	void (*stats)(struct transport *t, struct transport_stats *s);
	void (*close)(struct transport *t);
};

struct transport {
	const struct transport_ops *ops;
	const struct frame_set *set;
};

struct transport_config {
	const char *interface; /* NULL: wherever the route leads; AF_XDP needs one */
	const struct frame_set *set;
	struct frame_ends ends;
	__u32 queue; /* AF_XDP */
	bool skb;    /* AF_XDP: the kernel's generic hook */
	bool echo;   /* AF_XDP: replies may have ports as requests have */
};

/* Each returns 0 or -errno, logged. */
int transport_af_xdp_open(struct transport **out, const struct transport_config *c);
int transport_udp_open(struct transport **out, const struct transport_config *c);
int transport_tcp_open(struct transport **out, const struct transport_config *c);

#endif /* MEVLOAD_TRANSPORT_H */
