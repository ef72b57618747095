// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/membarrier.h>
#include <linux/sockios.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "exit_code.h"
#include "log.h"

struct rule {
	int nr;
	const char *why;
};

/*
 * Without conditions on arguments where it can be, so that the kernel answers from a bitmap (Linux
 * 5.11) and runs no filter: a wakeup of the workers pays some tens of ns. A name that an architecture
 * has not, as poll on arm64, is passed over.
 */
static const struct rule for_node[] = {
	{ SCMP_SYS(sendto),
	  "worker: wakes the transmit side of its socket; main: asks the broker" },
	{ SCMP_SYS(recvfrom), "worker: wakes the receive side; main: news of links, by netlink" },
	{ SCMP_SYS(poll), "worker and main: sleep until there is something to do" },
	{ SCMP_SYS(ppoll), "the same where there is no poll" },
	{ SCMP_SYS(read),
	  "worker: frames of a TAP device; main: signalfd, timerfd, eventfd, files" },
	{ SCMP_SYS(write), "worker: frames to a TAP device, eventfd; all: log, summary" },
	{ SCMP_SYS(clock_gettime), "where the vDSO has no clock, as in some virtual machines" },
	{ SCMP_SYS(futex), "locks of the TCP/UDP stack; waiting for a thread to end" },
	{ SCMP_SYS(clock_nanosleep), "timers of the TCP/UDP stack" },
	{ SCMP_SYS(timerfd_settime), "main: --duration" },
	{ SCMP_SYS(getsockopt), "main: statistics of AF_XDP sockets" },
	{ SCMP_SYS(recvmsg), "main: the configuration file, open, from the broker" },
	{ SCMP_SYS(unlinkat), "main: removes its pins" },
	{ SCMP_SYS(fstat), "stdio: the kind of file that stdout or the configuration is" },
	{ SCMP_SYS(lseek), "stdio: where it stands in the configuration when it closes it" },
	{ SCMP_SYS(newfstatat), "the same as newer C libraries ask it" },
	{ SCMP_SYS(getpid), "main: the ready line" },
	{ SCMP_SYS(close), "main: lets go of sockets, maps, the link that holds the program" },
	{ SCMP_SYS(brk), "malloc" },
	{ SCMP_SYS(mremap), "malloc" },
	{ SCMP_SYS(munmap), "malloc; packet memory and rings at the end" },
	{ SCMP_SYS(madvise), "malloc; the stack of a thread that ends" },
	{ SCMP_SYS(rt_sigprocmask), "a thread that ends blocks its signals" },
	{ SCMP_SYS(rt_sigreturn), "back from a signal handler" },
	{ SCMP_SYS(restart_syscall), "a sleep goes on after SIGSTOP, SIGCONT or a debugger" },
	{ SCMP_SYS(exit), "a thread ends" },
	{ SCMP_SYS(exit_group), "the process ends" },
};

/* Of calls that can do much, what is needed: the value of one argument. */
static const struct narrow_rule {
	int nr;
	unsigned int arg;
	scmp_datum_t mask, value;
	const char *why;
} narrow_for_node[] = {
	{ SCMP_SYS(bpf), 0, ~0U, BPF_MAP_LOOKUP_ELEM, "the program's counters" },
	{ SCMP_SYS(bpf), 0, ~0U, BPF_LINK_DETACH, "takes the program off the interface" },
	{ SCMP_SYS(bpf), 0, ~0U, BPF_MAP_DELETE_ELEM, "takes sockets from an adopted program" },
	{ SCMP_SYS(membarrier), 0, ~0U, MEMBARRIER_CMD_GLOBAL, "and waits for its last run" },
	{ SCMP_SYS(ioctl), 1, ~0U, SIOCGIFNAME, "whether the interface is there, when news got lost" },
	{ SCMP_SYS(mmap), 2, PROT_EXEC, 0, "malloc; never memory to execute" },
	{ SCMP_SYS(mprotect), 2, PROT_EXEC, 0, "malloc: the heap of a thread grows" },
	{ SCMP_SYS(fcntl), 1, ~0U, F_GETFL, "stdio: how the configuration file was opened" },
}, narrow_for_broker[] = {
	{ SCMP_SYS(openat), 2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY, "the configuration file" },
};

static const struct rule for_broker[] = {
	{ SCMP_SYS(recvfrom), "the node asks" },
	{ SCMP_SYS(sendmsg), "the answer, a descriptor with it" },
	{ SCMP_SYS(close), "that descriptor is the node's now" },
	{ SCMP_SYS(write), "log" },
	{ SCMP_SYS(rt_sigreturn), "back from a signal handler" },
	{ SCMP_SYS(restart_syscall), "waiting goes on after SIGSTOP, SIGCONT or a debugger" },
	{ SCMP_SYS(exit_group), "the process ends" },
};

#define CNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
	const struct rule *rules;
	const struct narrow_rule *narrow;
	size_t rule_cnt, narrow_cnt;
} sandboxes[] = {
	[SANDBOX_NODE] = { for_node, narrow_for_node, CNT(for_node), CNT(narrow_for_node) },
	[SANDBOX_BROKER] = { for_broker, narrow_for_broker, CNT(for_broker),
			     CNT(narrow_for_broker) },
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

static int add_rules(scmp_filter_ctx filter, enum sandbox which)
{
	int err = 0;

	for (size_t i = 0; i < sandboxes[which].rule_cnt && !err; i++)
		err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, sandboxes[which].rules[i].nr, 0);
	for (size_t i = 0; i < sandboxes[which].narrow_cnt && !err; i++) {
		const struct narrow_rule *r = &sandboxes[which].narrow[i];

		err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, r->nr, 1,
				       SCMP_CMP(r->arg, SCMP_CMP_MASKED_EQ, r->mask, r->value));
	}
	return err;
}

int sandbox_enter(enum sandbox which)
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
		err = add_rules(filter, which);
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
