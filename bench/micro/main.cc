// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * mev_micro - micro-benchmarks of what the node does to a frame, beside what one would do instead
 *
 *	mev_micro [--quick | --smoke] [--out DIR] [--benchmark_filter=REGEX ...]
 *
 * Writes DIR/micro.json (google-benchmark's, every repetition), DIR/report.md, which is printed too,
 * and DIR/readme.md, the ratios alone; DIR is build/bench/micro. --smoke runs everything once, briefly and on little memory: its
 * figures mean nothing.
 */
#include <sched.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "micro.h"

namespace micro
{

namespace
{

struct options {
	int repetitions = 7;
	double min_time = 0.03; /* s, of each repetition */
	size_t shrink = 1;
	std::string out = "build/bench/micro";
};

options opt;

/* Keeps ns an item of each repetition, and says what is done. */
class collector : public benchmark::BenchmarkReporter
{
      public:
	bool ReportContext(const Context &) override
	{
		return true;
	}

	void ReportRuns(const std::vector<Run> &runs) override
	{
		for (const Run &r : runs) {
			if (r.error_occurred) {
				std::cerr << r.benchmark_name() << ": skipped: " << r.error_message
					  << "\n";
			} else if (r.run_type == Run::RT_Iteration) {
				keep(r);
			}
		}
	}

	size_t done = 0;

      private:
	void keep(const Run &r)
	{
		for (const auto &[counter, value] : r.counters) {
			bool rate = counter == "items_per_second", own = rate || counter == "ns";
			std::string name = r.run_name.function_name + (own ? "" : "/" + counter);

			for (entry &e : entries())
				if (e.name == name)
					e.ns.push_back(rate ? 1e9 / value : double(value));
		}
		done++;
	}
};

void register_all()
{
	for (const entry &e : entries()) {
		if (!e.run)
			continue;
		auto *b = benchmark::RegisterBenchmark(e.name.c_str(), e.run);

		b->MinTime(opt.min_time)->Repetitions(opt.repetitions);
		if (e.timed == timed::REAL)
			b->UseRealTime();
		else if (e.timed == timed::MANUAL)
			b->UseManualTime();
	}
}

/* Takes the options that are ours out of argv and puts in what google-benchmark is to know. */
std::vector<char *> take_options(int argc, char **argv)
{
	static std::string json, format = "--benchmark_out_format=json",
				 mixed = "--benchmark_enable_random_interleaving=true";
	std::vector<char *> rest = { argv[0] };

	for (int i = 1; i < argc; i++) {
		if (!std::strcmp(argv[i], "--quick")) {
			opt.repetitions = 3;
			opt.min_time = 0.005;
		} else if (!std::strcmp(argv[i], "--smoke")) {
			opt.repetitions = 1;
			opt.min_time = 1e-6;
			opt.shrink = 256;
		} else if (!std::strcmp(argv[i], "--out") && i + 1 < argc) {
			opt.out = argv[++i];
		} else {
			rest.push_back(argv[i]);
		}
	}
	json = "--benchmark_out=" + opt.out + "/micro.json";
	for (std::string *s : { &json, &format, &mixed })
		rest.insert(rest.begin() + 1, s->data());
	return rest;
}

void write(const char *name, void (*print)(std::ostream &))
{
	std::ofstream file(opt.out + "/" + name);

	print(file);
	if (!file.flush())
		die("cannot write " + opt.out + "/" + name + ": " + std::strerror(errno));
}

void pin_to_cpu_0()
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		std::cerr << "mev_micro: cannot pin to CPU 0: " << std::strerror(errno) << "\n";
}

} // namespace

std::vector<entry> &entries()
{
	static std::vector<entry> all;

	return all;
}

void add(const std::string &name, const body &run, const struct against &against, enum timed timed)
{
	entries().push_back({ name, name.substr(0, name.find('/')), run, against, timed, {} });
}

size_t cold(size_t cnt)
{
	return std::max<size_t>(cnt / opt.shrink, 64);
}

void die(const std::string &why)
{
	std::cerr << "mev_micro: " << why << "\n";
	std::exit(1);
}

} // namespace micro

int main(int argc, char **argv)
{
	using namespace micro;
	std::vector<char *> args = take_options(argc, argv);
	std::error_code failed;
	collector collected;

	std::filesystem::create_directories(opt.out, failed);
	if (failed)
		die("cannot make " + opt.out + ": " + failed.message());
	argc = (int)args.size();
	args.push_back(nullptr);
	for (const auto &[key, value] : machine())
		benchmark::AddCustomContext(key, value);
	benchmark::Initialize(&argc, args.data());
	if (benchmark::ReportUnrecognizedArguments(argc, args.data()))
		return 2;

	pin_to_cpu_0();
	for (auto group :
	     { payload_parsing, hot_path, verdicts, response_ring, histogram, checksum, economics })
		group();
	register_all();
	std::cerr << std::count_if(entries().begin(), entries().end(),
				   [](const entry &e) { return bool(e.run); })
		  << " benchmarks, " << opt.repetitions << " repetitions in shuffled order\n";
	benchmark::RunSpecifiedBenchmarks(&collected);
	if (!collected.done)
		die("nothing was measured");

	write("report.md", report);
	write("readme.md", summary);
	report(std::cout);
	return 0;
}
