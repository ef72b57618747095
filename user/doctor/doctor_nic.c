// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "doctor_nic.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

int doctor_ethtool(const char *ifname, void *command)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;
	struct ifreq ifr = { .ifr_data = command };

	if (fd < 0)
		return -errno;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", ifname);
	if (ioctl(fd, SIOCETHTOOL, &ifr))
		err = -errno;
	close(fd);
	return err;
}

/* Offloads. */

/* The kernel writes all the names there are, however little room: so their number comes first. */
static int query_feature_cnt(const char *ifname, __u32 *cnt)
{
	union {
		struct ethtool_sset_info info;
		char room[sizeof(struct ethtool_sset_info) + sizeof(__u32)];
	} ask = { .info = { .cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ULL << ETH_SS_FEATURES } };
	int err = doctor_ethtool(ifname, &ask);

	if (err)
		return err;
	if (!ask.info.sset_mask)
		return -EOPNOTSUPP;
	*cnt = ask.info.data[0];
	return *cnt <= DOCTOR_MAX_FEATURES ? 0 : -E2BIG;
}

static int query_feature_names(const char *ifname, struct doctor_features *out)
{
	union {
		struct ethtool_gstrings head;
		char room[sizeof(struct ethtool_gstrings) + sizeof(out->names)];
	} ask = {
		.head = { .cmd = ETHTOOL_GSTRINGS, .string_set = ETH_SS_FEATURES, .len = out->cnt }
	};
	int err = doctor_ethtool(ifname, &ask);

	if (!err)
		memcpy(out->names, ask.head.data, sizeof(out->names));
	return err;
}

int doctor_query_features(const char *ifname, struct doctor_features *out)
{
	union {
		struct ethtool_gfeatures head;
		char room[sizeof(struct ethtool_gfeatures) + sizeof(out->blocks)];
	} ask = { .head = { .cmd = ETHTOOL_GFEATURES, .size = DOCTOR_MAX_FEATURES / 32 } };
	int err;

	*out = (struct doctor_features){ 0 };
	err = query_feature_cnt(ifname, &out->cnt);
	if (!err)
		err = query_feature_names(ifname, out);
	if (!err)
		err = doctor_ethtool(ifname, &ask);
	if (!err)
		memcpy(out->blocks, ask.head.features, sizeof(out->blocks));
	else
		out->cnt = 0;
	return err;
}

enum doctor_feature doctor_feature(const struct doctor_features *f, const char *name)
{
	for (__u32 i = 0; i < f->cnt; i++) {
		const struct ethtool_get_features_block *b = &f->blocks[i / 32];
		__u32 bit = 1u << i % 32;

		if (strncmp(f->names[i], name, ETH_GSTRING_LEN))
			continue;
		if (!(b->active & bit))
			return DOCTOR_FEATURE_OFF;
		return b->available & bit && !(b->never_changed & bit) ? DOCTOR_FEATURE_ON :
									 DOCTOR_FEATURE_FIXED;
	}
	return DOCTOR_FEATURE_UNKNOWN;
}
