/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * filter_prog - the XDP program and its maps, from userspace
 *
 * Open loads program and maps and pins the maps; attach comes next, and start when everything that
 * the program leads to is in place; detach comes first at the end. The program hangs on a BPF link, which the
 * kernel detaches when the process ends in whatever way; pins would stay, so the next open removes
 * what a killed node left. One node a pin directory, by flock on it.
 * One thread; config and pools are mapped memory, which workers read.
 */
#ifndef MEV_FILTER_PROG_H
#define MEV_FILTER_PROG_H

#include <stdbool.h>

#include "config.h"
#include "latency.h"
#include "maps_abi.h"
#include "netif.h"
#include "pool.h"
#include "verdict.h"

struct filter_prog;

/*
 * Loads for `netif` and as many as `pool_cnt` pools. Maps are pinned in `pin_dir` (NULL: the
 * default), created if need be; where that is not in a bpffs the program does without pins, and says
 * so. Refuses (-EBUSY) an interface that has an XDP program and a pin directory that a running node
 * holds. `adopt`: instead takes over the filter that is attached there, by its pins (adopt.h).
 * Logs why it fails; -EPERM, -EACCES: privileges; -EINVAL, only if `pin_dir` is not NULL: it is wrong.
 */
int filter_prog_open(struct filter_prog **out, const struct netif *netif, const char *pin_dir,
		     __u32 pool_cnt, bool adopt);

/* Whether an adopted program is in the driver. */
bool filter_prog_native(const struct filter_prog *fp);

/* Detaches and unpins, unless adopted; frees. Accepts NULL. */
void filter_prog_close(struct filter_prog *fp);

/*
 * Fills feeds and configuration; pools are not among it. The program passes every frame until it is started.
 * `own_ip`: an address whose frames the program leads to userspace as well, or 0.
 */
int filter_prog_configure(struct filter_prog *fp, const struct config *config, __u32 flags,
			  __be32 own_ip, enum mev_engine engine);

/* The program finds the pool from now on in `slot`, whose line is filled. 0 or -errno. */
int filter_prog_add_pool(struct filter_prog *fp, const __u8 address[MEV_ADDRESS_LEN], __u32 slot);
/* Nor does it find it any more; one that it did not find is fine. 0 or -errno. */
int filter_prog_remove_pool(struct filter_prog *fp, const __u8 address[MEV_ADDRESS_LEN]);

/*
 * All that the program finds at present, whoever has put it there: *out, the caller's to free, and
 * how many. 0 or -errno; -EPERM: this kernel lets only the privileged look.
 */
struct filter_pool {
	struct mev_address address;
	__u32 slot;
};
int filter_prog_find_pools(const struct filter_prog *fp, struct filter_pool **out, __u32 *cnt);

/* The counters of the pool in `slot` start again. */
void filter_prog_clear_counters(struct filter_prog *fp, __u32 slot);

/*
 * Another configuration and other feeds, while the program judges: thresholds, ports (both at
 * once), front-run and feeds change one after the other, each as a whole. 0 or -errno, of the
 * feeds.
 */
int filter_prog_reconfigure(struct filter_prog *fp, const struct config *config);

/*
 * The id of what was found or put on the interface; 0: the kernel will not say. *dispatcher: it is
 * libxdp's, which calls an adopted filter.
 */
__u32 filter_prog_attached(const struct filter_prog *fp, bool *dispatcher);

/* The program starts to judge. */
void filter_prog_start(struct filter_prog *fp);

/* Leads candidates of `queue` to the socket `xsk_fd`. */
int filter_prog_set_xsk(struct filter_prog *fp, __u32 queue, int xsk_fd);

/*
 * Attaches in the driver (native) or in the generic hook. Not logged: -EOPNOTSUPP, this driver has no
 * such hook, and -ERANGE and -ENOSPC, it refuses with its present MTU or queues. The rest is logged.
 */
int filter_prog_attach(struct filter_prog *fp, bool native);

/* No frame is redirected after it returns. An adopted program stays and leads candidates to the kernel. */
void filter_prog_detach(struct filter_prog *fp);

const struct mev_config *filter_prog_config(const struct filter_prog *fp);
struct mev_pool *filter_prog_pools(const struct filter_prog *fp);
/* Entries of the latter. */
__u32 filter_prog_room(const struct filter_prog *fp);

/* The program's counters, summed over CPUs. 0 or -errno. */
int filter_prog_counters(const struct filter_prog *fp, struct mev_counters *sum);

/* Adds the latencies of the program's own decisions to *into. 0 or -errno. */
int filter_prog_decisions(const struct filter_prog *fp, struct latency_hist *into);

/* Its counters for the pools in the first `cnt` slots; 0 for those that an adopted map has no room for. */
int filter_prog_pool_counters(const struct filter_prog *fp, __u32 cnt,
			      struct mev_pool_counters *sums);

/* The kernel's id of mev_config, by which others know the program's maps; 0: it will not say. */
__u32 filter_prog_map_id(const struct filter_prog *fp);

#endif /* MEV_FILTER_PROG_H */
