/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * frames - what is sent, over and over, and what must come back for each
 *
 * Made before a run: out of a capture, or generated from the responder's configuration. What each
 * frame deserves is decided then, by the responder's own filter and economics on the configured
 * pools, so that nothing is computed while the clock runs. A run only reads.
 */
#ifndef MEVLOAD_FRAMES_H
#define MEVLOAD_FRAMES_H

#include <linux/types.h>
#include <stdbool.h>

#include "compiler.h"
#include "config.h"
#include "packet.h"
#include "verdict.h"
#include "wire.h"

/* In a set, so that an index and a few flags fit a word. */
#define FRAMES_MAX (1u << 28)

enum frame_expect {
	EXPECT_NOTHING,
	EXPECT_REPLY, /* load_frame.reply */
	EXPECT_MAYBE, /* a reply of unknown content: pool updates on the way decide */
};

/* One cache line. */
struct load_frame {
	__u64 off; /* of its bytes in frame_set.bytes, 2-aligned */
	__u16 len;
	__u16 record_off; /* of its DexSwapTx, whose nonce is ours to choose; 0: it has none */
	__u8 expect;      /* enum frame_expect */
	__u8 reply_len;
	__u8 reply[sizeof(struct dex_swap_tx)]; /* a SwapReply, or the echo of the swap */
};

struct frame_set {
	struct load_frame *frames;
	__u8 *bytes;
	__u64 size; /* of what is used of `bytes` */
	__u32 cnt, room;
	__u32 due_cnt;
	bool due_known; /* no EXPECT_MAYBE */
};

/* Where swaps come from and go to; addresses as they lie in a frame. */
struct frame_ends {
	__u8 to_mac[6], from_mac[6];
	__be32 to_ip, from_ip;
	__u16 to_port, from_port, from_port_last; /* host byte order, taken in turn */
};

/* How frames are judged and which are kept. */
struct frame_rules {
	const struct config *config;
	struct frame_ends ends;
	__u32 longest;     /* frames beyond that are left out, with a warning */
	bool echo;         /* swaps come back as they are */
	bool records_only; /* leave out what is no swap: TCP and UDP sockets have no use for it */
};

/* `cnt` profitable swaps in the configured pools. 0 or -errno, logged. */
int frames_generate(struct frame_set *s, const struct frame_rules *rules, __u32 cnt, __u64 seed);

/* The frames of a classic pcap file, in order. 0 or -errno, logged. */
int frames_from_pcap(struct frame_set *s, const struct frame_rules *rules, const char *path);

/* Accepts one that is all zero. */
void frames_free(struct frame_set *s);

/* Room for `cnt` frames of `size` bytes in all, once. 0 or -ENOMEM. */
int frames_room(struct frame_set *s, __u32 cnt, __u64 size);

/* The responder, as far as one frame goes: pools as configured, filter, decision. */
struct oracle;

int oracle_open(struct oracle **out, const struct frame_rules *rules);
void oracle_close(struct oracle *o);

/*
 * Appends a frame with what it deserves to the set, which has room for it; false: the rules leave
 * it out. An update that is applied makes what all swaps deserve unknown: oracle_settle().
 */
bool oracle_add(struct oracle *o, struct frame_set *s, const __u8 *bytes, __u32 len);

/* The responder's verdict on a frame of at most 65,536 bytes, up to REPLIED or UNPROFITABLE. */
enum mev_verdict oracle_verdict(struct oracle *o, const void *bytes, __u32 len);

/* After the last frame: counts what is due. */
void oracle_settle(struct oracle *o, struct frame_set *s);

/*
 * Writes a nonce into a swap's record, and what that changes into the UDP checksum in front of it
 * (RFC 1624), unless there is none. Also for the frame's copy.
 */
static inline void frame_set_nonce(void *record, __u64 nonce)
{
	struct dex_swap_tx *tx = record;
	struct udp_hdr *udp = (struct udp_hdr *)record - 1;
	__u64 old = tx->nonce;
	__u32 sum = (__u16)~udp->sum;

	tx->nonce = nonce;
	if (!udp->sum)
		return;
	for (int i = 0; i < 4; i++)
		sum += (__u16) ~(old >> 16 * i) + (__u32)(__u16)(nonce >> 16 * i);
	udp->sum = csum_fold(sum);
	if (!udp->sum)
		udp->sum = 0xffff; /* RFC 768: zero means no checksum */
}

#endif /* MEVLOAD_FRAMES_H */
