// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "stats_cmd.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <xdp/libxdp.h>

#include "log.h"
#include "parse.h"
#include "source.h"
#include "watch.h"

/* clang-format off */
static const char usage[] =
	"usage: mevnode stats [-i IFACE | --pin-path DIR | --pid PID] [--watch] [--json]\n"
	"\n"
	"The counters of a running node, or of the maps of a program that no node serves.\n"
	"\n"
	"  -i, --interface IFACE  the node on IFACE, or the filter that is attached to it\n"
	"      --pin-path DIR     the maps pinned in DIR, and the node that serves them\n"
	"      --pid PID          the node that is this process\n"
	"                         (default: the only one there is)\n"
	"  -w, --watch            a view of rates and latencies that goes on, every second; `q` or\n"
	"                         ^C ends it. A line a second where stdout is no terminal.\n"
	"      --json             the object that `mevnode run --json` ends with; with --watch one\n"
	"                         a second, a line each\n"
	"  -h, --help             this text\n"
	"\n"
	"A node's counters are those of its last second; root may look into all nodes, others into\n"
	"their own, by its --visible after --user or setcap. Watching costs the node nothing.\n"
	"\n"
	"examples:\n"
	"  mevnode stats                                    what the node here has counted\n"
	"  mevnode stats -i eth1 --watch\n"
	"  mevnode stats --json | jq .latency_ns.hot_path.p99\n"
	"  mevnode stats --pin-path /sys/fs/bpf/xdp/globals a program that ip link has loaded\n"
	"\n"
	"exit code: 0 done, 1 nothing found, several, or not readable, 2 wrong usage\n";
/* clang-format on */

struct stats_options {
	struct source_name name;
	bool json, watch;
};

static bool consistent(int argc, char **argv, const struct stats_options *o)
{
	const struct source_name *n = &o->name;

	if (optind < argc)
		log_err("unexpected argument %s; see `mevnode stats --help`", argv[optind]);
	else if (!!n->interface + !!n->pin_path + !!n->pid > 1)
		log_err("-i, --pin-path and --pid each say which: give one");
	else
		return true;
	return false;
}

/* -1 to go on, or the exit code. */
static int parse_options(int argc, char **argv, struct stats_options *o)
{
	enum { OPT_PIN_PATH = 256, OPT_PID, OPT_JSON };
	static const struct option table[] = {
		{ "interface", required_argument, NULL, 'i' },
		{ "pin-path", required_argument, NULL, OPT_PIN_PATH },
		{ "pid", required_argument, NULL, OPT_PID },
		{ "watch", no_argument, NULL, 'w' },
		{ "json", no_argument, NULL, OPT_JSON },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int option;

	optind = 1;
	while ((option = getopt_long(argc, argv, "i:wh", table, NULL)) != -1) {
		if (option == 'i') {
			o->name.interface = optarg;
		} else if (option == OPT_PIN_PATH) {
			o->name.pin_path = optarg;
		} else if (option == OPT_PID) {
			if (parse_u32(optarg, 1, 1u << 30, &o->name.pid)) {
				log_err("--pid %s: want the number of a process", optarg);
				return EXIT_USAGE;
			}
		} else if (option == OPT_JSON) {
			o->json = true;
		} else if (option == 'w') {
			o->watch = true;
		} else if (option == 'h') {
			fputs(usage, stdout);
			return EXIT_DONE;
		} else {
			return EXIT_USAGE; /* getopt has said why */
		}
	}
	return consistent(argc, argv, o) ? -1 : EXIT_USAGE;
}

static enum exit_code show_once(struct source *s, bool json)
{
	int err = source_read(s);

	if (err < 0)
		return EXIT_FAILED;
	err = json ? stats_print_json(&s->stats) : stats_print(&s->stats);
	if (err)
		log_err("cannot write to stdout: %s", strerror(-err));
	return err ? EXIT_FAILED : EXIT_DONE;
}

static int silent(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return 0;
}

static int silent_libxdp(enum libxdp_print_level level, const char *fmt, va_list ap)
{
	return silent((enum libbpf_print_level)level, fmt, ap);
}

int stats_main(int argc, char **argv)
{
	static struct source source;
	struct stats_options options = { 0 };
	int code = parse_options(argc, argv, &options);

	if (code >= 0)
		return code;
	libbpf_set_print(silent);
	libxdp_set_print(silent_libxdp);
	code = (int)source_open(&source, &options.name);
	if (code != EXIT_DONE)
		return code;
	code = (int)(options.watch ? watch_run(&source, options.json) :
				     show_once(&source, options.json));
	source_close(&source);
	return code;
}
