/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stack - the slow path: ARP, ICMP echo, UDP and TCP for one IPv4 address, by lwIP, over any link
 *
 *	worker: frame that the filter passes ──> stack_input() ──> lwIP ──> link.send() ──> device
 *	                                                            │
 *	               decide(), once for each record <── TCP on swap_port, reassembled UDP
 *
 * TCP on the swap port is a stream of 48-byte swaps however TCP cuts it, answered by 32-byte
 * replies in the order of the profitable ones. A record that is refused is counted, and the
 * connection goes on with the next. A client that does not read its replies fills its send window,
 * is then no longer read from, so that its receive window closes, and in the end is reset.
 *
 * Memory is bounded: frames are copied into a pool of fixed size, connections into a table of
 * fixed size, half-open ones are limited (the oldest makes room), replies not yet acknowledged
 * have a budget. Whatever is dropped or refused has a counter.
 *
 * One stack a process at a time. lwIP's own thread starts with the first stack_open(), sleeps but
 * for timers, and stays until the process ends; stack_close() leaves nothing to it, and another
 * stack may be opened then. All calls are safe from any thread; link.send() and decide() run under
 * lwIP's core lock, one at a time, and must not call back into the stack.
 */
#ifndef MEV_STACK_H
#define MEV_STACK_H

#include "verdict.h"
#include "wire.h"

/* Where frames go. */
struct stack_link {
	/*
	 * Sends one frame (Ethernet, without FCS), which is only borrowed. 0 or -errno; -EAGAIN when
	 * the device is full. What is not sent is dropped and counted: TCP sends it again. Called
	 * within stack_open(), stack_input(), stack_close() and by lwIP's timer thread.
	 */
	int (*send)(void *ctx, const void *frame, __u32 len);
	void *ctx;
};

struct stack_config {
	__be32 ip;
	__u8 prefix_len; /* 0 to 32, of the network that ARP reaches */
	__u8 mac[6];
	__u32 mtu;       /* of IP packets, 576 to 9000 */
	__u16 swap_port; /* host byte order */
	struct stack_link link;
	/*
	 * The fate of one record: MEV_REPLIED with *reply written, or the verdict that refused it.
	 * Must not block. The record is good for the call only.
	 */
	enum mev_verdict (*decide)(void *ctx, const struct dex_swap_tx *tx,
				   struct swap_reply *reply);
	void *decide_ctx;
	__u32 max_connections; /* 0: STACK_CONNECTIONS */
	__u32 max_half_open;   /* 0: STACK_HALF_OPEN */
	__u32 idle_timeout_s;  /* 0: STACK_IDLE_S */
};

#define STACK_MTU_MIN 576
#define STACK_MTU_MAX 9000
#define STACK_CONNECTIONS 4096
#define STACK_HALF_OPEN 512
#define STACK_IDLE_S 60

/* X(name, what it counts). All are sums since stack_open() but `open`. */
#define STACK_COUNTERS(X)                                                                          \
	X(frames_in, "frames handed to stack_input()")                                             \
	X(bytes_in, "their bytes")                                                                 \
	X(frames_out, "frames that the link took")                                                 \
	X(bytes_out, "their bytes")                                                                \
	X(link_full, "frames out dropped: the link said EAGAIN")                                   \
	X(link_errors, "frames out dropped: the link failed otherwise")                            \
	X(not_ours, "frames in dropped: for another MAC or IP address, or for a group")            \
	X(unsupported, "frames in dropped: neither ARP nor ICMP, UDP or TCP over IPv4")            \
	X(malformed, "frames in dropped: lengths, flags or addresses that cannot be")              \
	X(bad_checksum, "frames in dropped: wrong IPv4, TCP, UDP or ICMP checksum")                \
	X(fragments_refused, "frames in dropped: fragments of TCP, odd or too large ones")         \
	X(no_buffers, "frames in dropped: receive buffers in use")                                 \
	X(sums_completed, "frames in whose checksum a virtual device had left open")               \
	X(opened, "connections accepted")                                                          \
	X(open, "connections open now")                                                            \
	X(closed, "connections that the client ended with FIN, served to the end")                 \
	X(reset, "connections that the client reset, or that stopped acknowledging")               \
	X(refused, "connections refused: max_connections are open")                                \
	X(half_open_evicted, "half-open connections given up for newer ones")                      \
	X(idle_closed, "connections reset: no whole record for idle_timeout_s")                    \
	X(stalled_closed, "connections reset: replies or FIN not acknowledged for idle_timeout_s") \
	X(no_memory_closed, "connections reset: the host has no memory")                           \
	X(throttled, "times a connection was not read from, its replies having no room")           \
	X(held_refused, "segments in dropped: enough of that connection is held unread")           \
	X(probes, "replies sent again since nothing was heard of them")                            \
	X(overrun, "segments in dropped: out of order and beyond the window")                      \
	X(reorder_refused, "segments in dropped: too many out of order already")                   \
	X(unfinished, "connections that ended within a record")                                    \
	X(tcp_bytes_in, "payload of all connections, consumed")                                    \
	X(tcp_bytes_out, "replies to all connections, queued")                                     \
	X(udp_datagrams, "datagrams on the swap port, as they come out of reassembly")             \
	X(udp_unanswered, "replies over UDP that could not be sent")

struct stack_counters {
	struct mev_counters
		tcp; /* records over TCP by verdict: `packets` are records of 48 bytes */
	struct mev_counters udp; /* the same over UDP, reassembled: bytes of payload */
#define X(name, text) __u64 name;
	STACK_COUNTERS(X)
#undef X
};

struct stack;

/*
 * Brings the address up on the link, which gets a gratuitous ARP at once. 0 or -errno, logged:
 * -EBUSY (there is a stack already), -EINVAL (configuration), -ENOMEM.
 */
int stack_open(struct stack **out, const struct stack_config *c);

/*
 * A frame that the filter passes; copied, so it is the caller's again at once. Any bytes will do.
 * Takes lwIP's core lock; replies are sent within the call.
 */
void stack_input(struct stack *s, const void *frame, __u32 len);

/*
 * Serves another port from now on. TCP connections, which were to the old one, are reset. 0 or
 * -errno, logged: then it serves none. Takes NULL.
 */
int stack_set_port(struct stack *s, __u16 port);

/* Waits for whoever is in decide() at present. Takes NULL. */
void stack_settle(struct stack *s);

/* A consistent copy of the counters. */
void stack_counters(struct stack *s, struct stack_counters *out);

/*
 * Resets every connection while the link still takes frames, so that their clients are told. Others
 * may still call stack_input(). Takes NULL.
 */
void stack_hang_up(struct stack *s);

/*
 * Resets what is open and forgets the link. Nobody may be in stack_input() any more. Takes NULL.
 */
void stack_close(struct stack *s);

#endif /* MEV_STACK_H */
