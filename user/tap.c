// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "netif.h"

#define TUN_DEVICE "/dev/net/tun"

bool tap_exists(const char *name)
{
	return if_nametoindex(name) != 0;
}

static void explain_device(int err)
{
	if (err == -ENOENT || err == -ENODEV || err == -ENXIO)
		log_err("cannot open " TUN_DEVICE ": %s; load the driver with `modprobe tun`, and "
			"in a container pass the device in (--device " TUN_DEVICE ")",
			strerror(-err));
	else
		log_err("cannot open " TUN_DEVICE ": %s; run as root, or let an administrator "
			"`chmod 0666 " TUN_DEVICE "` and run scripts/setup_tap.sh once",
			strerror(-err));
}

static void explain_attach(const char *name, bool multi_queue, int err)
{
	struct netif netif;

	switch (err) {
	case -EPERM:
	case -EACCES:
		log_err("cannot open TAP device %s: %s; run as root or with CAP_NET_ADMIN, or make "
			"it yours with scripts/setup_tap.sh",
			name, strerror(-err));
		break;
	case -EBUSY:
		log_err("TAP device %s is busy: another process holds it; stop that one, or choose "
			"another device with --interface",
			name);
		break;
	case -EINVAL:
		if (!netif_query(name, &netif) && strcmp(netif.driver, "tun"))
			log_err("%s is no TAP device but a %s; choose another name with "
				"--interface",
				name, netif.driver[0] ? netif.driver : "device of another kind");
		else
			log_err("TAP device %s was made %s multi_queue, or is a TUN device; remove "
				"it (`ip link del %s`) and make it again: ip tuntap add %s mode "
				"tap%s",
				name, multi_queue ? "without" : "with", name, name,
				multi_queue ? " multi_queue" : "");
		break;
	case -E2BIG:
		log_err("TAP device %s has as many queues open as the kernel allows (256)", name);
		break;
	default:
		log_err("cannot open TAP device %s: %s", name, strerror(-err));
	}
}

/*
 * A thousand TCP clients that send at once overflow the default of 500 frames, and wait for their
 * timers. Whoever may not change it has had setup_tap.sh do so.
 */
static void lengthen_queue(struct ifreq *ifr)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	if (!ioctl(fd, SIOCGIFTXQLEN, ifr) && ifr->ifr_qlen < TAP_QUEUE_LEN) {
		ifr->ifr_qlen = TAP_QUEUE_LEN;
		if (ioctl(fd, SIOCSIFTXQLEN, ifr))
			log_debug("cannot lengthen the queue of %s: %s", ifr->ifr_name,
				  strerror(errno));
	}
	close(fd);
}

int tap_open(const char *name, bool multi_queue, int *fd)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	int tap, err;

	if (!name[0] || strlen(name) >= sizeof(ifr.ifr_name) || strpbrk(name, "/%: \t\n")) {
		log_err("%s: not a name for an interface", name[0] ? name : "(empty)");
		return -EINVAL;
	}
	tap = open(TUN_DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (tap < 0) {
		err = -errno;
		explain_device(err);
		return err;
	}
	if (multi_queue)
		ifr.ifr_flags |= IFF_MULTI_QUEUE;
	strcpy(ifr.ifr_name, name);
	if (ioctl(tap, TUNSETIFF, &ifr)) {
		err = -errno;
		explain_attach(name, multi_queue, err);
		close(tap);
		return err;
	}
	lengthen_queue(&ifr);
	*fd = tap;
	return 0;
}

static int set_address(int fd, struct ifreq *ifr, unsigned long request, __be32 value)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = value };

	memcpy(&ifr->ifr_addr, &in, sizeof(in));
	return ioctl(fd, request, ifr) ? -errno : 0;
}

/* Gives the address where there is none. */
static int give_address(int fd, struct ifreq *ifr, __be32 addr, __u8 prefix_len)
{
	char have[INET_ADDRSTRLEN], want[INET_ADDRSTRLEN];
	struct sockaddr_in in;
	int err;

	if (!ioctl(fd, SIOCGIFADDR, ifr)) {
		memcpy(&in, &ifr->ifr_addr, sizeof(in));
		if (in.sin_addr.s_addr != addr)
			log_info("%s has the address %s already: %s is not added", ifr->ifr_name,
				 inet_ntop(AF_INET, &in.sin_addr, have, sizeof(have)),
				 inet_ntop(AF_INET, &addr, want, sizeof(want)));
		return 0;
	}
	if (errno != EADDRNOTAVAIL)
		return -errno;
	err = set_address(fd, ifr, SIOCSIFADDR, addr);
	if (!err)
		err = set_address(fd, ifr, SIOCSIFNETMASK,
				  prefix_len ? htonl(~0U << (32 - prefix_len)) : 0);
	return err;
}

static int set_up(int fd, struct ifreq *ifr)
{
	if (ioctl(fd, SIOCGIFFLAGS, ifr))
		return -errno;
	if (ifr->ifr_flags & IFF_UP)
		return 0;
	ifr->ifr_flags |= IFF_UP;
	return ioctl(fd, SIOCSIFFLAGS, ifr) ? -errno : 0;
}

int tap_host_address(const char *name, __be32 addr, __u8 prefix_len)
{
	struct ifreq ifr = { 0 };
	char text[INET_ADDRSTRLEN];
	int fd, err;

	if (strlen(name) >= sizeof(ifr.ifr_name) || prefix_len > 32)
		return -EINVAL;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	strcpy(ifr.ifr_name, name);
	err = give_address(fd, &ifr, addr, prefix_len);
	if (!err)
		err = set_up(fd, &ifr);
	close(fd);
	if (err)
		log_err("cannot give %s the address %s/%u and set it up: %s; as root: ip addr add "
			"%s/%u dev %s && ip link set %s up, or run scripts/setup_tap.sh",
			name, inet_ntop(AF_INET, &addr, text, sizeof(text)), prefix_len,
			strerror(-err), text, prefix_len, name, name);
	return err;
}
