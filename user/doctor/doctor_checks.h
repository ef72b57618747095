/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * doctor_checks - the checks of `mevnode doctor`, one file a subject
 *
 * Each adds its findings to the report and changes nothing: no attach, no bind, no write. Where the
 * process may not look, the finding says so. "missing" is what keeps the node from running at all;
 * anything that only costs comfort or speed is a warning.
 */
#ifndef MEV_DOCTOR_CHECKS_H
#define MEV_DOCTOR_CHECKS_H

#include <linux/types.h>
#include <stdbool.h>

#include "doctor_report.h"
#include "netif.h"

#define DOCTOR_KERNEL(major, minor) ((__u32)(major) << 16 | (__u32)(minor))

/* What one check finds and a later one goes by. */
struct doctor_host {
	__u32 kernel;     /* DOCTOR_KERNEL(major, minor), 0 if it could not be told */
	__u32 queue_cnt;  /* queues to provide for: those of the interface, else 1 */
	__u64 caps;       /* effective capabilities, 1 << CAP_* */
	bool bpf_allowed; /* an XDP program loads */
};

/* doctor_host: kernel, AF_XDP, capabilities, memory, clock, CPUs. Sets host->caps. */
void doctor_check_host(struct doctor_report *r, struct doctor_host *host);

/* doctor_bpf: what the kernel's BPF allows. Sets host->bpf_allowed. */
void doctor_check_bpf(struct doctor_report *r, struct doctor_host *host);

/* doctor_leftovers: pins of earlier runs in any bpffs directory, held by a running node or not. */
void doctor_check_leftovers(struct doctor_report *r);

/* Where the maps of a program are pinned, and the node that serves them. False: nowhere. */
struct doctor_pins {
	char dir[256];
	bool held;  /* by a running node: */
	int holder; /* its process, 0 if it is not to be seen from here */
};
bool doctor_find_pins(__u32 prog_id, struct doctor_pins *out);

/* doctor_iface: a line for each interface; and one interface: state, MTU, modes, XDP program. */
void doctor_list_interfaces(struct doctor_report *r);
void doctor_check_interface(struct doctor_report *r, const struct netif *netif);

/* doctor_queues: RX queues, RSS table and hash, ring sizes, busy polling. */
void doctor_check_queues(struct doctor_report *r, const struct netif *netif);

/* doctor_offloads: what the NIC does to frames before XDP or behind the sender's back. */
void doctor_check_offloads(struct doctor_report *r, const struct netif *netif);

#endif /* MEV_DOCTOR_CHECKS_H */
