// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The checksums of a request and of its reply, beside the textbook's byte by byte. */
#include <string.h>

#include "frame.h"
#include "packet.h"
#include "random.h"
#include "reply.h"
#include "small_loops.h"

#define FRAMES 64

static struct frame frames[FRAMES];
static struct packet packets[FRAMES];

#define EACH(statement)                                          \
	do {                                                     \
		__u64 sum = 0;                                   \
                                                                 \
		for (__u32 i = 0; i < cnt; i++) {                \
			struct frame *f = &frames[i % FRAMES];   \
			struct packet *p = &packets[i % FRAMES]; \
                                                                 \
			(void)f;                                 \
			(void)p;                                 \
			statement;                               \
		}                                                \
		return sum;                                      \
	} while (0)

static __u64 run_ip4(__u32 cnt)
{
	EACH(sum += packet_ip4_sum_ok(p, f->bytes + f->len));
}

static __u64 run_ip4_naive(__u32 cnt)
{
	EACH(sum += ref_fold(ref_sum(0, f->bytes + f->l3, 20)) == 0);
}

static __u64 run_udp(__u32 cnt)
{
	EACH(sum += packet_udp_sum_ok(p, sizeof(struct dex_swap_tx)));
}

static __u64 run_udp_naive(__u32 cnt)
{
	EACH(sum += ref_udp_sum(f) == 0);
}

/* A reply's reply is a reply: the frames can be used again and again. */
static __u64 run_reply(__u32 cnt)
{
	EACH(reply_write(p, i, i + 1, 7); sum += p->udp->sum);
}

static void swap_bytes(__u8 *a, __u8 *b, size_t len)
{
	__u8 tmp[6];

	memcpy(tmp, a, len);
	memcpy(a, b, len);
	memcpy(b, tmp, len);
}

static __u16 naive_reply(struct frame *f, __u32 profit)
{
	__u8 *l2 = f->bytes, *l3 = l2 + f->l3, *l4 = l2 + f->l4;

	swap_bytes(l2, l2 + 6, 6);
	swap_bytes(l3 + 12, l3 + 16, 4);
	swap_bytes(l4, l4 + 2, 2);
	l3[8] = MEV_REPLY_TTL;
	put16be(l3 + 2, 20 + 8 + 32);
	put16be(l4 + 4, 8 + 32);
	put_le(l4 + 16, profit, 8);
	put_le(l4 + 24, profit + 1, 8);
	put_le(l4 + 32, 7, 8);
	frame_fix_ip_sum(f);
	frame_fix_udp_sum(f);
	return (__u16)(l4[6] | l4[7] << 8);
}

static __u64 run_reply_naive(__u32 cnt)
{
	EACH(sum += naive_reply(f, i));
}

const struct small_loop checksum_loops[] = {
	{ "ip4_verify", NULL, run_ip4 },    { "ip4_verify/naive", "ip4_verify", run_ip4_naive },
	{ "udp_verify", NULL, run_udp },    { "udp_verify/naive", "udp_verify", run_udp_naive },
	{ "reply_write", NULL, run_reply }, { "reply_write/naive", "reply_write", run_reply_naive },
};

const __u32 checksum_loop_cnt = sizeof(checksum_loops) / sizeof(checksum_loops[0]);

static void build(bool swap)
{
	__u64 seed = 5;

	for (__u32 i = 0; i < FRAMES; i++) {
		frame_build(&frames[i], &(const struct frame_spec){ .nonce = random_next(&seed),
								    .amount_in = random_next(&seed),
								    .udp_checksum = swap });
		packet_find_udp(frames[i].bytes, frames[i].bytes + frames[i].len, &packets[i]);
	}
}

bool checksum_prepare(void)
{
	static struct frame fast[FRAMES];

	build(true);
	if (run_ip4(FRAMES) != FRAMES || run_ip4_naive(FRAMES) != FRAMES ||
	    run_udp(FRAMES) != FRAMES || run_udp_naive(FRAMES) != FRAMES)
		return false;
	run_reply(FRAMES);
	memcpy(fast, frames, sizeof(fast));
	build(true);
	run_reply_naive(FRAMES);
	if (memcmp(fast, frames, sizeof(fast)))
		return false;
	build(true);
	return true;
}
