// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "sandbox.h"

#include <errno.h>
#include <linux/bpf.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exit_code.h"
#include "log.h"

/*
 * Without conditions on arguments, so that the kernel answers for them from a bitmap (Linux 5.11)
 * and runs no filter: the wakeups pay next to nothing. A name that an architecture has not, as poll
 * on arm64, is passed over.
 */
static const struct {
	int nr;
	const char *why;
} allowed[] = {
	{ SCMP_SYS(sendto), "worker: wakes the transmit side of an AF_XDP socket" },
	{ SCMP_SYS(recvfrom), "worker: wakes the receive side; main: news of links, by netlink" },
	{ SCMP_SYS(poll), "worker and main: sleep until there is something to do" },
	{ SCMP_SYS(ppoll), "the same where there is no poll" },
	{ SCMP_SYS(read), "worker: frames of a TAP device; main: signalfd, timerfd, eventfd" },
	{ SCMP_SYS(write), "worker: frames to a TAP device, eventfd; all: log, summary" },
	{ SCMP_SYS(clock_gettime), "where the vDSO has no clock, as in some virtual machines" },
	{ SCMP_SYS(futex), "locks of the TCP/UDP stack; waiting for a thread to end" },
	{ SCMP_SYS(clock_nanosleep), "timers of the TCP/UDP stack" },
	{ SCMP_SYS(timerfd_settime), "main: --duration" },
	{ SCMP_SYS(getsockopt), "main: statistics of AF_XDP sockets" },
	{ SCMP_SYS(unlinkat), "main: removes its pins" },
	{ SCMP_SYS(fstat), "stdio: the kind of file that stdout is" },
	{ SCMP_SYS(newfstatat), "the same as newer C libraries ask it" },
	{ SCMP_SYS(getpid), "main: the ready line" },
	{ SCMP_SYS(close), "main: lets go of sockets, maps, the link that holds the program" },
	{ SCMP_SYS(brk), "malloc" },
	{ SCMP_SYS(mmap), "malloc" },
	{ SCMP_SYS(mremap), "malloc" },
	{ SCMP_SYS(munmap), "malloc; packet memory and rings at the end" },
	{ SCMP_SYS(mprotect), "malloc: the heap of a thread grows" },
	{ SCMP_SYS(madvise), "malloc; the stack of a thread that ends" },
	{ SCMP_SYS(rt_sigprocmask), "a thread that ends blocks its signals" },
	{ SCMP_SYS(rt_sigreturn), "back from a signal handler" },
	{ SCMP_SYS(restart_syscall), "a sleep goes on after SIGSTOP, SIGCONT or a debugger" },
	{ SCMP_SYS(exit), "a thread ends" },
	{ SCMP_SYS(exit_group), "the process ends" },
};

/* Of bpf(2), what works on maps that are open; no loading, creating, attaching. */
static const enum bpf_cmd allowed_bpf[] = {
	BPF_LINK_DETACH,     /* takes the program off the interface */
	BPF_MAP_LOOKUP_ELEM, /* the program's counters */
	BPF_MAP_DELETE_ELEM, /* libxdp takes a socket out of the XSKMAP */
};

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

static int add_rules(scmp_filter_ctx filter)
{
	int err = 0;

	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]) && !err; i++)
		err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i].nr, 0);
	for (size_t i = 0; i < sizeof(allowed_bpf) / sizeof(allowed_bpf[0]) && !err; i++)
		err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(bpf), 1,
				       SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)allowed_bpf[i]));
	return err;
}

int sandbox_enter(void)
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
		err = add_rules(filter);
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
