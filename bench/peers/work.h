/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * work - the node's filter and economics, for responders without the node
 *
 * The same code on the same configuration, so that what is compared is I/O alone. Whole frames go
 * through the filter of the TAP back end and the hot path, records without a frame through
 * hot_path_record(). One thread at a time; pools may be updated by another.
 */
#ifndef MEVPEER_WORK_H
#define MEVPEER_WORK_H

#include "config.h"
#include "hot_path.h"
#include "netif.h"
#include "user_filter.h"

struct work {
	struct config source;
	struct mev_config config;
	struct mev_pool *pools;
	struct mev_pool_counters *counters;
	struct pool_table *index;
	struct user_filter filter;
	struct hot_path hot_path;
};

/* For frames to `netif`. 0 or -errno, logged; work_close() in either case. */
int work_open(struct work *w, const char *config_path, const struct netif *netif);

/* Accepts one that is all zero. */
void work_close(struct work *w);

/* What becomes of a frame; MEV_REPLIED: it now is the reply, of *reply_len bytes. */
enum mev_verdict work_frame(struct work *w, void *frame, __u32 len, __u32 *reply_len);

/* What becomes of a datagram to the swap port; MEV_REPLIED: *reply is filled in. */
enum mev_verdict work_datagram(const struct work *w, const void *payload, size_t len,
			       struct swap_reply *reply);

#endif /* MEVPEER_WORK_H */
