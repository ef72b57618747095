/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * load_options - the command line of `mevload run`
 */
#ifndef MEVLOAD_LOAD_OPTIONS_H
#define MEVLOAD_LOAD_OPTIONS_H

#include <linux/types.h>
#include <stdbool.h>

#include "frames.h"

enum load_transport { TRANSPORT_AF_XDP, TRANSPORT_UDP, TRANSPORT_TCP };

enum load_kind { LOAD_OPEN, LOAD_POISSON, LOAD_CLOSED, LOAD_FLOOD };

const char *load_transport_name(enum load_transport transport);
const char *load_kind_name(enum load_kind kind);

struct load_options {
	const char *interface;
	const char *config_path; /* NULL: the built-in default */
	const char *pcap_path;   /* NULL: generated swaps */
	const char *json_path;   /* "-": stdout, instead of the text */
	const char *hdr_path;
	enum load_transport transport;
	enum load_kind kind;
	struct frame_ends ends; /* all but from_mac */
	bool has_to_mac;
	__u64 rate; /* a second; open and poisson */
	__u32 outstanding;
	__u64 duration_ns, warmup_ns;
	__u64 seed;
	__u32 cpu; /* or PROCESS_NO_CPU */
	__u32 queue;
	bool skb;
	bool echo;
	bool strict;
	bool verbose;
};

/*
 * Parses the arguments behind `mevload`, argv[0] being "run". Returns -1 to go on, or the exit code
 * to end with: --help was printed, or what is wrong was logged.
 */
int load_options(int argc, char **argv, struct load_options *o);

#endif /* MEVLOAD_LOAD_OPTIONS_H */
