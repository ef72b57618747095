// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "report.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "log.h"

struct rates {
	double duration_s, sent, received;
};

static struct rates rates_of(const struct load_loop *l)
{
	struct rates r = { 0 };

	if (l->stopped_ns <= l->measure_ns)
		return r;
	r.duration_s = (double)(l->stopped_ns - l->measure_ns) / 1e9;
	r.sent = (double)l->matcher.measured.sent / r.duration_s;
	r.received = (double)l->in_window / r.duration_s;
	return r;
}

bool report_faulty(const struct load_loop *l)
{
	const struct matcher *m = &l->matcher;

	return m->unexpected || m->measured.wrong || m->measured.duplicated || m->warmup.wrong ||
	       m->warmup.duplicated || (l->options->transport == TRANSPORT_TCP && m->reordered);
}

/* ------------------------------------------------------------------ text */

static void print_count(const char *name, __u64 n)
{
	printf("  %-12s %15llu\n", name, (unsigned long long)n);
}

static void print_unless_0(const char *name, __u64 n)
{
	if (n)
		print_count(name, n);
}

static void print_latency(const struct load_loop *l)
{
	static const struct {
		const char *name;
		double percent;
	} rows[] = {
		{ "p50", 50 }, { "p90", 90 }, { "p99", 99 }, { "p99.9", 99.9 }, { "max", 100 },
	};
	const struct hist *h = l->matcher.latency;
	bool intended = l->options->kind == LOAD_OPEN || l->options->kind == LOAD_POISSON;

	printf("latency from the %s, us\n", intended ? "intended send time" : "send");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		printf("  %-12s %15.3f\n", rows[i].name,
		       (double)hist_percentile(h, rows[i].percent) / 1000);
}

static int print_text(const struct load_loop *l, const struct transport_stats *t)
{
	const struct load_options *o = l->options;
	const struct matcher *m = &l->matcher;
	const struct account *a = &m->measured;
	struct rates r = rates_of(l);

	printf("mevload: %s (%s), %s load", load_transport_name(o->transport), t->mode,
	       load_kind_name(o->kind));
	if (o->kind == LOAD_CLOSED)
		printf(" of %u", o->outstanding);
	else if (o->rate)
		printf(" of %llu/s", (unsigned long long)o->rate);
	if (o->pcap_path)
		printf(", %u frames of %s", l->set->cnt, o->pcap_path);
	else
		printf(", %u swaps of seed %llu", l->set->cnt, (unsigned long long)o->seed);
	printf(", %.3f s\n", r.duration_s);
	print_count("sent", a->sent);
	if (l->set->due_known)
		print_count("due", a->due);
	print_count("received", a->received);
	if (l->set->due_known)
		print_count("lost", a->due - a->received);
	else
		printf("  due and lost are unknown: pool updates are on the way\n");
	print_count("duplicated", a->duplicated);
	print_count("wrong", a->wrong);
	print_unless_0("unexpected", m->unexpected);
	print_unless_0("reordered", m->reordered);
	print_unless_0("late", a->late);
	print_unless_0("not sent", l->unsent);
	print_unless_0("send errors", t->send_errors);
	print_unless_0("client drops", t->rx_dropped);
	printf("  %-12s %15.0f\n  %-12s %15.0f\n", "sent/s", r.sent, "received/s", r.received);
	print_latency(l);
	return fflush(stdout) || ferror(stdout) ? -EIO : 0;
}

/* ------------------------------------------------------------------ JSON */

static json_t *number(__u64 n)
{
	return json_integer((json_int_t)n);
}

static json_t *number_or_null(bool known, __u64 n)
{
	return known ? number(n) : json_null();
}

/* Rounded to thousandths, so that 17 digits of them do not pretend. */
static json_t *thousandths(double v)
{
	return json_real((double)(__s64)(v * 1000 + 0.5) / 1000);
}

static json_t *latency_json(const struct hist *h)
{
	json_t *o = json_object();

	json_object_set_new(o, "count", number(h->count));
	json_object_set_new(o, "min", number(h->min));
	json_object_set_new(o, "mean", thousandths(hist_mean(h)));
	json_object_set_new(o, "p50", number(hist_percentile(h, 50)));
	json_object_set_new(o, "p90", number(hist_percentile(h, 90)));
	json_object_set_new(o, "p99", number(hist_percentile(h, 99)));
	json_object_set_new(o, "p999", number(hist_percentile(h, 99.9)));
	json_object_set_new(o, "max", number(h->max));
	return o;
}

static void add_percentile(void *list, double percent, __u64 ns, __u64 below)
{
	(void)below;
	json_array_append_new(list, json_pack("[f, o]", percent, number(ns)));
}

static json_t *account_json(json_t *o, const struct account *a, bool due_known)
{
	json_object_set_new(o, "sent", number(a->sent));
	json_object_set_new(o, "due", number_or_null(due_known, a->due));
	json_object_set_new(o, "received", number(a->received));
	json_object_set_new(o, "lost", number_or_null(due_known, a->due - a->received));
	json_object_set_new(o, "duplicated", number(a->duplicated));
	json_object_set_new(o, "wrong", number(a->wrong));
	json_object_set_new(o, "late", number(a->late));
	return o;
}

static json_t *setup_json(const struct load_loop *l, const struct transport_stats *t)
{
	const struct load_options *o = l->options;
	json_t *j = json_object();

	json_object_set_new(j, "tool", json_string("mevload"));
	json_object_set_new(j, "transport", json_string(load_transport_name(o->transport)));
	json_object_set_new(j, "mode", json_string(t->mode));
	json_object_set_new(j, "load", json_string(load_kind_name(o->kind)));
	json_object_set_new(j, "rate", number_or_null(o->rate, o->rate));
	json_object_set_new(j, "outstanding",
			    number_or_null(o->kind == LOAD_CLOSED, o->outstanding));
	json_object_set_new(j, "expect", json_string(o->echo ? "echo" : "reply"));
	json_object_set_new(j, "pcap", o->pcap_path ? json_string(o->pcap_path) : json_null());
	json_object_set_new(j, "seed", number(o->seed));
	json_object_set_new(j, "frames", number(l->set->cnt));
	return j;
}

static json_t *results_json(const struct load_loop *l, const struct transport_stats *t)
{
	const struct matcher *m = &l->matcher;
	bool due_known = l->set->due_known;
	struct rates r = rates_of(l);
	json_t *o = setup_json(l, t), *percentiles = json_array();

	json_object_set_new(o, "duration_s", thousandths(r.duration_s));
	account_json(o, &m->measured, due_known);
	json_object_set_new(o, "unexpected", number(m->unexpected));
	json_object_set_new(o, "reordered", number(m->reordered));
	json_object_set_new(o, "unsent", number(l->unsent));
	json_object_set_new(o, "send_errors", number(t->send_errors));
	json_object_set_new(o, "client_dropped", number(t->rx_dropped));
	json_object_set_new(o, "sent_per_s", thousandths(r.sent));
	json_object_set_new(o, "received_per_s", thousandths(r.received));
	json_object_set_new(o, "latency_from", json_string(l->options->rate ? "intended" : "send"));
	json_object_set_new(o, "latency_ns", latency_json(m->latency));
	hist_walk(m->latency, add_percentile, percentiles);
	json_object_set_new(o, "percentiles", percentiles);
	json_object_set_new(o, "warmup", account_json(json_object(), &m->warmup, due_known));
	return o;
}

static int write_json(const struct load_loop *l, const struct transport_stats *t, FILE *out)
{
	json_t *o = results_json(l, t);
	int err;

	err = json_dumpf(o, out, JSON_COMPACT | JSON_REAL_PRECISION(15));
	json_decref(o);
	fputc('\n', out);
	return err || fflush(out) || ferror(out) ? -EIO : 0;
}

/* ------------------------------------------------------------------ files */

static int failed(const char *path, int err)
{
	log_err("cannot write %s: %s", path, strerror(-err));
	return err;
}

static int write_hdr_file(const struct load_loop *l)
{
	const char *path = l->options->hdr_path;
	FILE *out = fopen(path, "we");
	int err;

	if (!out)
		return failed(path, -errno);
	err = hist_write_hdr(l->matcher.latency, out);
	if (fclose(out) && !err)
		err = -errno;
	return err ? failed(path, err) : 0;
}

static int write_json_file(const struct load_loop *l, const struct transport_stats *t)
{
	const char *path = l->options->json_path;
	FILE *out = fopen(path, "we");
	int err;

	if (!out)
		return failed(path, -errno);
	err = write_json(l, t, out);
	if (fclose(out) && !err)
		err = -errno;
	return err ? failed(path, err) : 0;
}

int report(const struct load_loop *l)
{
	const struct load_options *o = l->options;
	bool json_only = o->json_path && !strcmp(o->json_path, "-");
	struct transport_stats t = { .mode = "kernel" };
	int err, more;

	l->transport->ops->stats(l->transport, &t);
	err = json_only ? write_json(l, &t, stdout) : print_text(l, &t);
	if (err)
		failed("the results to stdout", err);
	if (o->json_path && !json_only) {
		more = write_json_file(l, &t);
		err = err ? err : more;
	}
	if (o->hdr_path) {
		more = write_hdr_file(l);
		err = err ? err : more;
	}
	return err;
}
