// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any bytes as a configuration file: it is taken, or refused in one line. */
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config.h"
#include "log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config c;
	char path[64];
	int fd;

	log_set_level((enum log_level) - 1);
	fd = memfd_create("config", 0);
	if (write(fd, data, size) != (ssize_t)size) {
		close(fd);
		return 0;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (!config_load(&c, path))
		config_free(&c);
	close(fd);
	return 0;
}
