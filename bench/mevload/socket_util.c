// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "socket_util.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "log.h"

#define CONNECT_TIMEOUT_S 3
/* Or, without CAP_NET_ADMIN, as much as net.core.rmem_max allows. A full buffer loses replies. */
#define BUFFER_BYTES (4 << 20)

static int set_up(int fd, const struct transport_config *c, int type)
{
	const struct timeval timeout = { .tv_sec = CONNECT_TIMEOUT_S };
	const int size = BUFFER_BYTES, yes = 1;

	if (c->interface && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, c->interface,
				       (socklen_t)strlen(c->interface) + 1)) {
		int err = -errno;

		log_err("cannot bind a socket to interface %s: %s; drop -i, or run as root",
			c->interface, strerror(-err));
		return err;
	}
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)); /* of connect(2) */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (type == SOCK_STREAM)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	return 0;
}

static int bind_and_connect(int fd, const struct frame_ends *e)
{
	const struct sockaddr_in from = { .sin_family = AF_INET,
					  .sin_port = htons(e->from_port),
					  .sin_addr.s_addr = e->from_ip };
	const struct sockaddr_in to = { .sin_family = AF_INET,
					.sin_port = htons(e->to_port),
					.sin_addr.s_addr = e->to_ip };
	char text[INET_ADDRSTRLEN];
	int err;

	if (bind(fd, (const struct sockaddr *)&from, sizeof(from))) {
		err = -errno;
		log_err("cannot bind to %s port %u: %s; check --from",
			inet_ntop(AF_INET, &e->from_ip, text, sizeof(text)), e->from_port,
			strerror(-err));
		return err;
	}
	if (connect(fd, (const struct sockaddr *)&to, sizeof(to))) {
		err = errno == EINPROGRESS ? -ETIMEDOUT : -errno;
		log_err("cannot connect to %s port %u: %s; is the responder there?",
			inet_ntop(AF_INET, &e->to_ip, text, sizeof(text)), e->to_port,
			strerror(-err));
		return err;
	}
	return 0;
}

int socket_open(const struct transport_config *c, int type)
{
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), err;

	if (fd < 0) {
		err = -errno;
		log_err("cannot open a socket: %s", strerror(-err));
		return err;
	}
	err = set_up(fd, c, type);
	if (!err)
		err = bind_and_connect(fd, &c->ends);
	if (!err && fcntl(fd, F_SETFL, O_NONBLOCK))
		err = -errno;
	if (!err)
		return fd;
	close(fd);
	return err;
}

__u64 socket_drops(int fd)
{
	__u32 info[SK_MEMINFO_VARS] = { 0 };
	socklen_t len = sizeof(info);

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len))
		return 0;
	return info[SK_MEMINFO_DROPS];
}
