// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The broker, asked by a process as the node is once it serves: no capability, the node's sandbox.
 * It is a child of the test's; its exit code is the first step that went wrong, 1 a forbidden call.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker.h"
#include "config.h"
#include "privileges.h"
#include "sandbox.h"

static char folder[] = "/tmp/mev_broker_XXXXXX";
static char path[64], next[64];
static int go[2]; /* the test tells the node to go on */
static int at[2]; /* the node tells how far it is */

static void write_config(const char *to, int min_profit, int pools)
{
	FILE *f = fopen(to, "w");

	cr_assert(f);
	fprintf(f, "[node]\nmin_profit = %d\n", min_profit);
	for (int i = 0; i < pools; i++)
		fprintf(f, "[pool %040x]\nfee = 3/1000\n", i + 1);
	fclose(f);
}

static void setup(void)
{
	cr_assert(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/node.ini", folder);
	snprintf(next, sizeof(next), "%s/next.ini", folder);
	write_config(path, 1, 1);
	cr_assert(!pipe(go) && !pipe(at));
}

static void teardown(void)
{
	unlink(path);
	rmdir(folder);
}

/* Node: so far, and now wait for the test. */
static void pause_at(char step)
{
	if (write(at[1], &step, 1) != 1 || read(go[0], &step, 1) != 1)
		_exit(99);
}

static bool reads(unsigned long long min_profit, __u32 pools)
{
	struct config c;
	bool good;

	if (config_load_fd(&c, broker_open_config(), path, NULL))
		return false;
	good = c.node.min_profit == min_profit && c.pool_cnt == pools;
	config_free(&c);
	return good;
}

static int node(void)
{
	if (broker_start(path))
		return 2;
	privileges_drop();
	if (sandbox_enter(SANDBOX_NODE))
		return 3;
	if (!reads(1, 1))
		return 4;
	pause_at('a'); /* another file takes its place */
	if (!reads(2, 60000))
		return 5;
	pause_at('b'); /* there is none */
	if (broker_open_config() != -ENOENT)
		return 6;
	pause_at('c'); /* and one again */
	if (!reads(3, 0))
		return 7;
	broker_stop();
	return 0;
}

static void await_step(char want)
{
	char step = 0;

	cr_assert_eq(read(at[0], &step, 1), 1);
	cr_assert_eq(step, want);
}

static void let_go(void)
{
	cr_assert_eq(write(go[1], "", 1), 1);
}

Test(broker, opens_what_is_there_now, .init = setup, .fini = teardown)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(node());
	close(at[1]);
	await_step('a');
	write_config(next, 2, 60000);
	rename(next, path);
	let_go();
	await_step('b');
	unlink(path);
	let_go();
	await_step('c');
	write_config(path, 3, 0);
	let_go();
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", status);
	/* The broker has ended as well: nobody holds the node's end of the pipe. */
	cr_assert_eq(read(at[0], &status, 1), 0);
}

Test(broker, open_without_one_fails)
{
	cr_assert_eq(broker_open_config(), -EBADF);
	broker_stop();
}
