// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "live_report.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

struct spread {
	double median, least, most;
};

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Sorts them. */
static struct spread spread_of(double *values, __u32 cnt)
{
	struct spread s = { 0 };

	if (!cnt)
		return s;
	qsort(values, cnt, sizeof(*values), compare);
	s.median = cnt % 2 ? values[cnt / 2] : (values[cnt / 2 - 1] + values[cnt / 2]) / 2;
	s.least = values[0];
	s.most = values[cnt - 1];
	return s;
}

enum figure { FRAMES_PER_S, OWN_NS, RATIO, BACK_PER_S, REPLIES_PER_S, CPU_SHARE };

/* A program's figure in a round; `base` is the same round of what ratios are to. */
static double figure_of(const struct live_round *r, const struct live_round *base, enum figure f)
{
	switch (f) {
	case OWN_NS:
		return 1e9 / r->frames_per_s - 1e9 / base->frames_per_s;
	case RATIO:
		return r->frames_per_s / base->frames_per_s;
	case BACK_PER_S:
		return r->back_per_s;
	case REPLIES_PER_S:
		return r->replies_per_s;
	case CPU_SHARE:
		return r->cpu_share;
	default:
		return r->frames_per_s;
	}
}

/* What ratios are to; NULL: it was not measured. */
static const struct live_result *base_of(const struct live_report *r)
{
	for (__u32 i = 0; i < r->options->program_cnt; i++)
		if (r->results[i].program == LIVE_DROP && r->results[i].round_cnt)
			return &r->results[i];
	return NULL;
}

static struct spread figure(const struct live_report *report, const struct live_result *r,
			    enum figure f)
{
	const struct live_result *base = base_of(report);
	double values[LIVE_ROUNDS_MAX];
	__u32 cnt = r->round_cnt;

	if (!base)
		base = r;
	if (cnt > base->round_cnt)
		cnt = base->round_cnt;
	for (__u32 i = 0; i < cnt; i++)
		values[i] = figure_of(&r->rounds[i], &base->rounds[i], f);
	return spread_of(values, cnt);
}

static __u32 kind_cnt(const struct live_frames *f, enum live_kind kind)
{
	__u32 cnt = 0;

	for (__u32 i = 0; i < LIVE_FRAMES; i++)
		cnt += f->kind[i] == kind;
	return cnt;
}

/* ------------------------------------------------------------------ text */

static void print_head(const struct live_report *r)
{
	const struct live_options *o = r->options;

	printf("mevload live: %s", o->interface);
	if (*r->attached)
		printf(" (program %u, %s)", r->attached_id, r->attached);
	printf(", %d frames of %d bytes:", LIVE_FRAMES, LIVE_LEN);
	for (int k = 0; k < LIVE_KIND_CNT; k++)
		if (o->mix.weight[k])
			printf(" %s %u", live_kind_name((enum live_kind)k),
			       kind_cnt(r->frames, (enum live_kind)k));
	printf("; rounds of %.3f s%s a program\n", (double)o->duration_ns / 1e9,
	       o->by_cpu_time ? " of CPU time" : "");
}

static void print_program(const struct live_report *r, const struct live_result *p)
{
	struct spread rate = figure(r, p, FRAMES_PER_S);

	printf("%-12s %2u %3.0f %8.3f  (%.3f to %.3f) %8.1f", live_program_name(p->program),
	       p->round_cnt, figure(r, p, CPU_SHARE).median * 100, rate.median / 1e6,
	       rate.least / 1e6, rate.most / 1e6, rate.median > 0 ? 1e9 / rate.median : 0);
	if (base_of(r))
		printf(" %8.1f %8.3f", figure(r, p, OWN_NS).median, figure(r, p, RATIO).median);
	if (r->options->peer)
		printf(" %10.0f %10.0f", figure(r, p, BACK_PER_S).median,
		       figure(r, p, REPLIES_PER_S).median);
	putchar('\n');
}

static void print_verdicts(const struct live_result *p)
{
	if (!p->counted)
		return;
	printf("\nverdicts of %s, all rounds with their warm-up\n", live_program_name(p->program));
	for (__u32 v = 1; v <= MEV_VERDICT_CNT; v++) {
		__u64 found = live_result_found(p, v), due = live_result_due(p, v);

		if (found || due)
			printf("  %-18s %15llu  predicted %15llu\n", mev_verdict_name(v),
			       (unsigned long long)found, (unsigned long long)due);
	}
}

static int print_text(const struct live_report *r)
{
	const struct live_options *o = r->options;

	print_head(r);
	printf("%-12s rounds, CPU %%, Mframes/s: median (least to most), ns a frame", "program");
	if (base_of(r))
		printf(", ns more than drop, ratio to drop");
	if (o->peer)
		printf(", back/s, replies/s");
	putchar('\n');
	for (__u32 i = 0; i < o->program_cnt; i++)
		print_program(r, &r->results[i]);
	for (__u32 i = 0; i < o->program_cnt; i++)
		print_verdicts(&r->results[i]);
	return fflush(stdout) || ferror(stdout) ? -EIO : 0;
}

/* ------------------------------------------------------------------ JSON */

static json_t *number(__u64 n)
{
	return json_integer((json_int_t)n);
}

static json_t *thousandths(double v)
{
	return json_real((double)(__s64)(v * 1000 + (v < 0 ? -0.5 : 0.5)) / 1000);
}

static json_t *spread_json(struct spread s)
{
	return json_pack("{s:o, s:o, s:o}", "median", thousandths(s.median), "min",
			 thousandths(s.least), "max", thousandths(s.most));
}

static json_t *verdicts_json(const struct live_result *p, bool due)
{
	json_t *o = json_object();

	if (!p->counted) {
		json_decref(o);
		return json_null();
	}
	for (__u32 v = 1; v <= MEV_VERDICT_CNT; v++) {
		__u64 cnt = due ? live_result_due(p, v) : live_result_found(p, v);

		if (live_result_due(p, v) || live_result_found(p, v))
			json_object_set_new(o, mev_verdict_name(v), number(cnt));
	}
	return o;
}

static json_t *program_json(const struct live_report *r, const struct live_result *p)
{
	json_t *o = json_object(), *rounds = json_array(), *back = json_array();
	bool peer = r->options->peer, base = base_of(r);

	for (__u32 i = 0; i < p->round_cnt; i++)
		json_array_append_new(rounds, thousandths(p->rounds[i].frames_per_s));
	for (__u32 i = 0; i < p->round_cnt && peer; i++)
		json_array_append_new(back, thousandths(p->rounds[i].back_per_s));
	json_object_set_new(o, "program", json_string(live_program_name(p->program)));
	json_object_set_new(o, "frames", number(p->made));
	json_object_set_new(o, "rounds", rounds);
	json_object_set_new(o, "back_rounds", back);
	json_object_set_new(o, "frames_per_s", spread_json(figure(r, p, FRAMES_PER_S)));
	json_object_set_new(o, "cpu_share", spread_json(figure(r, p, CPU_SHARE)));
	json_object_set_new(o, "ns_more_than_drop",
			    base ? spread_json(figure(r, p, OWN_NS)) : json_null());
	json_object_set_new(o, "ratio_to_drop",
			    base ? spread_json(figure(r, p, RATIO)) : json_null());
	json_object_set_new(o, "back", peer ? number(p->back.frames) : json_null());
	json_object_set_new(o, "replies", peer ? number(p->back.replies) : json_null());
	json_object_set_new(o, "back_per_s",
			    peer ? spread_json(figure(r, p, BACK_PER_S)) : json_null());
	json_object_set_new(o, "replies_per_s",
			    peer ? spread_json(figure(r, p, REPLIES_PER_S)) : json_null());
	json_object_set_new(o, "verdicts", verdicts_json(p, false));
	json_object_set_new(o, "predicted", verdicts_json(p, true));
	return o;
}

static json_t *report_json(const struct live_report *r)
{
	json_t *o = json_object(), *mix = json_object(), *programs = json_array();

	for (int k = 0; k < LIVE_KIND_CNT; k++)
		json_object_set_new(mix, live_kind_name((enum live_kind)k),
				    number(kind_cnt(r->frames, (enum live_kind)k)));
	for (__u32 i = 0; i < r->options->program_cnt; i++)
		json_array_append_new(programs, program_json(r, &r->results[i]));
	json_object_set_new(o, "tool", json_string("mevload live"));
	json_object_set_new(o, "interface", json_string(r->options->interface));
	json_object_set_new(o, "attached", *r->attached ? json_string(r->attached) : json_null());
	json_object_set_new(o, "frame_len", number(LIVE_LEN));
	json_object_set_new(o, "mix", mix);
	json_object_set_new(o, "clock", json_string(r->options->by_cpu_time ? "cpu" : "wall"));
	json_object_set_new(o, "seed", number(r->options->seed));
	json_object_set_new(o, "duration_s", thousandths((double)r->options->duration_ns / 1e9));
	json_object_set_new(o, "programs", programs);
	return o;
}

static int write_json(const struct live_report *r, FILE *out)
{
	json_t *o = report_json(r);
	int err = json_dumpf(o, out, JSON_COMPACT | JSON_REAL_PRECISION(15));

	json_decref(o);
	fputc('\n', out);
	return err || fflush(out) || ferror(out) ? -EIO : 0;
}

static int write_json_file(const struct live_report *r)
{
	FILE *out = fopen(r->options->json_path, "we");
	int err;

	if (!out)
		return -errno;
	err = write_json(r, out);
	if (fclose(out) && !err)
		err = -errno;
	return err;
}

/* Whoever measures should know that somebody else was measured as well. */
static void warn_of_company(const struct live_report *r)
{
	for (__u32 i = 0; i < r->options->program_cnt; i++) {
		const struct live_result *p = &r->results[i];
		double share = figure(r, p, CPU_SHARE).median;

		if (!p->round_cnt || share > 0.9 || r->options->by_cpu_time)
			continue;
		log_warn(
			"the generator had its CPU for %.0f %% of the time only: frames a second are "
			"too few; pin it to a CPU that nobody else uses, or take --clock cpu",
			share * 100);
		return;
	}
}

int live_report(const struct live_report *r)
{
	const char *path = r->options->json_path;
	bool json_only = path && !strcmp(path, "-");
	int err = json_only ? write_json(r, stdout) : print_text(r), more = 0;

	if (err)
		log_err("cannot write the results to stdout: %s", strerror(-err));
	warn_of_company(r);
	if (path && !json_only)
		more = write_json_file(r);
	if (more)
		log_err("cannot write %s: %s", path, strerror(-more));
	return err ? err : more;
}
