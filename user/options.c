// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "options.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <getopt.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "parse.h"

/* clang-format off */
static const char usage[] =
	"usage: mevnode run -i IFACE [options]\n"
	"       mevnode run -b tap [-i TAP] [options]\n"
	"\n"
	"Attach the XDP filter to IFACE and answer profitable swaps over AF_XDP; or do the same in\n"
	"userspace on a TAP device.\n"
	"\n"
	"  -i, --interface IFACE  network interface (tap: tap0, made if it is not there)\n"
	"  -b, --backend NAME     auto, af_xdp or tap (default: $MEV_BACKEND, else auto: AF_XDP if this\n"
	"                         host and interface can, else TAP)\n"
	"  -m, --mode MODE        auto, zerocopy, copy or skb (default: auto, the best to be had);\n"
	"                         a mode by name is a demand: no lesser one is taken\n"
	"  -q, --queues LIST      RX queues, for instance 0 or 0-3 (default: all)\n"
	"      --cpus LIST        pin the workers to these CPUs, in the order of the queues\n"
	"      --poll HOW         wait: poll(2); spin: never sleep; busy: busy polling (default: wait)\n"
	"      --engine WHO       who decides and replies: user, the AF_XDP worker; kernel, the XDP program\n"
	"                         by XDP_TX, in the driver (default: user)\n"
	"  -c, --config FILE      pools and thresholds, INI (default: two test pools)\n"
	"      --pin-path DIR     where maps are pinned (default: /sys/fs/bpf/mevnode/IFACE)\n"
	"      --adopt            use the filter that xdp-loader or ip link has attached, by its pins;\n"
	"                         attach nothing, and leave it attached at the end\n"
	"      --own-ip ADDR/LEN  the node owns this address with a TCP/UDP stack of its own\n"
	"                         (tap: 192.168.69.2/24; af_xdp: off)\n"
	"      --host-ip ADDR/LEN tap: gives the host's side this address\n"
	"      --listen ADDR:PORT metrics for Prometheus at http://ADDR:PORT/metrics; a port alone is\n"
	"                         on 127.0.0.1 (default: off)\n"
	"      --verify-checksum  verify UDP checksums of requests\n"
	"      --duration S       stop after S seconds\n"
	"      --replies N        stop after N replies\n"
	"      --user NAME        become this user; needs CAP_SETUID and CAP_SETGID\n"
	"      --visible          this user's own processes may look into the node, as `mevnode stats`\n"
	"                         does, and so trace it, where the kernel hides it: --user, setcap\n"
	"      --no-sandbox       no seccomp filter, for debuggers and sanitizers\n"
	"      --json             summary as JSON on stdout at the end\n"
	"  -v, --verbose          also what libbpf and libxdp say\n"
	"  -h, --help             this text\n"
	"\n"
	"Prints one line, `ready ...`, when it takes traffic; from then on it has no capability. SIGINT\n"
	"and SIGTERM stop it: it detaches, unpins and prints a summary. SIGHUP reads --config again.\n"
	"\n"
	"examples:\n"
	"  mevnode run -i eth1 -c pools.ini                 every queue, the best mode to be had\n"
	"  mevnode run -i eth1 -m zerocopy --poll spin -q 0-1 --cpus 2,3\n"
	"  mevnode run -b tap --host-ip 192.168.69.1/24     a TAP device and an address to ping\n"
	"  mevnode run -i veth1 --replies 1000 --json       stop by itself, summary for a script\n"
	"\n"
	"A program that outlives the node (xdp-loader makes one folder, not the one above it):\n"
	"  mkdir -p /sys/fs/bpf/mevnode\n"
	"  xdp-loader load -m native -s xdp -p /sys/fs/bpf/mevnode/eth1 eth1 mev_filter.bpf.o\n"
	"  mevnode run -i eth1 --adopt\n";
/* clang-format on */

enum {
	OPT_CPUS = 256,
	OPT_POLL,
	OPT_ENGINE,
	OPT_PIN_PATH,
	OPT_ADOPT,
	OPT_OWN_IP,
	OPT_HOST_IP,
	OPT_LISTEN,
	OPT_VERIFY_CHECKSUM,
	OPT_DURATION,
	OPT_REPLIES,
	OPT_JSON,
	OPT_USER,
	OPT_VISIBLE,
	OPT_NO_SANDBOX,
};

static const struct option table[] = {
	{ "interface", required_argument, NULL, 'i' },
	{ "backend", required_argument, NULL, 'b' },
	{ "mode", required_argument, NULL, 'm' },
	{ "queues", required_argument, NULL, 'q' },
	{ "cpus", required_argument, NULL, OPT_CPUS },
	{ "poll", required_argument, NULL, OPT_POLL },
	{ "engine", required_argument, NULL, OPT_ENGINE },
	{ "config", required_argument, NULL, 'c' },
	{ "pin-path", required_argument, NULL, OPT_PIN_PATH },
	{ "adopt", no_argument, NULL, OPT_ADOPT },
	{ "own-ip", required_argument, NULL, OPT_OWN_IP },
	{ "host-ip", required_argument, NULL, OPT_HOST_IP },
	{ "listen", required_argument, NULL, OPT_LISTEN },
	{ "verify-checksum", no_argument, NULL, OPT_VERIFY_CHECKSUM },
	{ "duration", required_argument, NULL, OPT_DURATION },
	{ "replies", required_argument, NULL, OPT_REPLIES },
	{ "user", required_argument, NULL, OPT_USER },
	{ "visible", no_argument, NULL, OPT_VISIBLE },
	{ "no-sandbox", no_argument, NULL, OPT_NO_SANDBOX },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

#define TAP_DEFAULT "tap0"
#define TAP_OWN_IP "192.168.69.2/24"

static const char *const mode_names[] = {
	[MODE_AUTO] = "auto",
	[MODE_ZEROCOPY] = "zerocopy",
	[MODE_COPY] = "copy",
	[MODE_SKB] = "skb",
};

static const char *const backend_names[] = {
	[BACKEND_AUTO] = "auto",
	[BACKEND_AF_XDP] = "af_xdp",
	[BACKEND_TAP] = "tap",
};

static const char *const poll_names[] = {
	[WORKER_WAIT] = "wait",
	[WORKER_SPIN] = "spin",
	[WORKER_BUSY] = "busy",
};

static const char *const engine_names[] = {
	[MEV_ENGINE_USER] = "user",
	[MEV_ENGINE_KERNEL] = "kernel",
};

const char *run_mode_name(enum run_mode mode)
{
	return mode_names[mode];
}

/* Index of `text` in names[cnt], or -1. */
static int pick(const char *text, const char *const names[], size_t cnt)
{
	for (size_t i = 0; i < cnt; i++)
		if (!strcmp(text, names[i]))
			return (int)i;
	return -1;
}

#define PICK(text, names) pick(text, names, sizeof(names) / sizeof((names)[0]))

static bool wrong(const char *option, const char *value, const char *want)
{
	log_err("%s %s: want %s", option, value, want);
	return false;
}

static bool take_backend(const char *value, enum run_backend *out)
{
	int i = PICK(value, backend_names);

	if (i < 0)
		return wrong("backend", value, "auto, af_xdp or tap");
	*out = (enum run_backend)i;
	return true;
}

/* A unicast address that is neither its network's first (all zeros) nor last (broadcast). */
static bool is_host(__u32 ip, __u32 prefix_len)
{
	__u32 host_bits = prefix_len < 31 ? (1u << (32 - prefix_len)) - 1 : 0;

	return ip >> 24 != 0 && ip >> 24 != 127 && ip >> 28 < 14 &&
	       (!host_bits || ((ip & host_bits) && (ip & host_bits) != host_bits));
}

/* "a.b.c.d/len": a host's address and the length of its network's prefix. */
static bool take_address(const char *option, const char *value, __be32 *ip, __u8 *prefix_len)
{
	const char *slash = strchr(value, '/');
	char host[INET_ADDRSTRLEN];
	__u32 len;

	if (!slash || (size_t)(slash - value) >= sizeof(host) || parse_u32(slash + 1, 1, 32, &len))
		return wrong(option, value, "an IPv4 address and prefix, such as 192.168.69.2/24");
	memcpy(host, value, (size_t)(slash - value));
	host[slash - value] = '\0';
	if (inet_pton(AF_INET, host, ip) != 1)
		return wrong(option, value, "an IPv4 address and prefix, such as 192.168.69.2/24");
	*prefix_len = (__u8)len;
	return is_host(ntohl(*ip), len) ||
	       wrong(option, value, "a host's address: no group, loopback, network or broadcast");
}

static bool take_mode(const char *value, enum run_mode *out)
{
	int i = PICK(value, mode_names);

	if (i < 0)
		return wrong("--mode", value, "auto, zerocopy, copy or skb");
	*out = (enum run_mode)i;
	return true;
}

static bool take_poll(const char *value, enum worker_poll *out)
{
	int i = PICK(value, poll_names);

	if (i < 0)
		return wrong("--poll", value, "wait, spin or busy");
	*out = (enum worker_poll)i;
	return true;
}

static bool take_engine(const char *value, enum mev_engine *out)
{
	int i = PICK(value, engine_names);

	if (i < 0)
		return wrong("--engine", value, "user or kernel");
	*out = (enum mev_engine)i;
	return true;
}

static bool take(int option, struct run_options *o)
{
	switch (option) {
	case 'i':
		o->interface = optarg;
		return true;
	case 'b':
		return take_backend(optarg, &o->backend);
	case 'm':
		return take_mode(optarg, &o->mode);
	case 'q':
		return !parse_list(optarg, MEV_MAX_QUEUES, o->queues, &o->queue_cnt) ||
		       wrong("--queues", optarg, "numbers from 0 to 255 once each, such as 0,2-3");
	case OPT_CPUS:
		return !parse_list(optarg, WORKER_MAX_CPUS, o->cpus, &o->cpu_cnt) ||
		       wrong("--cpus", optarg, "numbers from 0 to 1023 once each, such as 0,2-3");
	case OPT_POLL:
		return take_poll(optarg, &o->poll);
	case OPT_ENGINE:
		return take_engine(optarg, &o->engine);
	case 'c':
		o->config_path = optarg;
		return true;
	case OPT_PIN_PATH:
		o->pin_path = optarg;
		return true;
	case OPT_ADOPT:
		return o->adopt = true;
	case OPT_OWN_IP:
		return take_address("--own-ip", optarg, &o->own_ip, &o->own_prefix_len);
	case OPT_HOST_IP:
		return take_address("--host-ip", optarg, &o->host_ip, &o->host_prefix_len);
	case OPT_LISTEN:
		return !parse_endpoint(optarg, &o->listen) ||
		       wrong("--listen", optarg,
			     "a port, for 127.0.0.1, or an address and a port, such as "
			     "0.0.0.0:9464 or [::1]:9464");
	case OPT_VERIFY_CHECKSUM:
		o->verify_checksum = true;
		return true;
	case OPT_DURATION:
		return !parse_u32(optarg, 1, 1u << 30, &o->duration_s) ||
		       wrong("--duration", optarg, "a whole number of seconds, 1 or more");
	case OPT_REPLIES:
		return !parse_u64(optarg, 1, ~0ULL, &o->replies) ||
		       wrong("--replies", optarg, "a whole number, 1 or more");
	case OPT_USER:
		o->user = optarg;
		return true;
	case OPT_VISIBLE:
		return o->visible = true;
	case OPT_NO_SANDBOX:
		return o->no_sandbox = true;
	case OPT_JSON:
		return o->json = true;
	case 'v':
		return o->verbose = true;
	default:
		return false; /* getopt has said why */
	}
}

/* As the kernel has it: dev_valid_name(). */
static bool is_interface_name(const char *name)
{
	if (!*name || !strcmp(name, ".") || !strcmp(name, ".."))
		return false;
	for (; *name; name++)
		if (*name == '/' || *name == ':' || isspace((unsigned char)*name) ||
		    iscntrl((unsigned char)*name))
			return false;
	return true;
}

/* What only shows when all options are known. */
static bool consistent(int argc, char **argv, const struct run_options *o)
{
	if (optind < argc) {
		log_err("unexpected argument %s; see `mevnode run --help`", argv[optind]);
		return false;
	}
	if (!o->interface && o->backend != BACKEND_TAP) {
		log_err("no interface given: add -i IFACE; `ip -br link` lists them");
		return false;
	}
	if (strlen(o->interface ? o->interface : TAP_DEFAULT) >= IF_NAMESIZE) {
		log_err("interface %s: a name has at most %d characters", o->interface,
			IF_NAMESIZE - 1);
		return false;
	}
	if (o->interface && !is_interface_name(o->interface)) {
		log_err("--interface: a name has no blanks, slashes or control characters");
		return false;
	}
	if (o->backend == BACKEND_TAP && o->mode != MODE_AUTO) {
		log_err("--mode %s is a mode of AF_XDP, which --backend tap does not use: drop one",
			mode_names[o->mode]);
		return false;
	}
	if (o->host_ip && o->host_ip == o->own_ip) {
		log_err("--own-ip and --host-ip are one address: the two sides need one each");
		return false;
	}
	if (o->host_ip && o->backend == BACKEND_AF_XDP) {
		log_err("--host-ip is for a TAP device's other side: drop it, or take -b tap");
		return false;
	}
	if (o->pin_path && o->backend == BACKEND_TAP) {
		log_err("--pin-path is for BPF maps, which --backend tap has none of: drop it");
		return false;
	}
	if (o->adopt && o->backend == BACKEND_TAP) {
		log_err("--adopt is for an XDP program, which --backend tap has none of: drop it");
		return false;
	}
	if (o->engine == MEV_ENGINE_KERNEL && o->backend == BACKEND_TAP) {
		log_err("--engine kernel is the XDP program, which --backend tap has none of: drop one");
		return false;
	}
	if (o->cpu_cnt && o->queue_cnt && o->cpu_cnt != o->queue_cnt) {
		log_err("--cpus names %u CPUs for %u queues: give one each", o->cpu_cnt,
			o->queue_cnt);
		return false;
	}
	return true;
}

void options_for_tap(struct run_options *o)
{
	if (!o->interface)
		o->interface = TAP_DEFAULT;
	if (!o->own_ip)
		take_address("--own-ip", TAP_OWN_IP, &o->own_ip, &o->own_prefix_len);
}

int options_run(int argc, char **argv, struct run_options *o)
{
	const char *backend = getenv("MEV_BACKEND");
	int option;

	*o = (struct run_options){ .mode = MODE_AUTO, .poll = WORKER_WAIT };
	if (backend && !take_backend(backend, &o->backend))
		return EXIT_USAGE;
	optind = 1;
	while ((option = getopt_long(argc, argv, "i:b:m:q:c:vh", table, NULL)) != -1) {
		if (option == 'h') {
			fputs(usage, stdout);
			return EXIT_DONE;
		}
		if (!take(option, o))
			return EXIT_USAGE;
	}
	if (!consistent(argc, argv, o))
		return EXIT_USAGE;
	if (o->backend == BACKEND_TAP)
		options_for_tap(o);
	return -1;
}
