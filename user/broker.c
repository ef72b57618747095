// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "broker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "exit_code.h"
#include "log.h"
#include "privileges.h"
#include "sandbox.h"

/* The node's end. */
static int broker_fd = -1;

/* An answer is 0 and a descriptor, or an errno. */
union control {
	struct cmsghdr align;
	char buf[CMSG_SPACE(sizeof(int))];
};

static int answer(int sock, int fd)
{
	int err = fd < 0 ? errno : 0;
	struct iovec iov = { .iov_base = &err, .iov_len = sizeof(err) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union control control = { 0 };
	struct cmsghdr *c;
	ssize_t sent;

	if (fd >= 0) {
		msg.msg_control = control.buf;
		msg.msg_controllen = sizeof(control.buf);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	sent = sendmsg(sock, &msg, MSG_NOSIGNAL);
	if (fd >= 0)
		close(fd);
	return sent == sizeof(err) ? 0 : -1;
}

/* The child's whole life. O_NONBLOCK: a FIFO must not hold it. */
static void serve(int sock, const char *path)
{
	char request;

	while (recv(sock, &request, sizeof(request), 0) == sizeof(request))
		if (answer(sock, open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)))
			return;
}

static void become_broker(int sock, const char *path)
{
	/* It ends with the node, not with a signal to all that have the node's name or terminal. */
	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	prctl(PR_SET_NAME, "mevnode-config");
	close(STDIN_FILENO);
	close(STDOUT_FILENO); /* whose reader waits for the node to close it */
	if (privileges_drop()) {
		log_err("cannot drop privileges: %s; not going on with them", strerror(errno));
		_exit(EXIT_FAILED);
	}
	if (sandbox_enter(SANDBOX_BROKER))
		_exit(EXIT_HOST);
	serve(sock, path);
	_exit(EXIT_DONE);
}

int broker_start(const char *path)
{
	int socks[2], err;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, socks)) {
		err = -errno;
		goto fail;
	}
	pid = fork();
	if (!pid) {
		close(socks[0]);
		become_broker(socks[1], path);
	}
	err = pid < 0 ? -errno : 0;
	close(socks[1]);
	if (!err) {
		broker_fd = socks[0];
		return 0;
	}
	close(socks[0]);
fail:
	log_err("cannot start the process that opens %s: %s", path, strerror(-err));
	return err;
}

int broker_open_config(void)
{
	const char request = 0;
	int err, fd = -1;
	struct iovec iov = { .iov_base = &err, .iov_len = sizeof(err) };
	union control control = { 0 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
	struct cmsghdr *c;
	ssize_t len;

	if (send(broker_fd, &request, sizeof(request), MSG_NOSIGNAL) < 0)
		return -errno;
	len = recvmsg(broker_fd, &msg, MSG_CMSG_CLOEXEC);
	if (len != sizeof(err))
		return len < 0 ? -errno : -EPIPE;
	if (err)
		return -err;
	c = CMSG_FIRSTHDR(&msg);
	if (!c || c->cmsg_type != SCM_RIGHTS)
		return -EPROTO;
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

void broker_stop(void)
{
	if (broker_fd >= 0)
		close(broker_fd);
	broker_fd = -1;
}
