// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * reflect - swapped addresses and XDP_TX: no userspace at all, the least that a round trip can take
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "attach.h"
#include "peer.h"

static int reflect_open(struct peer *p)
{
	struct attach *a = calloc(1, sizeof(*a));
	int err;

	if (!a)
		return -ENOMEM;
	p->own = a;
	err = attach_load(a, p);
	return err ? err : attach_xdp(a, p, a->bpf->progs.mevpeer_reflect);
}

static void reflect_loop(struct peer *p)
{
	struct pollfd end = { .fd = p->wake_fd, .events = POLLIN };

	while (!peer_stopping(p))
		poll(&end, 1, -1);
}

static void count(struct peer *p, const struct attach *a)
{
	int cpu_cnt = libbpf_num_possible_cpus(), fd;
	__u64 *counts;
	__u32 zero = 0;

	if (cpu_cnt <= 0)
		return;
	counts = calloc((size_t)cpu_cnt, sizeof(*counts));
	fd = bpf_map__fd(a->bpf->maps.mevpeer_reflected);
	if (counts && !bpf_map_lookup_elem(fd, &zero, counts))
		for (int i = 0; i < cpu_cnt; i++)
			mev_counter_of(&p->counters, MEV_REPLIED)->packets += counts[i];
	free(counts);
}

static void reflect_close(struct peer *p)
{
	struct attach *a = p->own;

	if (!a)
		return;
	if (a->link_fd >= 0)
		count(p, a);
	attach_close(a);
	free(a);
}

const struct peer_ops peer_reflect = {
	.name = "reflect",
	.what = "XDP_TX in the kernel, addresses swapped",
	.hooks = true,
	.open = reflect_open,
	.loop = reflect_loop,
	.close = reflect_close,
};
