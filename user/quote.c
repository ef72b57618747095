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

#include "log.h"
#include "parse.h"
#include "sandwich.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct quote {
	struct amm_side pool;
	__u64 amount_in, min_out, capital;
	enum sandwich_strategy strategy;
	const char *csv;
};

static const char usage[] =
	"usage: mevnode quote --reserve-in N --reserve-out N --fee NUM/DEN --amount-in N\n"
	"                     --min-amount-out N --capital N [--strategy optimal|fixed]\n"
	"       mevnode quote --csv FILE [--strategy optimal|fixed]\n"
	"\n"
	"The best front-run on one swap, with exact integers and no network. Amounts are whole "
	"units\n"
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
	"                       "
	"reserve_in,reserve_out,fee_num,fee_den,amount_in,min_amount_out,capital\n"
	"                       (further columns are ignored); answers are written to stdout as\n"
	"                       profit,front_run_in,front_run_out,victim_out,back_run_out\n"
	"  -h, --help           this text\n"
	"\n"
	"Prints key=value lines: victim_out_untouched, break_even (amount_in below which no "
	"front-run\n"
	"can gain), front_run_in, front_run_out, victim_out, back_run_out, profit. Where profit is "
	"0 a\n"
	"line reason= says why: below_break_even, victim_reverts or unprofitable.\n"
	"\n"
	"examples:\n"
	"  mevnode quote --reserve-in 1000000000000 --reserve-out 500000000000 --fee 3/1000 \\\n"
	"                --amount-in 10000000000 --min-amount-out 4900000000 --capital "
	"100000000000\n"
	"  mevnode quote --csv swaps.csv > answers.csv\n"
	"  zcat swaps.csv.gz | mevnode quote --csv - --strategy fixed | sort -n | tail\n"
	"\n"
	"exit code: 0 done, 1 reading or writing failed, 2 wrong usage or input\n";

/* ------------------------------------------------------------------ one quote */

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

/* ------------------------------------------------------------------ CSV */

#define IN_SIZE (256 * 1024) /* also the longest line accepted */
#define OUT_SIZE (256 * 1024)
#define ROW_MAX (5 * 21) /* five u64, each with a comma or newline */
#define PAD 8            /* digits are loaded 8 at a time, so up to 7 bytes too far */

static const char *const columns[] = {
	"reserve_in", "reserve_out", "fee_num", "fee_den", "amount_in", "min_amount_out", "capital",
};
#define COLUMN_CNT (sizeof(columns) / sizeof(columns[0]))

struct csv {
	const char *path;
	int fd;
	__u64 line;        /* number of the line at hand, from 1 */
	size_t extra_cnt;  /* columns beyond the seven */
	size_t start, end; /* in[start, end) is read and not yet parsed */
	size_t out_len;
	bool at_eof;
	char in[IN_SIZE + 1 + PAD];
	char out[OUT_SIZE];
};

static int __attribute__((format(printf, 2, 3))) bad_line(const struct csv *c, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_err("quote: %s:%llu: %s", c->path, c->line, text);
	return EXIT_USAGE;
}

static int csv_flush(struct csv *c)
{
	size_t off = 0;

	while (off < c->out_len) {
		ssize_t n = write(STDOUT_FILENO, c->out + off, c->out_len - off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			log_err("quote: cannot write to stdout: %s", strerror(errno));
			return EXIT_FAILED;
		}
		off += (size_t)n;
	}
	c->out_len = 0;
	return EXIT_DONE;
}

/* Moves what is left to the front and reads on. */
static int csv_fill(struct csv *c)
{
	ssize_t n;

	memmove(c->in, c->in + c->start, c->end - c->start);
	c->end -= c->start;
	c->start = 0;
	if (c->end == IN_SIZE)
		return bad_line(c, "line longer than %d bytes; is this a CSV file?", IN_SIZE);
	do {
		n = read(c->fd, c->in + c->end, IN_SIZE - c->end);
	} while (n < 0 && errno == EINTR);
	if (n < 0) {
		log_err("quote: cannot read %s: %s", c->path, strerror(errno));
		return EXIT_FAILED;
	}
	c->at_eof = !n;
	c->end += (size_t)n;
	return EXIT_DONE;
}

/*
 * The next line, ended by '\n' (CR LF and a last line without an end are made so); *text is NULL at
 * the end of the file. Valid until the next call.
 */
static int csv_line(struct csv *c, char **text)
{
	char *eol;
	size_t searched = 0;

	*text = NULL;
	c->line++;
	for (;;) {
		size_t len = c->end - c->start;
		int err;

		eol = memchr(c->in + c->start + searched, '\n', len - searched);
		if (eol)
			break;
		if (c->at_eof) {
			if (!len)
				return EXIT_DONE;
			eol = c->in + c->end++;
			break;
		}
		searched = len;
		err = csv_fill(c);
		if (err)
			return err;
	}
	*text = c->in + c->start;
	c->start = (size_t)(eol + 1 - c->in);
	if (eol > *text && eol[-1] == '\r')
		eol--;
	*eol = '\n';
	return EXIT_DONE;
}

static int csv_header(struct csv *c)
{
	char *p;
	int err = csv_line(c, &p);

	if (err)
		return err;
	if (!p)
		return bad_line(c, "no header line; see mevnode quote --help");
	for (size_t i = 0; i < COLUMN_CNT; i++) {
		size_t len = strlen(columns[i]);

		if (strncmp(p, columns[i], len) || (p[len] != ',' && p[len] != '\n') ||
		    (p[len] == '\n' && i + 1 < COLUMN_CNT))
			return bad_line(c, "column %zu of the header is not '%s'", i + 1,
					columns[i]);
		p += len + (p[len] == ',');
	}
	for (c->extra_cnt = p[-1] == ','; *p != '\n'; p++)
		c->extra_cnt += *p == ',';
	return EXIT_DONE;
}

/*
 * Digits at *text as a number, eight at a time (bytes of a word; the first that is none ends it).
 * Returns 0, -EINVAL if there is no digit, -ERANGE above 2^64 - 1. *text ends behind the digits.
 */
static inline int take_number(char **text, __u64 *out)
{
	static const __u32 power[] = {
		1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000
	};
	char *p = *text;
	__u64 v = 0;
	bool over = false;

	for (;;) {
		__u64 w, stop;
		unsigned int cnt;

		memcpy(&w, p, sizeof(w));
		w ^= 0x3030303030303030ULL;
		stop = ((w + 0x7676767676767676ULL) | w) & 0x8080808080808080ULL;
		cnt = stop ? (unsigned int)__builtin_ctzll(stop) / 8 : 8;
		if (!cnt)
			break;
		w <<= 64 - 8 * cnt;
		w = (w * 10 + (w >> 8)) & 0x00ff00ff00ff00ffULL;
		w = (w * 100 + (w >> 16)) & 0x0000ffff0000ffffULL;
		w = (w * 10000 + (w >> 32)) & 0xffffffffULL;
		over |= __builtin_mul_overflow(v, power[cnt], &v);
		over |= __builtin_add_overflow(v, w, &v);
		p += cnt;
		if (cnt < 8)
			break;
	}
	if (p == *text)
		return -EINVAL;
	*text = p;
	*out = v;
	return over ? -ERANGE : 0;
}

/* A row's seven numbers; the rest of the line only has to have as many columns as the header. */
static int csv_row(struct csv *c, char *p, struct quote *q)
{
	__u64 field[COLUMN_CNT];
	size_t extra_cnt;

	for (size_t i = 0; i < COLUMN_CNT; i++) {
		int err = take_number(&p, &field[i]);
		bool last = i + 1 == COLUMN_CNT;

		if (err == -ERANGE)
			return bad_line(c, "%s is above 2^64 - 1", columns[i]);
		if (err || (*p != ',' && *p != '\n'))
			return bad_line(c, "%s is not a number", columns[i]);
		if (*p == '\n' && !last)
			return bad_line(c, "%zu columns where the header has %zu", i + 1,
					COLUMN_CNT + c->extra_cnt);
		if (!last)
			p++;
	}
	for (extra_cnt = 0; *p != '\n'; p++)
		extra_cnt += *p == ',';
	if (extra_cnt != c->extra_cnt)
		return bad_line(c, "%zu columns where the header has %zu", COLUMN_CNT + extra_cnt,
				COLUMN_CNT + c->extra_cnt);
	if (field[3] < 1 || field[3] > 1000000 || field[2] >= field[3])
		return bad_line(c, "fee %llu/%llu is not 0 <= fee_num < fee_den <= 1000000",
				field[2], field[3]);
	q->pool.rin = field[0];
	q->pool.rout = field[1];
	q->pool.n = (__u32)(field[3] - field[2]);
	q->pool.d = (__u32)field[3];
	q->amount_in = field[4];
	q->min_out = field[5];
	q->capital = field[6];
	return EXIT_DONE;
}

/* v in decimal, and `end` behind it. Two digits a step, from the last. */
static inline char *put_number(char *p, __u64 v, char end)
{
	static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930"
				    "31323334353637383940414243"
				    "44454647484950515253545556575859606162636465666768697071727374"
				    "75767778798081828384858687"
				    "888990919293949596979899";
	char digits[20], *d = digits + sizeof(digits);
	size_t len;

	while (v >= 100) {
		d -= 2;
		memcpy(d, pairs + v % 100 * 2, 2);
		v /= 100;
	}
	if (v >= 10) {
		d -= 2;
		memcpy(d, pairs + v * 2, 2);
	} else {
		*--d = (char)('0' + v);
	}
	len = (size_t)(digits + sizeof(digits) - d);
	memcpy(p, d, len);
	p[len] = end;
	return p + len + 1;
}

static void csv_put(struct csv *c, const struct sandwich *s)
{
	char *p = c->out + c->out_len;

	p = put_number(p, s->profit, ',');
	p = put_number(p, s->front_in, ',');
	p = put_number(p, s->front_out, ',');
	p = put_number(p, s->victim_out, ',');
	p = put_number(p, s->back_out, '\n');
	c->out_len = (size_t)(p - c->out);
}

static int csv_rows(struct csv *c, struct quote *q)
{
	for (;;) {
		struct sandwich s;
		char *text;
		int err = csv_line(c, &text);

		if (err || !text)
			return err;
		err = csv_row(c, text, q);
		if (err)
			return err;
		sandwich_decide(&q->pool, q->amount_in, q->min_out, q->capital, q->strategy, &s);
		csv_put(c, &s);
		if (c->out_len > OUT_SIZE - ROW_MAX) {
			err = csv_flush(c);
			if (err)
				return err;
		}
	}
}

static int quote_csv(struct quote *q)
{
	static const char header[] = "profit,front_run_in,front_run_out,victim_out,back_run_out\n";
	struct csv *c = calloc(1, sizeof(*c));
	int err, flush_err;

	if (!c) {
		log_err("quote: no memory for the CSV buffers");
		return EXIT_FAILED;
	}
	c->path = q->csv;
	c->fd = STDIN_FILENO;
	if (!strcmp(q->csv, "-"))
		c->path = "stdin";
	else
		c->fd = open(q->csv, O_RDONLY | O_CLOEXEC);
	if (c->fd < 0) {
		log_err("quote: cannot open %s: %s", q->csv, strerror(errno));
		err = EXIT_FAILED;
		goto out_free;
	}
	err = csv_header(c);
	if (!err) {
		memcpy(c->out, header, sizeof(header) - 1);
		c->out_len = sizeof(header) - 1;
		err = csv_rows(c, q);
	}
	flush_err = csv_flush(c); /* the good rows before a bad one are answered too */
	err = err ? err : flush_err;
	if (c->fd != STDIN_FILENO)
		close(c->fd);
out_free:
	free(c);
	return err;
}

/* ------------------------------------------------------------------ options */

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
