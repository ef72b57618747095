/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * compiler.h - the few types and attributes that both planes share
 *
 * The only header that knows whether it is compiled for BPF or for userspace. Everything else in
 * include/ is written against it and compiles unchanged for both.
 */
#ifndef MEV_COMPILER_H
#define MEV_COMPILER_H

#ifdef __bpf__
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#else
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#endif

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif
#ifndef __noinline
#define __noinline __attribute__((noinline))
#endif
#ifndef likely
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#endif

#define MEV_CACHELINE 64
#define __cacheline_aligned __attribute__((aligned(MEV_CACHELINE)))

/* On the wire: no padding, readable at any even address, free to alias the bytes of a frame. */
#define __wire __attribute__((packed, aligned(2), may_alias))

/*
 * What lies behind Ethernet's 14 bytes, a tag of 4 and an IP header of 4n is 4-aligned where the kernel
 * cares, since it puts 2 bytes in front (NET_IP_ALIGN), and where it does not, words may be read from
 * anywhere. BPF wants to be told: clang reads by bytes what might not be aligned.
 */
#ifdef __bpf__
#define __wire_words __attribute__((packed, aligned(4), may_alias))
#else
#define __wire_words __wire
#endif

/*
 * Makes the compiler take `x` for a new value. The verifier knows bounds per register: a pointer
 * that clang computes twice, once to check and once to use, is unchecked in its eyes.
 */
#ifdef __bpf__
#define MEV_ONE_VALUE(x) __asm__ __volatile__("" : "+r"(x))
#else
#define MEV_ONE_VALUE(x) ((void)0)
#endif

/* A load or store that the compiler may neither tear, repeat nor invent. Kernel: asm/rwonce.h. */
#ifndef __SANITIZE_THREAD__
#define MEV_READ_ONCE(x) (*(const volatile __typeof__(x) *)&(x))
#define MEV_WRITE_ONCE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))
#else /* which takes volatile for an accident */
#define MEV_READ_ONCE(x) __atomic_load_n(&(x), __ATOMIC_RELAXED)
#define MEV_WRITE_ONCE(x, v) __atomic_store_n(&(x), v, __ATOMIC_RELAXED)
#endif

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "mevnode casts little-endian wire structs in place: little-endian hosts only"
#endif

#endif /* MEV_COMPILER_H */
