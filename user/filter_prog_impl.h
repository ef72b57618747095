/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * filter_prog_impl - what filter_prog.c (life and contents) and filter_reload.c (contents that
 * change under traffic) share
 */
#ifndef MEV_FILTER_PROG_IMPL_H
#define MEV_FILTER_PROG_IMPL_H

#include "attached.h"
#include "filter_prog.h"
#include "mev_filter.skel.h"
#include "pins.h"

struct filter_prog {
	struct mev_filter_bpf *skel;
	struct netif netif;
	struct mev_config *config;
	struct mev_pool *pools;
	int link_fd; /* -1: not attached, or not by us */
	bool adopted;
	struct attached on; /* as it was before */
	struct pins pins;
};

#endif /* MEV_FILTER_PROG_IMPL_H */
