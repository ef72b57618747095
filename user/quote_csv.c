// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "quote_csv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exit_code.h"
#include "log.h"
#include "parse.h"

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

int quote_csv(struct quote *q)
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
