// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "swap_frame.h"

#include <math.h>
#include <string.h>

#include "amm.h"
#include "random.h"

/* Of the victim's output, untouched, that it lets go at most: 0.1 to 2 %. */
#define SLIPPAGE_MIN 0.001
#define SLIPPAGE_MAX 0.02
/* Of break-even, evenly on a logarithmic scale, but at most an eighth of the reserve. */
#define AMOUNT_MIN 1.05
#define AMOUNT_MAX 20.0

void swap_frame_put_sum(struct swap_frame *f)
{
	struct packet p = { .eth = &f->eth, .ip4 = &f->ip4, .udp = &f->udp, .v4 = 1 };

	f->udp.sum = 0;
	f->udp.sum = packet_udp_sum(&p, sizeof(f->tx));
	if (!f->udp.sum)
		f->udp.sum = 0xffff;
}

void swap_frame_put(struct swap_frame *f, const struct frame_ends *e, __u16 from_port,
		    const struct dex_swap_tx *tx)
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
		.tx = *tx,
	};
	memcpy(f->eth.dst, e->to_mac, sizeof(f->eth.dst));
	memcpy(f->eth.src, e->from_mac, sizeof(f->eth.src));
	memcpy(f->ip4.src, &e->from_ip, sizeof(f->ip4.src));
	memcpy(f->ip4.dst, &e->to_ip, sizeof(f->ip4.dst));
	p.ip4_len = sizeof(f->ip4);
	f->ip4.sum = csum_fold(packet_ip4_sum(&p, f + 1));
	swap_frame_put_sum(f);
}

struct dex_swap_tx swap_draw(const struct config_pool *pool, __u64 min_amount_in, __u64 *random)
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
