/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * config - the configuration file: thresholds, front-run, pools
 *
 * INI, read by libinih. Unknown sections and keys, bad values and duplicates are errors that name
 * file, line and remedy. Owns the memory of its pools.
 */
#ifndef MEV_CONFIG_H
#define MEV_CONFIG_H

#include <linux/types.h>

#include "maps_abi.h"
#include "pool.h"

struct config_pool {
	__u8 address[MEV_ADDRESS_LEN];
	__u32 fee_n, fee_d;       /* amm.h: n = fee_den - fee_num, d = fee_den */
	__u64 reserve0, reserve1; /* both 0: wait for the first update */
	int line;
};

struct config {
	struct mev_config node; /* all but `ready` and `mac` */
	struct config_pool *pools;
	__u32 pool_cnt;
	struct mev_feed_key *feeds; /* sources of updates to believe, if MEV_FEED_RESTRICTED */
	__u32 feed_cnt;
};

/* The pool's line as both back ends keep it (pool.h). */
void config_pool_line(const struct config_pool *from, struct mev_pool *line);

/* The built-in defaults with the two pools of wire.md. 0 or -ENOMEM. */
int config_default(struct config *c);

/*
 * Reads `path`. Returns 0, -EINVAL (logged: file, line, remedy), -ENOMEM or what opening it
 * returned (logged). *c is only to be freed after 0.
 */
int config_load(struct config *c, const char *path);

/*
 * The same from an open file, which it closes; an fd of -errno is the reason why it is not open.
 * What is wrong is said with `consequence` at its end, unless that is NULL.
 */
int config_load_fd(struct config *c, int fd, const char *path, const char *consequence);

void config_free(struct config *c);

#endif /* MEV_CONFIG_H */
