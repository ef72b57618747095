// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * LD_PRELOAD: one allocation that the program itself makes fails, that of number $ALLOC_FAIL counted
 * from 1. Those within libraries do not count: some of them (libseccomp) do not survive it. At its end
 * the process says how many there were, so that a run in which none fails tells the range.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t cnt, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t align, size_t size);

static unsigned long count, failing;
static void *program; /* where it is loaded */

__attribute__((constructor)) static void begin(void)
{
	const char *text = getenv("ALLOC_FAIL");
	Dl_info info;

	failing = text ? strtoul(text, NULL, 10) : 0;
	if (dladdr((void *)getauxval(AT_ENTRY), &info))
		program = info.dli_fbase;
}

__attribute__((destructor)) static void end(void)
{
	char text[64];
	int len = snprintf(text, sizeof(text), "allocations: %lu\n", count);

	if (write(2, text, (size_t)len) != len)
		_exit(1);
}

static int fails(void *caller)
{
	Dl_info info;

	if (!program || !dladdr(caller, &info) || info.dli_fbase != program)
		return 0;
	if (__atomic_add_fetch(&count, 1, __ATOMIC_RELAXED) != failing)
		return 0;
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t cnt, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(cnt, size);
}

void *realloc(void *old, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(old, size);
}

void *aligned_alloc(size_t align, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_memalign(align, size);
}
