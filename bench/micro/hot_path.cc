// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * hot_path, worker - a candidate's frame in, the reply written: the very objects of the node
 *
 * hot_path is hot_path_candidate() alone; worker is the AF_XDP worker's whole loop, rings, clocks,
 * histograms and counters included, without the kernel.
 */
#include <algorithm>
#include <chrono>
#include <memory>

#include "micro.h"

extern "C" {
#include "hot_world.h"
}

namespace
{

constexpr __u32 FIXED = 1, OPTIMAL = 0;
constexpr __u32 BATCH = 64, RING = 2048, MEMORY = HOT_MAX_CHUNKS;

const hot_case decide_cases[] = {
	{ "optimal/pools_1/cached", OPTIMAL, 1, BATCH },
	{ "optimal/pools_1000/cached", OPTIMAL, 1000, BATCH },
	{ "optimal/pools_65536/cached", OPTIMAL, 65536, BATCH },
	{ "optimal/pools_1/memory", OPTIMAL, 1, MEMORY },
	{ "optimal/pools_1000/memory", OPTIMAL, 1000, MEMORY },
	{ "optimal/pools_65536/memory", OPTIMAL, 65536, MEMORY },
	{ "fixed/pools_1/cached", FIXED, 1, BATCH },
	{ "fixed/pools_1000/cached", FIXED, 1000, BATCH },
	{ "fixed/pools_65536/cached", FIXED, 65536, BATCH },
	{ "fixed/pools_65536/memory", FIXED, 65536, MEMORY },
	{ "no_hint/pools_1000/cached", OPTIMAL, 1000, BATCH, .no_hint = true },
	{ "no_hint/pools_65536/memory", OPTIMAL, 65536, MEMORY, .no_hint = true },
	{ "ipv6/pools_1000/cached", OPTIMAL, 1000, BATCH, .ipv6 = true },
	{ "verify_checksum/pools_1000/cached", OPTIMAL, 1000, BATCH, .verify_sum = true },
};

const hot_case work_cases[] = {
	{ "optimal/pools_1/cached", OPTIMAL, 1, RING },
	{ "optimal/pools_1000/cached", OPTIMAL, 1000, RING },
	{ "optimal/pools_65536/cached", OPTIMAL, 65536, RING },
	{ "fixed/pools_1000/cached", FIXED, 1000, RING },
	{ "no_hint/pools_65536/cached", OPTIMAL, 65536, RING, .no_hint = true },
	{ "optimal/pools_1/flushed", OPTIMAL, 1, RING, .flushed = true },
	{ "optimal/pools_1000/flushed", OPTIMAL, 1000, RING, .flushed = true },
	{ "optimal/pools_65536/flushed", OPTIMAL, 65536, RING, .flushed = true },
};

using lap = hot_lap;

/* Frames timed at a time. */
constexpr __u32 SLICE = 4096;

hot_world *open(const hot_case &c, lap lap)
{
	hot_case sized = c;
	hot_world *w;

	if (c.chunk_cnt == MEMORY)
		sized.chunk_cnt = (__u32)micro::cold(MEMORY);
	w = hot_open(&sized, (__u32)micro::cold(HOT_SWAPS));
	/* fewer replies than half of the swaps would be the cost of something else */
	double share = hot_check(w, lap);

	if (share < 0.5)
		micro::die(std::string("hot_path/") + c.name +
			   (share < 0 ? ": a wrong reply" : ": too few replies"));
	return w;
}

/* The median slice: what is preempted, as small shared machines do, is then not in it. */
void run(benchmark::State &state, hot_world *w, lap lap, __u32 cnt)
{
	std::vector<double> slices;

	for (auto _ : state) {
		double all = 0;

		hot_prepare(w);
		for (__u32 from = 0; from < cnt; from += SLICE) {
			auto start = std::chrono::steady_clock::now();
			benchmark::DoNotOptimize(lap(w, from, std::min(cnt, SLICE)));
			std::chrono::duration<double> took =
				std::chrono::steady_clock::now() - start;

			all += took.count();
			slices.push_back(took.count());
		}
		state.SetIterationTime(all);
	}
	std::nth_element(slices.begin(), slices.begin() + slices.size() / 2, slices.end());
	state.counters["ns"] = slices[slices.size() / 2] * 1e9 / std::min(cnt, SLICE);
}

template <size_t N>
void add_all(const std::string &group, const hot_case (&cases)[N], lap lap, const char *ref)
{
	for (const hot_case &c : cases) {
		__u32 cnt = c.chunk_cnt == MEMORY ? (__u32)micro::cold(MEMORY) : c.chunk_cnt;
		auto w = std::make_shared<hot_world *>();

		micro::add(
			group + "/" + c.name,
			[=, &c](benchmark::State &s) {
				if (!*w)
					*w = open(c, lap);
				run(s, *w, lap, cnt);
			},
			{ std::string(ref) == c.name ? "" : ref }, micro::timed::MANUAL);
	}
}

} // namespace

void micro::hot_path()
{
	note("hot_path",
	     "ns a candidate, from its frame to the reply over it. `cached`: batches of 64 frames "
	     "that were just written. `memory`: 262,144 frames in random order, more than the "
	     "last-level cache holds. 131,072 different swaps. `no_hint`: the pool is looked up.");
	note("worker",
	     "ns a candidate in the AF_XDP worker's loop without the kernel: four rings, clock, "
	     "histograms, counters, 2,048 frames a lap in random order of the UMEM's. `flushed`: "
	     "their frames are in no cache, as from a card that writes to memory.");
	add_all("hot_path", decide_cases, hot_decide, "optimal/pools_1/cached");
	add_all("worker", work_cases, hot_work, "optimal/pools_1/cached");
}
