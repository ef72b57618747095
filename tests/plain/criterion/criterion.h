/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * criterion.h - as much of Criterion as the tests use, without Criterion
 *
 * For tools that its sandbox does not get along with (ThreadSanitizer, valgrind) and for programs
 * that are no tests (fuzz targets): what fails aborts. plain.c runs the tests, a process each.
 */
#ifndef MEV_PLAIN_CRITERION_H
#define MEV_PLAIN_CRITERION_H

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A test, or what a suite's tests have in common (without `run`). */
struct plain_test {
	const char *suite, *name;
	void (*run)(void), (*init)(void), (*fini)(void);
	double timeout; /* Criterion's: these tools are slow, so it is not kept */
	struct plain_test *next;
};

void plain_add(struct plain_test *t);

#define PLAIN_SKIPPED 77 /* exit code of a test that was skipped: as automake has it */

#define PLAIN_ADD(id, ...)                                            \
	static struct plain_test plain_##id = { __VA_ARGS__ };        \
	__attribute__((constructor)) static void plain_add_##id(void) \
	{                                                             \
		plain_add(&plain_##id);                               \
	}                                                             \
	_Static_assert(1, "")

#define Test(s, n, ...)                                                                    \
	static void test_##s##_##n(void);                                                  \
	PLAIN_ADD(s##_##n, .suite = #s, .name = #n, .run = test_##s##_##n, ##__VA_ARGS__); \
	static void test_##s##_##n(void)

#define TestSuite(s, ...) PLAIN_ADD(s, .suite = #s, ##__VA_ARGS__)

#define cr_assert_fail(...)                                     \
	do {                                                    \
		fprintf(stderr, "%s:%d: ", __FILE__, __LINE__); \
		fprintf(stderr, " " __VA_ARGS__);               \
		fprintf(stderr, "\n");                          \
		abort();                                        \
	} while (0)

#define cr_assert(condition, ...)                       \
	do {                                            \
		if (!(condition)) {                     \
			fputs(#condition ": ", stderr); \
			cr_assert_fail(__VA_ARGS__);    \
		}                                       \
	} while (0)

#define cr_assert_not(condition, ...) cr_assert(!(condition), __VA_ARGS__)
#define cr_assert_eq(a, b, ...) cr_assert((a) == (b), __VA_ARGS__)
#define cr_assert_neq(a, b, ...) cr_assert((a) != (b), __VA_ARGS__)
#define cr_assert_lt(a, b, ...) cr_assert((a) < (b), __VA_ARGS__)
#define cr_assert_leq(a, b, ...) cr_assert((a) <= (b), __VA_ARGS__)
#define cr_assert_gt(a, b, ...) cr_assert((a) > (b), __VA_ARGS__)
#define cr_assert_geq(a, b, ...) cr_assert((a) >= (b), __VA_ARGS__)
#define cr_assert_null(a, ...) cr_assert((a) == NULL, __VA_ARGS__)
#define cr_assert_not_null(a, ...) cr_assert((a) != NULL, __VA_ARGS__)
#define cr_assert_arr_eq(a, b, size, ...) cr_assert(!memcmp(a, b, size), __VA_ARGS__)
#define cr_assert_arr_neq(a, b, size, ...) cr_assert(memcmp(a, b, size), __VA_ARGS__)
#define cr_assert_str_eq(a, b, ...) cr_assert(!strcmp(a, b), __VA_ARGS__)
#define cr_assert_str_empty(a, ...) cr_assert(!*(a), __VA_ARGS__)
#define cr_assert_float_eq(a, b, epsilon, ...) cr_assert(fabs((a) - (b)) <= (epsilon), __VA_ARGS__)
#define cr_expect_eq cr_assert_eq
#define cr_expect_not_null cr_assert_not_null
#define cr_skip_test(...) exit(PLAIN_SKIPPED)

#endif /* MEV_PLAIN_CRITERION_H */
