/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * pool.h - a pool's state in one cache line, its sequence lock, and the update rules
 *
 * The lines live in mev_pools, shared by the XDP program on every CPU and by userspace (mmap).
 * Writers: the XDP program for a PoolStateUpdate, userspace when it (re)configures. Readers: both.
 * A writer makes `lock` odd by compare-and-swap, writes, and makes it even again; a reader takes
 * a copy between two equal even values. Nobody waits for long: all loops are bounded, and who
 * runs out of tries says so (MEV_POOL_BUSY).
 */
#ifndef MEV_POOL_H
#define MEV_POOL_H

#include "amm.h"
#include "compiler.h"
#include "verdict.h"
#include "wire.h"

/*
 * Tries to find the line unlocked. A writer holds it for some 10 ns, so even two of them leave a
 * reader through within a few; only a writer whose virtual CPU lost its turn holds it for longer.
 * The driver does not wait for that, and the verifier walks each try (64 make it process three
 * times as many instructions as 16); userspace waits some 50 us.
 */
#ifdef __bpf__
#define MEV_POOL_TRIES 16
#else
#define MEV_POOL_TRIES 1024
#endif

#define MEV_POOL_HEAD_LEN 12
#define MEV_FEE_DEN_MAX 1000000

struct mev_pool {
	__u32 lock; /* even: stable; odd: being written */
	__u32 seq;  /* of the last applied update, if `fed` */
	__u64 reserve0;
	__u64 reserve1;
	__u64 slot;
	__u64 kappa_q64; /* break-even, floor(kappa * 2^64): economics.md */
	__u32 fee_n;     /* fee_den - fee_num */
	__u32 fee_d;     /* fee_den, 1 to 1,000,000 */
	__u32 fed;       /* an update has been applied since the pool was configured */
	/* What fits of the address: userspace checks the XDP program's hint against it. */
	__u8 address_head[MEV_POOL_HEAD_LEN];
} __cacheline_aligned;

_Static_assert(sizeof(struct mev_pool) == MEV_CACHELINE, "one cache line a pool");
_Static_assert(__builtin_offsetof(struct mev_pool, fee_n) % 8 == 0 &&
		       __builtin_offsetof(struct mev_pool, fee_d) ==
			       __builtin_offsetof(struct mev_pool, fee_n) + 4,
	       "mev_pool_read_fee() loads both at once");

/* A consistent copy of what a decision needs. */
struct mev_pool_state {
	__u64 reserve0, reserve1, slot, kappa_q64;
	__u32 fee_n, fee_d;
};

#ifdef __bpf__
/*
 * BPF atomics that return a value are fully ordered; without a use of the value clang emits the
 * unordered kind (Documentation/bpf/standardization/instruction-set.rst, kernel's BPF JITs).
 * Between plain loads x86 keeps the order by itself; elsewhere an addition of 0 stands in for the
 * read barrier that BPF before 6.15 has no instruction for.
 */
#define MEV_POOL_ADD_ORDERED(p, v)                                 \
	do {                                                       \
		__u32 was_ = __sync_fetch_and_add(p, v);           \
		__asm__ __volatile__("" : : "r"(was_) : "memory"); \
	} while (0)
#define MEV_POOL_CAS(p, from, to) (__sync_val_compare_and_swap(p, from, to) == (from))
#define MEV_POOL_RELEASE(p) MEV_POOL_ADD_ORDERED(p, 1)
#if defined(__TARGET_ARCH_x86)
#define mev_pool_rmb(p) __asm__ __volatile__("" ::: "memory")
#else
#define mev_pool_rmb(p) MEV_POOL_ADD_ORDERED(&((struct mev_pool *)(p))->lock, 0)
#endif
#define mev_pool_pause() ((void)0)
#else
#define MEV_POOL_CAS(p, from, to)                                                     \
	__atomic_compare_exchange_n(p, &(__u32){ from }, to, false, __ATOMIC_ACQ_REL, \
				    __ATOMIC_RELAXED)
#define MEV_POOL_RELEASE(p) ((void)__atomic_fetch_add(p, 1, __ATOMIC_RELEASE))
#define mev_pool_rmb(p) __atomic_thread_fence(__ATOMIC_ACQUIRE)
#if defined(__x86_64__)
#define mev_pool_pause() __builtin_ia32_pause()
#else
#define mev_pool_pause() ((void)0)
#endif
#endif

/*
 * The fee alone, which only configuring changes: one load, so no lock is needed and none is waited
 * for. The rest of *s is left as it is.
 */
static __always_inline void mev_pool_read_fee(const struct mev_pool *pool, struct mev_pool_state *s)
{
	typedef __u64 __attribute__((may_alias)) both;
	__u64 fee = MEV_READ_ONCE(*(const both *)&pool->fee_n);

	s->fee_n = (__u32)fee;
	s->fee_d = (__u32)(fee >> 32);
}

/*
 * Copies the state into *s. False: a writer was at it in every try. Who changes a fee takes no lock
 * (user/pool_set.c), so that is one load here, too.
 */
static __always_inline bool mev_pool_read(const struct mev_pool *pool, struct mev_pool_state *s)
{
	for (int i = 0; i < MEV_POOL_TRIES; i++) {
		__u32 before = MEV_READ_ONCE(pool->lock);

		mev_pool_rmb(pool);
		s->reserve0 = MEV_READ_ONCE(pool->reserve0);
		s->reserve1 = MEV_READ_ONCE(pool->reserve1);
		s->slot = MEV_READ_ONCE(pool->slot);
		s->kappa_q64 = MEV_READ_ONCE(pool->kappa_q64);
		mev_pool_read_fee(pool, s);
		mev_pool_rmb(pool);
		if (likely(!(before & 1) && MEV_READ_ONCE(pool->lock) == before))
			return true;
		mev_pool_pause();
	}
	return false;
}

/* Takes the write lock; false after MEV_POOL_TRIES. */
static __always_inline bool mev_pool_lock(struct mev_pool *pool)
{
	for (int i = 0; i < MEV_POOL_TRIES; i++) {
		__u32 lock = MEV_READ_ONCE(pool->lock);

		if (!(lock & 1) && MEV_POOL_CAS(&pool->lock, lock, lock + 1))
			return true;
		mev_pool_pause();
	}
	return false;
}

static __always_inline void mev_pool_unlock(struct mev_pool *pool)
{
	MEV_POOL_RELEASE(&pool->lock);
}

/* RFC 1982, 32 bits. A distance of exactly 2^31 is undefined there; here it is not newer. */
static __always_inline bool mev_seq_newer(__u32 seq, __u32 last)
{
	return (__s32)(seq - last) > 0;
}

/*
 * Judges an update and applies it, under the lock: UPDATE_APPLIED, UPDATE_STALE, UPDATE_INVALID
 * or POOL_BUSY (wire.md). *gap: it was applied but was not the next of its stream.
 */
static __always_inline enum mev_verdict mev_pool_update(struct mev_pool *pool,
							const struct pool_state_update *u,
							bool *gap)
{
	enum mev_verdict verdict = MEV_UPDATE_STALE;
	__u32 seq = u->seq;

	*gap = false;
	if (!MEV_WIRE64(u->reserve0) || !MEV_WIRE64(u->reserve1))
		return MEV_UPDATE_INVALID;
	if (!mev_pool_lock(pool))
		return MEV_POOL_BUSY;
	if (!pool->fed || seq == 0 || mev_seq_newer(seq, pool->seq)) {
		*gap = pool->fed && seq != 0 && seq != pool->seq + 1;
		MEV_WRITE_ONCE(pool->reserve0, MEV_WIRE64(u->reserve0));
		MEV_WRITE_ONCE(pool->reserve1, MEV_WIRE64(u->reserve1));
		MEV_WRITE_ONCE(pool->slot, MEV_WIRE64(u->slot));
		pool->seq = seq;
		pool->fed = 1;
		verdict = MEV_UPDATE_APPLIED;
	}
	mev_pool_unlock(pool);
	return verdict;
}

/*
 * Whether the copy can be computed with: both reserves, and a fee within the bounds that amm.h
 * relies on. Anybody may have written to the map, so both planes ask.
 */
static __always_inline bool mev_pool_usable(const struct mev_pool_state *s)
{
	return s->reserve0 && s->reserve1 && s->fee_n && s->fee_n <= s->fee_d &&
	       s->fee_d <= MEV_FEE_DEN_MAX;
}

/* The pool as a swap in `direction` (MEV_TOKEN0_IN, MEV_TOKEN1_IN) meets it. */
static __always_inline struct amm_side mev_pool_side(const struct mev_pool_state *s, __u8 direction)
{
	return (struct amm_side){
		.rin = direction == MEV_TOKEN0_IN ? s->reserve0 : s->reserve1,
		.rout = direction == MEV_TOKEN0_IN ? s->reserve1 : s->reserve0,
		.n = s->fee_n,
		.d = s->fee_d,
	};
}

#endif /* MEV_POOL_H */
