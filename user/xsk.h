/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * xsk - one AF_XDP socket with its UMEM and its four rings
 *
 *	             kernel                         worker
 *	fill         takes empty chunks     <----   puts them back
 *	RX           hands over frames      ---->   takes
 *	TX           sends                  <----   hands over replies
 *	completion   gives sent chunks      ---->   takes, puts them into fill
 *
 * Every chunk is in exactly one of: fill ring (or the driver's hands), RX ring, the worker's
 * hands, TX ring, completion ring. xsk_chunks_missing() adds them up.
 * The rings are libxdp's (xdp/xsk.h); who includes this header is the AF_XDP data path. A socket
 * belongs to the thread that works it, opening and closing aside.
 */
#ifndef MEV_XSK_H
#define MEV_XSK_H

#include <xdp/xsk.h>

#include "umem.h"

#define XSK_RING_SIZE 2048u
/*
 * Returning a chunk must never fail. One slot a chunk is not enough for that: the kernel publishes
 * what it took from the fill ring only when it has used up what it last saw there (xskq_cons_*),
 * so as many slots again can look taken that are not.
 */
#define XSK_FILL_SIZE (2 * UMEM_CHUNK_CNT)

/* Chunks kept out of the fill ring, for what the TCP/UDP stack sends of its own accord. */
#define XSK_SPARE 64u

struct xsk {
	struct xsk_ring_cons rx;
	struct xsk_ring_prod tx;
	struct xsk_ring_prod fill;
	struct xsk_ring_cons completion;
	struct umem umem;
	__u32 queue;
	int fd;
	bool zerocopy; /* what was obtained, by getsockopt(XDP_OPTIONS) */
	/* Chunks that passed each ring, for the account. */
	__u64 filled, received, sent, completed;
	/* Chunks in the worker's hands, for frames that are not replies. */
	__u64 spare[XSK_SPARE];
	__u32 spare_cnt;
	struct xsk_umem *umem_handle;
	struct xsk_socket *socket;
};

/*
 * Opens a socket on a queue of `ifname`, bound with zero-copy or in copy mode as asked and in no
 * other way, its fill ring full. EBUSY, as after a socket that was just closed, is retried for two
 * seconds. Returns 0 or -errno; does not log -EOPNOTSUPP and -EINVAL from a zero-copy bind, which
 * mean that it is not to be had; logs the rest.
 */
int xsk_open(struct xsk **out, const char *ifname, __u32 queue, bool zerocopy);

/* Accepts NULL. */
void xsk_close(struct xsk *x);

/* Asks for preferred busy polling on this socket (Linux 5.11). 0 or -errno. */
int xsk_busy_poll(struct xsk *x);

/* The kernel's own counters: getsockopt(XDP_STATISTICS). 0 or -errno. */
int xsk_statistics(const struct xsk *x, struct xdp_statistics *s);

/* Chunks that are in no ring and in nobody's hands: 0. */
static inline __s64 xsk_chunks_missing(const struct xsk *x)
{
	return (__s64)UMEM_CHUNK_CNT - x->spare_cnt -
	       (__s64)(x->filled - x->received + x->sent - x->completed);
}

/* For another thread: how far the kernel has filled RX, and whether the worker is done up to there. */
static inline __u32 xsk_rx_mark(const struct xsk *x)
{
	return __atomic_load_n(x->rx.producer, __ATOMIC_ACQUIRE);
}

static inline bool xsk_rx_is_past(const struct xsk *x, __u32 mark)
{
	return (__s32)(__atomic_load_n(x->rx.consumer, __ATOMIC_ACQUIRE) - mark) >= 0;
}

/* TX descriptors that the kernel has not taken yet. */
static inline __u32 xsk_tx_waiting(const struct xsk *x)
{
	return *x->tx.producer - __atomic_load_n(x->tx.consumer, __ATOMIC_ACQUIRE);
}

#endif /* MEV_XSK_H */
