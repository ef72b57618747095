/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * doctor_report - what the checks of `mevnode doctor` found, collected and printed
 *
 * The checks add findings in the order in which they are to be read; printing comes last, as lines
 * for a person or as one JSON object. One thread.
 */
#ifndef MEV_DOCTOR_REPORT_H
#define MEV_DOCTOR_REPORT_H

#include <stdbool.h>
#include <stddef.h>

enum doctor_status {
	DOCTOR_OK,
	DOCTOR_WARNING, /* the node runs, but something is slower, riskier or out of sight */
	DOCTOR_MISSING, /* the node does not run */
	DOCTOR_STATUS_CNT,
};

struct doctor_finding {
	enum doctor_status status;
	char group[32];
	char name[32]; /* short, stable, for scripts */
	char found[512];
	char remedy[512]; /* empty if there is nothing to do */
};

struct doctor_report {
	struct doctor_finding *findings;
	size_t cnt, room;
	size_t by_status[DOCTOR_STATUS_CNT];
	char group[32]; /* of the findings to come */
};

/* The heading of what is added from now on, such as "host". */
void doctor_group(struct doctor_report *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Adds a finding: its name, and what was found. Bytes that a terminal might obey become '?'. */
void doctor_add(struct doctor_report *r, enum doctor_status status, const char *name,
		const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* What to do about the finding added last; with a status of ok, advice for a special case. */
void doctor_remedy(struct doctor_report *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

void doctor_print(const struct doctor_report *r);

/* {"checks": [{group, name, status, found, remedy or null}], "summary": {ok, warning, missing}} */
void doctor_print_json(const struct doctor_report *r);

void doctor_free(struct doctor_report *r);

#endif /* MEV_DOCTOR_REPORT_H */
