// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "netif.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int ask_ethtool(int fd, struct ifreq *ifr, void *command)
{
	ifr->ifr_data = command;
	return ioctl(fd, SIOCETHTOOL, ifr);
}

/* Channels count queues as the driver has them set up; the ring count is the older question. */
static __u32 count_rx_queues(int fd, struct ifreq *ifr)
{
	struct ethtool_channels channels = { .cmd = ETHTOOL_GCHANNELS };
	struct ethtool_rxnfc rings = { .cmd = ETHTOOL_GRXRINGS };

	if (!ask_ethtool(fd, ifr, &channels) && channels.combined_count + channels.rx_count)
		return channels.combined_count + channels.rx_count;
	if (!ask_ethtool(fd, ifr, &rings) && rings.data)
		return (__u32)rings.data;
	return 1;
}

int netif_query(const char *name, struct netif *out)
{
	struct ethtool_drvinfo driver = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq ifr = { 0 };
	int fd, err = 0;

	if (strlen(name) >= sizeof(out->name))
		return -ENODEV;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;

	*out = (struct netif){ 0 };
	strcpy(out->name, name);
	strcpy(ifr.ifr_name, name);
	if (ioctl(fd, SIOCGIFINDEX, &ifr))
		goto fail;
	out->index = (__u32)ifr.ifr_ifindex;
	if (ioctl(fd, SIOCGIFHWADDR, &ifr))
		goto fail;
	memcpy(out->mac, ifr.ifr_hwaddr.sa_data, sizeof(out->mac));
	out->ethernet = ifr.ifr_hwaddr.sa_family == ARPHRD_ETHER ||
			ifr.ifr_hwaddr.sa_family == ARPHRD_LOOPBACK;
	if (ioctl(fd, SIOCGIFMTU, &ifr))
		goto fail;
	out->mtu = (__u32)ifr.ifr_mtu;
	if (ioctl(fd, SIOCGIFFLAGS, &ifr))
		goto fail;
	out->up = ifr.ifr_flags & IFF_UP;
	if (!ask_ethtool(fd, &ifr, &driver))
		memcpy(out->driver, driver.driver, sizeof(out->driver) - 1);
	out->rx_queues = count_rx_queues(fd, &ifr);
	goto close_fd;

fail:
	err = -errno;
close_fd:
	close(fd);
	return err;
}

int netif_watch_open(void)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
	int fd, err;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

bool netif_watch_gone(int fd, __u32 index)
{
	char buf[16384] __attribute__((aligned(NLMSG_ALIGNTO)));
	bool gone = false;
	ssize_t len;

	while ((len = recv(fd, buf, sizeof(buf), 0)) > 0) {
		size_t left = (size_t)len;

		for (struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
			struct ifinfomsg *link = NLMSG_DATA(h);

			if (h->nlmsg_type == RTM_DELLINK && (__u32)link->ifi_index == index)
				gone = true;
		}
	}
	/* ENOBUFS: events were lost, so ask. Any socket does, and the sandbox lets us make no other. */
	if (len < 0 && errno == ENOBUFS) {
		struct ifreq ifr = { .ifr_ifindex = (int)index };

		gone |= ioctl(fd, SIOCGIFNAME, &ifr) != 0;
	}
	return gone;
}
