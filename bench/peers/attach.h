/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * attach - a peer's XDP program on its interface
 */
#ifndef MEVPEER_ATTACH_H
#define MEVPEER_ATTACH_H

#include "mevpeer.skel.h"
#include "peer.h"

struct attach {
	struct mevpeer_bpf *bpf;
	int link_fd; /* -1: none */
};

/* Loads for the ports of the peer's configuration. 0 or -errno, logged; attach_close() in either case. */
int attach_load(struct attach *a, const struct peer *p);

/* Attaches `prog` to the peer's interface, in the mode asked for. 0 or -errno, logged. */
int attach_xdp(struct attach *a, const struct peer *p, const struct bpf_program *prog);

void attach_close(struct attach *a);

#endif /* MEVPEER_ATTACH_H */
