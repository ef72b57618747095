/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * quote_csv - a row a swap in, a row an answer out, at millions of rows a second
 *
 * Its own reader and writer: stdio and strtoull would take several times as long as the answer.
 */
#ifndef MEV_QUOTE_CSV_H
#define MEV_QUOTE_CSV_H

#include "sandwich.h"

/* One question, and where more of them come from. */
struct quote {
	struct amm_side pool;
	__u64 amount_in, min_out, capital;
	enum sandwich_strategy strategy;
	const char *csv;
};

/* Answers the rows of q->csv ("-": stdin) on stdout. Returns the exit code; errors are logged. */
int quote_csv(struct quote *q);

#endif /* MEV_QUOTE_CSV_H */
