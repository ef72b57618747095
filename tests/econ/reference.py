# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The economics in Python's big integers: legs, and a bound on or the exact value of the optimum.

Independent of include/sandwich.h: nothing here is truncated to machine words, and the optimum is
not "located" but bounded from above by the profit in real numbers, then searched exhaustively
wherever the answer under test does not reach that bound.
"""
from math import isqrt

U64 = 2**64 - 1
SCALE = 2**100  # real numbers are rationals over this


def out(x, rin, rout, n, d):
    """Floor output of a swap; 0 if it is invalid."""
    if x <= 0 or rin <= 0 or rout <= 0 or rin + x > U64:
        return 0
    return rout * x * n // (rin * d + x * n)


class Case:
    """One decision: pool side, victim, limit, capital."""

    def __init__(self, rin, rout, fee_num, fee_den, v, min_out, capital):
        self.x, self.y, self.n, self.d = rin, rout, fee_den - fee_num, fee_den
        self.fee_num, self.v, self.min_out = fee_num, v, min_out
        self.m = max(min_out, 1)
        self.capital = capital
        self.top = min(capital, U64 - rin - v)

    def row(self):
        return (self.x, self.y, self.fee_num, self.d, self.v, self.min_out, self.capital)

    def legs(self, f):
        """(a, b, r) of a front-run f, or None if a leg is invalid or the victim reverts."""
        n, d = self.n, self.d
        a = out(f, self.x, self.y, n, d)
        if not a:
            return None
        b = out(self.v, self.x + f, self.y - a, n, d)
        if b < self.m:
            return None
        r = out(a, self.y - a - b, self.x + f + self.v, n, d)
        return (a, b, r) if r else None

    def profit(self, f):
        legs = self.legs(f) if 1 <= f <= self.top else None
        return max(legs[2] - f, 0) if legs else 0

    def tolerance(self, f):
        """2 + what one unit of the output token is worth when the back-run starts."""
        a, b, _ = self.legs(f)
        return 2 - -(self.x + f + self.v) // (self.y - a - b)

    # ---- real numbers, exact as rationals: profit, its peak, the victim's limit

    def _coefficients(self):
        x, v, n, d = self.x, self.v, self.n, self.d
        a = n * n * (x + v) * (x * d + n * v) - x * x * d**3  # A d^3
        b = n * n * (x + v) - x * d * d  # B d^2
        c = (d - n) * ((d + n) * d * x - n * n * v)  # c d^3
        return a, b, c

    def gains(self):
        """Whether any front-run, in real numbers, gains: A > 0."""
        return self.x > 0 and self._coefficients()[0] > 0

    def real_profit(self, num, den):
        """floor of the profit in real numbers at F = num / den."""
        x, v, n, d = self.x, self.v, self.n, self.d
        a, b, _ = self._coefficients()
        e = x * d**3 + n * n * (x * d + n * v)  # E d^3
        top = num * (a * den + b * d * num) * den
        bottom = (x * x * d**3 * den * den + e * num * den + n * n * d * num * num) * den
        return top // bottom

    def peak(self):
        """floor(SCALE F*), None if profit grows for ever. Only for A > 0."""
        a, b, c = self._coefficients()
        x, d = self.x, self.d
        if c <= 0:
            return None
        bdx = b * d * x
        return (bdx * SCALE + isqrt((bdx * bdx + c * a * x) * SCALE * SCALE)) // c

    def limit(self):
        """floor(SCALE F) of the largest real F that leaves the victim m; below 0 if none does."""
        x, y, v, n, d, m = self.x, self.y, self.v, self.n, self.d, self.m
        # (x d + n F) ((x + F) d + v n) m <= x d y v n
        q = n * d * m
        lin = (n * (x * d + v * n) + x * d * d) * m
        const = x * d * (x * d + v * n) * m - x * d * y * v * n
        if const > 0:
            return -1
        return (isqrt((lin * lin - 4 * q * const) * SCALE * SCALE) - lin * SCALE) // (2 * q)

    def bound(self):
        """(no front-run gains more than this, the real F that might, over SCALE).

        Floors only ever take from the profit at the F that is the real edge of what it buys, and
        that edge satisfies the victim's limit in real numbers wherever F satisfies it in integers.
        """
        if min(self.x, self.y, self.v, self.top) < 1 or not self.gains():
            return 0, 0
        best = min(self.top * SCALE, self.limit() + 1)
        peak = self.peak()
        if peak is not None:
            best = min(best, peak + 1)
        if best <= 0:
            return 0, 0
        # the peak is flat and the others are met by best: one unit of 1/SCALE more is nothing,
        # but the slope may be as steep as (v/x)^2 < 2^128 / SCALE < 2^28: take it at the next one
        return max(self.real_profit(best, SCALE), 0), best

    def optimum(self, known, budget=100000):
        """The exact best profit and its F where it exceeds `known` by more than the tolerance.

        (known, None) if nothing does; None if `budget` profits did not suffice to tell. Branch and
        bound: candidates lie where the real profit exceeds `known`, an interval around bound()'s F,
        for the real profit has one peak. An interval in which even the real profit stays within
        the tolerance holds nothing to look for. Short ones are tried in full, each amount bought at
        its least F, long ones are split.
        """
        most, best = self.bound()
        if most <= known:
            return known, None
        mid = best // SCALE
        lo = max(self._cross(known, 0, mid), 1)
        hi = self._cross_down(known, mid + 1)
        # nothing that buys more than the real limit's F does can leave the victim its limit
        a_most = self._buys(min(self.limit() // SCALE + 1, self.top))
        if a_most + 1 < self.y:
            hi = min(hi, self.edge(a_most + 1))
        found, at = known, None
        pieces = [(lo, hi)]
        while pieces:
            lo, hi = pieces.pop()
            a, a_last = self._buys(lo), self._buys(hi)
            b_last = out(self.v, self.x + hi, self.y - a_last, self.n, self.d)
            real = most if lo <= mid + 1 and hi >= mid else self.real_profit(hi if hi < mid else lo, 1)
            if real <= max(found, known + 2 - -(self.x + lo + self.v) // (self.y - a - b_last)):
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
                p = self.profit(f)
                if p > found:
                    found, at = p, f
        return found, at

    def _buys(self, f):
        return out(f, self.x, self.y, self.n, self.d)

    def _fronts(self, lo, hi, a, a_last):
        """All F in [lo, hi] that could be best."""
        if a_last - a < hi - lo:
            return (self.edge(k) for k in range(max(a, 1), min(a_last + 1, self.y - 1) + 1))
        return range(lo, hi + 1)

    def edge(self, a):
        """The least F that buys a."""
        return -(-self.x * self.d * a // (self.n * (self.y - a)))

    def _cross(self, known, lo, hi):
        """An F with nothing above `known` before it; profit in reals rises on [0, hi]."""
        while hi - lo > 1:
            mid = (lo + hi) // 2
            if self.real_profit(mid, 1) > known:
                hi = mid
            else:
                lo = mid
        return lo

    def _cross_down(self, known, lo):
        """An F at most top with nothing above `known` after it."""
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

    # ---- judging an answer

    def check(self, answer):
        """None if (profit, F, a, b, r) is a right answer for `optimal`, else what is wrong."""
        profit, f, a, b, r = answer
        if profit:
            if not 1 <= f <= self.top:
                return "front-run outside [1, capital]"
            if self.legs(f) != (a, b, r):
                return f"legs are {self.legs(f)}"
            if r - f != profit:
                return f"profit is {r - f}"
        elif any((f, a, b, r)):
            return "legs without profit"
        most, _ = self.bound()
        if profit > most:
            return f"profit above the bound {most}: the reference is wrong"
        if most - profit <= 3:
            return None
        exact = self.optimum(profit)
        if exact is None:
            return "undetermined"
        best, at = exact
        if at is not None and best - profit > self.tolerance(at):
            return f"optimum {best} at F={at}, tolerance {self.tolerance(at)}"
        return None
