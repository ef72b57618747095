// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cores.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exit_code.h"
#include "latency.h"
#include "log.h"
#include "parse.h"
#include "process.h"

#define LAPS 20000
#define ROUNDS 9

static const char usage[] =
	"usage: mevload cores CPU CPU\n"
	"\n"
	"How many ns a cache line takes from one CPU to the other and back: the median of 9 rounds.\n"
	"Whatever is spread over two CPUs pays that many times over. A hypervisor may move virtual CPUs\n"
	"between cores that share a cache and cores that do not, and does not say so: this does.\n"
	"\n"
	"example: mevload cores 0 1\n";

/* Even: the first CPU's turn; odd: the second one's. */
struct court {
	__u32 ball __cacheline_aligned;
	__u32 cpu __cacheline_aligned; /* the second one */
};

static void hit(struct court *c, __u32 turn)
{
	while (__atomic_load_n(&c->ball, __ATOMIC_ACQUIRE) != turn)
		;
	__atomic_store_n(&c->ball, turn + 1, __ATOMIC_RELEASE);
}

static void *other_side(void *court)
{
	struct court *c = court;

	process_pin(c->cpu);
	for (__u32 i = 0; i < ROUNDS * LAPS; i++)
		hit(c, 2 * i + 1);
	return NULL;
}

static int by_size(const void *a, const void *b)
{
	const __u64 *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int measure(__u32 near, __u32 far, __u64 *ns)
{
	static struct court court;
	__u64 rounds[ROUNDS];
	pthread_t thread;
	int err;

	court.cpu = far;
	err = process_pin(far); /* both are to be had */
	if (!err)
		err = process_pin(near);
	if (!err)
		err = -pthread_create(&thread, NULL, other_side, &court);
	if (err)
		return err;
	for (__u32 r = 0; r < ROUNDS; r++) {
		__u64 before = latency_monotonic_ns();

		for (__u32 i = 0; i < LAPS; i++)
			hit(&court, 2 * (r * LAPS + i));
		rounds[r] = (latency_monotonic_ns() - before) / LAPS;
	}
	pthread_join(thread, NULL);
	qsort(rounds, ROUNDS, sizeof(rounds[0]), by_size);
	*ns = rounds[ROUNDS / 2];
	return 0;
}

int cores_main(int argc, char **argv)
{
	__u32 cpus[2];
	__u64 ns;

	if (argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		fputs(usage, stdout);
		return EXIT_DONE;
	}
	if (argc != 3 || parse_u32(argv[1], 0, 1023, &cpus[0]) ||
	    parse_u32(argv[2], 0, 1023, &cpus[1]) || cpus[0] == cpus[1]) {
		log_err("want two different CPUs; see `mevload cores --help`");
		return EXIT_USAGE;
	}
	if (measure(cpus[0], cpus[1], &ns))
		return EXIT_FAILED;
	printf("%llu\n", (unsigned long long)ns);
	return EXIT_DONE;
}
