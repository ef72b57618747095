// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * LD_PRELOAD: a kernel that for a while sends nothing, so that no completion comes. In copy mode it
 * sends within two calls of the worker's, its wakeup and poll(2) on the socket: while the first
 * byte of the file $LATE_TX is 1, neither reaches it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static volatile const char *late;

__attribute__((constructor)) static void begin(void)
{
	int fd = open(getenv("LATE_TX"), O_RDONLY | O_CLOEXEC);

	late = mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, 0);
	if (late == MAP_FAILED)
		abort();
	close(fd);
}

ssize_t sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *to,
	       socklen_t to_len)
{
	return !buf && *late ? 0 : syscall(SYS_sendto, fd, buf, len, flags, to, to_len);
}

int poll(struct pollfd *fds, nfds_t cnt, int timeout)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	/* The main thread's table is longer than a worker's. */
	if (cnt > 2 || !*late)
		return (int)syscall(SYS_poll, fds, cnt, timeout);
	nanosleep(&pause, NULL);
	return 0;
}
