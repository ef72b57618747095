/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * report - what a run found: text for a person, JSON and percentiles for files
 */
#ifndef MEVLOAD_REPORT_H
#define MEVLOAD_REPORT_H

#include "load_loop.h"

/* Whether something came back that must not: wrong, duplicated, unexpected, TCP out of order. */
bool report_faulty(const struct load_loop *l);

/* Writes everything that the options ask for. 0 or -errno, logged. */
int report(const struct load_loop *l);

#endif /* MEVLOAD_REPORT_H */
