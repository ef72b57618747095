// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"

#define MAX_ARGS 32

static struct run_options o;

/* options_run() on a line of blank-separated arguments. */
static int parse(const char *line)
{
	static char text[512];
	char *argv[MAX_ARGS + 1] = { "mevnode run" }, *save = NULL;
	int argc = 1;

	strcpy(text, line);
	for (char *a = strtok_r(text, " ", &save); a; a = strtok_r(NULL, " ", &save))
		argv[argc++] = a;
	return options_run(argc, argv, &o);
}

static void setup(void)
{
	cr_redirect_stderr();
	cr_redirect_stdout();
	unsetenv("MEV_BACKEND");
}

TestSuite(options, .init = setup);

Test(options, defaults)
{
	cr_assert_eq(parse("-i veth1"), -1);
	cr_assert_str_eq(o.interface, "veth1");
	cr_assert(o.mode == MODE_AUTO && o.poll == WORKER_WAIT && !o.config_path && !o.pin_path);
	cr_assert(!o.queue_cnt && !o.cpu_cnt && !o.duration_s && !o.replies && !o.json);
}

Test(options, all)
{
	cr_assert_eq(parse("--interface eth1 -b af_xdp --mode zerocopy -q 0-2,5 --cpus 3,2,1,0 "
			   "--poll busy -c f.ini --pin-path /x --verify-checksum"),
		     -1);
	cr_assert(o.mode == MODE_ZEROCOPY && o.poll == WORKER_BUSY && o.verify_checksum);
	cr_assert(o.queue_cnt == 4 && o.queues[3] == 5 && o.cpu_cnt == 4 && o.cpus[0] == 3);
	cr_assert_eq(parse("-i e --duration 7 --replies 9 --json -v"), -1);
	cr_assert(o.duration_s == 7 && o.replies == 9 && o.json && o.verbose);
	cr_assert_eq(o.listen.ss_family, 0);
	cr_assert_eq(parse("-i e --listen [::1]:9464"), -1);
	cr_assert_eq(o.listen.ss_family, AF_INET6);
}

Test(options, wrong_ones)
{
	static const char *const bad[] = {
		"",
		"-i",
		"-i e extra",
		"-i e --nonsense",
		"-i e --listen",
		"-i e --listen :9464",
		"-i e -b dpdk",
		"-i e -m native",
		"-i e --mode",
		"-i e -q a",
		"-i e -q 256",
		"-i e -q 0,0",
		"-i e --cpus 0-",
		"-i e --cpus 1024",
		"-i e -q 0 --cpus 0,1",
		"-i e --poll never",
		"-i e --duration 0",
		"-i e --duration 1s",
		"-i e --replies -1",
		"-i e --replies 0",
		"-i e --json=yes",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(parse(bad[i]), EXIT_USAGE, "run %s", bad[i]);
}

Test(options, help_is_not_an_error)
{
	cr_assert_eq(parse("--help"), EXIT_DONE);
	cr_assert_eq(parse("-i e -h"), EXIT_DONE);
}

Test(options, backend_from_the_environment)
{
	setenv("MEV_BACKEND", "af_xdp", 1);
	cr_assert_eq(parse("-i e"), -1);
	setenv("MEV_BACKEND", "pigeon", 1);
	cr_assert_eq(parse("-i e"), EXIT_USAGE);
}

Test(options, addresses)
{
	static const char *const bad[] = {
		"224.0.0.1/24",    "255.255.255.255/24", "127.0.0.1/8",  "0.0.0.0/24",
		"192.168.69.0/24", "192.168.69.255/24",  "192.168.69.2", "192.168.69.2/0",
		"192.168.69.2/33", "192.168.69/24",      "fd00::1/64",   "host/24",
	};
	char line[64];

	cr_assert_eq(parse("-b tap"), -1);
	cr_assert(!strcmp(o.interface, "tap0") && o.own_ip && o.own_prefix_len == 24);
	cr_assert_eq(parse("-i e --own-ip 10.0.0.2/31"), -1);
	cr_assert_eq(o.own_prefix_len, 31);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(line, sizeof(line), "-b tap --own-ip %s", bad[i]);
		cr_expect_eq(parse(line), EXIT_USAGE, "%s", line);
	}
	cr_expect_eq(parse("-b tap --own-ip 10.0.0.2/24 --host-ip 10.0.0.2/24"), EXIT_USAGE);
	cr_expect_eq(parse("-b af_xdp -i e --host-ip 10.0.0.2/24"), EXIT_USAGE);
	cr_expect_eq(parse("-b tap --pin-path /sys/fs/bpf/x"), EXIT_USAGE);
	cr_expect_eq(parse("-b tap -m copy"), EXIT_USAGE);
	cr_expect_eq(parse("-i a/b"), EXIT_USAGE);
}
