// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "xsk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "log.h"
#include "privileges.h"

#ifndef SO_PREFER_BUSY_POLL
#define SO_PREFER_BUSY_POLL 69
#endif
#ifndef SO_BUSY_POLL_BUDGET
#define SO_BUSY_POLL_BUDGET 70
#endif

#define BIND_RETRY_MS 20
#define BIND_RETRIES 100

/*
 * All chunks are the kernel's to receive into, but for the spare ones. Before the bind: a driver with
 * zero-copy fills its ring right then, and counts each time that it finds nothing to fill it with.
 */
static void fill_all(struct xsk *x)
{
	__u32 idx;

	for (x->spare_cnt = 0; x->spare_cnt < XSK_SPARE; x->spare_cnt++)
		x->spare[x->spare_cnt] = (__u64)x->spare_cnt * x->umem.chunk_size;
	x->filled = xsk_ring_prod__reserve(&x->fill, UMEM_CHUNK_CNT - XSK_SPARE, &idx);
	for (__u32 i = 0; i < x->filled; i++)
		*xsk_ring_prod__fill_addr(&x->fill, idx + i) =
			(__u64)(XSK_SPARE + i) * x->umem.chunk_size;
	xsk_ring_prod__submit(&x->fill, (__u32)x->filled);
}

/*
 * One try, from the start: libxdp takes the rings as zeroed. Where an earlier try has left its own
 * position in one, chunks would be written behind the place where the kernel looks for them.
 */
static int bind_once(struct xsk *x, const char *ifname, bool zerocopy)
{
	const struct xsk_umem_config umem_config = {
		.fill_size = XSK_FILL_SIZE,
		.comp_size = XSK_RING_SIZE,
		.frame_size = x->umem.chunk_size,
		.frame_headroom = UMEM_META,
	};
	const struct xsk_socket_config config = {
		.rx_size = XSK_RING_SIZE,
		.tx_size = XSK_RING_SIZE,
		.libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
		.bind_flags = (__u16)((zerocopy ? XDP_ZEROCOPY : XDP_COPY) | XDP_USE_NEED_WAKEUP),
	};
	int err;

	x->fill = x->tx = (struct xsk_ring_prod){ 0 };
	x->completion = x->rx = (struct xsk_ring_cons){ 0 };
	err = xsk_umem__create(&x->umem_handle, x->umem.area, x->umem.size, &x->fill,
			       &x->completion, &umem_config);
	if (err)
		return err;
	fill_all(x);
	err = xsk_socket__create(&x->socket, ifname, x->queue, x->umem_handle, &x->rx, &x->tx,
				 &config);
	if (err) {
		xsk_umem__delete(x->umem_handle);
		x->umem_handle = NULL;
	}
	return err;
}

static int bind_retrying(struct xsk *x, const char *ifname, bool zerocopy)
{
	const struct timespec pause = { .tv_nsec = BIND_RETRY_MS * 1000000 };
	int err = bind_once(x, ifname, zerocopy);

	if (err == -EBUSY)
		log_debug("queue %u of %s is held by another AF_XDP socket; trying again for %d ms",
			  x->queue, ifname, BIND_RETRIES * BIND_RETRY_MS);
	for (int i = 0; err == -EBUSY && i < BIND_RETRIES; i++) {
		nanosleep(&pause, NULL);
		err = bind_once(x, ifname, zerocopy);
	}
	return err;
}

static int learn_mode(struct xsk *x)
{
	struct xdp_options options = { 0 };
	socklen_t len = sizeof(options);

	if (getsockopt(x->fd, SOL_XDP, XDP_OPTIONS, &options, &len))
		return -errno;
	x->zerocopy = options.flags & XDP_OPTIONS_ZEROCOPY;
	return 0;
}

static const char *bind_remedy(int err)
{
	switch (err) {
	case -EBUSY:
		return "; another AF_XDP program holds this queue";
	case -EPERM:
		return privileges_remedy();
	case -ENOBUFS: /* of XDP_UMEM_REG */
		return "; packet memory of all this user's processes together is beyond "
		       "RLIMIT_MEMLOCK: raise `ulimit -l` or grant CAP_IPC_LOCK";
	default:
		return "";
	}
}

int xsk_open(struct xsk **out, const char *ifname, __u32 queue, bool zerocopy)
{
	struct xsk *x;
	int err;

	x = aligned_alloc(64, (sizeof(*x) + 63) / 64 * 64);
	if (!x)
		return -ENOMEM;
	memset(x, 0, sizeof(*x));
	x->queue = queue;
	err = umem_open(&x->umem, zerocopy ? UMEM_CHUNK_ZEROCOPY : UMEM_CHUNK_COPY);
	if (err)
		goto fail;
	err = bind_retrying(x, ifname, zerocopy);
	if (err) {
		if (!zerocopy || (err != -EOPNOTSUPP && err != -EINVAL))
			log_err("cannot bind an AF_XDP socket to %s queue %u: %s%s", ifname, queue,
				strerror(-err), bind_remedy(err));
		if (err == -ENOBUFS)
			err = -EPERM; /* as umem_open() for the limit of one process */
		goto fail;
	}
	x->fd = xsk_socket__fd(x->socket);
	err = learn_mode(x);
	if (err) {
		log_err("cannot ask in which mode queue %u of %s is bound: %s", queue, ifname,
			strerror(-err));
		goto fail;
	}
	*out = x;
	return 0;

fail:
	xsk_close(x);
	return err;
}

void xsk_close(struct xsk *x)
{
	if (!x)
		return;
	if (x->socket)
		xsk_socket__delete(x->socket);
	if (x->umem_handle)
		xsk_umem__delete(x->umem_handle);
	umem_close(&x->umem);
	free(x);
}

int xsk_busy_poll(struct xsk *x)
{
	static const struct {
		int option, value;
	} set[] = {
		{ SO_PREFER_BUSY_POLL, 1 },
		{ SO_BUSY_POLL, 20 },        /* us a call may poll the driver */
		{ SO_BUSY_POLL_BUDGET, 64 }, /* frames a call, NAPI's own weight */
	};

	for (size_t i = 0; i < sizeof(set) / sizeof(set[0]); i++)
		if (setsockopt(x->fd, SOL_SOCKET, set[i].option, &set[i].value,
			       sizeof(set[i].value)))
			return -errno;
	return 0;
}

int xsk_statistics(const struct xsk *x, struct xdp_statistics *s)
{
	socklen_t len = sizeof(*s);

	memset(s, 0, sizeof(*s));
	return getsockopt(x->fd, SOL_XDP, XDP_STATISTICS, s, &len) ? -errno : 0;
}
