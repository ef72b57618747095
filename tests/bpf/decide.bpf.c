// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * decide - the economics in the kernel: one decision a run, from and into the packet
 *
 * For test_decide.c, which drives it with bpf_prog_test_run and compares with userspace.
 */
#include "sandwich.h"

/* The packet; test_decide.c has the same. */
struct decide_row {
	__u64 rin, rout, v, min_out, capital;
	__u32 n, d, strategy, found;
	struct sandwich answer;
};

SEC("xdp")
int decide(struct xdp_md *ctx)
{
	struct decide_row *row = (void *)(long)ctx->data;
	struct amm_side pool;
	struct sandwich s = { 0 };

	if ((void *)(row + 1) > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	pool.rin = row->rin;
	pool.rout = row->rout;
	pool.n = row->n;
	pool.d = row->d;
	row->found = sandwich_decide(&pool, row->v, row->min_out, row->capital, row->strategy, &s);
	row->answer = s;
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
