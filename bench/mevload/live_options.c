// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "live_options.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "exit_code.h"
#include "log.h"
#include "option_values.h"
#include "parse.h"
#include "process.h"

/* clang-format off */
static const char usage[] =
	"usage: mevload live -i IFACE [options]\n"
	"\n"
	"How many frames a second an XDP program takes on one CPU. The kernel runs it on frames made in\n"
	"memory (live frames, Linux 5.18), as if they came in on IFACE's queue 0, and does with them what\n"
	"it says. Run it in the interface's network namespace, as root.\n"
	"\n"
	"  -i, --interface IFACE   where frames seem to come in\n"
	"      --program LIST      one or more of these, measured in turn, round by round\n"
	"                          (default: drop,parse,attached):\n"
#define X(id, name, text) "                            " #name ": " text "\n"
	LIVE_PROGRAMS(X)
#undef X
	"      --mix KIND=N,...    what frames are, in these shares (default: candidate=1,foreign=63):\n"
#define X(id, name, text) "                            " #name ": " text "\n"
	LIVE_KINDS(X)
#undef X
	"  -c, --config FILE       the node's configuration (default: its built-in one): for its pools\n"
	"                          swaps are made, and by it verdicts are predicted\n"
	"      --peer [NETNS,]IFACE where what the program sends back arrives: it is counted and dropped\n"
	"                          there by an XDP program that is attached for the time\n"
	"      --to [MAC,]IP:PORT  of swaps (default: IFACE's MAC address, 192.168.69.2:8080)\n"
	"      --from IP:PORT[-PORT] (default: 192.168.69.1:40000-40063)\n"
	"      --rounds N          1 to 100 (default: 5)\n"
	"      --duration S        seconds a program and round (default: 0.5)\n"
	"      --clock wall|cpu    what seconds are: cpu leaves out when others had the CPU, for a machine\n"
	"                          that is not quiet; and what softirqs do where the kernel accounts\n"
	"                          them apart (default: wall)\n"
	"      --seed N            that frames follow from (default: 1)\n"
	"      --cpu N             pin to this CPU\n"
	"      --json FILE         results as JSON; - for stdout, instead of the text\n"
	"  -v, --verbose           also what libbpf says\n"
	"  -h, --help              this text\n"
	"\n"
	"Each frame is written anew before the program sees it; that is part of every program's time. The\n"
	"filter's verdict counters are read before and after, and held against the prediction. Exit code 1:\n"
	"they differ. SIGINT ends early, with results.\n"
	"\n"
	"examples, with a node on veth1 in namespace x-node, and veth0 in x-host:\n"
	"  nsenter --net=/var/run/netns/x-node mevload live -i veth1 --program drop,parse,filter_drop\n"
	"  ... mevload live -i veth1 --mix break_even=1 --program drop,attached\n"
	"  ... mevload live -i veth1 --mix candidate=1 --program reflect,attached \\\n"
	"          --peer /var/run/netns/x-host,veth0\n";
/* clang-format on */

enum {
	OPT_PROGRAM = 256,
	OPT_MIX,
	OPT_PEER,
	OPT_TO,
	OPT_FROM,
	OPT_ROUNDS,
	OPT_DURATION,
	OPT_CLOCK,
	OPT_SEED,
	OPT_CPU,
	OPT_JSON,
};

static const struct option table[] = {
	{ "interface", required_argument, NULL, 'i' },
	{ "program", required_argument, NULL, OPT_PROGRAM },
	{ "mix", required_argument, NULL, OPT_MIX },
	{ "config", required_argument, NULL, 'c' },
	{ "peer", required_argument, NULL, OPT_PEER },
	{ "to", required_argument, NULL, OPT_TO },
	{ "from", required_argument, NULL, OPT_FROM },
	{ "rounds", required_argument, NULL, OPT_ROUNDS },
	{ "duration", required_argument, NULL, OPT_DURATION },
	{ "clock", required_argument, NULL, OPT_CLOCK },
	{ "seed", required_argument, NULL, OPT_SEED },
	{ "cpu", required_argument, NULL, OPT_CPU },
	{ "json", required_argument, NULL, OPT_JSON },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static const char *const names[] = {
#define X(id, name, text) #name,
	LIVE_PROGRAMS(X)
#undef X
};

const char *live_program_name(enum live_program program)
{
	return names[program];
}

static bool take_programs(const char *value, struct live_options *o)
{
	char buf[128], *rest = buf, *name;

	o->program_cnt = 0;
	if (strlen(value) >= sizeof(buf))
		return option_wrong("--program", value, "names of programs");
	strcpy(buf, value);
	while ((name = strsep(&rest, ","))) {
		int i = option_pick("--program", name, names, LIVE_PROGRAM_CNT,
				    "drop, pass, parse, reflect, attached or filter_drop");

		if (i < 0)
			return false;
		for (__u32 k = 0; k < o->program_cnt; k++)
			if ((int)o->programs[k] == i)
				return option_wrong("--program", value, "each program once");
		o->programs[o->program_cnt++] = (enum live_program)i;
	}
	return true;
}

static bool take_peer(char *value, struct live_options *o)
{
	char *comma = strrchr(value, ',');

	o->peer = comma ? comma + 1 : value;
	o->peer_netns = comma ? value : NULL;
	if (comma)
		*comma = '\0';
	return *o->peer ||
	       option_wrong("--peer", value, "[NETNS,]IFACE, such as /var/run/netns/x-host,veth0");
}

static bool take_clock(const char *value, struct live_options *o)
{
	static const char *const clocks[] = { "wall", "cpu" };
	int i = option_pick("--clock", value, clocks, 2, "wall or cpu");

	o->by_cpu_time = i == 1;
	return i >= 0;
}

static bool take(int option, struct live_options *o)
{
	switch (option) {
	case 'i':
		o->interface = optarg;
		return true;
	case 'c':
		o->config_path = optarg;
		return true;
	case 'v':
		return o->verbose = true;
	case OPT_JSON:
		o->json_path = optarg;
		return true;
	case OPT_PROGRAM:
		return take_programs(optarg, o);
	case OPT_MIX:
		return live_mix_parse(optarg, &o->mix) ||
		       option_wrong("--mix", optarg, "KIND=N,..., such as candidate=1,foreign=63");
	case OPT_PEER:
		return take_peer(optarg, o);
	case OPT_TO:
		return option_to(optarg, &o->ends, &o->has_to_mac);
	case OPT_FROM:
		return option_from(optarg, &o->ends);
	case OPT_ROUNDS:
		return !parse_u32(optarg, 1, LIVE_ROUNDS_MAX, &o->rounds) ||
		       option_wrong("--rounds", optarg, "1 to 100");
	case OPT_DURATION:
		return option_seconds("--duration", optarg, 1, &o->duration_ns);
	case OPT_CLOCK:
		return take_clock(optarg, o);
	case OPT_SEED:
		return option_seed(optarg, &o->seed);
	case OPT_CPU:
		return option_cpu(optarg, &o->cpu);
	default:
		return false; /* getopt has said why */
	}
}

static bool has(const struct live_options *o, enum live_program program)
{
	for (__u32 i = 0; i < o->program_cnt; i++)
		if (o->programs[i] == program)
			return true;
	return false;
}

static bool refuse(const char *why)
{
	log_err("%s; see `mevload live --help`", why);
	return false;
}

static bool consistent(int argc, char **argv, const struct live_options *o)
{
	if (optind < argc) {
		log_err("unexpected argument %s; see `mevload live --help`", argv[optind]);
		return false;
	}
	if (!o->interface)
		return refuse("no interface: add -i IFACE");
	if (!o->ends.from_port)
		return refuse("--from needs a port that is not 0");
	if (has(o, LIVE_REFLECT) && !o->peer)
		return refuse(
			"reflect sends frames back: add --peer [NETNS,]IFACE, where they arrive");
	return true;
}

int live_options(int argc, char **argv, struct live_options *o)
{
	int option;

	*o = (struct live_options){
		.programs = { LIVE_DROP, LIVE_PARSE, LIVE_ATTACHED },
		.program_cnt = 3,
		.mix.weight = { [LIVE_CANDIDATE] = 1, [LIVE_FOREIGN] = 63 },
		.ends = { .to_ip = htonl(0xc0a84502),
			  .to_port = 8080,
			  .from_ip = htonl(0xc0a84501),
			  .from_port = 40000,
			  .from_port_last = 40063 },
		.rounds = 5,
		.duration_ns = 500000000,
		.seed = 1,
		.cpu = PROCESS_NO_CPU,
	};
	optind = 1;
	while ((option = getopt_long(argc, argv, "i:c:vh", table, NULL)) != -1) {
		if (option == 'h') {
			fputs(usage, stdout);
			return EXIT_DONE;
		}
		if (!take(option, o))
			return EXIT_USAGE;
	}
	return consistent(argc, argv, o) ? -1 : EXIT_USAGE;
}
