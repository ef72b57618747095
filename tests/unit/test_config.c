// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Configuration files: what they set, and the line that names what is wrong. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config.h"
#include "sandwich.h"

#define A "a0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"
#define B "cbcdf9626bc03e24f779434178a73a0b4bad62ed"

static char path[] = "/tmp/mev_config_XXXXXX";
static char said[4096]; /* what went to stderr */

/* config_load() on `text`, with stderr caught. */
static int load(struct config *c, const char *text)
{
	int fd, err, saved, catch;
	ssize_t n;

	strcpy(path + strlen(path) - 6, "XXXXXX");
	fd = mkstemp(path);
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	catch = memfd_create("stderr", 0);
	saved = dup(2);
	dup2(catch, 2);
	err = config_load(c, path);
	dup2(saved, 2);
	close(saved);
	lseek(catch, 0, SEEK_SET);
	n = read(catch, said, sizeof(said) - 1);
	said[n > 0 ? n : 0] = '\0';
	close(catch);
	unlink(path);
	return err;
}

Test(config, all_keys)
{
	struct config c;

	cr_assert_eq(load(&c, "; a comment\n"
			      "[node]\n"
			      "swap_port = 9000\n"
			      "update_port=9001 ; inline\n"
			      "min_amount_in = 5\n"
			      "min_profit = 18446744073709551615\n"
			      "\n[feed]\n"
			      "allow = 10.1.0.0/16, 192.168.0.7 2001:db8::/32\n"
			      "allow = ::/0\n"
			      "[front_run]\n"
			      "strategy = fixed\n"
			      "capital = 77\n"
			      "[pool " A "]\n"
			      "fee = 3/1000\n"
			      "reserve0 = 10\n"
			      "reserve1 = 20\n"
			      "[pool 0x" B "]\n"
			      "fee = 0/1\n"),
		     0, "%s", said);
	cr_assert_str_empty(said);
	cr_assert(c.node.swap_port == 9000 && c.node.update_port == 9001);
	cr_assert(c.node.min_amount_in == 5 && c.node.min_profit == ~0ULL);
	cr_assert(c.node.strategy == SANDWICH_FIXED && c.node.capital == 77);
	cr_assert(c.node.flags == MEV_FEED_RESTRICTED && c.feed_cnt == 4);
	cr_assert_eq(c.feeds[0].prefix_len, 96 + 16);
	cr_assert_eq(c.feeds[1].prefix_len, 128);
	cr_assert_eq(c.feeds[2].prefix_len, 32);
	cr_assert_eq(c.feeds[3].prefix_len, 0);
	cr_assert_eq(c.pool_cnt, 2);
	cr_assert(c.pools[0].fee_n == 997 && c.pools[0].fee_d == 1000);
	cr_assert(c.pools[0].reserve0 == 10 && c.pools[0].reserve1 == 20);
	cr_assert(c.pools[1].fee_n == 1 && c.pools[1].reserve0 == 0);
	config_free(&c);
}

Test(config, empty_file_is_the_defaults_without_pools)
{
	struct config c, d;

	cr_assert_eq(load(&c, ""), 0);
	cr_assert_eq(config_default(&d), 0);
	cr_assert_eq(memcmp(&c.node, &d.node, sizeof(c.node)), 0);
	cr_assert(c.pool_cnt == 0 && d.pool_cnt == 2);
	config_free(&c);
	config_free(&d);
}

Test(config, every_mistake_names_its_line)
{
	static const struct {
		const char *text;
		int line;
		const char *says;
	} rows[] = {
		{ "swap_port = 1\n", 1, "before any section" },
		{ "[nodes]\n", 1, "no section [nodes]" },
		{ "[node]\n\nport = 1\n", 3, "no key port" },
		{ "[node]\nfee = 1/2\n", 2, "no key fee" },
		{ "[node]\nswap_port = 0\n", 2, "1 to 65535" },
		{ "[node]\nswap_port = 65536\n", 2, "1 to 65535" },
		{ "[node]\nswap_port = http\n", 2, "whole number" },
		{ "[node]\nmin_profit = -1\n", 2, "whole number" },
		{ "[node]\nmin_profit = 18446744073709551616\n", 2, "whole number" },
		{ "[node]\nswap_port = 1\nswap_port = 2\n", 3, "twice" },
		{ "[node]\n[front_run]\n[node]\n", 3, "twice" },
		{ "[node]\nswap_port\n", 2, "key = value" },
		{ "[node]\nswap_port = 5\nupdate_port = 5\n", 3, "both 5" },
		{ "[node\n", 1, "bracket" },
		{ "[front_run]\nstrategy = best\n", 2, "optimal or fixed" },
		{ "[front_run]\ncapital = 0\n", 2, "whole number" },
		{ "[feed]\nallow = 10.0.0.0/33\n", 2, "10.0.0.0/33 is no network" },
		{ "[feed]\nallow = 10.0.0.1/8\n", 2, "behind its prefix" },
		{ "[feed]\nallow = example.org\n", 2, "no network" },
		{ "[pool abc]\nfee = 3/1000\n", 1, "40 hexadecimal" },
		{ "[pool " A "]\n", 1, "no fee" },
		{ "[pool " A "]\nfee = 1000/1000\n", 2, "NUM < DEN" },
		{ "[pool " A "]\nfee = 0.3\n", 2, "NUM/DEN" },
		{ "[pool " A "]\nfee = 3/1000\nreserve0 = 5\n", 1, "one reserve only" },
		{ "[pool " A "]\nfee = 3/1000\nreserve0 = 0\nreserve1 = 5\n", 3, "whole number" },
		{ "[pool " A "]\nfee = 3/1000\n[node]\n[pool " A "]\nfee = 3/1000\n", 4,
		  "line 1 already" },
		{ "[pool " A "]\nfee = 3/1000\nfee = 3/1000\n", 3, "twice" },
	};
	char want[64];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct config c;

		cr_assert_eq(load(&c, rows[i].text), -EINVAL, "row %zu", i);
		snprintf(want, sizeof(want), "%s:%d: ", path, rows[i].line);
		cr_expect_not_null(strstr(said, want), "row %zu wants line %d: %s", i, rows[i].line,
				   said);
		cr_expect_not_null(strstr(said, rows[i].says), "row %zu wants \"%s\": %s", i,
				   rows[i].says, said);
		cr_expect_eq(strchr(said, '\n'), said + strlen(said) - 1, "one line: %s", said);
	}
}

Test(config, a_long_line_is_refused_not_cut)
{
	char text[1000] = "[node]\nswap_port = 1";
	struct config c;

	memset(text + strlen(text), ' ', 500);
	cr_assert_eq(load(&c, text), -EINVAL);
	cr_assert_not_null(strstr(said, ":2: line of more than"), "%s", said);
}

Test(config, a_missing_file_is_said)
{
	struct config c;

	cr_redirect_stderr();
	cr_assert_eq(config_load(&c, "/nonexistent/pools.ini"), -ENOENT);
}

Test(config, sixty_five_thousand_pools, .timeout = 30)
{
	char *text = malloc(65537 * 70), *p = text;
	struct config c;

	for (__u32 i = 0; i < 65536; i++)
		p += sprintf(p, "[pool %032x%08x]\nfee = 3/1000\n", i * 7919, i);
	cr_assert_eq(load(&c, text), 0, "%s", said);
	cr_assert_eq(c.pool_cnt, 65536);
	cr_assert_eq(c.pools[65535].address[19], 0xff);
	config_free(&c);
	sprintf(p, "[pool " A "]\nfee = 3/1000\n");
	cr_assert_eq(load(&c, text), -EINVAL);
	cr_assert_not_null(strstr(said, "more than 65536 pools"), "%s", said);
	free(text);
}
