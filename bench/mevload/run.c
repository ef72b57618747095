// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "run.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "exit_code.h"
#include "load_loop.h"
#include "log.h"
#include "netif.h"
#include "process.h"
#include "report.h"
#include "xsk.h"

/* Distinct swaps: enough that no branch predictor or cache learns them all by heart. */
#define SWAP_CNT 4096

/*
 * Sockets send records alone, and may not even know from which address: the records are judged
 * behind headers that the filter has nothing against.
 */
static const struct frame_ends unsent_headers = {
	.to_mac = { 0x02, 0, 0, 0, 0, 0x01 },
	.from_mac = { 0x02, 0, 0, 0, 0, 0x02 },
	.to_ip = MEV_HTONS(0x0a00) | (__u32)MEV_HTONS(0x0001) << 16,
	.from_ip = MEV_HTONS(0x0a00) | (__u32)MEV_HTONS(0x0002) << 16,
	.from_port = 1,
	.from_port_last = 1,
};

/* What this side puts into frames of its own, and how long they may be. */
static int learn_interface(const struct load_options *o, struct frame_rules *rules)
{
	struct netif netif;
	int err;

	if (o->transport != TRANSPORT_AF_XDP) {
		rules->ends = unsent_headers;
		rules->ends.to_port = o->ends.to_port;
		rules->longest = 65535;
		return 0;
	}
	err = netif_query(o->interface, &netif);
	if (err) {
		log_err("interface %s: %s; `ip -br link` lists them", o->interface, strerror(-err));
		return err;
	}
	memcpy(rules->ends.from_mac, netif.mac, sizeof(rules->ends.from_mac));
	rules->longest = netif.mtu + (__u32)(sizeof(struct eth_hdr) + sizeof(struct vlan_hdr));
	if (rules->longest > UMEM_CHUNK_COPY - UMEM_HEADROOM)
		rules->longest = UMEM_CHUNK_COPY - UMEM_HEADROOM;
	return 0;
}

static int make_frames(const struct load_options *o, struct frame_set *set)
{
	struct frame_rules rules = {
		.ends = o->ends,
		.echo = o->echo,
		.records_only = o->transport != TRANSPORT_AF_XDP,
	};
	struct config config;
	int err;

	err = learn_interface(o, &rules);
	if (err)
		return err;
	err = o->config_path ? config_load(&config, o->config_path) : config_default(&config);
	if (err)
		return err;
	config.node.swap_port = o->ends.to_port;
	rules.config = &config;
	err = o->pcap_path ? frames_from_pcap(set, &rules, o->pcap_path) :
			     frames_generate(set, &rules, SWAP_CNT, o->seed);
	config_free(&config);
	if (!err && o->kind == LOAD_CLOSED && !set->due_cnt) {
		log_err("--load closed waits for replies, and %s: take --load open or flood",
			set->due_known ? "none of these frames deserves one" :
					 "pool updates in this capture decide which are due");
		frames_free(set);
		err = -EINVAL;
	}
	return err;
}

static int open_transport(const struct load_options *o, const struct frame_set *set,
			  struct transport **out)
{
	const struct transport_config c = {
		.interface = o->interface,
		.set = set,
		.ends = o->ends,
		.queue = o->queue,
		.skb = o->skb,
		.echo = o->echo,
	};

	switch (o->transport) {
	case TRANSPORT_AF_XDP:
		return transport_af_xdp_open(out, &c);
	case TRANSPORT_UDP:
		return transport_udp_open(out, &c);
	case TRANSPORT_TCP:
		return transport_tcp_open(out, &c);
	}
	return -EINVAL;
}

/* The clock's rate, from a longer span than its own calibration's. */
static void set_clock(struct latency_clock *clock)
{
	const struct timespec wait = { .tv_nsec = 150000000 };

	latency_clock_init(clock);
	nanosleep(&wait, NULL);
	latency_clock_anchor(clock);
}

static enum exit_code measure(struct load_loop *l)
{
	const struct load_options *o = l->options;
	const struct account *a = &l->matcher.measured;

	l->measure_ns = o->warmup_ns;
	l->end_ns = o->warmup_ns + o->duration_ns;
	l->progress = l->end_ns > 3000000000 && isatty(STDERR_FILENO);
	if (o->rate)
		schedule_init(&l->schedule, o->rate, o->kind == LOAD_POISSON, o->seed);
	set_clock(&l->clock);
	/* No page fault on the clock; where the limit forbids that, the warm-up takes most of them. */
	mlockall(MCL_CURRENT);
	if (load_loop_run(l, &process_stop) || report(l))
		return EXIT_FAILED;
	if (report_faulty(l) || (o->strict && l->set->due_known && a->received < a->due))
		return EXIT_FAILED;
	return EXIT_DONE;
}

static enum exit_code run(const struct load_options *o)
{
	struct load_loop l = { .options = o };
	struct frame_set set = { 0 };
	enum exit_code code = EXIT_FAILED;
	int err;

	err = make_frames(o, &set);
	if (err)
		return err == -ENOMEM ? EXIT_FAILED : EXIT_USAGE;
	l.set = &set;
	if (matcher_open(&l.matcher, &set)) {
		log_err("out of memory for the table of requests");
	} else {
		err = open_transport(o, &set, &l.transport);
		if (err)
			code = err == -EPERM || err == -EOPNOTSUPP ? EXIT_HOST : EXIT_FAILED;
		else
			code = measure(&l);
	}
	if (l.transport)
		l.transport->ops->close(l.transport);
	matcher_close(&l.matcher);
	frames_free(&set);
	return code;
}

int run_main(int argc, char **argv)
{
	static struct load_options options;
	int code = load_options(argc, argv, &options);

	if (code >= 0)
		return code;
	if (options.verbose)
		log_set_level(LOG_LEVEL_DEBUG);
	process_catch_signals();
	if (process_pin(options.cpu))
		return EXIT_USAGE;
	return (int)run(&options);
}
