// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "stack_pool.h"

#include <errno.h>
#include <lwip/pbuf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "log.h"

/*
 * lwIP takes type PBUF_RAM to lie behind its struct and finds the room for headers in front of the
 * payload by that. So the data does lie behind, and it never asks for more than it took away.
 */
struct buffer {
	struct pbuf_custom custom;
	struct stack_pool *pool;
	struct buffer *next; /* while free */
	__u8 pad[2];         /* an Ethernet header is 14 bytes, what follows shall be 4-aligned */
	__u8 data[];
};

struct stack_pool {
	__u8 *area;
	size_t area_len;
	size_t stride;
	__u32 cnt, touched, in_use, frame_len;
	struct buffer *free;
};

int stack_pool_open(struct stack_pool **out, __u32 cnt, __u32 frame_len)
{
	struct stack_pool *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return -ENOMEM;
	pool->cnt = cnt;
	pool->frame_len = frame_len;
	pool->stride = (offsetof(struct buffer, data) + frame_len + 63) & ~(size_t)63;
	pool->area_len = pool->stride * cnt;
	pool->area = mmap(NULL, pool->area_len, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (pool->area == MAP_FAILED) {
		free(pool);
		return -ENOMEM;
	}
	*out = pool;
	return 0;
}

static void give_back(struct pbuf *p)
{
	struct buffer *b = (struct buffer *)p;

	b->next = b->pool->free;
	b->pool->free = b;
	b->pool->in_use--;
}

struct pbuf *stack_pool_copy(struct stack_pool *pool, const void *frame, __u32 len)
{
	struct buffer *b = pool->free;

	if (len > pool->frame_len)
		return NULL;
	if (b) {
		pool->free = b->next;
	} else {
		if (pool->touched == pool->cnt)
			return NULL;
		b = (struct buffer *)(pool->area + pool->stride * pool->touched++);
		b->pool = pool;
	}
	pool->in_use++;
	b->custom.custom_free_function = give_back;
	memcpy(b->data, frame, len);
	return pbuf_alloced_custom(PBUF_RAW, (u16_t)len, PBUF_RAM, &b->custom, b->data,
				   (u16_t)pool->frame_len);
}

__u32 stack_pool_used(const struct stack_pool *pool)
{
	return (__u32)((__u64)pool->in_use * 8 / pool->cnt);
}

void stack_pool_close(struct stack_pool *pool)
{
	if (!pool)
		return;
	if (pool->in_use) {
		log_warn("%u receive buffers are still in use: their memory is not freed",
			 pool->in_use);
		return;
	}
	munmap(pool->area, pool->area_len);
	free(pool);
}
