// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * response_ring - against Concurrency Kit's ck_ring and a naive ring, one thread and two
 *
 * One thread is what the node's worker does. With two, each has a CPU of its own (0 and 1).
 */
#include <pthread.h>
#include <sched.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

#include "micro.h"

extern "C" {
#include "rings.h"
}

namespace
{

using ring = std::unique_ptr<void, void (*)(void *)>;
using steady = std::chrono::steady_clock;
using seconds = std::chrono::duration<double>;

/* Short, so that all kinds are through before a virtual CPU is somewhere else. */
constexpr __u64 LAP = 1 << 14, PINGS = 1 << 10;

ring open(const ring_kind &k)
{
	return ring(k.open(), k.close);
}

void expect(const ring_kind &k, __u64 sum, __u64 cnt)
{
	if (sum != ring_sum(cnt))
		micro::die(std::string("response_ring/") + k.name + " lost or changed a response");
}

/* Laps of all kinds by turns, `lap` giving seconds (0: cannot), ns an item into the counters. */
template <typename Lap> void by_turns(benchmark::State &state, __u64 items, Lap lap)
{
	std::vector<double> sum(ring_kind_cnt);
	double laps = 0;

	for (auto _ : state) {
		double all = 0;

		for (__u32 i = 0; i < ring_kind_cnt; i++) {
			double s = lap(ring_kinds[i]);

			if (s == 0)
				return state.SkipWithError("there is no CPU 1");
			sum[i] += s;
			all += s;
		}
		state.SetIterationTime(all);
		laps++;
	}
	for (__u32 i = 0; i < ring_kind_cnt; i++)
		state.counters[ring_kinds[i].name] = sum[i] * 1e9 / laps / (double)items;
}

void one_thread(benchmark::State &state, __u32 batch)
{
	by_turns(state, LAP, [batch](const ring_kind &k) {
		ring r = open(k);
		auto start = steady::now();
		__u64 sum = k.both(r.get(), LAP, batch);
		seconds took = steady::now() - start;

		expect(k, sum, LAP);
		return took.count();
	});
}

bool pin_to_cpu_1(std::thread &t)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(1, &set);
	return !pthread_setaffinity_np(t.native_handle(), sizeof(set), &set);
}

/* Times here() while there() runs on CPU 1; 0 where there is no CPU 1. */
template <typename Here, typename There> double together(Here here, There there)
{
	std::atomic<int> ready = 0;
	std::thread other([&] {
		while (ready.load(std::memory_order_acquire) == 0)
			sched_yield();
		if (ready.load(std::memory_order_relaxed) < 0)
			return;
		ready.store(2, std::memory_order_release);
		there();
	});
	bool pinned = pin_to_cpu_1(other);

	ready.store(pinned ? 1 : -1, std::memory_order_release);
	while (pinned && ready.load(std::memory_order_acquire) != 2)
		;
	auto start = steady::now();
	if (pinned)
		here();
	seconds took = steady::now() - start;
	other.join();
	return pinned ? took.count() : 0;
}

void two_threads(benchmark::State &state, __u32 batch)
{
	by_turns(state, LAP, [batch](const ring_kind &k) {
		ring r = open(k);
		__u64 sum = 0;
		double took = together([&] { sum = k.consume(r.get(), LAP, batch); },
				       [&] { k.produce(r.get(), LAP, batch); });

		if (took > 0)
			expect(k, sum, LAP);
		return took;
	});
}

void ping_pong(benchmark::State &state, __u32)
{
	by_turns(state, PINGS, [](const ring_kind &k) {
		ring there = open(k), back = open(k);

		return together([&] { k.ping(there.get(), back.get(), PINGS); },
				[&] { k.echo(there.get(), back.get(), PINGS); });
	});
}

} // namespace

void micro::response_ring()
{
	static const struct {
		const char *name;
		void (*run)(benchmark::State &, __u32 batch);
		__u32 batch;
		double aim;
	} ways[] = {
		{ "one_thread/batch_1", one_thread, 1, 0 },
		{ "one_thread/batch_64", one_thread, 64, 0 },
		{ "two_threads/batch_1", two_threads, 1, 1 },
		{ "two_threads/batch_64", two_threads, 64, 1 },
		{ "ping_pong", ping_pong, 1, 0 },
	};

	note("response_ring",
	     "ns a response, in and out. `one_thread`: a batch in, the batch out, as the worker "
	     "does. `two_threads`: a producer on CPU 1, a consumer on CPU 0, as fast as they can; "
	     "ck_ring and the naive ring move single responses in any case. `ping_pong`: there and "
	     "back through two rings, ns a round trip.");
	for (const auto &w : ways) {
		const std::string name = std::string("response_ring/") + w.name;
		const std::string ours = std::string(w.name) + "/" + ring_kinds[0].name;

		add(
			name, [&w](benchmark::State &s) { w.run(s, w.batch); }, {}, timed::MANUAL);
		for (__u32 i = 0; i < ring_kind_cnt; i++)
			add(name + "/" + ring_kinds[i].name, nullptr,
			    { i ? ours : "", i ? w.aim : 0 });
	}
}
