// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The economics in the kernel and in userspace: the same header, the same bits. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "econ_rows.h"
#include "sandwich.h"

#define SEED 0x20260804ULL
#define RANDOM_CNT 1000000

/* decide.bpf.c's packet. */
struct decide_row {
	__u64 rin, rout, v, min_out, capital;
	__u32 n, d, strategy, found;
	struct sandwich answer;
};

static struct bpf_object *object;
static int prog_fd;

/* Skips the test, or fails it where privileges are promised. Always false. */
static bool lacking(const char *what)
{
	const char *require = getenv("REQUIRE_PRIV");

	if (require && !strcmp(require, "1"))
		cr_assert_fail("REQUIRE_PRIV=1, but %s", what);
	cr_skip_test("%s", what);
	return false;
}

static int keep_quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, fmt, ap) : 0;
}

/* True if the program is in the kernel. */
static bool load(void)
{
	const char *dir = getenv("MEV_TEST_BPF_DIR");
	char path[4096];
	int err;

	if (geteuid() != 0)
		return lacking("not root, which loading BPF programs needs");
	snprintf(path, sizeof(path), "%s/decide.bpf.o", dir ? dir : "build/bpf");
	libbpf_set_print(keep_quiet);
	object = bpf_object__open_file(path, NULL);
	cr_assert(object, "cannot open %s: %s", path, strerror(errno));
	err = bpf_object__load(object);
	if (err == -EPERM)
		return lacking("the kernel refuses to load BPF programs");
	cr_assert_eq(err, 0, "cannot load %s: %s", path, strerror(-err));
	prog_fd = bpf_program__fd(bpf_object__find_program_by_name(object, "decide"));
	return true;
}

static void unload(void)
{
	bpf_object__close(object);
}

static void same_in_the_kernel(const struct econ_row *r, enum sandwich_strategy strategy)
{
	struct decide_row row = {
		.rin = r->pool.rin,
		.rout = r->pool.rout,
		.n = r->pool.n,
		.d = r->pool.d,
		.v = r->v,
		.min_out = r->min_out,
		.capital = r->capital,
		.strategy = strategy,
	};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = &row, .data_size_in = sizeof(row),
		    .data_out = &row, .data_size_out = sizeof(row));
	struct sandwich want;
	bool found = sandwich_decide(&r->pool, r->v, r->min_out, r->capital, strategy, &want);
	int err = bpf_prog_test_run_opts(prog_fd, &run);

	if (err)
		cr_assert_fail("bpf_prog_test_run: %s", strerror(-err));
	if (run.retval == 2 /* XDP_PASS */ && row.found == found &&
	    !memcmp(&row.answer, &want, sizeof(want)))
		return;
	cr_assert_fail(
		"%llu %llu %u/%u v=%llu min_out=%llu capital=%llu strategy %d: kernel F=%llu "
		"profit=%llu, userspace F=%llu profit=%llu",
		r->pool.rin, r->pool.rout, r->pool.n, r->pool.d, r->v, r->min_out, r->capital,
		strategy, row.answer.front_in, row.answer.profit, want.front_in, want.profit);
}

Test(decide, vectors)
{
	struct econ_row *rows;
	size_t cnt;

	if (!load())
		return;
	rows = econ_vectors(&cnt);
	cr_assert_eq(cnt, 2000, "%s is missing or damaged", ECON_VECTORS);
	for (size_t i = 0; i < cnt; i++) {
		same_in_the_kernel(&rows[i], SANDWICH_OPTIMAL);
		same_in_the_kernel(&rows[i], SANDWICH_FIXED);
	}
	free(rows);
	unload();
}

Test(decide, random_and_extreme)
{
	__u64 seed = SEED;
	struct econ_row r;

	if (!load())
		return;
	for (int i = 0; i < RANDOM_CNT; i++) {
		econ_random_row(&seed, &r);
		same_in_the_kernel(&r, i % 4 ? SANDWICH_OPTIMAL : SANDWICH_FIXED);
	}
	unload();
}

/* The usual pools once more, through every way to end: capital, limit, peak. */
Test(decide, usual_pools)
{
	__u64 seed = SEED + 1;
	struct econ_row r;

	if (!load())
		return;
	for (int i = 0; i < RANDOM_CNT / 2; i++) {
		__u64 full;

		r.pool.rin = econ_bits(&seed, 20, 63);
		r.pool.rout = econ_bits(&seed, 20, 63);
		econ_fee(&seed, &r.pool);
		r.v = r.pool.rin / (2 + econ_pick(&seed, 400));
		full = amm_out(&r.pool, r.v);
		r.min_out = econ_pick(&seed, 3) ? full - full / (5 + econ_pick(&seed, 4000)) : 0;
		r.capital = r.pool.rin >> econ_pick(&seed, 12);
		same_in_the_kernel(&r, SANDWICH_OPTIMAL);
	}
	unload();
}
