// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any bytes as a command line, an argument a line: taken, or refused; what is taken is in range. */
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "options.h"

#define ARGS 32

static void check(const struct run_options *o)
{
	if (!o->interface && o->backend != BACKEND_TAP && o->backend != BACKEND_AUTO)
		abort();
	if (o->queue_cnt > MEV_MAX_QUEUES || o->cpu_cnt > WORKER_MAX_CPUS)
		abort();
	for (__u32 i = 0; i < o->queue_cnt; i++)
		if (o->queues[i] >= MEV_MAX_QUEUES)
			abort();
	if (o->own_prefix_len > 32 || o->host_prefix_len > 32)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *argv[ARGS + 2] = { (char *)"run" }, *rest = text;
	struct run_options o;
	int argc = 1, code;

	/* Help goes to stdout, which is the fuzzer's only for complaints. */
	static bool quiet;
	if (!quiet && freopen("/dev/null", "w", stdout))
		quiet = true;
	opterr = 0;
	memcpy(text, data, size);
	text[size] = '\0';
	while (rest && argc <= ARGS)
		argv[argc++] = strsep(&rest, "\n");
	optind = 0; /* getopt forgets where in the last line's arguments it was */
	getopt(1, (char *[]){ (char *)"run", NULL }, "");
	code = options_run(argc, argv, &o);
	if (code == -1)
		check(&o);
	else if (code != EXIT_DONE && code != EXIT_USAGE)
		abort();
	free(text);
	return 0;
}
