// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "live.h"

#include <errno.h>
#include <string.h>

#include "config.h"
#include "exit_code.h"
#include "live_report.h"
#include "log.h"
#include "process.h"

/* Big, and there is one run a process. */
static struct live_frames frames;
static struct live_result results[LIVE_PROGRAM_CNT];

static int make_frames(const struct live_options *o, const struct netif *netif)
{
	static const __u8 peer_mac[6] = { 0x02, 0, 0, 0, 0, 0x02 };
	struct frame_rules rules = { .ends = o->ends };
	struct config config;
	int err;

	if (!o->has_to_mac)
		memcpy(rules.ends.to_mac, netif->mac, sizeof(rules.ends.to_mac));
	memcpy(rules.ends.from_mac, peer_mac, sizeof(rules.ends.from_mac));
	err = o->config_path ? config_load(&config, o->config_path) : config_default(&config);
	if (err)
		return err;
	config.node.swap_port = o->ends.to_port;
	rules.config = &config;
	err = live_mix_make(&frames, &rules, &o->mix, o->seed);
	config_free(&config);
	return err;
}

static enum exit_code failed(int err)
{
	return err == -EPERM || err == -EACCES || err == -EOPNOTSUPP ? EXIT_HOST : EXIT_FAILED;
}

static enum exit_code judge(const struct live_options *o)
{
	for (__u32 i = 0; i < o->program_cnt; i++) {
		if (!live_result_wrong(&results[i]))
			continue;
		log_err("%s: verdicts are not those predicted; is --config the node's, and nobody "
			"else sending?",
			live_program_name(results[i].program));
		return EXIT_FAILED;
	}
	return EXIT_DONE;
}

static enum exit_code run(const struct live_options *o)
{
	struct live_report report = { .options = o, .frames = &frames, .results = results };
	struct live_progs *progs;
	struct netif netif;
	int err;

	err = netif_query(o->interface, &netif);
	if (err) {
		log_err("interface %s: %s; `ip -br link` lists them", o->interface, strerror(-err));
		return EXIT_USAGE;
	}
	err = make_frames(o, &netif);
	if (err)
		return err == -ENOMEM ? EXIT_FAILED : EXIT_USAGE;
	err = live_progs_open(&progs, o, &netif, &frames);
	if (err)
		return failed(err);
	report.attached = live_progs_attached(progs, &report.attached_id);
	err = live_run(progs, o, &frames, results);
	if (!err)
		err = live_report(&report);
	live_progs_close(progs);
	return err ? failed(err) : judge(o);
}

int live_main(int argc, char **argv)
{
	static struct live_options options;
	int code = live_options(argc, argv, &options);

	if (code >= 0)
		return code;
	if (options.verbose)
		log_set_level(LOG_LEVEL_DEBUG);
	process_catch_signals();
	if (process_pin(options.cpu))
		return EXIT_USAGE;
	return (int)run(&options);
}
