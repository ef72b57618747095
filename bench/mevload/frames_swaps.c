// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Generated swaps: drawn until the responder would answer each of them.
 */
#include "frames.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "amm.h"
#include "log.h"
#include "random.h"

struct swap_frame {
	struct eth_hdr eth;
	struct ipv4_hdr ip4;
	struct udp_hdr udp;
	struct dex_swap_tx tx;
} __wire;

_Static_assert(sizeof(struct swap_frame) == 90, "Ethernet, IPv4, UDP and a DexSwapTx");

/* Draws that may fail in a row before the pools are held to be the reason. */
#define MAX_TRIES 10000

/* Of the victim's output, untouched, that it lets go at most: 0.1 to 2 %. */
#define SLIPPAGE_MIN 0.001
#define SLIPPAGE_MAX 0.02
/* Of break-even, evenly on a logarithmic scale, but at most an eighth of the reserve. */
#define AMOUNT_MIN 1.05
#define AMOUNT_MAX 20.0

static void put_headers(struct swap_frame *f, const struct frame_ends *e, __u16 from_port)
{
	struct packet p = { .eth = &f->eth, .ip4 = &f->ip4, .udp = &f->udp, .v4 = 1 };

	*f = (struct swap_frame){
		.eth.type = MEV_HTONS(MEV_ETH_P_IP),
		.ip4 = { .ver_ihl = 0x45,
			 .tot_len = MEV_HTONS(sizeof(*f) - sizeof(f->eth)),
			 .frag = MEV_HTONS(0x4000),
			 .ttl = 64,
			 .proto = MEV_IPPROTO_UDP },
		.udp = { .src = MEV_HTONS(from_port),
			 .dst = MEV_HTONS(e->to_port),
			 .len = MEV_HTONS(sizeof(f->udp) + sizeof(f->tx)) },
	};
	memcpy(f->eth.dst, e->to_mac, sizeof(f->eth.dst));
	memcpy(f->eth.src, e->from_mac, sizeof(f->eth.src));
	memcpy(f->ip4.src, &e->from_ip, sizeof(f->ip4.src));
	memcpy(f->ip4.dst, &e->to_ip, sizeof(f->ip4.dst));
	p.ip4_len = sizeof(f->ip4);
	f->ip4.sum = csum_fold(packet_ip4_sum(&p, f + 1));
}

/* One swap in a pool with reserves, likely profitable. */
static struct dex_swap_tx draw(const struct config_pool *pool, __u64 min_amount_in, __u64 *random)
{
	struct dex_swap_tx tx = { .token_direction = (__u8)random_below(random, 2) };
	__u64 kappa = amm_kappa_q64(pool->fee_n, pool->fee_d), rin, rout, out;
	double amount, slippage;

	rin = tx.token_direction == MEV_TOKEN0_IN ? pool->reserve0 : pool->reserve1;
	rout = tx.token_direction == MEV_TOKEN0_IN ? pool->reserve1 : pool->reserve0;
	amount = (double)amm_break_even(rin, kappa) * AMOUNT_MIN *
		 pow(AMOUNT_MAX / AMOUNT_MIN, random_unit(random));
	amount = fmin(amount, (double)rin / 8);
	tx.amount_in = (__u64)fmax(amount, (double)min_amount_in) + 1;
	out = amm_out(&(struct amm_side){ rin, rout, pool->fee_n, pool->fee_d }, tx.amount_in);
	slippage = SLIPPAGE_MIN + (SLIPPAGE_MAX - SLIPPAGE_MIN) * random_unit(random);
	tx.min_amount_out = out - (__u64)((double)out * slippage);
	memcpy(tx.pool_address, pool->address, sizeof(tx.pool_address));
	return tx;
}

static void put_udp_sum(struct swap_frame *f)
{
	struct packet p = { .eth = &f->eth, .ip4 = &f->ip4, .udp = &f->udp, .v4 = 1 };

	f->udp.sum = 0;
	f->udp.sum = packet_udp_sum(&p, sizeof(f->tx));
	if (!f->udp.sum)
		f->udp.sum = 0xffff;
}

static int draw_all(struct oracle *o, struct frame_set *s, const struct frame_rules *r, __u32 cnt,
		    __u64 random)
{
	const struct frame_ends *e = &r->ends;
	__u32 ports = e->from_port_last - e->from_port + 1u, tries = 0;
	const struct config_pool *pool;
	struct swap_frame f;

	while (s->cnt < cnt && tries++ < MAX_TRIES) {
		pool = &r->config->pools[random_below(&random, r->config->pool_cnt)];
		if (!pool->reserve0)
			continue;
		put_headers(&f, e, (__u16)(e->from_port + s->cnt % ports));
		f.tx = draw(pool, r->config->node.min_amount_in, &random);
		put_udp_sum(&f);
		if (!oracle_add(o, s, (const __u8 *)&f, sizeof(f)))
			continue;
		if (s->frames[s->cnt - 1].expect == EXPECT_REPLY)
			tries = 0;
		else
			s->size = s->frames[--s->cnt].off;
	}
	return s->cnt < cnt ? -EINVAL : 0;
}

int frames_generate(struct frame_set *s, const struct frame_rules *rules, __u32 cnt, __u64 seed)
{
	struct oracle *o = NULL;
	int err;

	err = frames_room(s, cnt, (__u64)cnt * sizeof(struct swap_frame));
	if (!err)
		err = oracle_open(&o, rules);
	if (err) {
		log_err("out of memory for %u swaps", cnt);
		goto out;
	}
	err = rules->config->pool_cnt ? draw_all(o, s, rules, cnt, seed) : -EINVAL;
	if (err)
		log_err("no profitable swaps to be had in %u pools: give some of them reserves, "
			"and capital and min_profit that fit",
			rules->config->pool_cnt);
	else
		oracle_settle(o, s);
out:
	oracle_close(o);
	if (err)
		frames_free(s);
	return err;
}
