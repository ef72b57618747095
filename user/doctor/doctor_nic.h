/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * doctor_nic - questions to a driver: ethtool ioctls and sysfs
 *
 * Questions without side effects; most need no privileges.
 */
#ifndef MEV_DOCTOR_NIC_H
#define MEV_DOCTOR_NIC_H

#include <linux/ethtool.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#include "netif.h"

/* SIOCETHTOOL with `command`, a struct that begins with its ETHTOOL_G*. 0 or -errno. */
int doctor_ethtool(const char *ifname, void *command);

/* Offloads by the kernel's names, such as "rx-lro" (net/ethtool/common.c). */
#define DOCTOR_MAX_FEATURES 128
struct doctor_features {
	__u32 cnt;
	char names[DOCTOR_MAX_FEATURES][ETH_GSTRING_LEN];
	struct ethtool_get_features_block blocks[DOCTOR_MAX_FEATURES / 32];
};

enum doctor_feature {
	DOCTOR_FEATURE_UNKNOWN,
	DOCTOR_FEATURE_OFF,
	DOCTOR_FEATURE_ON,
	DOCTOR_FEATURE_FIXED, /* on, and cannot be turned off */
};

/* 0 or -errno. */
int doctor_query_features(const char *ifname, struct doctor_features *out);

enum doctor_feature doctor_feature(const struct doctor_features *f, const char *name);

#endif /* MEV_DOCTOR_NIC_H */
