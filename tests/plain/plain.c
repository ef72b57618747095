// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Runs the tests that are linked in, a process each: SUITE... these alone; -SUITE... all but these. */
#include <sys/wait.h>
#include <unistd.h>

#include "criterion/criterion.h"

static struct plain_test *suites, *tests, **end = &tests;

void plain_add(struct plain_test *t)
{
	if (!t->run) {
		t->next = suites;
		suites = t;
		return;
	}
	*end = t;
	end = &t->next;
}

static void run(const struct plain_test *t)
{
	const struct plain_test *s = suites;

	while (s && strcmp(s->suite, t->suite))
		s = s->next;
	if (s && s->init)
		s->init();
	if (t->init)
		t->init();
	t->run();
	if (t->fini)
		t->fini();
	if (s && s->fini)
		s->fini();
}

/* The exit code of the test's process; 128 and more: a signal. */
static int in_a_process(const struct plain_test *t)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		run(t);
		exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		perror("cannot run a test");
		exit(1);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static bool wanted(const struct plain_test *t, int argc, char **argv)
{
	bool others = argc < 2 || argv[1][0] == '-';

	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i] + others, t->suite))
			return !others;
	return others;
}

int main(int argc, char **argv)
{
	int passed = 0, failed = 0, skipped = 0;

	for (const struct plain_test *t = tests; t; t = t->next) {
		int code;

		if (!wanted(t, argc, argv))
			continue;
		code = in_a_process(t);
		passed += code == 0;
		skipped += code == PLAIN_SKIPPED;
		if (!code || code == PLAIN_SKIPPED)
			continue;
		failed++;
		printf("failed: %s::%s (%d)\n", t->suite, t->name, code);
	}
	printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped);
	return failed || !passed;
}
