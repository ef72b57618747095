/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * verdict.h - every fate a frame can meet, named once
 *
 * One list makes the enum, the names that people and scrapers see, and the layout of the counters
 * that the XDP program writes and bpftool prints. Append only: numbers are part of the ABI.
 * The first verdict that applies, in the order of the list up to REDIRECT, names the frame's fate.
 */
#ifndef MEV_VERDICT_H
#define MEV_VERDICT_H

#include "compiler.h"

/* X(ENUMERATOR, name, number, what it means) */
#define MEV_VERDICTS(X)                                                                         \
	X(PASS, pass, 1, "not ours: to the kernel")                                             \
	X(MALFORMED, malformed, 2, "IP or UDP length does not fit: dropped")                    \
	X(BAD_CHECKSUM, bad_checksum, 3, "wrong checksum: dropped")                             \
	X(BAD_LENGTH, bad_length, 4, "payload is not one record: dropped")                      \
	X(BAD_FIELD, bad_field, 5, "direction or reserved bytes invalid: dropped")              \
	X(BELOW_MIN, below_min, 6, "amount_in under min_amount_in: dropped")                    \
	X(UNKNOWN_POOL, unknown_pool, 7, "swap in a pool not configured: dropped")              \
	X(NO_STATE, no_state, 8, "pool has no reserves yet: dropped")                           \
	X(BELOW_BREAK_EVEN, below_break_even, 9, "no front-run can gain: dropped")              \
	X(VICTIM_REVERTS, victim_reverts, 10, "victim gets too little even untouched: dropped") \
	X(REDIRECT, redirect, 11, "candidate: to userspace")                                    \
	X(UPDATE_APPLIED, update_applied, 12, "pool state replaced")                            \
	X(UPDATE_STALE, update_stale, 13, "update no newer than the last applied: dropped")     \
	X(UPDATE_INVALID, update_invalid, 14, "update with a reserve of zero: dropped")         \
	X(UPDATE_UNKNOWN_POOL, update_unknown_pool, 15,                                         \
	  "update of a pool not configured: dropped")                                           \
	X(UNPROFITABLE, unprofitable, 16, "candidate without enough profit: dropped")           \
	X(REPLIED, replied, 17, "answered")                                                     \
	X(UPDATE_FORBIDDEN, update_forbidden, 18, "update from a source not allowed: dropped")  \
	X(POOL_BUSY, pool_busy, 19, "pool state kept changing while read: dropped")             \
	X(NO_SOCKET, no_socket, 20, "candidate on a queue without a socket: to the kernel")     \
	X(REJECTED, rejected, 21, "handed to userspace but no candidate: dropped")              \
	X(STACK, stack, 22, "for the node's own address: to its TCP/UDP stack")                 \
	X(REPLIED_IN_DRIVER, replied_in_driver, 23, "answered by the XDP program (XDP_TX)")     \
	X(HANDED_UP, handed_up, 24, "candidate too hard for the driver: to userspace")

enum mev_verdict {
#define X(id, name, number, text) MEV_##id = (number),
	MEV_VERDICTS(X)
#undef X
};

#define X(id, name, number, text) +1
enum { MEV_VERDICT_CNT = 0 MEV_VERDICTS(X) };
#undef X

struct mev_counter {
	__u64 packets;
	__u64 bytes; /* of whole frames, without FCS */
};

/*
 * One CPU's counters, a named field a verdict in the order of their numbers, so that
 * `bpftool map dump` prints names. Index it with mev_counter_of().
 */
struct mev_counters {
#define X(id, name, number, text) struct mev_counter name;
	MEV_VERDICTS(X)
#undef X
};

#define X(id, name, number, text)                                                                  \
	_Static_assert(__builtin_offsetof(struct mev_counters, name) ==                            \
			       (number) * sizeof(struct mev_counter) - sizeof(struct mev_counter), \
		       "verdict " #name " is out of order");
MEV_VERDICTS(X)
#undef X

/* The counter of `verdict`, or NULL for a number that is no verdict. */
static __always_inline struct mev_counter *mev_counter_of(struct mev_counters *c, __u32 verdict)
{
	__u64 i = verdict - 1;

	if (i >= MEV_VERDICT_CNT)
		return NULL;
	MEV_ONE_VALUE(i);
	return (struct mev_counter *)c + i;
}

#ifndef __bpf__
static inline const char *mev_verdict_name(__u32 verdict)
{
	static const char *const name[] = {
#define X(id, name, number, text) [number] = #name,
		MEV_VERDICTS(X)
#undef X
	};

	return verdict - 1 < MEV_VERDICT_CNT ? name[verdict] : "?";
}

static inline const char *mev_verdict_text(__u32 verdict)
{
	static const char *const what[] = {
#define X(id, name, number, text) [number] = (text),
		MEV_VERDICTS(X)
#undef X
	};

	return verdict - 1 < MEV_VERDICT_CNT ? what[verdict] : "?";
}
#endif

#endif /* MEV_VERDICT_H */
