// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "quote.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exit_code.h"
#include "log.h"
#include "parse.h"
#include "quote_csv.h"

/* clang-format off */
static const char usage[] =
	"usage: mevnode quote --reserve-in N --reserve-out N --fee NUM/DEN --amount-in N\n"
	"                     --min-amount-out N --capital N [--strategy optimal|fixed]\n"
	"       mevnode quote --csv FILE [--strategy optimal|fixed]\n"
	"\n"
	"The best front-run on one swap, with exact integers and no network. Amounts are whole units\n"
	"of their token, 0 to 2^64 - 1.\n"
	"\n"
	"  --reserve-in N       pool's reserve of the token the victim sells\n"
	"  --reserve-out N      pool's reserve of the token the victim buys\n"
	"  --fee NUM/DEN        pool's fee, 0 <= NUM < DEN <= 1000000; 3/1000 is 0.3 %\n"
	"  --amount-in N        what the victim sells\n"
	"  --min-amount-out N   the victim reverts if it would receive less\n"
	"  --capital N          the most that may go into the front-run\n"
	"  --strategy NAME      optimal (default): the best front-run; fixed: all of the capital\n"
	"  --csv FILE           a row a swap, - for stdin. Header line first:\n"
	"                       reserve_in,reserve_out,fee_num,fee_den,amount_in,min_amount_out,capital\n"
	"                       (further columns are ignored); answers are written to stdout as\n"
	"                       profit,front_run_in,front_run_out,victim_out,back_run_out\n"
	"  -h, --help           this text\n"
	"\n"
	"Prints key=value lines: victim_out_untouched, break_even (amount_in below which no front-run\n"
	"can gain), front_run_in, front_run_out, victim_out, back_run_out, profit. Where profit is 0 a\n"
	"line reason= says why: below_break_even, victim_reverts or unprofitable.\n"
	"\n"
	"examples:\n"
	"  mevnode quote --reserve-in 1000000000000 --reserve-out 500000000000 --fee 3/1000 \\\n"
	"                --amount-in 10000000000 --min-amount-out 4900000000 --capital 100000000000\n"
	"  mevnode quote --csv swaps.csv > answers.csv\n"
	"  zcat swaps.csv.gz | mevnode quote --csv - --strategy fixed | sort -n | tail\n"
	"\n"
	"exit code: 0 done, 1 reading or writing failed, 2 wrong usage or input\n";
/* clang-format on */

static const char *why_none(const struct quote *q, __u64 break_even)
{
	if (q->amount_in < break_even)
		return "below_break_even";
	if (!amm_pays(&q->pool, q->amount_in, q->min_out))
		return "victim_reverts";
	return "unprofitable";
}

static int quote_one(const struct quote *q)
{
	__u64 kappa = amm_kappa_q64(q->pool.n, q->pool.d);
	__u64 break_even = amm_break_even(q->pool.rin, kappa);
	struct sandwich s;
	bool found =
		sandwich_decide(&q->pool, q->amount_in, q->min_out, q->capital, q->strategy, &s);

	printf("victim_out_untouched=%llu\n", amm_out(&q->pool, q->amount_in));
	printf("break_even=%llu\n", break_even);
	printf("front_run_in=%llu\n", s.front_in);
	printf("front_run_out=%llu\n", s.front_out);
	printf("victim_out=%llu\n", s.victim_out);
	printf("back_run_out=%llu\n", s.back_out);
	printf("profit=%llu\n", s.profit);
	if (!found)
		printf("reason=%s\n", why_none(q, break_even));
	if (fflush(stdout) || ferror(stdout)) {
		log_err("quote: cannot write to stdout: %s", strerror(errno));
		return EXIT_FAILED;
	}
	return EXIT_DONE;
}

/* Options. */

enum option_id {
	OPT_RIN = 1,
	OPT_ROUT,
	OPT_FEE,
	OPT_AMOUNT,
	OPT_MIN,
	OPT_CAPITAL,
	OPT_STRATEGY,
	OPT_CSV
};

#define NEEDED_CNT OPT_CAPITAL /* OPT_RIN to OPT_CAPITAL: all or, with --csv, none */

static const struct option options[] = {
	{ "reserve-in", required_argument, NULL, OPT_RIN },
	{ "reserve-out", required_argument, NULL, OPT_ROUT },
	{ "fee", required_argument, NULL, OPT_FEE },
	{ "amount-in", required_argument, NULL, OPT_AMOUNT },
	{ "min-amount-out", required_argument, NULL, OPT_MIN },
	{ "capital", required_argument, NULL, OPT_CAPITAL },
	{ "strategy", required_argument, NULL, OPT_STRATEGY },
	{ "csv", required_argument, NULL, OPT_CSV },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const char *option_name(int id)
{
	for (const struct option *o = options; o->name; o++)
		if (o->val == id)
			return o->name;
	return "?";
}

/* Returns 0 or -errno. */
static int set_option(struct quote *q, int id, const char *arg)
{
	switch (id) {
	case OPT_RIN:
		return parse_u64(arg, 1, UINT64_MAX, &q->pool.rin);
	case OPT_ROUT:
		return parse_u64(arg, 1, UINT64_MAX, &q->pool.rout);
	case OPT_FEE:
		return parse_fee(arg, &q->pool.n, &q->pool.d);
	case OPT_AMOUNT:
		return parse_u64(arg, 0, UINT64_MAX, &q->amount_in);
	case OPT_MIN:
		return parse_u64(arg, 0, UINT64_MAX, &q->min_out);
	case OPT_CAPITAL:
		return parse_u64(arg, 0, UINT64_MAX, &q->capital);
	case OPT_CSV:
		q->csv = arg;
		return 0;
	default:
		if (!strcmp(arg, "optimal"))
			q->strategy = SANDWICH_OPTIMAL;
		else if (!strcmp(arg, "fixed"))
			q->strategy = SANDWICH_FIXED;
		else
			return -EINVAL;
		return 0;
	}
}

static const char *option_form(int id)
{
	switch (id) {
	case OPT_FEE:
		return "NUM/DEN with 0 <= NUM < DEN <= 1000000, such as 3/1000";
	case OPT_STRATEGY:
		return "optimal or fixed";
	case OPT_RIN:
	case OPT_ROUT:
		return "a whole number from 1 to 2^64 - 1";
	default:
		return "a whole number from 0 to 2^64 - 1";
	}
}

/* Which of the options that --csv excludes, and a single quote needs, is not as it should be? */
static int cross_check(const struct quote *q, unsigned int seen)
{
	for (int id = OPT_RIN; id <= NEEDED_CNT; id++) {
		bool given = seen >> id & 1;

		if (q->csv && given)
			log_err("quote: --%s and --csv exclude each other", option_name(id));
		else if (!q->csv && !given)
			log_err("quote: --%s is missing; see mevnode quote --help",
				option_name(id));
		else
			continue;
		return EXIT_USAGE;
	}
	return EXIT_DONE;
}

/* Fills *q. Returns an exit code, or -1 if there is work to do. */
static int parse_options(int argc, char **argv, struct quote *q)
{
	unsigned int seen = 0;
	int id, err;

	optind = 0; /* GNU: start over, whoever used getopt before */
	opterr = 0;
	while ((id = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (id == 'h') {
			fputs(usage, stdout);
			return fflush(stdout) ? EXIT_FAILED : EXIT_DONE;
		}
		if (id == '?' || id == ':') {
			log_err("quote: %s %s; see mevnode quote --help", argv[optind - 1],
				id == '?' ? "is not an option" : "needs a value");
			return EXIT_USAGE;
		}
		if (seen >> id & 1) {
			log_err("quote: --%s is given twice", option_name(id));
			return EXIT_USAGE;
		}
		seen |= 1U << id;
		if (set_option(q, id, optarg)) {
			log_err("quote: --%s '%s' is not %s", option_name(id), optarg,
				option_form(id));
			return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		log_err("quote: '%s' is not an option; see mevnode quote --help", argv[optind]);
		return EXIT_USAGE;
	}
	err = cross_check(q, seen);
	return err ? err : -1;
}

int quote_main(int argc, char **argv)
{
	struct quote q = { .strategy = SANDWICH_OPTIMAL };
	int done = parse_options(argc, argv, &q);

	if (done >= 0)
		return done;
	return q.csv ? quote_csv(&q) : quote_one(&q);
}
