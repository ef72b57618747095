// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "attach.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "privileges.h"

int attach_load(struct attach *a, const struct peer *p)
{
	int err;

	a->link_fd = -1;
	a->bpf = mevpeer_bpf__open();
	err = a->bpf ? 0 : -errno;
	if (!err && p->ops->works) {
		a->bpf->rodata->swap_port = p->work.config.swap_port;
		a->bpf->rodata->update_port = p->work.config.update_port;
	}
	if (!err)
		err = mevpeer_bpf__load(a->bpf);
	if (err)
		log_err("cannot load the peer's BPF programs: %s%s", strerror(-err),
			err == -EPERM ? privileges_remedy() : "");
	return err;
}

int attach_xdp(struct attach *a, const struct peer *p, const struct bpf_program *prog)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts,
		    .flags = p->options->skb ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE);

	a->link_fd = bpf_link_create(bpf_program__fd(prog), (int)p->netif.index, BPF_XDP, &opts);
	if (a->link_fd >= 0)
		return 0;
	log_err("cannot attach to %s (%s): %s; %s", p->netif.name, p->netif.driver,
		strerror(-a->link_fd),
		a->link_fd == -EBUSY ? "another XDP program is there, stop its owner" :
				       "is there native XDP? if not, take --mode skb");
	return a->link_fd;
}

void attach_close(struct attach *a)
{
	if (a->link_fd >= 0) {
		bpf_link_detach(a->link_fd);
		close(a->link_fd);
	}
	mevpeer_bpf__destroy(a->bpf);
}
