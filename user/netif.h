/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * netif - what the kernel says about a network interface
 *
 * Asked by ioctl where that tells it: sysfs shows the network namespace that mounted it, which
 * `nsenter --net=` does not change.
 */
#ifndef MEV_NETIF_H
#define MEV_NETIF_H

#include <linux/types.h>
#include <net/if.h>
#include <stdbool.h>

struct netif {
	char name[IF_NAMESIZE];
	char driver[32]; /* empty if unknown */
	__u32 index;
	__u32 mtu;
	__u32 rx_queues; /* in use; 1 if the driver does not say */
	__u32 tx_queues; /* that the kernel sends by; 0 if nobody says */
	__u8 mac[6];
	bool up;
	bool ethernet; /* frames have Ethernet headers */
};

/* 0, -ENODEV (no such interface) or another -errno. Does not log. */
int netif_query(const char *name, struct netif *out);

/* First line of a small file of /proc or /sys, without its end. 0 or -errno. */
int netif_read_line(const char *path, char *out, size_t len);

/*
 * The same of a file below /sys/class/net/IFACE. -ENOENT; -ESTALE: /sys is another network
 * namespace's, and what it shows is another interface of this name.
 */
int netif_read_sysfs(const struct netif *netif, const char *file, char *out, size_t len);

#endif /* MEV_NETIF_H */
