// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * mevnode - subcommands
 */
#include <bpf/libbpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <xdp/libxdp.h>

#include "doctor.h"
#include "log.h"
#include "node.h"
#include "options.h"
#include "privileges.h"
#include "quote.h"
#include "stats_cmd.h"

static const char usage[] =
	"usage: mevnode COMMAND [options]\n"
	"\n"
	"A low-latency responder to DEX swaps, on XDP and AF_XDP.\n"
	"\n"
	"  run -i IFACE      filter, decide and answer on a network interface\n"
	"  doctor [-i IFACE] what this host can do, and what stands in the way\n"
	"  stats             what a running node has counted, once or going on\n"
	"  quote             the economics on the command line, no network\n"
	"  --version\n"
	"\n"
	"`mevnode COMMAND --help` has options and examples. Exit codes: 0 done, 1 failed at run "
	"time,\n"
	"2 wrong usage or configuration, 3 the host lacks something.\n";

/* libbpf and libxdp say a lot about what they then work around; errors we report ourselves. */
static int log_libbpf(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char line[512];

	if (level == LIBBPF_DEBUG)
		return 0;
	vsnprintf(line, sizeof(line), fmt, ap);
	log_debug("%s", line);
	return 0;
}

static int log_libxdp(enum libxdp_print_level level, const char *fmt, va_list ap)
{
	return log_libbpf((enum libbpf_print_level)level, fmt, ap);
}

static int run_main(int argc, char **argv)
{
	static struct run_options options;
	int code = options_run(argc, argv, &options);

	if (code >= 0)
		return code;
	if (options.verbose)
		log_set_level(LOG_LEVEL_DEBUG);
	libbpf_set_print(log_libbpf);
	libxdp_set_print(log_libxdp);
	return (int)node_run(&options);
}

static const struct {
	const char *name;
	int (*main)(int argc, char **argv);
} commands[] = {
	{ "run", run_main },
	{ "doctor", doctor_main },
	{ "quote", quote_main },
	{ "stats", stats_main },
};

int main(int argc, char **argv)
{
	if (argc < 2) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		fputs(usage, stdout);
		return EXIT_DONE;
	}
	if (!strcmp(argv[1], "--version")) {
		puts("mevnode " MEV_VERSION);
		return EXIT_DONE;
	}
	privileges_raise();
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].main(argc - 1, argv + 1);
	log_err("no command %s: see `mevnode --help`", argv[1]);
	return EXIT_USAGE;
}
