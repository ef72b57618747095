/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * memory_file.h - bytes under a path, for code that opens files
 */
#ifndef MEV_TESTS_MEMORY_FILE_H
#define MEV_TESTS_MEMORY_FILE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct memory_file {
	char path[32];
	int fd;
};

static inline void memory_file_open(struct memory_file *f, const uint8_t *data, size_t size)
{
	f->fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (f->fd < 0 || write(f->fd, data, size) != (ssize_t)size)
		abort();
	snprintf(f->path, sizeof(f->path), "/proc/self/fd/%d", f->fd);
}

static inline void memory_file_close(struct memory_file *f)
{
	close(f->fd);
}

#endif /* MEV_TESTS_MEMORY_FILE_H */
