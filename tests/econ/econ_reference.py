# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The economics in Python's big integers: exact legs, and a judge of any claimed optimum.

Independent of include/sandwich*.h: nothing is truncated to machine words, and the optimum is not
located. It is bounded from above by the profit in real numbers, and wherever an answer falls short
of that bound, every front-run that could be better is tried or ruled out (branch and bound).
"""

from math import isqrt

U64 = 2**64 - 1
SCALE = 2**100  # real numbers are integers over this


def out(x, rin, rout, n, d):
    """Floor output of a swap of x; 0 if it is invalid."""
    if x <= 0 or rin <= 0 or rout <= 0 or rin + x > U64:
        return 0
    return rout * x * n // (rin * d + x * n)


def kappa_q64(n, d):
    """floor(kappa 2^64), at most 2^64 - 1, by the root formula in integers.

    kappa is the positive root of n^3 u^2 + n^2 (d + n) u + n^2 d - d^3 = 0.
    """
    a, b, c = n**3, n * n * (d + n), n * n * d - d**3
    # (sqrt(b^2 - 4 a c) - b) / 2 a, over 2^64: the floor of the root may only be off by the isqrt's
    k = (isqrt((b * b - 4 * a * c) << 256) - (b << 128)) // (2 * a << 64)
    while a * (k + 1) ** 2 + b * ((k + 1) << 64) + (c << 128) <= 0:
        k += 1
    while k and a * k**2 + b * (k << 64) + (c << 128) > 0:
        k -= 1
    return min(k, U64)


class Case:
    """One decision: a pool's side, the victim, its limit, the capital."""

    def __init__(self, rin, rout, fee_num, fee_den, v, min_out, capital):
        self.x, self.y, self.n, self.d = rin, rout, fee_den - fee_num, fee_den
        self.fee_num, self.v, self.min_out = fee_num, v, min_out
        self.m = max(min_out, 1)
        self.capital = capital
        self.top = min(capital, U64 - rin - v)

    def row(self):
        """The fields of a CSV row."""
        return (self.x, self.y, self.fee_num, self.d, self.v, self.min_out, self.capital)

    def __repr__(self):
        return ",".join(map(str, self.row()))

    # ---- integers

    def buys(self, f):
        """What a front-run of f buys."""
        return out(f, self.x, self.y, self.n, self.d)

    def edge(self, a):
        """The least front-run that buys a."""
        return -(-self.x * self.d * a // (self.n * (self.y - a)))

    def legs(self, f):
        """(a, b, r) of a front-run f, or None if a leg is invalid or the victim reverts."""
        n, d = self.n, self.d
        a = self.buys(f)
        if not a:
            return None
        b = out(self.v, self.x + f, self.y - a, n, d)
        if b < self.m:
            return None
        r = out(a, self.y - a - b, self.x + f + self.v, n, d)
        return (a, b, r) if r else None

    def profit(self, f):
        """What a front-run of f gains, 0 if nothing."""
        legs = self.legs(f) if 1 <= f <= self.top else None
        return max(legs[2] - f, 0) if legs else 0

    def tolerance(self, f):
        """2 + what one unit of the output token is worth when the back-run after f starts."""
        a, b, _ = self.legs(f)
        return 2 - -(self.x + f + self.v) // (self.y - a - b)

    def fixed(self):
        """The right answer of strategy `fixed`: (profit, F, a, b, r), zeros if none."""
        profit = self.profit(self.capital) if self.capital <= self.top else 0
        return (profit, self.capital, *self.legs(self.capital)) if profit else (0, 0, 0, 0, 0)

    # ---- real numbers, exactly, as rationals

    def coefficients(self):
        """A d^3, B d^2 and c d^3 of economics.md."""
        x, v, n, d = self.x, self.v, self.n, self.d
        a = n * n * (x + v) * (x * d + n * v) - x * x * d**3
        b = n * n * (x + v) - x * d * d
        c = (d - n) * ((d + n) * d * x - n * n * v)
        return a, b, c

    def gains(self):
        """Whether any front-run gains in real numbers: A > 0."""
        return self.x > 0 and self.coefficients()[0] > 0

    def real_profit(self, num, den):
        """floor of the profit in real numbers at F = num / den."""
        x, v, n, d = self.x, self.v, self.n, self.d
        a, b, _ = self.coefficients()
        e = x * d**3 + n * n * (x * d + n * v)  # E d^3
        top = num * (a * den + b * d * num) * den
        bottom = (x * x * d**3 * den * den + e * num * den + n * n * d * num * num) * den
        return top // bottom

    def peak(self):
        """floor(SCALE F*), None if profit grows for ever; A > 0 is required."""
        a, b, c = self.coefficients()
        if c <= 0:
            return None
        bdx = b * self.d * self.x
        return (bdx * SCALE + isqrt((bdx * bdx + c * a * self.x) * SCALE * SCALE)) // c

    def limit(self):
        """floor(SCALE F) of the largest F that leaves the victim m; below 0 if none does."""
        x, y, v, n, d, m = self.x, self.y, self.v, self.n, self.d, self.m
        # (x d + n F) ((x + F) d + v n) m <= x d y v n
        q = n * d * m
        lin = (n * (x * d + v * n) + x * d * d) * m
        const = x * d * (x * d + v * n) * m - x * d * y * v * n
        if const > 0:
            return -1
        return (isqrt((lin * lin - 4 * q * const) * SCALE * SCALE) - lin * SCALE) // (2 * q)

    def bound(self):
        """(what no front-run exceeds, SCALE times the F that would reach it).

        A floor only ever takes from the profit that the real edge of what F buys would make, and
        that edge satisfies the victim's limit in real numbers if F satisfies it in integers.
        """
        if min(self.x, self.y, self.v, self.top) < 1 or not self.gains():
            return 0, 0
        best = min(self.top * SCALE, self.limit() + 1)  # rounded up, where profit still rises
        peak = self.peak()
        if peak is not None:
            best = min(best, peak + 1)
        if best <= 0:
            return 0, 0
        return max(self.real_profit(best, SCALE), 0), best

    # ---- the optimum

    def optimum(self, known, budget=100000):
        """(profit, F) of the best front-run that gains more than `known`.

        F is None if none gains more by more than the tolerance. The answer is None if `budget`
        tries did not suffice. Candidates lie where the real profit exceeds `known`: an interval
        around bound()'s F, as the real profit has one peak. A piece of it in which even the real
        profit stays within the least tolerance holds nothing to look for; a short one is tried in
        full, each amount bought at its least F; a long one is split.
        """
        most, best = self.bound()
        if most <= known:
            return known, None
        mid = best // SCALE
        lo, hi = max(self._rises_above(known, mid), 1), self._falls_to(known, mid + 1)
        # what buys more than the limit's real F buys leaves the victim too little
        a_most = self.buys(min(self.limit() // SCALE + 1, self.top))
        if a_most + 1 < self.y:
            hi = min(hi, self.edge(a_most + 1))
        found, at, pieces = known, None, [(lo, hi)]
        while pieces:
            lo, hi = pieces.pop()
            a, a_last = self.buys(lo), self.buys(hi)
            if self._real_most(lo, hi, mid, most) <= max(found, known + self._least(lo, hi)):
                continue
            short = min(a_last - a, hi - lo)
            budget -= 1 + (short if short <= 64 else 0)
            if budget < 0:
                return None
            if short > 64:
                cut = isqrt(lo * hi)
                pieces += [(lo, cut), (cut + 1, hi)]
                continue
            for f in self._fronts(lo, hi, a, a_last):
                profit = self.profit(f)
                if profit > found:
                    found, at = profit, f
        return found, at

    def _real_most(self, lo, hi, mid, most):
        """The largest real profit in [lo, hi]."""
        if lo <= mid + 1 and hi >= mid:
            return most
        return self.real_profit(hi if hi < mid else lo, 1)

    def _least(self, lo, hi):
        """No tolerance in [lo, hi] is smaller."""
        b_last = out(self.v, self.x + hi, self.y - self.buys(hi), self.n, self.d)
        return 2 - -(self.x + lo + self.v) // (self.y - self.buys(lo) - b_last)

    def _fronts(self, lo, hi, a, a_last):
        """All F in [lo, hi] that could be best."""
        if a_last - a < hi - lo:
            return (self.edge(k) for k in range(max(a, 1), min(a_last + 1, self.y - 1) + 1))
        return range(lo, hi + 1)

    def _rises_above(self, known, hi):
        """An F before which no real profit exceeds `known`; it rises on [0, hi]."""
        lo = 0
        while hi - lo > 1:
            mid = (lo + hi) // 2
            if self.real_profit(mid, 1) > known:
                hi = mid
            else:
                lo = mid
        return lo

    def _falls_to(self, known, lo):
        """An F, at most top, after which no real profit exceeds `known`."""
        hi, step = lo, 1
        while hi < self.top and self.real_profit(hi, 1) > known:
            lo, hi, step = hi, min(hi + step, self.top), step * 2
        while hi - lo > 1:
            mid = (lo + hi) // 2
            if self.real_profit(mid, 1) > known:
                lo = mid
            else:
                hi = mid
        return min(hi, self.top)

    def judge(self, answer):
        """None if (profit, F, a, b, r) is a right answer of `optimal`, else what is wrong."""
        profit, f, *legs = answer
        if not profit and any((f, *legs)):
            return "legs without profit"
        if profit:
            if not 1 <= f <= self.top:
                return "front-run outside [1, capital]"
            if self.legs(f) != tuple(legs):
                return f"the legs are {self.legs(f)}"
            if legs[2] - f != profit:
                return f"the profit is {legs[2] - f}"
        most, _ = self.bound()
        if profit > most:
            return f"the profit is above the bound {most}"
        if most - profit <= 3:  # the least tolerance there is
            return None
        exact = self.optimum(profit)
        if exact is None:
            return "not to be told within the budget"
        best, at = exact
        if at is not None and best - profit > self.tolerance(at):
            return f"the optimum is {best} at F={at}, tolerance {self.tolerance(at)}"
        return None
