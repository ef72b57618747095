/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stack_guard - what lwIP must not see, and what the world must not see of lwIP
 *
 * lwIP 2.1.3 as Debian builds it keeps its assertions, and several of them can be reached from the
 * wire, where they end the process. What leads there is refused or straightened out here, before
 * lwIP; whatever concerns a connection's window is in stack_tcp_admit(). In particular:
 *
 *	options outside a SYN	lwIP takes an MSS from any segment; shrinking it while replies wait
 *				trips tcp_write()'s "mss_local is too small". They become NOPs.
 *	a tiny MSS in a SYN	makes one frame a byte of reply. Raised to GUARD_MIN_MSS.
 *	odd flags		SYN+ACK, SYN+FIN, no ACK: nothing that a client of ours sends.
 *	fragments		of TCP; odd ones; beyond GUARD_MAX_DATAGRAM, where lengths wrap.
 *
 * lwIP's initial sequence numbers can be guessed: it adds up its clock. So each connection's are
 * shifted by a keyed hash of its addresses and ports (RFC 6528), outgoing ones forth and incoming
 * acknowledgements back, without any state.
 *
 * Frames of a virtual device (veth, virtio) come with the checksum left to hardware that is not
 * there: the field holds the sum of the pseudo-header alone. That is recognized and completed.
 *
 * Knows no lwIP, no clock, no socket; keeps no state. Any thread may call it.
 */
#ifndef MEV_STACK_GUARD_H
#define MEV_STACK_GUARD_H

#include <stdbool.h>

#include "stack.h"

#define GUARD_MIN_MSS 64 /* as Linux (TCP_MIN_SND_MSS, 48), and whole replies */
#define GUARD_MAX_DATAGRAM 32768

struct stack_guard {
	__be32 ip;
	__u8 mac[6];
	__u64 key[2]; /* random, secret */
};

/* A frame that may go on, as the guard found it. `tcp`: the fields below it are set. */
struct guard_segment {
	__be32 source; /* its IPv4 address; 0 for ARP */
	bool tcp;
	bool syn, fin, rst;
	__u16 source_port, port; /* host byte order */
	__u32 seq;
	__u32 len;    /* of the payload */
	__u64 hash;   /* of addresses and ports, keyed */
	void *header; /* for guard_clear_fin() */
};

/*
 * Judges an incoming frame (2-aligned, `len` bytes), which it may change, and fills *seg. Returns
 * NULL if lwIP may have it, else the counter of `c` that names why not.
 */
__u64 *guard_incoming(const struct stack_guard *g, struct stack_counters *c, void *frame, __u32 len,
		      struct guard_segment *seg);

/* Makes a segment one without FIN, its checksum still right. */
void guard_clear_fin(struct guard_segment *seg);

/*
 * Shifts the sequence number of an outgoing frame, if it is TCP over IPv4, and puts its checksum
 * right. lwIP keeps the header for when it has to send it again: guard_restore() takes the shift
 * back. Returns what that needs, NULL if there was nothing to shift.
 */
void *guard_outgoing(const struct stack_guard *g, void *frame, __u32 len, __be32 *seq);
void guard_restore(void *header, __be32 seq);

#endif /* MEV_STACK_GUARD_H */
