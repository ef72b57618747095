// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "stack.h"

#include <errno.h>
#include <lwip/ip4_frag.h>
#include <lwip/tcpip.h>
#include <lwip/udp.h>
#include <netif/ethernet.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "log.h"
#include "privileges.h"
#include "stack_guard.h"
#include "stack_netif.h"
#include "stack_pool.h"
#include "stack_tcp.h"

/* Receive buffers: 32 MB at most, of which only those ever used at once are touched. */
#define BUFFERS_LEN (32u << 20)

struct stack {
	struct stack_config config;
	struct stack_guard guard;
	struct stack_counters counters;
	struct stack_pool *pool;
	struct stack_netif *netif;
	struct stack_tcp *tcp;
	struct udp_pcb *udp;
};

/* lwIP's thread runs from the first stack on, and there is no stopping it. */
static pthread_mutex_t process_lock = PTHREAD_MUTEX_INITIALIZER;
static bool lwip_runs, stack_exists;

/*
 * UDP: swaps that came in fragments, since others are answered before they get here, or passed: from
 * port 0, where nobody is.
 */

static bool answer_datagram(struct stack *s, struct pbuf *p, u16_t from_port,
			    struct swap_reply *reply)
{
	enum mev_verdict verdict = from_port ? MEV_BAD_LENGTH : MEV_REJECTED;
	struct mev_counter *counter;
	struct dex_swap_tx tx;

	if (from_port && p->tot_len == sizeof(tx)) {
		pbuf_copy_partial(p, &tx, sizeof(tx), 0);
		verdict = s->config.decide(s->config.decide_ctx, &tx, reply);
	}
	s->counters.udp_datagrams++;
	counter = mev_counter_of(&s->counters.udp, verdict);
	if (counter) {
		counter->packets++;
		counter->bytes += p->tot_len;
	}
	return verdict == MEV_REPLIED;
}

static void on_datagram(void *arg, struct udp_pcb *pcb, struct pbuf *p, const ip_addr_t *from,
			u16_t port)
{
	struct stack *s = arg;
	struct swap_reply reply;
	struct pbuf *out;

	if (answer_datagram(s, p, port, &reply)) {
		out = pbuf_alloc(PBUF_TRANSPORT, sizeof(reply), PBUF_RAM);
		if (out)
			memcpy(out->payload, &reply, sizeof(reply));
		if (!out || udp_sendto(pcb, out, from, port))
			s->counters.udp_unanswered++;
		if (out)
			pbuf_free(out);
	}
	pbuf_free(p);
}

static int bind_udp(struct stack *s)
{
	ip_addr_t ip = IPADDR4_INIT(s->config.ip);

	return udp_bind(s->udp, &ip, s->config.swap_port) ? -EADDRINUSE : 0;
}

static int open_udp(struct stack *s)
{
	s->udp = udp_new_ip_type(IPADDR_TYPE_V4);
	if (!s->udp)
		return -ENOMEM;
	if (bind_udp(s))
		return -EADDRINUSE;
	udp_recv(s->udp, on_datagram, s);
	return 0;
}

/* The process. */

struct lwip_start {
	sem_t done;
	int err;
};

static void lwip_ready(void *arg)
{
	struct lwip_start *start = arg;

	start->err = privileges_drop();
	sem_post(&start->done);
}

/* Signals are the caller's, but for SIGSYS, which tells of a thread's own doing (sandbox.c). */
static int start_lwip(void)
{
	sigset_t all, before;
	struct lwip_start start = { 0 };
	unsigned int seed;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		return -EIO;
	srand(seed); /* LWIP_RAND() */
	if (sem_init(&start.done, 0, 0))
		return -errno;
	sigfillset(&all);
	sigdelset(&all, SIGSYS);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	tcpip_init(lwip_ready, &start);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	while (sem_wait(&start.done))
		;
	sem_destroy(&start.done);
	return start.err;
}

static int claim_process(void)
{
	int err = 0;

	pthread_mutex_lock(&process_lock);
	if (stack_exists)
		err = -EBUSY;
	else if (!lwip_runs)
		err = start_lwip();
	if (!err)
		lwip_runs = stack_exists = true;
	pthread_mutex_unlock(&process_lock);
	return err;
}

static void release_process(void)
{
	pthread_mutex_lock(&process_lock);
	stack_exists = false;
	pthread_mutex_unlock(&process_lock);
}

/* Opening and closing. */

static int check_config(const struct stack_config *c)
{
	const __u8 top = (__u8)c->ip;

	if (top && top != 127 && top < 224 && c->prefix_len <= 32 && !(c->mac[0] & 1) &&
	    c->mtu >= STACK_MTU_MIN && c->mtu <= STACK_MTU_MAX && c->swap_port && c->link.send &&
	    c->decide)
		return 0;
	log_err("the TCP/UDP stack needs a unicast address and MAC, a prefix of 0 to 32, an MTU of "
		"%d to %d and a port",
		STACK_MTU_MIN, STACK_MTU_MAX);
	return -EINVAL;
}

/* Under the core lock. */
static int bring_up(struct stack *s)
{
	__u32 frame_len = SIZEOF_ETH_HDR + s->config.mtu;
	int err;

	err = stack_pool_open(&s->pool, BUFFERS_LEN / frame_len, frame_len);
	if (!err)
		err = stack_tcp_open(&s->tcp, &s->config, &s->counters);
	if (!err)
		err = open_udp(s);
	if (!err)
		err = stack_netif_open(&s->netif, &s->config, &s->guard, &s->counters);
	return err;
}

/* Under the core lock. */
static void take_down(struct stack *s)
{
	stack_tcp_close(s->tcp);
	if (s->udp)
		udp_remove(s->udp);
	stack_netif_close(s->netif);
	/* Fragments that wait for others lie in our buffers: let them grow old at once. */
	for (int i = 0; i <= IP_REASS_MAXAGE; i++)
		ip_reass_tmr();
	stack_pool_close(s->pool);
}

static int open_claimed(struct stack **out, const struct stack_config *c)
{
	struct stack *s = calloc(1, sizeof(*s));
	int err = 0;

	if (!s)
		return -ENOMEM;
	s->config = *c;
	if (!s->config.max_connections)
		s->config.max_connections = STACK_CONNECTIONS;
	if (!s->config.max_half_open)
		s->config.max_half_open = STACK_HALF_OPEN;
	if (!s->config.idle_timeout_s)
		s->config.idle_timeout_s = STACK_IDLE_S;
	s->guard.ip = c->ip;
	memcpy(s->guard.mac, c->mac, sizeof(s->guard.mac));
	if (getrandom(s->guard.key, sizeof(s->guard.key), 0) != sizeof(s->guard.key))
		err = -EIO;
	LOCK_TCPIP_CORE();
	if (!err)
		err = bring_up(s);
	if (err)
		take_down(s);
	UNLOCK_TCPIP_CORE();
	if (err)
		free(s);
	else
		*out = s;
	return err;
}

int stack_open(struct stack **out, const struct stack_config *c)
{
	int err = check_config(c);

	if (err)
		return err;
	err = claim_process();
	if (!err) {
		err = open_claimed(out, c);
		if (err)
			release_process();
	}
	if (err)
		log_err("cannot open the TCP/UDP stack: %s",
			err == -EBUSY ? "this process has one already" : strerror(-err));
	return err;
}

void stack_hang_up(struct stack *s)
{
	if (!s)
		return;
	LOCK_TCPIP_CORE();
	stack_tcp_hang_up(s->tcp);
	UNLOCK_TCPIP_CORE();
}

void stack_close(struct stack *s)
{
	if (!s)
		return;
	LOCK_TCPIP_CORE();
	take_down(s);
	UNLOCK_TCPIP_CORE();
	free(s);
	release_process();
}

/* Running. */

/* NULL: lwIP has it. Else the counter of what it was dropped for. */
static __u64 *input(struct stack *s, const void *frame, __u32 len)
{
	struct guard_segment seg;
	__u64 *refusal;
	struct pbuf *p;

	if (len > SIZEOF_ETH_HDR + s->config.mtu)
		return &s->counters.malformed;
	p = stack_pool_copy(s->pool, frame, len);
	if (!p)
		return &s->counters.no_buffers;
	refusal = guard_incoming(&s->guard, &s->counters, p->payload, len, &seg);
	if (!refusal)
		refusal = stack_tcp_admit(s->tcp, &seg, stack_pool_used(s->pool));
	if (refusal) {
		pbuf_free(p);
		return refusal;
	}
	if (seg.source)
		stack_netif_learn(s->netif, seg.source, p->payload);
	ethernet_input(p, stack_netif_of(s->netif));
	stack_tcp_settle(s->tcp);
	return NULL;
}

void stack_input(struct stack *s, const void *frame, __u32 len)
{
	__u64 *refusal;

	LOCK_TCPIP_CORE();
	s->counters.frames_in++;
	s->counters.bytes_in += len;
	refusal = input(s, frame, len);
	if (refusal)
		++*refusal;
	UNLOCK_TCPIP_CORE();
}

int stack_set_port(struct stack *s, __u16 port)
{
	int err = 0;

	if (!s || s->config.swap_port == port)
		return 0;
	LOCK_TCPIP_CORE();
	s->config.swap_port = port;
	err = stack_tcp_move(s->tcp, port);
	if (!err)
		err = bind_udp(s);
	UNLOCK_TCPIP_CORE();
	if (err)
		log_err("the TCP/UDP stack cannot serve port %u: %s", port, strerror(-err));
	return err;
}

void stack_settle(struct stack *s)
{
	if (!s)
		return;
	LOCK_TCPIP_CORE();
	UNLOCK_TCPIP_CORE();
}

void stack_counters(struct stack *s, struct stack_counters *out)
{
	LOCK_TCPIP_CORE();
	*out = s->counters;
	UNLOCK_TCPIP_CORE();
}
