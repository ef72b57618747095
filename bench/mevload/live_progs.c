// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "live_progs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attached.h"
#include "live.skel.h"
#include "live_filter.skel.h"
#include "live_maps.h"
#include "live_peer.h"
#include "log.h"
#include "privileges.h"

#ifndef BPF_F_XDP_HAS_FRAGS
#define BPF_F_XDP_HAS_FRAGS (1U << 5)
#endif

/* Frames that the kernel makes and hands on at a time; NAPI's weight. */
#define BATCH 64

struct live_progs {
	struct live_bpf *bpf;
	struct live_filter_bpf *filter;
	struct attached attached;
	int attached_fd;
	int verdicts_fd; /* counters of the attached filter */
	int peer_link_fd;
	__u32 ifindex;
};

static bool wanted(const struct live_options *o, enum live_program program)
{
	for (__u32 i = 0; i < o->program_cnt; i++)
		if (o->programs[i] == program)
			return true;
	return false;
}

/* What programs have to have in common with one that they call. */
struct kind_of_prog {
	enum bpf_attach_type attach_type; /* since Linux 6.18 */
	__u32 flags;
};

static int set_kind(struct bpf_object *object, const struct kind_of_prog *kind)
{
	struct bpf_program *prog;
	int err = 0;

	bpf_object__for_each_program(prog, object) {
		err = bpf_program__set_flags(prog, kind->flags);
		if (!err)
			err = bpf_program__set_expected_attach_type(prog, kind->attach_type);
		if (err)
			break;
	}
	return err;
}

static int load_as(struct live_progs *p, const struct live_options *o,
		   const struct kind_of_prog *kind)
{
	int err;

	live_bpf__destroy(p->bpf);
	p->bpf = live_bpf__open();
	if (!p->bpf)
		return -errno;
	p->bpf->rodata->swap_port = o->ends.to_port;
	err = set_kind(p->bpf->obj, kind);
	return err ? err : live_bpf__load(p->bpf);
}

static int point_at(struct live_progs *p, int prog_fd)
{
	const __u32 zero = 0;

	return bpf_map_update_elem(bpf_map__fd(p->bpf->maps.under_test), &zero, &prog_fd, 0);
}

/* Loads generate() so that it may call the attached program, which may be loaded in several ways. */
static int load(struct live_progs *p, const struct live_options *o, struct kind_of_prog *kind)
{
	static const struct kind_of_prog kinds[] = {
		{ BPF_XDP, 0 },
		{ BPF_XDP, BPF_F_XDP_HAS_FRAGS },
		{ 0, 0 },
		{ 0, BPF_F_XDP_HAS_FRAGS },
	};
	int err = 0;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		*kind = kinds[i];
		err = load_as(p, o, kind);
		if (err) {
			log_err("cannot load the generator's XDP programs: %s%s", strerror(-err),
				err == -EPERM ? privileges_remedy() : "");
			return err;
		}
		if (p->attached_fd < 0)
			return 0;
		err = point_at(p, p->attached_fd);
		if (!err)
			return 0;
	}
	log_err("XDP program %u (%s) on %s cannot be called by another: %s; leave attached and "
		"filter_drop out of --program",
		p->attached.prog_id, p->attached.name, o->interface, strerror(-err));
	return err;
}

static int find_attached(struct live_progs *p, const struct live_options *o)
{
	bool filter_drop = wanted(o, LIVE_FILTER_DROP);
	int err;

	if (!wanted(o, LIVE_ATTACHED) && !filter_drop)
		return 0;
	err = attached_query(p->ifindex, &p->attached);
	if (!err && !p->attached.prog_id)
		err = -ENOENT;
	if (err) {
		log_err("%s has no XDP program to measure: %s; start a node there, or leave attached "
			"and filter_drop out of --program",
			o->interface, strerror(-err));
		return err;
	}
	if (filter_drop && !p->attached.filter_id) {
		log_err("the XDP program on %s (%s) is not mev_filter: leave filter_drop out of "
			"--program",
			o->interface, p->attached.name);
		return -EINVAL;
	}
	p->attached_fd = bpf_prog_get_fd_by_id(p->attached.prog_id);
	if (p->attached_fd < 0) {
		log_err("cannot take hold of XDP program %u on %s: %s%s", p->attached.prog_id,
			o->interface, strerror(-p->attached_fd), privileges_remedy());
		return p->attached_fd;
	}
	return 0;
}

/* The filter's counters, and its text over its maps. */
static int open_filter(struct live_progs *p, const struct live_options *o,
		       const struct kind_of_prog *kind)
{
	int fd, err = 0;

	if (!p->attached.filter_id)
		return 0;
	fd = bpf_prog_get_fd_by_id(p->attached.filter_id);
	if (fd < 0)
		return fd;
	p->verdicts_fd = live_maps_find(fd, "mev_verdicts");
	if (wanted(o, LIVE_FILTER_DROP)) {
		p->filter = live_filter_bpf__open();
		err = p->filter ? set_kind(p->filter->obj, kind) : -errno;
		if (!err)
			err = live_maps_reuse(p->filter->obj, fd);
		if (!err)
			err = live_filter_bpf__load(p->filter);
		if (err)
			log_err("cannot load the filter over the attached one's maps: %s",
				strerror(-err));
	}
	close(fd);
	return err;
}

int live_progs_open(struct live_progs **out, const struct live_options *o,
		    const struct netif *netif, const struct live_frames *frames)
{
	struct live_progs *p = calloc(1, sizeof(*p));
	struct kind_of_prog kind;
	int err;

	if (!p) {
		log_err("out of memory for the programs");
		return -ENOMEM;
	}
	p->attached_fd = p->verdicts_fd = p->peer_link_fd = -1;
	p->ifindex = netif->index;
	err = find_attached(p, o);
	if (!err)
		err = load(p, o, &kind);
	if (!err)
		err = open_filter(p, o, &kind);
	if (!err && o->peer) {
		p->peer_link_fd = live_peer_attach(o->peer_netns, o->peer,
						   bpf_program__fd(p->bpf->progs.arrive));
		err = p->peer_link_fd < 0 ? p->peer_link_fd : 0;
	}
	if (err) {
		live_progs_close(p);
		return err;
	}
	memcpy(p->bpf->bss->frames, frames->bytes, sizeof(frames->bytes));
	*out = p;
	return 0;
}

void live_progs_close(struct live_progs *p)
{
	if (!p)
		return;
	if (p->peer_link_fd >= 0) {
		bpf_link_detach(p->peer_link_fd);
		close(p->peer_link_fd);
	}
	live_filter_bpf__destroy(p->filter);
	live_bpf__destroy(p->bpf);
	if (p->verdicts_fd >= 0)
		close(p->verdicts_fd);
	if (p->attached_fd >= 0)
		close(p->attached_fd);
	free(p);
}

static int prog_fd(const struct live_progs *p, enum live_program program)
{
	switch (program) {
	case LIVE_DROP:
		return bpf_program__fd(p->bpf->progs.drop);
	case LIVE_PASS:
		return bpf_program__fd(p->bpf->progs.pass);
	case LIVE_PARSE:
		return bpf_program__fd(p->bpf->progs.parse);
	case LIVE_REFLECT:
		return bpf_program__fd(p->bpf->progs.reflect);
	case LIVE_FILTER_DROP:
		return bpf_program__fd(p->filter->progs.filter_drop);
	default:
		return p->attached_fd;
	}
}

int live_progs_select(struct live_progs *p, enum live_program program)
{
	int err = point_at(p, prog_fd(p, program));

	if (err)
		log_err("program %s cannot be called by another: %s", live_program_name(program),
			strerror(-err));
	p->bpf->bss->made = p->bpf->bss->missed = 0;
	return err;
}

int live_progs_run(struct live_progs *p, __u32 cnt, __u64 *made)
{
	struct xdp_md md = { .data_end = LIVE_LEN, .ingress_ifindex = p->ifindex };
	__u8 bytes[LIVE_LEN] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = bytes, .data_size_in = sizeof(bytes),
		    .ctx_in = &md, .ctx_size_in = sizeof(md), .repeat = (int)cnt,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = BATCH);
	int err = bpf_prog_test_run_opts(bpf_program__fd(p->bpf->progs.generate), &opts);

	*made = p->bpf->bss->made;
	if (!err && p->bpf->bss->missed)
		err = -EFAULT;
	if (err && err != -EINTR)
		log_err("cannot run live frames: %s%s", strerror(-err),
			err == -EINVAL ? "; they need Linux 5.18" :
			err == -EPERM  ? privileges_remedy() :
					 "");
	return err == -EINTR ? 0 : err;
}

const char *live_progs_attached(const struct live_progs *p, __u32 *id)
{
	*id = p->attached.prog_id;
	return p->attached.name;
}

bool live_progs_counts(const struct live_progs *p, enum live_program program)
{
	return p->verdicts_fd >= 0 && (program == LIVE_ATTACHED || program == LIVE_FILTER_DROP);
}

int live_progs_verdicts(const struct live_progs *p, struct mev_counters *sum)
{
	int err = live_maps_sum(p->verdicts_fd, sum, sizeof(*sum));

	if (err)
		log_err("cannot read the filter's counters: %s", strerror(-err));
	return err;
}

int live_progs_came_back(const struct live_progs *p, struct live_came_back *sum)
{
	int err = live_maps_sum(bpf_map__fd(p->bpf->maps.came_back), sum, sizeof(*sum));

	if (err)
		log_err("cannot read the peer's counters: %s", strerror(-err));
	return err;
}
