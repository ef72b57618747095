// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* histogram, checksum, verdicts: loops of small_loops.h. */
#include "micro.h"

extern "C" {
#include "small_loops.h"
}

namespace
{

void add_loops(const std::string &group, const small_loop *loops, __u32 cnt, bool prepared)
{
	if (!prepared)
		micro::die(group + ": rivals give different results");
	for (__u32 i = 0; i < cnt; i++) {
		const small_loop &l = loops[i];

		micro::add(group + "/" + l.name,
			   [&l](benchmark::State &state) {
				   for (auto _ : state)
					   benchmark::DoNotOptimize(l.run(SMALL_STEP));
				   state.SetItemsProcessed(
					   (int64_t)(state.iterations() * SMALL_STEP));
			   },
			   { l.ref ? l.ref : "" });
	}
}

using verdict_fn = __u64 (*)(const verdict_loop *, __u32);

std::string add_verdict(const verdict_loop &v, verdict_fn run, __u32 verdict, const char *by)
{
	std::string name = std::string(v.name) + "/" + by;
	__u32 cnt = v.busy ? 1 : SMALL_STEP; /* which waits */

	if (!run)
		return "-";
	micro::add("verdicts/" + name, [=, &v](benchmark::State &state) {
		for (auto _ : state)
			if (run(&v, cnt) != (__u64)verdict * cnt)
				micro::die("verdicts/" + name + ": another verdict");
		state.SetItemsProcessed((int64_t)(state.iterations() * cnt));
	});
	return name;
}

} // namespace

void micro::histogram()
{
	note("histogram", "One sample recorded, log-normal around 80 ns; one reading of the clock. "
			  "log2_buckets know a value to a factor of 2, latency_hist to 3 %, "
			  "mevload_hist to 0.1 %, keep_and_sort (4,096 at a time) exactly.");
	add_loops("histogram", histogram_loops, histogram_loop_cnt, histogram_prepare());
}

void micro::checksum()
{
	note("checksum",
	     "Of an IPv4 header, of a swap's UDP datagram, and a whole reply written, both "
	     "of its checksums included. naive: byte by byte, as RFC 1071 has it.");
	add_loops("checksum", checksum_loops, checksum_loop_cnt, checksum_prepare());
}

void micro::verdicts()
{
	std::vector<std::vector<std::string>> table = { { "verdicts, ns", "filter", "hot path" } };
	const verdict_loop *loops;
	__u32 cnt;

	note("verdicts",
	     "The filter (the XDP program's, in userspace) until its verdict, and what the hot path "
	     "takes to turn the same frame away, without a hint. One frame over and over: the least "
	     "that it costs. `pool_busy` waits for a writer that never ends.");
	loops = verdict_loops(&cnt);
	if (!loops)
		die("verdicts: a frame does not meet its verdict");
	for (__u32 i = 0; i < cnt; i++)
		table.push_back(
			{ loops[i].name,
			  add_verdict(loops[i], loops[i].filter, loops[i].verdict, "filter"),
			  add_verdict(loops[i], loops[i].candidate, loops[i].of_candidate,
				      "hot_path") });
	matrix("verdicts", table);
}
