// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "doctor.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <xdp/libxdp.h>

#include "doctor_checks.h"
#include "log.h"
#include "netif.h"
#include "options.h"

static const char usage[] =
	"usage: mevnode doctor [-i IFACE] [--json]\n"
	"\n"
	"Say what this host can do for the node, and what stands in the way. It only looks:\n"
	"nothing is attached, bound or changed.\n"
	"\n"
	"  -i, --interface IFACE  look closer at one network interface (default: list them)\n"
	"      --json             one JSON object instead of lines\n"
	"  -h, --help             this text\n"
	"\n"
	"Each line says ok, warning or missing, a name, what was found, and behind a semicolon\n"
	"what to do. Exit codes: 0 nothing is missing (warnings are fine), 3 something is,\n"
	"2 wrong usage.\n"
	"\n"
	"examples:\n"
	"  mevnode doctor                  the host, and which interfaces there are\n"
	"  mevnode doctor -i eth1          the host and everything about eth1\n"
	"  mevnode doctor --json | jq '.checks[] | select(.status != \"ok\")'\n";

struct doctor_options {
	const char *interface; /* NULL: all of them, briefly */
	bool json;
};

/* -1 to go on, or the exit code. */
static int parse_options(int argc, char **argv, struct doctor_options *o)
{
	enum { OPT_JSON = 256 };
	static const struct option table[] = {
		{ "interface", required_argument, NULL, 'i' },
		{ "json", no_argument, NULL, OPT_JSON },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int option;

	optind = 1;
	while ((option = getopt_long(argc, argv, "i:h", table, NULL)) != -1) {
		switch (option) {
		case 'i':
			o->interface = optarg;
			break;
		case OPT_JSON:
			o->json = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return EXIT_DONE;
		default:
			return EXIT_USAGE; /* getopt has said why */
		}
	}
	if (optind < argc) {
		log_err("unexpected argument %s; see `mevnode doctor --help`", argv[optind]);
		return EXIT_USAGE;
	}
	return -1;
}

static void check_all(struct doctor_report *r, const char *interface)
{
	struct netif netif;
	struct doctor_host host = { .queue_cnt = 1 };
	int err = interface ? netif_query(interface, &netif) : 0;

	if (interface && !err)
		host.queue_cnt = netif.rx_queues;
	doctor_group(r, "host");
	doctor_check_host(r, &host);
	doctor_check_bpf(r, &host);
	doctor_check_leftovers(r);
	if (!interface) {
		doctor_group(r, "interfaces");
		doctor_list_interfaces(r);
		return;
	}
	doctor_group(r, "interface %s", interface);
	if (err) {
		doctor_add(r, DOCTOR_MISSING, "interface", "%s: %s", interface, strerror(-err));
		doctor_remedy(r, "`ip -br link` lists what there is in this network namespace");
		return;
	}
	doctor_check_interface(r, &netif);
	doctor_check_queues(r, &netif);
	doctor_check_offloads(r, &netif);
}

int doctor_main(int argc, char **argv)
{
	struct doctor_options options = { 0 };
	struct doctor_report report = { 0 };
	int code = parse_options(argc, argv, &options);

	if (code >= 0)
		return code;
	libbpf_set_print(NULL); /* a probe that fails is a finding, not an error */
	libxdp_set_print(NULL);

	check_all(&report, options.interface);
	if (options.json)
		doctor_print_json(&report);
	else
		doctor_print(&report);
	if (!options.json && !options.interface)
		puts("`mevnode doctor -i IFACE` looks closer at one interface");
	code = report.by_status[DOCTOR_MISSING] ? EXIT_HOST : EXIT_DONE;
	doctor_free(&report);
	return code;
}
