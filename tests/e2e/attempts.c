// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * attempts - a preloaded library that tries, from inside a serving worker, what no worker may do
 *
 * At the worker's first wakeup of its socket it makes one call after another and writes a line for
 * each to stderr: "attempt NAME: forbidden", "errno N" or "done". Where the sandbox's handler would
 * end the process, and ATTEMPTS is not "die", this library's _exit() goes back to the next attempt,
 * so that one process shows all of it and goes on to serve, with the filter as it is.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static sigjmp_buf next_attempt;
static bool attempting, die;
static pthread_t main_thread;

void _exit(int code)
{
	if (attempting && !die)
		siglongjmp(next_attempt, 1);
	for (;;)
		syscall(SYS_exit_group, code);
}

static long load_program(void)
{
	const struct bpf_insn pass[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_XDP,
		.insns = (unsigned long)pass,
		.insn_cnt = 2,
		.license = (unsigned long)"GPL",
	};

	return syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

static long create_map(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_XSKMAP,
		.key_size = 4,
		.value_size = 4,
		.max_entries = 1,
	};

	return syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
}

static long find_program(void)
{
	union bpf_attr attr = { .start_id = 0 };

	return syscall(SYS_bpf, BPF_PROG_GET_NEXT_ID, &attr, sizeof(attr)) ?
		       -1 :
		       syscall(SYS_bpf, BPF_PROG_GET_FD_BY_ID, &attr, sizeof(attr));
}

/* By number: fork() itself would leave its locks behind. */
static long fork_child(void)
{
	long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (!pid)
		syscall(SYS_exit_group, 0);
	return pid;
}

static long open_file(void)
{
	return syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY);
}

static long create_file(void)
{
	return syscall(SYS_openat, AT_FDCWD, "/tmp/mevnode-attempt", O_CREAT | O_EXCL, 0600);
}

static long execute(void)
{
	return syscall(SYS_execve, "/nonexistent", NULL, NULL);
}

static long xdp_socket(void)
{
	return socket(AF_XDP, SOCK_RAW, 0);
}

static long inet_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

static long become_root(void)
{
	return syscall(SYS_setresuid, 0, 0, 0);
}

static long code_memory(void)
{
	return mmap(NULL, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
			       MAP_FAILED ?
		       -1 :
		       0;
}

static const struct {
	const char *name;
	long (*call)(void);
} attempts[] = {
	{ "open", open_file },
	{ "create", create_file },
	{ "fork", fork_child },
	{ "exec", execute },
	{ "bpf_prog_load", load_program },
	{ "bpf_map_create", create_map },
	{ "bpf_find", find_program },
	{ "xdp_socket", xdp_socket },
	{ "inet_socket", inet_socket },
	{ "become_root", become_root },
	{ "code_memory", code_memory },
};

static void attempt(size_t i)
{
	char result[32] = "forbidden", line[80];
	int len;

	if (!sigsetjmp(next_attempt, 1)) {
		attempting = true;
		if (attempts[i].call() >= 0)
			strcpy(result, "done");
		else
			snprintf(result, sizeof(result), "errno %d", errno);
	}
	attempting = false;
	len = snprintf(line, sizeof(line), "attempt %s: %s\n", attempts[i].name, result);
	if (write(STDERR_FILENO, line, len) != len)
		abort();
}

/* The worker's wakeup of its socket: a datagram of nothing. */
ssize_t sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *to,
	       socklen_t to_len)
{
	static bool done;

	if (!done && !buf && !pthread_equal(pthread_self(), main_thread)) {
		done = true;
		for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++)
			attempt(i);
	}
	return syscall(SYS_sendto, fd, buf, len, flags, to, to_len);
}

__attribute__((constructor)) static void learn(void)
{
	const char *how = getenv("ATTEMPTS");

	main_thread = pthread_self();
	die = how && !strcmp(how, "die");
}
