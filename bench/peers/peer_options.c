// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "peer_options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "exit_code.h"
#include "log.h"
#include "parse.h"

/* clang-format off */
static const char usage_head[] =
	"usage: mevpeer PEER -i IFACE [options]\n"
	"\n"
	"A responder to swaps as one would write it without mevnode, or the limit of a way of I/O.\n"
	"\n";
static const char usage_tail[] =
	"\n"
	"  -i, --interface IFACE  network interface\n"
	"  -m, --mode MODE        echo, reflect: native (default), or skb for the generic hook\n"
	"      --poll HOW         wait: sleep in the kernel; spin: never sleep (default: wait)\n"
	"      --cpu N            pin the loop to this CPU\n"
	"  -c, --config FILE      pools and thresholds, as the node's (default: its built-in one)\n"
	"  -h, --help             this text\n"
	"\n"
	"Prints one line, `ready ...`, when it takes traffic, and at SIGINT or SIGTERM one of counters,\n"
	"`done ...`. Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 the host lacks\n"
	"something.\n"
	"\n"
	"example: mevpeer udp -i veth1 --poll spin --cpu 1\n";
/* clang-format on */

enum { OPT_POLL = 256, OPT_CPU };

static const struct option table[] = {
	{ "interface", required_argument, NULL, 'i' },
	{ "mode", required_argument, NULL, 'm' },
	{ "poll", required_argument, NULL, OPT_POLL },
	{ "cpu", required_argument, NULL, OPT_CPU },
	{ "config", required_argument, NULL, 'c' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static void help(FILE *out, const struct peer_ops *const peers[], size_t cnt)
{
	fputs(usage_head, out);
	for (size_t i = 0; i < cnt; i++)
		fprintf(out, "  %-10s %s%s\n", peers[i]->name, peers[i]->what,
			peers[i]->works ? "" : "; does no work");
	fputs(usage_tail, out);
}

static bool wrong(const char *option, const char *value, const char *want)
{
	log_err("%s %s: want %s", option, value, want);
	return false;
}

/* `value` is one of two words, and the option is for this peer. */
static bool take_word(const char *option, const char *value, const char *const words[2],
		      bool applies, bool *second)
{
	*second = !strcmp(value, words[1]);
	if (!applies) {
		log_err("%s is not for this peer: see `mevpeer --help`", option);
		return false;
	}
	if (!*second && strcmp(value, words[0])) {
		log_err("%s %s: want %s or %s", option, value, words[0], words[1]);
		return false;
	}
	return true;
}

static bool take(int option, const struct peer_ops *ops, struct peer_options *o)
{
	static const char *const modes[] = { "native", "skb" }, *const polls[] = { "wait", "spin" };

	switch (option) {
	case 'i':
		o->interface = optarg;
		return true;
	case 'c':
		o->config_path = optarg;
		return true;
	case 'm':
		return take_word("--mode", optarg, modes, ops->hooks, &o->skb);
	case OPT_POLL:
		return take_word("--poll", optarg, polls, ops->polls, &o->spin);
	case OPT_CPU:
		return !parse_u32(optarg, 0, 1023, &o->cpu) ||
		       wrong("--cpu", optarg, "the number of a CPU, 0 to 1023");
	default:
		return false; /* getopt has said why */
	}
}

int peer_options(int argc, char **argv, const struct peer_ops *const peers[], size_t cnt,
		 struct peer_options *out, const struct peer_ops **which)
{
	int option;

	*out = (struct peer_options){ .cpu = PEER_NO_CPU };
	if (argc < 2) {
		help(stderr, peers, cnt);
		return EXIT_USAGE;
	}
	for (size_t i = 0; i < cnt; i++)
		if (!strcmp(argv[1], peers[i]->name))
			*which = peers[i];
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		help(stdout, peers, cnt);
		return EXIT_DONE;
	}
	if (!*which) {
		log_err("no peer %s: see `mevpeer --help`", argv[1]);
		return EXIT_USAGE;
	}
	while ((option = getopt_long(argc - 1, argv + 1, "i:m:c:h", table, NULL)) >= 0) {
		if (option == 'h') {
			help(stdout, peers, cnt);
			return EXIT_DONE;
		}
		if (!take(option, *which, out))
			return EXIT_USAGE;
	}
	if (optind + 1 < argc) {
		log_err("unexpected argument %s: see `mevpeer --help`", argv[optind + 1]);
		return EXIT_USAGE;
	}
	if (!out->interface) {
		log_err("which interface? give -i IFACE");
		return EXIT_USAGE;
	}
	return -1;
}
