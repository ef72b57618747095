// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * mevload - load for a responder, and what came of it: subcommands
 */
#include <bpf/libbpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <xdp/libxdp.h>

#include "cores.h"
#include "exit_code.h"
#include "live.h"
#include "log.h"
#include "run.h"

static const char usage[] =
	"usage: mevload COMMAND [options]\n"
	"\n"
	"Load for a responder to swaps, and what came back.\n"
	"\n"
	"  run    send captures or generated swaps over AF_XDP, UDP or TCP; match and check replies\n"
	"  live   frames made in the kernel, for the capacity of XDP programs\n"
	"  cores  how far apart two CPUs are\n"
	"\n"
	"`mevload COMMAND --help` has options and examples. Exit codes: 0 done, 1 failed or answered\n"
	"wrongly, 2 wrong usage or configuration, 3 the host lacks something.\n";

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

static const struct {
	const char *name;
	int (*main)(int argc, char **argv);
} commands[] = {
	{ "run", run_main },
	{ "live", live_main },
	{ "cores", cores_main },
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
	libbpf_set_print(log_libbpf);
	libxdp_set_print(log_libxdp);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].main(argc - 1, argv + 1);
	log_err("no command %s: see `mevload --help`", argv[1]);
	return EXIT_USAGE;
}
