/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * live_options - the command line of `mevload live`
 */
#ifndef MEVLOAD_LIVE_OPTIONS_H
#define MEVLOAD_LIVE_OPTIONS_H

#include "live_mix.h"

/* X(ENUMERATOR, name, what it is) */
#define LIVE_PROGRAMS(X)                                                               \
	X(DROP, drop, "nothing but XDP_DROP: the upper limit, and what ratios are to") \
	X(PASS, pass, "nothing but XDP_PASS: into the kernel's stack")                 \
	X(PARSE, parse, "finds the UDP header and drops")                              \
	X(REFLECT, reflect, "sends swaps back by XDP_TX, addresses swapped; no work")  \
	X(ATTACHED, attached, "the very program that is attached to IFACE")            \
	X(FILTER_DROP, filter_drop,                                                    \
	  "mev_filter over the maps of the attached one; drops what it passes")

enum live_program {
#define X(id, name, text) LIVE_##id,
	LIVE_PROGRAMS(X)
#undef X
		LIVE_PROGRAM_CNT
};

#define LIVE_ROUNDS_MAX 100u

struct live_options {
	const char *interface;
	const char *config_path; /* NULL: the built-in default */
	const char *json_path;   /* "-": stdout, instead of the text */
	const char *peer_netns;  /* NULL: the same as the interface's */
	const char *peer;        /* NULL: nobody counts what comes back */
	enum live_program programs[LIVE_PROGRAM_CNT];
	__u32 program_cnt;
	struct live_mix mix;
	struct frame_ends ends; /* all but to_mac and from_mac, unless has_to_mac */
	bool has_to_mac;
	__u32 rounds;
	__u64 duration_ns; /* of a program in a round */
	bool by_cpu_time;
	__u64 seed;
	__u32 cpu; /* or PROCESS_NO_CPU */
	bool verbose;
};

const char *live_program_name(enum live_program program);

/* As load_options(), for argv[0] "live". Splits --peer in place. */
int live_options(int argc, char **argv, struct live_options *o);

#endif /* MEVLOAD_LIVE_OPTIONS_H */
