/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * attached - the XDP program on an interface: which, held by whom, and whether it is our filter
 *
 * Questions without side effects, from any thread. What is attached needs no privileges to ask; its
 * name, its link and its maps take CAP_SYS_ADMIN (BPF_PROG_GET_FD_BY_ID).
 */
#ifndef MEV_ATTACHED_H
#define MEV_ATTACHED_H

#include <linux/types.h>
#include <stdbool.h>

#include "netif.h"

struct attached {
	__u32 prog_id; /* 0: none attached */
	__u32 link_id; /* of the BPF link that holds it; 0: none, so it outlives its loader */
	/* Our filter: prog_id, or one that libxdp's dispatcher calls; 0: it is not there. */
	__u32 filter_id;
	bool native;
	bool visible; /* the rest is known */
	char name[16];
};

/* 0 or -errno. Does not log. */
int attached_query(__u32 ifindex, struct attached *out);

/* Says that a program is left alone, and how to go on. Returns -EBUSY. */
int attached_refuse(const struct netif *netif, const struct attached *on);

/* Whether program `prog_id` uses map `map_id`. */
bool attached_uses_map(__u32 prog_id, __u32 map_id);

#endif /* MEV_ATTACHED_H */
