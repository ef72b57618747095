// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "stack_netif.h"

#include <arpa/inet.h>
#include <errno.h>
#include <lwip/etharp.h>
#include <lwip/netif.h>
#include <netif/ethernet.h>
#include <stdlib.h>
#include <string.h>

/* Slots of the neighbours' table: 2 to the power of this. Who shares one is asked for by ARP. */
#define NEIGHBOUR_BITS 12

struct neighbour {
	__be32 ip;
	struct eth_addr mac;
};

struct stack_netif {
	struct netif netif;
	const struct stack_config *config;
	const struct stack_guard *guard;
	struct stack_counters *counters;
	struct neighbour neighbours[1 << NEIGHBOUR_BITS];
	__u8 flat[]; /* room for a frame that lwIP has in pieces */
};

static struct neighbour *neighbour_of(struct stack_netif *n, __be32 ip)
{
	__u32 hash = (ip ^ (__u32)n->guard->key[0]) * 2654435761u;

	return &n->neighbours[hash >> (32 - NEIGHBOUR_BITS)];
}

void stack_netif_learn(struct stack_netif *n, __be32 ip, const void *frame)
{
	struct neighbour *neighbour = neighbour_of(n, ip);

	neighbour->ip = ip;
	memcpy(&neighbour->mac, (const __u8 *)frame + ETH_HWADDR_LEN, ETH_HWADDR_LEN);
}

static err_t output_ip(struct netif *netif, struct pbuf *p, const ip4_addr_t *ip)
{
	const struct neighbour *neighbour = neighbour_of(netif->state, ip->addr);

	if (neighbour->ip != ip->addr)
		return etharp_output(netif, p, ip);
	return ethernet_output(netif, p, (struct eth_addr *)netif->hwaddr, &neighbour->mac,
			       ETHTYPE_IP);
}

static err_t send_frame(struct stack_netif *n, void *frame, __u32 len)
{
	const struct stack_link *link = &n->config->link;
	struct stack_counters *c = n->counters;
	__be32 seq;
	void *tcp = guard_outgoing(n->guard, frame, len, &seq);
	int err = link->send(link->ctx, frame, len);

	guard_restore(tcp, seq);
	if (err) {
		c->link_full += err == -EAGAIN;
		c->link_errors += err != -EAGAIN;
		return ERR_IF; /* TCP keeps the segment and offers it again */
	}
	c->frames_out++;
	c->bytes_out += len;
	return ERR_OK;
}

static err_t output_frame(struct netif *netif, struct pbuf *p)
{
	struct stack_netif *n = netif->state;

	if (!p->next)
		return send_frame(n, p->payload, p->len);
	/* What was reassembled and goes back as it is: an echo. */
	if (p->tot_len > SIZEOF_ETH_HDR + n->config->mtu)
		return ERR_BUF;
	pbuf_copy_partial(p, n->flat, p->tot_len, 0);
	return send_frame(n, n->flat, p->tot_len);
}

static err_t init(struct netif *netif)
{
	const struct stack_netif *n = netif->state;

	netif->name[0] = 'm';
	netif->name[1] = 'v';
	netif->mtu = (u16_t)n->config->mtu;
	netif->hwaddr_len = ETH_HWADDR_LEN;
	memcpy(netif->hwaddr, n->config->mac, ETH_HWADDR_LEN);
	netif->flags =
		NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET | NETIF_FLAG_LINK_UP;
	netif->output = output_ip;
	netif->linkoutput = output_frame;
	return ERR_OK;
}

int stack_netif_open(struct stack_netif **out, const struct stack_config *c,
		     const struct stack_guard *guard, struct stack_counters *counters)
{
	ip4_addr_t ip = { .addr = c->ip }, gateway = { 0 };
	ip4_addr_t mask = { .addr = c->prefix_len ? htonl(~0U << (32 - c->prefix_len)) : 0 };
	struct stack_netif *n = calloc(1, sizeof(*n) + SIZEOF_ETH_HDR + c->mtu);

	if (!n)
		return -ENOMEM;
	n->config = c;
	n->guard = guard;
	n->counters = counters;
	if (!netif_add(&n->netif, &ip, &mask, &gateway, n, init, ethernet_input)) {
		free(n);
		return -EINVAL;
	}
	netif_set_default(&n->netif); /* off-link addresses as well: see output_ip() */
	netif_set_up(&n->netif);
	*out = n;
	return 0;
}

struct netif *stack_netif_of(struct stack_netif *n)
{
	return &n->netif;
}

void stack_netif_close(struct stack_netif *n)
{
	if (!n)
		return;
	netif_remove(&n->netif);
	free(n);
}
