/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stack_pool - the buffers that incoming frames wait in, a fixed number of them
 *
 * A buffer is lwIP's while it is processed, reassembled, reordered or held for a client that does
 * not read, and comes back through pbuf_free(). Taken last, given first, so that no more memory is
 * touched than was ever in use at once. Under lwIP's core lock, like everything that frees pbufs.
 */
#ifndef MEV_STACK_POOL_H
#define MEV_STACK_POOL_H

#include <linux/types.h>

struct pbuf;
struct stack_pool;

/* `cnt` buffers for frames of up to `frame_len` bytes. 0 or -ENOMEM. */
int stack_pool_open(struct stack_pool **out, __u32 cnt, __u32 frame_len);

/* A copy of the frame, its IP header 4-aligned, or NULL if all buffers are in use. */
struct pbuf *stack_pool_copy(struct stack_pool *pool, const void *frame, __u32 len);

/* How many eighths of the buffers are in use, 0 to 8. */
__u32 stack_pool_used(const struct stack_pool *pool);

/* Takes NULL. Buffers that are still out keep the pool's memory for good. */
void stack_pool_close(struct stack_pool *pool);

#endif /* MEV_STACK_POOL_H */
