/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * umem - the memory that the NIC writes frames into and reads replies from
 *
 * One area a socket, cut into chunks of a power of two. Huge pages where there are any (one TLB
 * entry instead of 512), normal pages otherwise; locked either way. A chunk:
 *
 *	| 256 the kernel's headroom | 32 metadata | frame ...               |
 *	^ base, multiple of chunk_size            ^ desc.addr
 *
 * Behind a frame's metadata in the same cache line lie its Ethernet, IPv4 and most of its UDP header,
 * and in the next one a whole swap: two lines come from the core that wrote them, not three.
 */
#ifndef MEV_UMEM_H
#define MEV_UMEM_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Copy mode: the smallest that holds headroom and a 1,500-byte frame. With a chunk a page the area
 * has more pages than the second-level TLB has entries, and over veth the median decision took
 * three to four times as long in 3 runs of 8, where 2 KiB had none in 6.
 * Zero-copy: a page. igb rounds what headroom leaves of 2 KiB down to whole KiB, and splits each
 * frame above 1,024 bytes in two that nobody understands.
 */
#define UMEM_CHUNK_COPY 2048u
#define UMEM_CHUNK_ZEROCOPY 4096u
/* What a driver leaves free in front of a frame: the kernel's XDP_PACKET_HEADROOM, and ours. */
#define UMEM_META 32u /* sizeof(struct mev_meta) */
#define UMEM_HEADROOM (256u + UMEM_META)
/*
 * Twice the RX ring: as many frames can wait in RX while as many replies are under way. Fewer
 * starve the fill ring under bursts; more only grow the working set past the cache.
 */
#define UMEM_CHUNK_CNT 4096u

struct umem {
	__u8 *area;
	size_t size; /* bytes */
	__u32 chunk_size;
	bool huge; /* on huge pages */
};

/* UMEM_CHUNK_CNT chunks of `chunk_size`. 0, -ENOMEM or -EAGAIN (RLIMIT_MEMLOCK), logged. */
int umem_open(struct umem *u, __u32 chunk_size);

/* Accepts one that was never opened (all zero). No socket may use it any more. */
void umem_close(struct umem *u);

/* Base of the chunk that an address from a descriptor or completion lies in. */
static inline __u64 umem_chunk(const struct umem *u, __u64 addr)
{
	return addr & ~(__u64)(u->chunk_size - 1);
}

#endif /* MEV_UMEM_H */
