// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "live_peer.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "netif.h"

static int attach(const char *interface, int prog_fd)
{
	struct netif netif;
	int fd = netif_query(interface, &netif);

	if (fd) {
		log_err("interface %s: %s; check --peer", interface, strerror(-fd));
		return fd;
	}
	fd = bpf_link_create(prog_fd, (int)netif.index, BPF_XDP, NULL);
	if (fd < 0)
		log_err("cannot attach to the peer %s (%s): %s%s", interface, netif.driver,
			strerror(-fd),
			fd == -EBUSY ? "; another XDP program is there, stop its owner" : "");
	return fd;
}

/* As attach(), over there. */
static int attach_in(int netns_fd, int home_fd, const char *interface, int prog_fd)
{
	int fd;

	if (setns(netns_fd, CLONE_NEWNET)) {
		fd = -errno;
		log_err("cannot enter the peer's network namespace: %s; run as root",
			strerror(-fd));
		return fd;
	}
	fd = attach(interface, prog_fd);
	if (setns(home_fd, CLONE_NEWNET)) {
		if (fd >= 0)
			close(fd);
		fd = -errno;
		log_err("cannot leave the peer's network namespace: %s", strerror(-fd));
	}
	return fd;
}

int live_peer_attach(const char *netns, const char *interface, int prog_fd)
{
	int home_fd, netns_fd, fd;

	if (!netns)
		return attach(interface, prog_fd);
	netns_fd = open(netns, O_RDONLY | O_CLOEXEC);
	if (netns_fd < 0) {
		fd = -errno;
		log_err("cannot open network namespace %s: %s; check --peer", netns, strerror(-fd));
		return fd;
	}
	home_fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	fd = home_fd < 0 ? -errno : attach_in(netns_fd, home_fd, interface, prog_fd);
	if (home_fd >= 0)
		close(home_fd);
	close(netns_fd);
	return fd;
}
