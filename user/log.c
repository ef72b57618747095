// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static enum log_level threshold = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
	threshold = level;
}

static bool erred;

bool log_erred(void)
{
	return __atomic_load_n(&erred, __ATOMIC_RELAXED);
}

static char *held;
static size_t held_size;

void log_hold_errors(char *line, size_t size)
{
	held = line;
	held_size = size;
	if (line)
		line[0] = '\0';
}

static void hold_error(const char *fmt, va_list ap)
{
	if (!held[0])
		vsnprintf(held, held_size, fmt, ap);
}

void log_line(enum log_level level, const char *fmt, ...)
{
	static const char *const prefix[] = { "error: ", "warning: ", "", "debug: " };
	char line[1024];
	va_list ap;
	int len, n;

	if (level > threshold)
		return;

	va_start(ap, fmt);
	if (level == LOG_LEVEL_ERROR && held) {
		hold_error(fmt, ap);
		va_end(ap);
		return;
	}
	if (level == LOG_LEVEL_ERROR)
		__atomic_store_n(&erred, true, __ATOMIC_RELAXED);
	len = snprintf(line, sizeof(line), "%s: %s", program_invocation_short_name, prefix[level]);
	n = vsnprintf(line + len, sizeof(line) - (size_t)len - 1, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	len = (int)strlen(line);
	while (len > 0 && line[len - 1] == '\n')
		len--;
	line[len++] = '\n';
	/* One write, so that lines of several threads do not mix; nobody to tell if it fails. */
	if (write(STDERR_FILENO, line, (size_t)len) < 0)
		return;
}
