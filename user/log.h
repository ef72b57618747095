/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * log - one line to stderr for a person
 *
 * A line says what failed, with which arguments, why, and what to try. Callable from any thread:
 * each line is one write. libbpf's and libxdp's messages go through it as well (log_capture_libs).
 */
#ifndef MEV_LOG_H
#define MEV_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Lines less important than `level` are not printed. Default: LOG_LEVEL_INFO. */
void log_set_level(enum log_level level);

/* Whether an error has been logged, one that was held aside. */
bool log_erred(void);

/*
 * From now on the first error is written to line[size], without prefix, instead of stderr, and
 * those that follow from it are left out; NULL: no longer. For a try whose failure may be none.
 * Not while other threads log.
 */
void log_hold_errors(char *line, size_t size);

void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_err(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...) log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif /* MEV_LOG_H */
