// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "netif.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
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

int netif_read_line(const char *path, char *out, size_t len)
{
	FILE *f = fopen(path, "re");
	int err = 0;

	out[0] = '\0';
	if (!f)
		return -errno;
	if (!fgets(out, (int)len, f))
		err = -EIO;
	else
		out[strcspn(out, "\n")] = '\0';
	fclose(f);
	return err;
}

static int read_attribute(const char *ifname, const char *file, char *out, size_t len)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/class/net/%s/%s", ifname, file);
	return netif_read_line(path, out, len);
}

int netif_read_sysfs(const struct netif *netif, const char *file, char *out, size_t len)
{
	char index[16], address[32], mac[32];
	const __u8 *m = netif->mac;
	int err;

	/* Index and name are often the same in two namespaces, the address hardly ever. */
	err = read_attribute(netif->name, "ifindex", index, sizeof(index));
	if (!err)
		err = read_attribute(netif->name, "address", address, sizeof(address));
	if (err)
		return err;
	snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4],
		 m[5]);
	if (strtoul(index, NULL, 10) != netif->index || strcmp(address, mac))
		return -ESTALE;
	return read_attribute(netif->name, file, out, len);
}

/*
 * virtio_net's channels count its queues for XDP_TX as well, by which the kernel sends nothing: those
 * that it does send by have a folder in sysfs.
 */
static __u32 count_tx_queues(int fd, struct ifreq *ifr, const struct netif *netif)
{
	struct ethtool_channels channels = { .cmd = ETHTOOL_GCHANNELS };
	char file[48], unused[16];
	__u32 cnt;

	if (ask_ethtool(fd, ifr, &channels))
		return 0;
	cnt = channels.combined_count + channels.tx_count;
	if (netif_read_sysfs(netif, "queues/tx-0/tx_timeout", unused, sizeof(unused)))
		return cnt;
	for (__u32 i = 1; i < cnt; i++) {
		snprintf(file, sizeof(file), "queues/tx-%u/tx_timeout", i);
		if (netif_read_sysfs(netif, file, unused, sizeof(unused)))
			return i;
	}
	return cnt;
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
	out->tx_queues = count_tx_queues(fd, &ifr, out);
	goto close_fd;

fail:
	err = -errno;
close_fd:
	close(fd);
	return err;
}
