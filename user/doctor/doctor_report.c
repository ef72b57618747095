// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "doctor_report.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "options.h"

static const char *const status_names[] = {
	[DOCTOR_OK] = "ok",
	[DOCTOR_WARNING] = "warning",
	[DOCTOR_MISSING] = "missing",
};

/* Names of interfaces, programs and pins are anybody's bytes; JSON wants UTF-8 besides. */
static void make_printable(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

void doctor_group(struct doctor_report *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->group, sizeof(r->group), fmt, ap);
	va_end(ap);
	make_printable(r->group);
}

static struct doctor_finding *make_room(struct doctor_report *r)
{
	if (r->cnt == r->room) {
		size_t room = r->room ? 2 * r->room : 64;
		void *more = realloc(r->findings, room * sizeof(*r->findings));

		if (!more) {
			log_err("doctor: out of memory");
			exit(EXIT_FAILED); /* a report with holes would pass for a clean one */
		}
		r->findings = more;
		r->room = room;
	}
	return &r->findings[r->cnt++];
}

void doctor_add(struct doctor_report *r, enum doctor_status status, const char *name,
		const char *fmt, ...)
{
	struct doctor_finding *f = make_room(r);
	va_list ap;

	*f = (struct doctor_finding){ .status = status };
	strcpy(f->group, r->group);
	snprintf(f->name, sizeof(f->name), "%s", name);
	va_start(ap, fmt);
	vsnprintf(f->found, sizeof(f->found), fmt, ap);
	va_end(ap);
	make_printable(f->name);
	make_printable(f->found);
	r->by_status[status]++;
}

void doctor_remedy(struct doctor_report *r, const char *fmt, ...)
{
	struct doctor_finding *f = &r->findings[r->cnt - 1];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->remedy, sizeof(f->remedy), fmt, ap);
	va_end(ap);
	make_printable(f->remedy);
}

void doctor_print(const struct doctor_report *r)
{
	const char *group = "";
	int width = 0;

	for (size_t i = 0; i < r->cnt; i++) {
		int len = (int)strlen(r->findings[i].name);

		width = len > width ? len : width;
	}
	for (size_t i = 0; i < r->cnt; i++) {
		const struct doctor_finding *f = &r->findings[i];

		if (strcmp(group, f->group))
			printf("%s%s:\n", i ? "\n" : "", f->group);
		group = f->group;
		printf("%-7s  %-*s  %s%s%s\n", status_names[f->status], width, f->name, f->found,
		       f->remedy[0] ? "; " : "", f->remedy);
	}
	printf("\n%zu ok, %zu warnings, %zu missing\n", r->by_status[DOCTOR_OK],
	       r->by_status[DOCTOR_WARNING], r->by_status[DOCTOR_MISSING]);
}

static json_t *finding_to_json(const struct doctor_finding *f)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:o}", "group", f->group, "name", f->name, "status",
			 status_names[f->status], "found", f->found, "remedy",
			 f->remedy[0] ? json_string(f->remedy) : json_null());
}

void doctor_print_json(const struct doctor_report *r)
{
	json_t *checks = json_array(), *summary = json_object(), *root;

	for (size_t i = 0; i < r->cnt; i++)
		json_array_append_new(checks, finding_to_json(&r->findings[i]));
	for (int s = 0; s < DOCTOR_STATUS_CNT; s++)
		json_object_set_new(summary, status_names[s],
				    json_integer((json_int_t)r->by_status[s]));
	root = json_pack("{s:o, s:o}", "checks", checks, "summary", summary);
	json_dumpf(root, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(root);
}

void doctor_free(struct doctor_report *r)
{
	free(r->findings);
	*r = (struct doctor_report){ 0 };
}
