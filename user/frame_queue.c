// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "frame_queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

int frame_queue_open(struct frame_queue **out)
{
	struct frame_queue *q = aligned_alloc(MEV_CACHELINE, sizeof(*q));
	int err;

	if (!q)
		return -ENOMEM;
	memset(q, 0, sizeof(*q));
	q->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (q->fd < 0) {
		err = -errno;
		free(q);
		return err;
	}
	*out = q;
	return 0;
}

void frame_queue_close(struct frame_queue *q)
{
	if (!q)
		return;
	close(q->fd);
	free(q);
}

int frame_queue_put(struct frame_queue *q, const void *frame, __u32 len)
{
	struct queued_frame *slot = &q->slot[q->head % FRAME_QUEUE_SLOTS];
	const __u64 one = 1;

	if (len > sizeof(slot->bytes))
		return -EMSGSIZE;
	if (q->head - __atomic_load_n(&q->tail, __ATOMIC_ACQUIRE) == FRAME_QUEUE_SLOTS)
		return -EAGAIN;
	slot->len = len;
	memcpy(slot->bytes, frame, len);
	/* Ordered before the look at `sleeping`, as the consumer's store is before its look here. */
	__atomic_store_n(&q->head, q->head + 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&q->sleeping, __ATOMIC_SEQ_CST) && write(q->fd, &one, sizeof(one)) < 0)
		return 0; /* only a full eventfd refuses, and that is readable too */
	return 0;
}

void frame_queue_awake(struct frame_queue *q)
{
	__u64 wakeups;

	__atomic_store_n(&q->sleeping, false, __ATOMIC_RELAXED);
	if (read(q->fd, &wakeups, sizeof(wakeups)) < 0)
		return; /* nobody had woken us */
}
