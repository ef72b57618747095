// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <sys/param.h>
#include <time.h>

#include "view.h"

#define BOLD "\x1b[1m"
#define PLAIN "\x1b[0m"

/* A cursor over the rows there are. */
struct page {
	FILE *to;
	unsigned int cols, left;
};

#define ROW(page, ...)                                    \
	do {                                              \
		if ((page)->left) {                       \
			(page)->left--;                   \
			fprintf((page)->to, __VA_ARGS__); \
			fputc('\n', (page)->to);          \
		}                                         \
	} while (0)

/* A number for people: 1,234,567, or 0.25 where the first digits are behind the point. */
struct number {
	char text[32];
};

static struct number number(double value)
{
	char digits[32];
	struct number n;
	size_t len, at = 0;

	if (value > 0 && value < 9.95) {
		snprintf(n.text, sizeof(n.text), "%.1f", value);
		return n;
	}
	len = (size_t)snprintf(digits, sizeof(digits), "%.0f", value < 1e18 ? value : 1e18);
	for (size_t i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			n.text[at++] = ',';
		n.text[at++] = digits[i];
	}
	n.text[at] = '\0';
	return n;
}

/* Nanoseconds, in the unit that needs the fewest digits. */
static struct number duration(__u64 ns)
{
	static const struct {
		double ns;
		const char *name;
	} units[] = { { 1e9, "s" }, { 1e6, "ms" }, { 1e3, "us" } };
	struct number n;

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if ((double)ns >= units[i].ns) {
			snprintf(n.text, sizeof(n.text), "%.3g %s", (double)ns / units[i].ns,
				 units[i].name);
			return n;
		}
	snprintf(n.text, sizeof(n.text), "%" PRIu64 " ns", (uint64_t)ns);
	return n;
}

/* Sparklines. */

static const char *const blocks[] = { "\u2581", "\u2582", "\u2583", "\u2584",
				      "\u2585", "\u2586", "\u2587", "\u2588" };
static const char *const letters[] = { "_", ".", ":", "-", "=", "+", "*", "#" };

#define LEVELS (sizeof(blocks) / sizeof(blocks[0]))

/* The newest on the right. 0 is a blank; the rest is spread between the least and the most. */
static void sparkline(const struct view *v, FILE *to, const double *values, __u32 cnt)
{
	double low = INFINITY, high = 0;

	for (__u32 i = 0; i < cnt; i++) {
		if (values[i] > 0)
			low = MIN(low, values[i]);
		high = MAX(high, values[i]);
	}
	while (cnt--) {
		double at = high > low ? (values[cnt] - low) / (high - low) : 0.5;
		size_t level = (size_t)(MAX(at, 0) * (double)(LEVELS - 1) + 0.5);

		if (values[cnt] <= 0)
			fputc(' ', to);
		else
			fputs((v->utf8 ? blocks : letters)[level], to);
	}
}

static void spark_row(const struct view *v, struct page *p, const char *name, const double *values,
		      const char *now)
{
	__u32 room = p->cols > 32 ? p->cols - 32 : 0;

	if (!p->left || !room)
		return;
	p->left--;
	fprintf(p->to, "%-16s %12s  ", name, now);
	sparkline(v, p->to, values, v->history_cnt < room ? v->history_cnt : room);
	fputc('\n', p->to);
}

/* Sections. */

static void print_title(const struct view *v, struct page *p)
{
	const struct stats_node *n = &v->now.node;
	struct timespec now;
	__u64 up = 0;

	if (!n->pid) {
		ROW(p, BOLD "mev_filter%s%s" PLAIN "  without a node%s  (q ends)",
		    *n->interface ? " on " : "", n->interface,
		    v->now.ready ? "" : ", not configured: every frame passes");
		return;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	if ((__u64)now.tv_sec > n->started_ns / 1000000000)
		up = (__u64)now.tv_sec - n->started_ns / 1000000000;
	ROW(p,
	    BOLD "mevnode %s" PLAIN "  %s %s on " BOLD "%s" PLAIN
		 "  %u queue%s  pid %u  up %" PRIu64 ":%02" PRIu64 ":%02" PRIu64 "  (q ends)",
	    n->version, n->backend, n->mode, n->interface, n->queue_cnt,
	    n->queue_cnt == 1 ? "" : "s", n->pid, (uint64_t)(up / 3600), (uint64_t)(up / 60 % 60),
	    (uint64_t)(up % 60));
}

static __u64 bytes(const struct stats *s, __u32 verdict)
{
	return mev_counter_of((struct mev_counters *)&s->filter, verdict)->bytes;
}

static void print_verdicts(const struct view *v, struct page *p)
{
	ROW(p, "%s", "");
	ROW(p, BOLD "%-20s %14s %10s %18s" PLAIN, "verdict", "frames/s", "Mbit/s", "frames");
	for (__u32 i = 1; i <= MEV_VERDICT_CNT; i++) {
		__u64 now = stats_frames(&v->now, i), before = stats_frames(&v->before, i);
		double bits = 8 * view_rate(v, bytes(&v->now, i), bytes(&v->before, i));
		char mbit[16] = ""; /* what becomes of a candidate is not counted in bytes */

		if (!now)
			continue;
		if (bytes(&v->now, i))
			snprintf(mbit, sizeof(mbit), "%.2f", bits / 1e6);
		ROW(p, "%-20s %14s %10s %18s", mev_verdict_name(i),
		    number(view_rate(v, now, before)).text, mbit, number((double)now).text);
	}
}

/* Of the candidates of this second, and of all. */
static void print_precision(const struct view *v, struct page *p)
{
	double candidates = view_rate(v, stats_candidates(&v->now), stats_candidates(&v->before));
	double replies = view_rate(v, stats_replies(&v->now), stats_replies(&v->before));

	if (!stats_candidates(&v->now))
		return;
	if (candidates > 0)
		ROW(p, "%-20s %12.2f %% %10s %16.2f %%", "answered", 100 * replies / candidates, "",
		    100 * stats_precision(&v->now));
	else
		ROW(p, "%-20s %12s %% %10s %16.2f %%", "answered", "-", "",
		    100 * stats_precision(&v->now));
}

static void print_io(const struct view *v, struct page *p)
{
	ROW(p, "%s", "");
	ROW(p, BOLD "%-26s %8s %29s" PLAIN, v->now.io_name, "per s", "sum");
	for (__u32 i = 0; i < v->now.io_cnt; i++) {
		const struct stats_field *n = &v->now.io[i];
		__s64 before = i < v->before.io_cnt ? v->before.io[i].value : 0;

		if (n->value)
			ROW(p, "%-26s %8s %29s", n->name,
			    number(view_rate(v, (__u64)n->value, (__u64)before)).text,
			    number((double)n->value).text);
	}
}

static void latency_row(struct page *p, const char *name, const struct latency_summary *l)
{
	if (l->count)
		ROW(p, "%-16s %10s %10s %10s %10s %10s", name, duration(l->p50).text,
		    duration(l->p90).text, duration(l->p99).text, duration(l->p999).text,
		    duration(l->max).text);
	else
		ROW(p, "%-16s %10s %10s %10s %10s %10s", name, "-", "-", "-", "-", "-");
}

static void print_latency(const struct view *v, struct page *p)
{
	ROW(p, "%s", "");
	ROW(p, BOLD "%-16s %10s %10s %10s %10s %10s" PLAIN, "latency", "p50", "p90", "p99", "p99.9",
	    "max");
	latency_row(p, "hot path", &v->hot_path);
	latency_row(p, "in node", &v->in_node);
	if (stats_frames(&v->now, MEV_REPLIED_IN_DRIVER))
		latency_row(p, "decision", &v->decision);
	spark_row(v, p, "in node, p99", v->p99_ns, duration(v->in_node.p99).text);
	spark_row(v, p, "replies/s", v->replies, number(v->replies[0]).text);
}

static void print_pools(const struct view *v, struct page *p)
{
	char address[2 * MEV_ADDRESS_LEN + 1];
	__u32 shown = 0;

	if (p->left < 3)
		return;
	ROW(p, "%s", "");
	ROW(p, BOLD "%-40s %9s %9s %9s %9s" PLAIN, "pool, per s", "swaps", "candid.", "replies",
	    "updates");
	for (; shown < v->now.pool_cnt && p->left > 1; shown++) {
		const struct view_pool *r = &v->pools[shown];

		if (stats_pool_idle(&v->now.pools[r->index]))
			break;
		stats_address(&v->now.pools[r->index], address);
		ROW(p, "%s %9s %9s %9s %9s", address, number(r->swaps).text,
		    number(r->candidates).text, number(r->replies).text, number(r->updates).text);
	}
	ROW(p, "%u of %u pools", shown, v->now.pool_cnt);
}

void view_print(const struct view *v, FILE *to, unsigned int cols, unsigned int rows)
{
	struct page p = { .to = to, .cols = cols, .left = rows };

	print_title(v, &p);
	print_verdicts(v, &p);
	if (v->now.node.pid) {
		print_precision(v, &p);
		print_latency(v, &p);
		print_io(v, &p);
	}
	print_pools(v, &p);
}

/* Lines. */

static __u64 sum_frames(const struct stats *s)
{
	const struct mev_counter *c = (const struct mev_counter *)&s->filter;
	__u64 sum = 0;

	for (__u32 i = 0; i < MEV_VERDICT_CNT; i++)
		sum += c[i].packets;
	return sum;
}

static __u64 sum_bytes(const struct stats *s)
{
	__u64 sum = 0;

	for (__u32 i = 1; i <= MEV_VERDICT_CNT; i++)
		sum += bytes(s, i);
	return sum;
}

void view_print_heading(FILE *to)
{
	fprintf(to, "%-8s %12s %10s %12s %12s %9s %9s %9s %10s\n", "time", "frames/s", "Mbit/s",
		"candidates/s", "replies/s", "p50_ns", "p99_ns", "p99.9_ns", "max_ns");
}

void view_print_line(const struct view *v, FILE *to, const char *time)
{
	const struct latency_summary *l = &v->in_node;

	fprintf(to,
		"%-8s %12.0f %10.2f %12.0f %12.0f %9" PRIu64 " %9" PRIu64 " %9" PRIu64 " %10" PRIu64
		"\n",
		time, view_rate(v, sum_frames(&v->now), sum_frames(&v->before)),
		8 * view_rate(v, sum_bytes(&v->now), sum_bytes(&v->before)) / 1e6,
		view_rate(v, stats_candidates(&v->now), stats_candidates(&v->before)),
		v->replies[0], (uint64_t)l->p50, (uint64_t)l->p99, (uint64_t)l->p999,
		(uint64_t)l->max);
}
