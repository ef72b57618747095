/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * adopt - the filter that somebody else attached, through the maps that their loader pinned
 *
 * xdp-loader pins where -p says, else in the root of the bpffs; ip link in xdp/globals. Program and
 * pins stay theirs. The directory is locked as a node's own: one node a set of maps. One thread.
 */
#ifndef MEV_ADOPT_H
#define MEV_ADOPT_H

#include <bpf/libbpf.h>

#include "attached.h"
#include "maps_abi.h"
#include "netif.h"
#include "pins.h"
#include "pool.h"

/*
 * Gives the pinned maps of the filter on `netif` to the maps of `obj`, which is open and not loaded:
 * they have the layout of ours, room for `pool_cnt` pools, and the attached program uses these very
 * maps. `pin_dir`: where to look, or NULL for where the loaders put them; *pins then holds it.
 *
 * 0, or logged: -ENOENT, no filter or no pins; -EINVAL, not in the `pin_dir` given; -EBUSY, the
 * program is somebody else's or another node serves it; -EOPNOTSUPP, another version's layout;
 * -EPERM.
 */
int adopt_maps(struct bpf_object *obj, const struct netif *netif, const struct attached *on,
	       const char *pin_dir, __u32 pool_cnt, struct pins *pins);

/*
 * Makes adopted maps as new: no pool, no feed, counters at zero. The program, which may be running,
 * passes every frame from here until config->ready is set. 0 or -errno.
 */
int adopt_empty(struct bpf_object *obj, struct mev_config *config, struct mev_pool *pools,
		__u32 pool_room);

/* Every run of the program that may have seen the maps as they were before has ended on return. */
void adopt_wait_for_runs(void);

#endif /* MEV_ADOPT_H */
