/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * wire.h - the three records that travel over UDP and TCP
 *
 * All integers are little-endian. A record follows Ethernet + IP + UDP headers and is therefore
 * only 2-aligned: read and write the fields through these structs, never take their address.
 * BPF may take it for 4-aligned (compiler.h).
 */
#ifndef MEV_WIRE_H
#define MEV_WIRE_H

#include "compiler.h"

#define MEV_ADDRESS_LEN 20

#define MEV_SWAP_PORT 8080   /* default UDP and TCP port of struct dex_swap_tx */
#define MEV_UPDATE_PORT 8081 /* default UDP port of struct pool_state_update */

#define MEV_TOKEN0_IN 0 /* token_direction: token0 in, token1 out */
#define MEV_TOKEN1_IN 1

/* A victim's swap as an order-flow feed announces it. One datagram carries exactly one. */
struct dex_swap_tx {
	__u64 nonce; /* chosen by the sender, echoed in the reply */
	__u8 pool_address[MEV_ADDRESS_LEN];
	__u64 amount_in;      /* in units of the victim's input token */
	__u64 min_amount_out; /* the victim reverts if it would receive less */
	__u8 token_direction;
	__u8 reserved[3]; /* zero */
} __wire_words;

/* A pool's whole state; the newest one wins (update rules: pool.h). */
struct pool_state_update {
	__u8 pool_address[MEV_ADDRESS_LEN];
	__u64 reserve0;
	__u64 reserve1;
	__u64 slot; /* block or slot number, informational */
	__u32 seq;  /* RFC 1982 serial number of this pool's stream; 0 starts it over */
	__u8 padding[16];
} __wire_words;

/* Sent back only for a profitable swap. Smaller than the request: no amplification. */
struct swap_reply {
	__u64 nonce;
	__u64 profit;       /* in units of the victim's input token, >= 1 */
	__u64 front_run_in; /* the front-run input that yields it */
	__u64 slot;         /* slot of the pool state that was used */
} __wire_words;

/*
 * A 64-bit field of these. In BPF a 2-aligned one takes ten instructions; where the machine reads
 * and writes at any address, as the verifier then allows, one does.
 */
#if defined(__bpf__) && (defined(__TARGET_ARCH_x86) || defined(__TARGET_ARCH_arm64))
#define MEV_WIRE64(field) (*(__typeof__(field) *)(void *)&(field))
#else
#define MEV_WIRE64(field) (field)
#endif

#define MEV_ASSERT_FIELD(type, field, off) \
	_Static_assert(__builtin_offsetof(struct type, field) == (off), #type "." #field)

_Static_assert(sizeof(struct dex_swap_tx) == 48, "dex_swap_tx is 48 bytes");
MEV_ASSERT_FIELD(dex_swap_tx, nonce, 0);
MEV_ASSERT_FIELD(dex_swap_tx, pool_address, 8);
MEV_ASSERT_FIELD(dex_swap_tx, amount_in, 28);
MEV_ASSERT_FIELD(dex_swap_tx, min_amount_out, 36);
MEV_ASSERT_FIELD(dex_swap_tx, token_direction, 44);
MEV_ASSERT_FIELD(dex_swap_tx, reserved, 45);

_Static_assert(sizeof(struct pool_state_update) == 64, "pool_state_update is 64 bytes");
MEV_ASSERT_FIELD(pool_state_update, pool_address, 0);
MEV_ASSERT_FIELD(pool_state_update, reserve0, 20);
MEV_ASSERT_FIELD(pool_state_update, reserve1, 28);
MEV_ASSERT_FIELD(pool_state_update, slot, 36);
MEV_ASSERT_FIELD(pool_state_update, seq, 44);
MEV_ASSERT_FIELD(pool_state_update, padding, 48);

_Static_assert(sizeof(struct swap_reply) == 32, "swap_reply is 32 bytes");
MEV_ASSERT_FIELD(swap_reply, nonce, 0);
MEV_ASSERT_FIELD(swap_reply, profit, 8);
MEV_ASSERT_FIELD(swap_reply, front_run_in, 16);
MEV_ASSERT_FIELD(swap_reply, slot, 24);

#endif /* MEV_WIRE_H */
