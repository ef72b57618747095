/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * criterion.h - Criterion's assertions for programs that are no Criterion tests: what fails aborts,
 * which is how libFuzzer learns of it. As much of them as tests/bpf/prog_world.h uses.
 */
#ifndef MEV_PLAIN_CRITERION_H
#define MEV_PLAIN_CRITERION_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define cr_assert_fail(...)                                     \
	do {                                                    \
		fprintf(stderr, "%s:%d: ", __FILE__, __LINE__); \
		fprintf(stderr, "" __VA_ARGS__);                \
		fprintf(stderr, "\n");                          \
		abort();                                        \
	} while (0)

#define cr_must(condition, ...)                                     \
	do {                                                        \
		if (!(condition))                                   \
			cr_assert_fail(#condition " " __VA_ARGS__); \
	} while (0)

#define cr_assert_eq(a, b, ...) cr_must((a) == (b), __VA_ARGS__)
#define cr_assert_neq(a, b, ...) cr_must((a) != (b), __VA_ARGS__)
#define cr_assert_not_null(a, ...) cr_must((a) != NULL, __VA_ARGS__)
#define cr_skip_test(...) ((void)0)

#endif /* MEV_PLAIN_CRITERION_H */
