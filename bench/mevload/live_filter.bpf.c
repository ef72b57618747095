// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * mevload live - the node's filter, but that what it passes is dropped
 *
 * A frame that is passed goes on into the kernel's stack, which costs ten times what the filter
 * does and hides it. This is the filter's own text, over the maps of the one that is attached.
 */
#include "mev_filter.bpf.c"

SEC("xdp")
__attribute__((flatten)) int filter_drop(struct xdp_md *ctx)
{
	int action = mev_filter(ctx);

	return action == XDP_PASS ? XDP_DROP : action;
}
