// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * mevpeer - responders to compare the node with: subcommands
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <xdp/libxdp.h>

#include "exit_code.h"
#include "log.h"
#include "peer.h"
#include "peer_options.h"

static const struct peer_ops *const peers[] = {
	&peer_udp, &peer_udp_batch, &peer_packet, &peer_echo, &peer_reflect,
};

#define PEER_CNT (sizeof(peers) / sizeof(peers[0]))

/* What they say we say ourselves, shorter. */
static int quiet_libbpf(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level, (void)fmt, (void)ap;
	return 0;
}

static int quiet_libxdp(enum libxdp_print_level level, const char *fmt, va_list ap)
{
	(void)level, (void)fmt, (void)ap;
	return 0;
}

static void *run_loop(void *peer)
{
	struct peer *p = peer;

	p->ops->loop(p);
	return NULL;
}

/* Pinned from its first instruction. 0 or -errno, logged. */
static int start(struct peer *p, pthread_t *thread)
{
	pthread_attr_t attr;
	cpu_set_t set;
	int err;

	err = pthread_attr_init(&attr);
	if (!err && p->options->cpu != PEER_NO_CPU) {
		CPU_ZERO(&set);
		CPU_SET(p->options->cpu, &set);
		err = pthread_attr_setaffinity_np(&attr, sizeof(set), &set);
	}
	if (!err)
		err = pthread_create(thread, &attr, run_loop, p);
	pthread_attr_destroy(&attr);
	if (err)
		log_err("cannot start the loop%s: %s",
			p->options->cpu != PEER_NO_CPU ? " on its --cpu (see lscpu)" : "",
			strerror(err));
	return -err;
}

static void say_ready(const struct peer *p)
{
	printf("ready peer=%s mode=%s poll=%s iface=%s pid=%d\n", p->ops->name,
	       !p->ops->hooks  ? "kernel" :
	       p->options->skb ? "skb" :
				 "native",
	       !p->ops->polls   ? "none" :
	       p->options->spin ? "spin" :
				  "wait",
	       p->options->interface, getpid());
	fflush(stdout);
}

static void say_counters(struct peer *p)
{
	printf("done");
	for (__u32 v = 1; v <= MEV_VERDICT_CNT; v++) {
		__u64 packets = mev_counter_of(&p->counters, v)->packets;

		if (packets || v == MEV_REPLIED)
			printf(" %s=%llu", mev_verdict_name(v), (unsigned long long)packets);
	}
	printf(" send_errors=%llu\n", (unsigned long long)p->send_errors);
	fflush(stdout);
}

static void stop(struct peer *p)
{
	const __u64 one = 1;

	__atomic_store_n(&p->stop, true, __ATOMIC_RELEASE);
	if (write(p->wake_fd, &one, sizeof(one)) < 0)
		log_warn("cannot wake the loop: %s", strerror(errno));
	if (p->ops->wake)
		p->ops->wake(p);
}

/* Serves until a signal of `ends`, which is blocked. */
static int serve(struct peer *p, const sigset_t *ends)
{
	pthread_t thread;
	int err, which;

	err = start(p, &thread);
	if (err)
		return err;
	say_ready(p);
	sigwait(ends, &which);
	stop(p);
	pthread_join(thread, NULL);
	return 0;
}

static enum exit_code run(struct peer *p)
{
	sigset_t ends;
	int err;

	/* Before any thread: all of them leave the signals to this one. */
	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &ends, NULL);

	err = netif_query(p->options->interface, &p->netif);
	if (err) {
		log_err("interface %s: %s; `ip -br link` lists them", p->options->interface,
			strerror(-err));
		return EXIT_USAGE;
	}
	if (p->ops->works && work_open(&p->work, p->options->config_path, &p->netif)) {
		work_close(&p->work);
		return EXIT_USAGE;
	}
	p->wake_fd = eventfd(0, EFD_CLOEXEC);
	err = p->wake_fd < 0 ? -errno : p->ops->open(p);
	if (!err)
		err = serve(p, &ends);
	stop(p); /* what a failed start has left running */
	p->ops->close(p);
	close(p->wake_fd);
	work_close(&p->work);
	if (err)
		return err == -EPERM || err == -EOPNOTSUPP ? EXIT_HOST : EXIT_FAILED;
	say_counters(p);
	return EXIT_DONE;
}

int main(int argc, char **argv)
{
	static struct peer_options options;
	static struct peer peer = { .options = &options };
	int code;

	libbpf_set_print(quiet_libbpf);
	libxdp_set_print(quiet_libxdp);
	code = peer_options(argc, argv, peers, PEER_CNT, &options, &peer.ops);
	return code >= 0 ? code : (int)run(&peer);
}
