/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * options - the command line of `mevnode run`
 */
#ifndef MEV_OPTIONS_H
#define MEV_OPTIONS_H

#include <linux/types.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "exit_code.h"
#include "maps_abi.h"
#include "worker.h"

enum run_backend { BACKEND_AUTO, BACKEND_AF_XDP, BACKEND_TAP };

enum run_mode { MODE_AUTO, MODE_ZEROCOPY, MODE_COPY, MODE_SKB };

const char *run_mode_name(enum run_mode mode);

struct run_options {
	const char *interface;
	const char *config_path; /* NULL: the built-in default */
	const char *user;        /* to become; NULL: stay who started it */
	const char *pin_path;    /* NULL: PINS_ROOT/INTERFACE, or with `adopt` where loaders pin */
	enum run_backend backend;
	enum run_mode mode;
	enum worker_poll poll;
	enum mev_engine engine;
	__u32 queues[MEV_MAX_QUEUES];
	__u32 queue_cnt; /* 0: every RX queue */
	__u32 cpus[WORKER_MAX_CPUS];
	__u32 cpu_cnt;    /* 0: not pinned */
	__u32 duration_s; /* 0: until a signal */
	__u64 replies;    /* 0: no limit */
	__be32 own_ip;    /* the node's address, served by its own stack; 0: none */
	__u8 own_prefix_len;
	__be32 host_ip; /* to give the host's side of a TAP device; 0: none */
	__u8 host_prefix_len;
	struct sockaddr_storage listen; /* for scrapers; ss_family 0: nowhere */
	bool adopt;                     /* the filter that is attached already, by its pins */
	bool verify_checksum;
	bool visible; /* to processes of its own user, where the kernel would hide it */
	bool no_sandbox;
	bool json;
	bool verbose;
};

/*
 * Parses the arguments behind `mevnode`, argv[0] being "run". Returns -1 to go on, or the exit
 * code to end with: --help was printed, or what is wrong was logged.
 */
int options_run(int argc, char **argv, struct run_options *o);

/* Fills in what is not given and has another default on TAP: the interface, --own-ip. */
void options_for_tap(struct run_options *o);

#endif /* MEV_OPTIONS_H */
