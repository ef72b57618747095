// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "attached.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <xdp/libxdp.h>

#include "log.h"

#define FILTER "mev_filter"
#define DISPATCHER "xdp_dispatcher"

/* The BPF link that holds program `prog_id` on `ifindex`, or 0. */
static __u32 find_link(__u32 ifindex, __u32 prog_id)
{
	for (__u32 id = 0; !bpf_link_get_next_id(id, &id);) {
		struct bpf_link_info info = { 0 };
		__u32 len = sizeof(info);
		int fd = bpf_link_get_fd_by_id(id), err;

		if (fd < 0)
			continue; /* gone meanwhile */
		err = bpf_obj_get_info_by_fd(fd, &info, &len);
		close(fd);
		if (!err && info.type == BPF_LINK_TYPE_XDP && info.prog_id == prog_id &&
		    info.xdp.ifindex == ifindex)
			return id;
	}
	return 0;
}

/* Our filter among the programs that the dispatcher on an interface calls, or 0. */
static __u32 find_in_dispatcher(__u32 ifindex)
{
	struct xdp_multiprog *all = xdp_multiprog__get_from_ifindex((int)ifindex);
	struct xdp_program *prog = NULL;
	__u32 id = 0;

	if (libxdp_get_error(all))
		return 0;
	while (!id && (prog = xdp_multiprog__next_prog(prog, all)))
		if (!strcmp(xdp_program__name(prog), FILTER))
			id = xdp_program__id(prog);
	xdp_multiprog__close(all);
	return id;
}

int attached_query(__u32 ifindex, struct attached *out)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info);
	int fd, err;

	*out = (struct attached){ 0 };
	err = bpf_xdp_query((int)ifindex, 0, &query);
	if (err || query.attach_mode == XDP_ATTACHED_NONE)
		return err;
	/* With one program each in the driver and in the generic hook, the driver's comes first. */
	out->prog_id = query.drv_prog_id ? query.drv_prog_id :
		       query.hw_prog_id  ? query.hw_prog_id :
					   query.skb_prog_id;
	out->native = query.drv_prog_id || query.hw_prog_id;
	if (!out->prog_id)
		out->prog_id = query.prog_id;
	fd = bpf_prog_get_fd_by_id(out->prog_id);
	if (fd < 0)
		return 0;
	out->visible = !bpf_obj_get_info_by_fd(fd, &info, &len);
	close(fd);
	if (!out->visible)
		return 0;
	memcpy(out->name, info.name, sizeof(out->name));
	out->name[sizeof(out->name) - 1] = '\0';
	out->link_id = find_link(ifindex, out->prog_id);
	if (!strcmp(out->name, FILTER))
		out->filter_id = out->prog_id;
	else if (!strcmp(out->name, DISPATCHER))
		out->filter_id = find_in_dispatcher(ifindex);
	return 0;
}

int attached_refuse(const struct netif *netif, const struct attached *on)
{
	bool dispatched = on->filter_id && on->filter_id != on->prog_id;
	char which[24] = "--all";

	if (dispatched)
		snprintf(which, sizeof(which), "--id %u", on->filter_id);
	log_err("%s already has XDP program %u (%s%s), which is left alone: %s, or "
		"`xdp-loader unload %s %s`",
		netif->name, on->prog_id, on->visible ? on->name : "unknown",
		dispatched ? ", with mev_filter" : "",
		on->filter_id && !on->link_id ? "--adopt takes it over as it is" : "stop its owner",
		netif->name, which);
	return -EBUSY;
}

bool attached_uses_map(__u32 prog_id, __u32 map_id)
{
	__u32 map_ids[64] = { 0 }, len = sizeof(struct bpf_prog_info);
	struct bpf_prog_info info = { .nr_map_ids = 64, .map_ids = (__u64)(unsigned long)map_ids };
	int fd = bpf_prog_get_fd_by_id(prog_id), err;

	if (fd < 0)
		return false;
	err = bpf_obj_get_info_by_fd(fd, &info, &len);
	close(fd);
	for (__u32 i = 0; !err && i < info.nr_map_ids && i < 64; i++)
		if (map_ids[i] == map_id)
			return true;
	return false;
}
