// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * econ_bench - what one decision costs, beside the naive way to take it
 *
 * Independent decisions over 131,072 pre-generated inputs (fixed seed) a mix. "naive" is what one
 * writes first: unsigned __int128 and its library division for the legs, bisection and ternary
 * search for the optimum. Ends with a table of ratios.
 *
 * Mixes: `usual` has pools of 2^36 to 2^46, victims of 0.4 to 10 % of the reserve (above
 * break-even, as the XDP program lets pass), slippage limits of 0.1 to 2 %, and a capital of 0.02
 * to 20 % of the reserve, so that capital and limit each bind in a good part of the decisions. The
 * others single out one case. Mind that `fixed` is cheap wherever its capital makes the victim
 * revert: one leg, not three.
 *
 *	econ_bench [--benchmark_filter=REGEX ...]	see google-benchmark
 */
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "sandwich.h"

namespace
{

using u128 = unsigned __int128;

struct input {
	amm_side pool;
	__u64 v, min_out, capital, kappa;
};

enum mix_id { USUAL, CAPITAL, INNER, LIMIT, LIMIT_LOOSE, LARGE, REJECTED, MIX_CNT };

struct mix {
	const char *name;
	int lo_bits, hi_bits;    /* reserves */
	double v_lo, v_hi;       /* v / rin; below 0: times break-even */
	double slip_lo, slip_hi; /* 0: no limit */
	double cap_lo, cap_hi;   /* capital / rin */
};

const mix mixes[MIX_CNT] = {
	{ "usual", 36, 46, 0.004, 0.1, 0.001, 0.02, 0.0002, 0.2 },
	{ "capital_binds", 36, 46, 0.01, 0.1, 0.01, 0.05, 0.0001, 0.002 },
	{ "inner", 36, 46, -1.02, -1.3, 0, 0, 1, 10 },
	{ "limit_0.1..1%", 36, 46, 0.01, 0.1, 0.001, 0.01, 0.1, 1 },
	{ "limit_1..10%", 36, 46, 0.01, 0.1, 0.01, 0.1, 0.5, 1 },
	{ "large_2^55..2^62", 55, 61, 0.01, 0.1, 0.001, 0.01, 0.1, 1 },
	{ "below_break_even", 36, 46, -0.1, -0.99, 0.001, 0.01, 0.001, 0.5 },
};

/* Fewer, and the branch predictor learns them: fixed then looks 1.8 times as fast as it is. */
constexpr size_t INPUT_CNT = 131072;

std::vector<input> make_inputs(const mix &m)
{
	static const __u32 fees[][2] = { { 997, 1000 },   { 997, 1000 },   { 997, 1000 },
					 { 9975, 10000 }, { 9999, 10000 }, { 99, 100 } };
	std::mt19937_64 rng(42);
	auto log_uniform = [&](double lo, double hi) {
		std::uniform_real_distribution<double> u(std::log(lo), std::log(hi));
		return std::exp(u(rng));
	};
	std::vector<input> all;

	while (all.size() < INPUT_CNT) {
		input in;
		const __u32 *fee = fees[rng() % 6];

		in.pool.rin = (__u64)log_uniform(std::exp2(m.lo_bits), std::exp2(m.hi_bits + 1));
		in.pool.rout = (__u64)log_uniform(std::exp2(m.lo_bits), std::exp2(m.hi_bits + 1));
		in.pool.n = fee[0];
		in.pool.d = fee[1];
		in.kappa = amm_kappa_q64(in.pool.n, in.pool.d);
		__u64 even = amm_break_even(in.pool.rin, in.kappa);
		double base = m.v_lo < 0 ? (double)even : (double)in.pool.rin;

		in.v = (__u64)(base * log_uniform(std::fabs(m.v_lo), std::fabs(m.v_hi)));
		if (m.v_lo > 0 && in.v < even)
			continue;
		in.min_out = 0;
		if (m.slip_lo > 0)
			in.min_out = (__u64)((double)amm_out(&in.pool, in.v) *
					     (1 - log_uniform(m.slip_lo, m.slip_hi)));
		in.capital = (__u64)((double)in.pool.rin * log_uniform(m.cap_lo, m.cap_hi));
		all.push_back(in);
	}
	return all;
}

const std::vector<input> &inputs(int id)
{
	static std::map<int, std::vector<input>> cache;
	auto it = cache.find(id);

	if (it == cache.end())
		it = cache.emplace(id, make_inputs(mixes[id])).first;
	return it->second;
}

/* ------------------------------------------------------------------ the naive way */

/* Wrong beyond 128 bits, which large pools exceed; there it only serves as a yardstick. */
inline __u64 naive_out(u128 rin, u128 rout, u128 x, u128 n, u128 d)
{
	return (__u64)(rout * x * n / (rin * d + x * n));
}

inline __u64 naive_profit(const input &in, __u64 f, bool *holds)
{
	const amm_side &p = in.pool;
	__u64 a = naive_out(p.rin, p.rout, f, p.n, p.d);
	__u64 b = naive_out(p.rin + f, p.rout - a, in.v, p.n, p.d);

	*holds = a && b >= (in.min_out ? in.min_out : 1);
	if (!*holds)
		return 0;
	__u64 r = naive_out(p.rout - a - b, p.rin + f + in.v, a, p.n, p.d);
	return r > f ? r - f : 0;
}

__u64 naive_best(const input &in)
{
	__u64 lo = 0, hi = in.capital;
	bool holds;

	naive_profit(in, hi, &holds);
	if (!holds) {
		while (hi - lo > 1) {
			__u64 mid = lo + (hi - lo) / 2;
			naive_profit(in, mid, &holds);
			(holds ? lo : hi) = mid;
		}
		hi = lo;
		lo = 0;
	}
	while (hi - lo > 2) {
		__u64 a = lo + (hi - lo) / 3, b = hi - (hi - lo) / 3;
		if (naive_profit(in, a, &holds) < naive_profit(in, b, &holds))
			lo = a;
		else
			hi = b;
	}
	__u64 best = 0;
	for (__u64 f = lo; f <= hi; f++)
		best = std::max(best, naive_profit(in, f, &holds));
	return best;
}

/* ------------------------------------------------------------------ what is measured */

__u64 run_out(const input &in)
{
	return amm_out(&in.pool, in.v);
}
__u64 run_out_naive(const input &in)
{
	return naive_out(in.pool.rin, in.pool.rout, in.v, in.pool.n, in.pool.d);
}
__u64 run_pays(const input &in)
{
	return amm_pays(&in.pool, in.v, in.min_out);
}
__u64 run_pays_naive(const input &in)
{
	return run_out_naive(in) >= in.min_out;
}
__u64 run_break_even(const input &in)
{
	return in.v < amm_break_even(in.pool.rin, in.kappa);
}
__u64 run_break_even_naive(const input &in)
{
	const u128 n = in.pool.n, d = in.pool.d, x = in.pool.rin;

	/* A > 0 scaled to 128 bits, as one would without a precomputed kappa */
	return (n * n * (x + in.v) / d / d) * (x + n * in.v / d) > x * x;
}

template <sandwich_strategy strategy> __u64 run_decide(const input &in)
{
	sandwich s;

	sandwich_decide(&in.pool, in.v, in.min_out, in.capital, strategy, &s);
	return s.profit + s.front_in + s.front_out + s.victim_out;
}
__u64 run_fixed_naive(const input &in)
{
	bool holds;

	return naive_profit(in, in.capital, &holds);
}

/* With the break-even check of the XDP program in front. */
__u64 run_screened(const input &in)
{
	return run_break_even(in) ? 0 : run_decide<SANDWICH_OPTIMAL>(in);
}
__u64 run_kappa(const input &in)
{
	return amm_kappa_q64(in.pool.n, in.pool.d);
}

typedef __u64 (*decision)(const input &);

template <decision fn> void loop(benchmark::State &state)
{
	const std::vector<input> &in = inputs((int)state.range(0));
	__u64 sum = 0;

	for (auto _ : state) {
		for (const input &i : in)
			sum += fn(i);
		benchmark::DoNotOptimize(sum);
	}
	state.SetItemsProcessed((int64_t)state.iterations() * (int64_t)in.size());
}

struct pair {
	const char *name;
	void (*exact)(benchmark::State &), (*naive)(benchmark::State &);
};

const pair pairs[] = {
	{ "out", loop<run_out>, loop<run_out_naive> },
	{ "pays", loop<run_pays>, loop<run_pays_naive> },
	{ "break_even", loop<run_break_even>, loop<run_break_even_naive> },
	{ "kappa", loop<run_kappa>, nullptr },
	{ "fixed", loop<run_decide<SANDWICH_FIXED>>, loop<run_fixed_naive> },
	{ "optimal", loop<run_decide<SANDWICH_OPTIMAL>>, loop<naive_best> },
	{ "screened", loop<run_screened>, nullptr },
};

/* ------------------------------------------------------------------ report */

/* The console's report, and the best time of each name kept for the table. */
class keeper : public benchmark::ConsoleReporter
{
      public:
	std::map<std::string, double> ns;

	void ReportRuns(const std::vector<Run> &runs) override
	{
		for (const Run &r : runs) {
			if (r.error_occurred || r.run_type != Run::RT_Iteration)
				continue;
			double t = r.GetAdjustedCPUTime() * 1e9 /
				   benchmark::GetTimeUnitMultiplier(r.time_unit) /
				   (double)INPUT_CNT;
			auto it = ns.emplace(r.run_name.function_name, t).first;
			it->second = std::min(it->second, t);
		}
		ConsoleReporter::ReportRuns(runs);
	}

	double of(const std::string &name) const
	{
		auto it = ns.find(name);
		return it == ns.end() ? NAN : it->second;
	}
};

void print_table(const keeper &k)
{
	std::printf("\nns per decision, independent decisions, best of the repetitions\n");
	std::printf("%-18s %7s %7s %7s | %7s %7s %7s | %9s %7s %9s\n", "mix", "fixed", "naive",
		    "ratio", "optimal", "/fixed", "screen", "naive opt", "out", "pays");
	for (const mix &m : mixes) {
		std::string on = std::string("/") + m.name;
		double fixed = k.of("fixed" + on), naive = k.of("fixed_naive" + on);
		double best = k.of("optimal" + on);

		std::printf("%-18s %7.1f %7.1f %7.2f | %7.1f %7.2f %7.1f | %9.0f %7.1f %9.1f\n",
			    m.name, fixed, naive, fixed / naive, best, best / fixed,
			    k.of("screened" + on), k.of("optimal_naive" + on), k.of("out" + on),
			    k.of("pays" + on));
	}
	std::printf("targets: fixed / naive <= 0.75 and optimal / fixed <= 4 in the usual mix\n");
}

} // namespace

int main(int argc, char **argv)
{
	keeper report;

	for (int id = 0; id < MIX_CNT; id++) {
		for (const pair &p : pairs) {
			std::string on = std::string("/") + mixes[id].name;

			benchmark::RegisterBenchmark((p.name + on).c_str(), p.exact)
				->Arg(id)
				->MinTime(0.03)
				->Repetitions(5)
				->Unit(benchmark::kMicrosecond);
			if (p.naive)
				benchmark::RegisterBenchmark((p.name + ("_naive" + on)).c_str(),
							     p.naive)
					->Arg(id)
					->MinTime(0.03)
					->Repetitions(5)
					->Unit(benchmark::kMicrosecond);
		}
	}
	/* repetitions of all in turn: a neighbour's load then meets exact and naive alike */
	std::string mixed = "--benchmark_enable_random_interleaving=true";
	std::vector<char *> args(argv, argv + argc);

	args.insert(args.begin() + 1, mixed.data());
	argc = (int)args.size();
	args.push_back(nullptr);
	benchmark::Initialize(&argc, args.data());
	if (benchmark::ReportUnrecognizedArguments(argc, args.data()))
		return 1;
	benchmark::RunSpecifiedBenchmarks(&report);
	print_table(report);
	return 0;
}
