/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * umem - the memory that the NIC writes frames into and reads replies from
 *
 * One area a socket, cut into chunks of a power of two. Huge pages where there are any (one TLB
 * entry instead of 512), normal pages otherwise; locked either way. A chunk:
 *
 *	| 256 headroom (metadata at its end) | frame ...                      |
 *	^ base, multiple of UMEM_CHUNK_SIZE  ^ desc.addr
 */
#ifndef MEV_UMEM_H
#define MEV_UMEM_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

/* The smallest that holds headroom and a 1,500-byte frame; two of them fill a page. */
#define UMEM_CHUNK_SIZE 2048u
/* XDP_PACKET_HEADROOM of the kernel: what a driver leaves free in front of a frame. */
#define UMEM_HEADROOM 256u
/*
 * Twice the RX ring: as many frames can wait in RX while as many replies are under way. Fewer
 * starve the fill ring under bursts; more only grow the working set past the cache.
 */
#define UMEM_CHUNK_CNT 4096u

struct umem {
	__u8 *area;
	size_t size; /* bytes */
	bool huge;   /* on huge pages */
};

/* 0, -ENOMEM or -EAGAIN (RLIMIT_MEMLOCK), logged. */
int umem_open(struct umem *u);

/* Accepts one that was never opened (all zero). No socket may use it any more. */
void umem_close(struct umem *u);

/* Base of the chunk that an address from a descriptor or completion lies in. */
static inline __u64 umem_chunk(__u64 addr)
{
	return addr & ~(__u64)(UMEM_CHUNK_SIZE - 1);
}

#endif /* MEV_UMEM_H */
