/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * micro - what the groups of micro-benchmarks share
 *
 * One binary, so that the repetitions of all groups are run in one shuffled order and a neighbour's
 * load meets rivals alike. A group is one .cc with a function below: it adds its benchmarks, in the
 * order in which they are to be reported. Loops over the node's code are in C files, compiled as the
 * node is. A group checks that rivals give the same results, and calls die() if not, before anything
 * is timed. One thread, pinned to CPU 0, except where a group starts a second one.
 */
#ifndef MICRO_H
#define MICRO_H

#include <benchmark/benchmark.h>

#include <functional>
#include <map>
#include <ostream>
#include <string>
#include <vector>

namespace micro
{

enum class timed {
	CPU,    /* of the thread */
	REAL,   /* where two threads work */
	MANUAL, /* benchmark::State::SetIterationTime() */
};

/*
 * What a benchmark is held against: its time over that of `ref` in the same group, repetition by
 * repetition.
 */
struct against {
	std::string ref;
	double at_least = 0, at_most = 0; /* aims; 0: none */
};

/* Runs by google-benchmark's rules, and says what it did by SetItemsProcessed() or a counter "ns". */
using body = std::function<void(benchmark::State &)>;

/*
 * `name` is GROUP/WHAT[/...]. Its result is ns an item. Without a body, the result comes from the
 * benchmark one name up, which measures several by turns and leaves ns in a counter for each: where
 * what is around them changes within a second, as the place of virtual CPUs does, a ratio of two
 * benchmarks run apart says little.
 */
void add(const std::string &name, const body &run, const against &against = {},
	 timed timed = timed::CPU);

/* A sentence that the report gives below the group's title. */
void note(const std::string &group, const std::string &text);

/* Instead of a line a benchmark: `cells` is the head, then rows, of which each is a title and names. */
void matrix(const std::string &group, const std::vector<std::vector<std::string>> &cells);

/* Large where a benchmark is to miss the caches, small in the smoke test; decided by then. */
size_t cold(size_t cnt);

[[noreturn]] void die(const std::string &why);

/* ------------------------------------------------------------------ harness */

struct entry {
	std::string name, group;
	body run;
	struct against against;
	enum timed timed;
	std::vector<double> ns; /* of its repetitions, sorted by results() */
};

std::vector<entry> &entries();

/* Key and value lines: CPU, caches, kernel, compiler. */
std::vector<std::pair<std::string, std::string>> machine();

/* All results as Markdown, aims last. */
void report(std::ostream &out);

/* All ratios and no more, for the README. */
void summary(std::ostream &out);

/* ------------------------------------------------------------------ groups */

void payload_parsing();
void hot_path();
void verdicts();
void response_ring();
void histogram();
void checksum();
void economics();

} // namespace micro

#endif /* MICRO_H */
