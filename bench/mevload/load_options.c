// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "load_options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exit_code.h"
#include "log.h"
#include "maps_abi.h"
#include "option_values.h"
#include "parse.h"
#include "process.h"

/* clang-format off */
static const char usage[] =
	"usage: mevload run -i IFACE --to MAC,IP:PORT --from IP:PORT[-PORT] [options]\n"
	"\n"
	"Send swaps, match the replies by nonce, check what they say, and tell how long they took.\n"
	"\n"
	"  -i, --interface IFACE   client's interface; UDP and TCP may do without\n"
	"      --to MAC,IP:PORT    the responder; UDP and TCP may leave the MAC address out\n"
	"      --from IP:PORT[-PORT] the client; UDP and TCP take one port, 0 for any\n"
	"      --transport NAME    af_xdp, udp or tcp (default: af_xdp)\n"
	"  -c, --config FILE       the responder's configuration (default: the node's built-in one):\n"
	"                          swaps are made for its pools, all of them profitable\n"
	"      --seed N            that these swaps, and Poisson gaps, follow from (default: 1)\n"
	"      --pcap FILE         send its frames instead, as they are but for swaps' nonces, from the\n"
	"                          first to the last and over again (UDP, TCP: its well-formed swaps)\n"
	"      --load KIND         open: --rate a second, evenly; poisson: --rate a second on average;\n"
	"                          closed: --outstanding at a time; flood: as fast as possible\n"
	"                          (default: closed)\n"
	"      --rate N            frames a second\n"
	"      --outstanding N     requests under way, 1 to 4096 (default: 1)\n"
	"      --duration S        seconds that count, as 2 or 0.5 (default: 5)\n"
	"      --warmup S          seconds before them that do not (default: 0.5)\n"
	"      --expect WHAT       reply: what the node's economics decide; echo: the swap itself, from\n"
	"                          responders that do no work (default: reply)\n"
	"      --cpu N             pin to this CPU\n"
	"      --queue N           AF_XDP: queue of the interface (default: 0)\n"
	"      --skb               AF_XDP: the kernel's generic hook instead of the driver's\n"
	"      --json FILE         results as JSON; - for stdout, instead of the text\n"
	"      --hdr FILE          percentiles as HdrHistogram writes them, in us\n"
	"      --strict            lost replies are a failure, too\n"
	"  -v, --verbose           also what libbpf and libxdp say\n"
	"  -h, --help              this text\n"
	"\n"
	"Latency counts from the intended send time in open and poisson, so that a stall is paid for by\n"
	"all frames that waited; from the send in closed and flood. SIGINT ends early, with results.\n"
	"Exit code 1: replies were wrong, duplicated, unexpected, or over TCP out of order.\n"
	"\n"
	"examples, with the responder behind veth0:\n"
	"  mevload run -i veth0 --to 02:00:00:00:00:01,192.168.69.2:8080 --from 192.168.69.1:40000\n"
	"  mevload run ... --load poisson --rate 200000 --duration 10 --json out.json --hdr out.hdr\n"
	"  mevload run --transport tcp --to 192.168.69.3:8080 --from 192.168.69.1:0 --outstanding 16\n";
/* clang-format on */

enum {
	OPT_TO = 256,
	OPT_FROM,
	OPT_TRANSPORT,
	OPT_SEED,
	OPT_PCAP,
	OPT_LOAD,
	OPT_RATE,
	OPT_OUTSTANDING,
	OPT_DURATION,
	OPT_WARMUP,
	OPT_EXPECT,
	OPT_CPU,
	OPT_QUEUE,
	OPT_SKB,
	OPT_JSON,
	OPT_HDR,
	OPT_STRICT,
};

static const struct option table[] = {
	{ "interface", required_argument, NULL, 'i' },
	{ "to", required_argument, NULL, OPT_TO },
	{ "from", required_argument, NULL, OPT_FROM },
	{ "transport", required_argument, NULL, OPT_TRANSPORT },
	{ "config", required_argument, NULL, 'c' },
	{ "seed", required_argument, NULL, OPT_SEED },
	{ "pcap", required_argument, NULL, OPT_PCAP },
	{ "load", required_argument, NULL, OPT_LOAD },
	{ "rate", required_argument, NULL, OPT_RATE },
	{ "outstanding", required_argument, NULL, OPT_OUTSTANDING },
	{ "duration", required_argument, NULL, OPT_DURATION },
	{ "warmup", required_argument, NULL, OPT_WARMUP },
	{ "expect", required_argument, NULL, OPT_EXPECT },
	{ "cpu", required_argument, NULL, OPT_CPU },
	{ "queue", required_argument, NULL, OPT_QUEUE },
	{ "skb", no_argument, NULL, OPT_SKB },
	{ "json", required_argument, NULL, OPT_JSON },
	{ "hdr", required_argument, NULL, OPT_HDR },
	{ "strict", no_argument, NULL, OPT_STRICT },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static const char *const transport_names[] = {
	[TRANSPORT_AF_XDP] = "af_xdp",
	[TRANSPORT_UDP] = "udp",
	[TRANSPORT_TCP] = "tcp",
};

static const char *const kind_names[] = {
	[LOAD_OPEN] = "open",
	[LOAD_POISSON] = "poisson",
	[LOAD_CLOSED] = "closed",
	[LOAD_FLOOD] = "flood",
};

static const char *const expect_names[] = { "reply", "echo" };

const char *load_transport_name(enum load_transport transport)
{
	return transport_names[transport];
}

const char *load_kind_name(enum load_kind kind)
{
	return kind_names[kind];
}

#define PICK(option, names, want) \
	option_pick(option, optarg, names, sizeof(names) / sizeof((names)[0]), want)

static bool take_name(int option, struct load_options *o)
{
	int i;

	switch (option) {
	case OPT_TRANSPORT:
		i = PICK("--transport", transport_names, "af_xdp, udp or tcp");
		o->transport = (enum load_transport)i;
		return i >= 0;
	case OPT_LOAD:
		i = PICK("--load", kind_names, "open, poisson, closed or flood");
		o->kind = (enum load_kind)i;
		return i >= 0;
	default:
		i = PICK("--expect", expect_names, "reply or echo");
		o->echo = i == 1;
		return i >= 0;
	}
}

static bool take(int option, struct load_options *o)
{
	switch (option) {
	case 'i':
		o->interface = optarg;
		return true;
	case 'c':
		o->config_path = optarg;
		return true;
	case OPT_PCAP:
		o->pcap_path = optarg;
		return true;
	case OPT_JSON:
		o->json_path = optarg;
		return true;
	case OPT_HDR:
		o->hdr_path = optarg;
		return true;
	case OPT_TO:
		return option_to(optarg, &o->ends, &o->has_to_mac);
	case OPT_FROM:
		return option_from(optarg, &o->ends);
	case OPT_TRANSPORT:
	case OPT_LOAD:
	case OPT_EXPECT:
		return take_name(option, o);
	case OPT_RATE:
		return !parse_u64(optarg, 1, 100000000, &o->rate) ||
		       option_wrong("--rate", optarg, "frames a second, 1 to 100000000");
	case OPT_OUTSTANDING:
		return !parse_u32(optarg, 1, 4096, &o->outstanding) ||
		       option_wrong("--outstanding", optarg, "a number of requests, 1 to 4096");
	case OPT_DURATION:
		return option_seconds("--duration", optarg, 1, &o->duration_ns);
	case OPT_WARMUP:
		return option_seconds("--warmup", optarg, 0, &o->warmup_ns);
	case OPT_SEED:
		return option_seed(optarg, &o->seed);
	case OPT_CPU:
		return option_cpu(optarg, &o->cpu);
	case OPT_QUEUE:
		return !parse_u32(optarg, 0, MEV_MAX_QUEUES - 1, &o->queue) ||
		       option_wrong("--queue", optarg, "the number of a queue, 0 to 255");
	case OPT_SKB:
		return o->skb = true;
	case OPT_STRICT:
		return o->strict = true;
	case 'v':
		return o->verbose = true;
	default:
		return false; /* getopt has said why */
	}
}

static bool refuse(const char *why)
{
	log_err("%s; see `mevload run --help`", why);
	return false;
}

/* What only shows when all options are known. */
static bool consistent(int argc, char **argv, struct load_options *o)
{
	bool timed = o->kind == LOAD_OPEN || o->kind == LOAD_POISSON;
	bool frames = o->transport == TRANSPORT_AF_XDP;

	if (optind < argc) {
		log_err("unexpected argument %s; see `mevload run --help`", argv[optind]);
		return false;
	}
	if (!o->ends.to_port)
		return refuse("nobody to send to: add --to MAC,IP:PORT");
	if (timed && !o->rate)
		return refuse("--load open and poisson need a --rate");
	if (!timed && o->rate)
		return refuse("--rate is for --load open and poisson: drop it, or choose one");
	if (o->outstanding && o->kind != LOAD_CLOSED)
		return refuse("--outstanding is for --load closed: drop one");
	if (!o->outstanding)
		o->outstanding = 1;
	if (frames && (!o->interface || !o->has_to_mac))
		return refuse("AF_XDP needs -i IFACE, and --to with a MAC address");
	if (frames && !o->pcap_path && !o->ends.from_port)
		return refuse("AF_XDP needs --from IP:PORT, the port not 0");
	if (frames && !o->ends.from_port)
		o->ends.from_port_last = 65535; /* whatever ports the capture has */
	if (!frames && o->skb)
		return refuse("--skb is for --transport af_xdp: drop one");
	if (!frames && o->ends.from_port != o->ends.from_port_last)
		return refuse("a UDP or TCP socket has one port: --from IP:PORT");
	return true;
}

int load_options(int argc, char **argv, struct load_options *o)
{
	int option;

	*o = (struct load_options){
		.transport = TRANSPORT_AF_XDP,
		.kind = LOAD_CLOSED,
		.duration_ns = 5000000000,
		.warmup_ns = 500000000,
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
