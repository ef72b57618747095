// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/membarrier.h>
#include <malloc.h>
#include <netinet/tcp.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "exit_code.h"
#include "log.h"

/*
 * A call and why it is made, by the tasks that make it; with a condition, for those that can do
 * much: (argument & mask) == value. The workers' calls have none, so that the kernel answers from a
 * bitmap (Linux 5.11) and runs no filter: a wakeup pays some tens of ns. A name that an
 * architecture has not, as poll on arm64, is passed over.
 */
struct rule {
	unsigned int tasks;
	int nr;
	const char *why;
	unsigned int arg;
	scmp_datum_t mask, value;
};

#define ALLOW(tasks, call, why)                     \
	{                                           \
		tasks, SCMP_SYS(call), why, 0, 0, 0 \
	}
#define ALLOW_IF(tasks, call, arg, mask, value, why)                         \
	{                                                                    \
		tasks, SCMP_SYS(call), why, arg, mask, (scmp_datum_t)(value) \
	}
#define ALLOW_BPF(cmd, why) ALLOW_IF(NODE, bpf, 0, ~0U, cmd, why)
#define ALLOW_BARRIER(cmd, why) ALLOW_IF(NODE, membarrier, 0, ~0U, MEMBARRIER_CMD_##cmd, why)

enum { NODE = SANDBOX_NODE, METRICS = SANDBOX_METRICS, BROKER = SANDBOX_BROKER };

/* clang-format off */
static const struct rule rules[] = {
	/* The workers, and what wakes them. */
	ALLOW(NODE, sendto, "wakes the transmit side of a socket; asks broker and kernel; tells systemd"),
	ALLOW(NODE | BROKER, recvfrom, "wakes the receive side of a socket; what the kernel says; requests"),
	ALLOW(NODE, poll, "sleeps until there is something to do"),
	ALLOW(NODE, ppoll, "the same where there is no poll"),
	ALLOW(NODE, read, "frames of a TAP device; signalfd, timerfd, eventfd; the configuration"),
	ALLOW(NODE | BROKER, write, "frames to a TAP device; eventfd; log, summary"),
	ALLOW(NODE, clock_gettime, "where the vDSO has no clock, as in some virtual machines"),
	ALLOW(NODE, futex, "locks of the TCP/UDP stack; waiting for a thread to end"),
	ALLOW(NODE, clock_nanosleep, "timers of the TCP/UDP stack; a moment's patience"),

	/* The main thread while the others work. */
	ALLOW(NODE, timerfd_settime, "--duration"),
	ALLOW(NODE, getpid, "the ready line"),
	ALLOW(NODE, getsockopt, "statistics of AF_XDP sockets"),
	ALLOW_BPF(BPF_MAP_LOOKUP_ELEM, "the program's counters"),

	/* Reload. */
	ALLOW(NODE, recvmsg, "the configuration file, open, from the broker"),
	ALLOW_IF(NODE, fcntl, 1, ~0U, F_GETFL, "stdio: how that file was opened"),
	ALLOW(NODE, lseek, "stdio: where it stands in that file when it closes it"),
	ALLOW_BPF(BPF_MAP_GET_NEXT_KEY, "which pools and feeds there are"),
	ALLOW_BPF(BPF_MAP_LOOKUP_BATCH, "the same, many at once"),
	ALLOW_BPF(BPF_MAP_UPDATE_ELEM, "pools and feeds come"),
	ALLOW_BPF(BPF_MAP_DELETE_ELEM, "and go; sockets leave an adopted program"),
	ALLOW_BARRIER(REGISTER_PRIVATE_EXPEDITED, "to make use of this one:"),
	ALLOW_BARRIER(PRIVATE_EXPEDITED, "all workers see what is new"),
	ALLOW_BARRIER(GLOBAL, "the XDP program's last run is over"),

	/* The end. */
	ALLOW_BPF(BPF_LINK_DETACH, "takes the program off the interface"),
	ALLOW(NODE, unlinkat, "removes its pins"),
	ALLOW(NODE | BROKER, close, "lets go of sockets, maps, links, files"),
	ALLOW(NODE, fstat, "stdio: what kind of file stdout or the configuration is"),
	ALLOW(NODE, newfstatat, "the same as newer C libraries ask it"),
	ALLOW(NODE, exit, "a thread ends"),
	ALLOW(NODE | BROKER, exit_group, "the process ends"),

	/* The C library, anywhere. */
	ALLOW(NODE, brk, "malloc"),
	ALLOW_IF(NODE, mmap, 2, PROT_EXEC, 0, "malloc; never memory to execute"),
	ALLOW(NODE, mremap, "malloc"),
	ALLOW(NODE, munmap, "malloc; packet memory and rings at the end"),
	ALLOW(NODE, madvise, "malloc; the stack of a thread that ends"),
	ALLOW(NODE, rt_sigprocmask, "a thread that ends blocks its signals"),
	ALLOW(NODE | BROKER, rt_sigreturn, "back from a signal handler"),
	ALLOW(NODE | BROKER, restart_syscall, "a sleep goes on after SIGSTOP or a debugger"),

#ifdef __SANITIZE_ADDRESS__
	ALLOW(NODE | BROKER, sigaltstack, "AddressSanitizer, before _exit()"),
#endif

	/* libmicrohttpd, run by the main thread. */
	ALLOW(METRICS, epoll_ctl, "a scraper has come, a scraper goes"),
	ALLOW(METRICS, epoll_wait, "which of them says something"),
	ALLOW(METRICS, epoll_pwait, "the same where there is no epoll_wait"),
	ALLOW(METRICS, accept4, "a scraper connects"),
	ALLOW_IF(METRICS, setsockopt, 2, ~0U, TCP_NODELAY, "the answer goes out at once"),
	ALLOW(METRICS | BROKER, sendmsg, "the answer to a scraper; a descriptor for the node"),
	ALLOW(METRICS, shutdown, "the end of an answer"),

	/* The broker. */
	ALLOW_IF(BROKER, openat, 2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY, "the configuration"),
};
/* clang-format on */

/* Names by number, since the handler may not look them up. */
#define NAMES_CNT 512
static char *names[NAMES_CNT];

static void on_forbidden(int sig, siginfo_t *info, void *context)
{
	int nr = info->si_syscall;

	(void)sig;
	(void)context;
	log_err("the sandbox forbids the syscall %s (%d): please report; until then, "
		"--no-sandbox does without it",
		nr >= 0 && nr < NAMES_CNT && names[nr] ? names[nr] : "of this number", nr);
	_exit(EXIT_FAILED);
}

static int catch_forbidden(void)
{
	struct sigaction action = { .sa_sigaction = on_forbidden, .sa_flags = SA_SIGINFO };

	for (int nr = 0; nr < NAMES_CNT; nr++)
		names[nr] = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, nr);
	return sigaction(SIGSYS, &action, NULL) ? -errno : 0;
}

static int add_rules(scmp_filter_ctx filter, unsigned int tasks)
{
	int err = 0;

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]) && !err; i++) {
		const struct rule *r = &rules[i];

		if (r->tasks & tasks)
			err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, r->nr, r->mask ? 1 : 0,
					       SCMP_CMP(r->arg, SCMP_CMP_MASKED_EQ, r->mask,
							r->value));
	}
	return err;
}

void sandbox_prepare(void)
{
	static char buf[BUFSIZ];

	mallopt(M_ARENA_MAX, 1);
	/* Or stdio finds out at the first line what stdout is, of /dev/null or a console by ioctl(). */
	setvbuf(stdout, buf, _IOFBF, sizeof(buf));
}

int sandbox_enter(unsigned int tasks)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_TRAP);
	int err = filter ? catch_forbidden() : -ENOMEM;

	/* Threads there are: all of them. */
	if (!err)
		err = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	/* Before Linux 5.16 a filter turns off speculative loads unless told not to: slow. */
	if (!err)
		err = seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1);
	if (!err)
		err = add_rules(filter, tasks);
	if (!err)
		err = seccomp_load(filter);
	if (filter)
		seccomp_release(filter);
	if (err)
		log_err("cannot install the seccomp filter: %s; take a kernel with "
			"CONFIG_SECCOMP_FILTER=y, or --no-sandbox",
			strerror(-err));
	return err;
}
