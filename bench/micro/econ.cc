// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * economics - what one decision costs, beside the naive way to take it
 *
 * Independent decisions over 131,072 pre-generated inputs (fixed seed) a mix. "naive" is what one
 * writes first: unsigned __int128 and its library division for the legs, bisection and ternary
 * search for the optimum.
 *
 * Mixes: `usual` has pools of 2^36 to 2^46, victims of 0.4 to 10 % of the reserve (above
 * break-even, as the XDP program lets pass), slippage limits of 0.1 to 2 %, and a capital of 0.02
 * to 20 % of the reserve, so that capital and limit each bind in a good part of the decisions. The
 * others single out one case. Mind that `fixed` is cheap wherever its capital makes the victim
 * revert: one leg, not three.
 */
#include <cmath>
#include <cstdlib>
#include <random>

#include "micro.h"
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

	while (all.size() < micro::cold(INPUT_CNT)) {
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
__u64 run_break_even(const input &in)
{
	return in.v < amm_break_even(in.pool.rin, in.kappa);
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

/* One pass over the inputs, so that every decision is of another one. */
template <decision fn> void loop(benchmark::State &state, int id)
{
	const std::vector<input> &in = inputs(id);
	size_t at = 0, step = std::min<size_t>(in.size(), 4096);
	__u64 sum = 0;

	for (auto _ : state) {
		for (size_t i = at; i < at + step; i++)
			sum += fn(in[i]);
		benchmark::DoNotOptimize(sum);
		at = at + step < in.size() ? at + step : 0;
	}
	state.SetItemsProcessed((int64_t)(state.iterations() * step));
}

struct way {
	const char *name;
	void (*loop)(benchmark::State &, int);
	micro::against against;
};

const way ways[] = {
	{ "out", loop<run_out>, {} },
	{ "out_naive", loop<run_out_naive>, { "out" } },
	{ "pays", loop<run_pays>, {} },
	{ "break_even", loop<run_break_even>, {} },
	{ "kappa", loop<run_kappa>, {} },
	{ "fixed_naive", loop<run_fixed_naive>, {} },
	{ "fixed", loop<run_decide<SANDWICH_FIXED>>, { "fixed_naive", 0, 0.75 } },
	{ "optimal_naive", loop<naive_best>, {} },
	{ "optimal", loop<run_decide<SANDWICH_OPTIMAL>>, { "fixed", 0, 4 } },
	{ "screened", loop<run_screened>, {} },
};

} // namespace

void micro::economics()
{
	std::vector<std::vector<std::string>> table = { { "economics, ns", "out", "naive", "pays",
							  "fixed", "naive", "optimal", "naive",
							  "screened" } };

	note("economics",
	     "Independent decisions. naive: 128-bit library divisions; bisection for the best "
	     "front-run. screened: `optimal` behind the XDP program's break-even check. Where the "
	     "limit binds, `fixed` stops at the first leg (the victim would revert), which "
	     "flatters it and not `optimal`.");
	for (int id = 0; id < MIX_CNT; id++) {
		const std::string mix = std::string(mixes[id].name) + "/";

		table.push_back({ mixes[id].name });
		for (const char *column : { "out", "out_naive", "pays", "fixed", "fixed_naive",
					    "optimal", "optimal_naive", "screened" })
			table.back().push_back(mix + column);
		for (const way &w : ways) {
			against held = w.against;

			held.ref = held.ref.empty() ? "" : mix + held.ref;
			if (id != USUAL)
				held.at_least = held.at_most = 0;
			add(
				"economics/" + mix + w.name,
				[&w, id](benchmark::State &s) { w.loop(s, id); }, held);
		}
	}
	matrix("economics", table);
}
