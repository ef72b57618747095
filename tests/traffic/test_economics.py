# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The generator's economics against the shared vectors, brute force and the polynomials."""

import csv
import random
from pathlib import Path

import pytest

from trafficgen import economics as eco

VECTORS = Path(__file__).resolve().parents[1] / "vectors" / "sandwich.csv"
FEES = ((3, 1000), (25, 10000), (1, 10000), (0, 1000), (0, 1), (30, 100), (999_999, 1_000_000),
        (1, 1_000_000))


def rows():
    with open(VECTORS, newline="", encoding="ascii") as file:
        for row in csv.DictReader(file):
            yield {key: int(value) for key, value in row.items()}


def test_vectors():
    seen = 0
    for row in rows():
        d = row["fee_den"]
        n = d - row["fee_num"]
        pool = (row["reserve_in"], row["reserve_out"], n, d)
        best = eco.best_front_run(*pool, row["amount_in"], row["min_amount_out"], row["capital"])
        assert row["profit_min"] <= best.profit <= best.ceiling, row
        assert row["profit_ref"] <= best.ceiling, row
        if best.profit:
            found = eco.legs(best.front_run_in, *pool, row["amount_in"],
                             max(row["min_amount_out"], 1))
            assert found.profit == best.profit
            assert 1 <= best.front_run_in <= row["capital"]
        seen += 1
    assert seen == 2000


def test_brute_force_on_tiny_pools():
    rng = random.Random(7)
    worth = 0
    for _ in range(12000):
        x, y = (rng.randint(1, rng.choice((30, 200, 1200))) for _ in "xy")
        d = rng.choice((7, 10, 1000))
        n = d - rng.randint(0, d // 10)
        victim = rng.randint(1, rng.choice((x, x, 4 * x)))
        out = eco.swap_out(victim, x, y, n, d)
        if not out:
            continue
        min_out, capital = rng.randint(0, out), rng.randint(1, rng.choice((x, 3 * x, 10 * x)))
        tried = [eco.legs(f, x, y, n, d, victim, max(min_out, 1)) for f in range(1, capital + 1)]
        top = max((found for found in tried if found), default=None, key=lambda f: f.profit)
        optimum = max(top.profit, 0) if top else 0
        best = eco.best_front_run(x, y, n, d, victim, min_out, capital)
        assert best.profit <= optimum <= best.ceiling, (x, y, n, d, victim, min_out, capital)
        if optimum:
            worth += 1
            assert best.profit >= optimum - eco.tolerance(top), \
                (x, y, n, d, victim, min_out, capital)
    assert worth > 1000


def test_real_optimum_is_near_on_ordinary_pools():
    """No integer search can do better than the ceiling, so this bounds the error both ways."""
    rng = random.Random(11)
    for _ in range(3000):
        x, y = (int(10 ** rng.uniform(9, 18)) for _ in "xy")
        victim = int(x * rng.uniform(0.0035, 0.1))
        out = eco.swap_out(victim, x, y, 997, 1000)
        min_out = int(out * rng.choice((0.5, 0.95, 0.99, 0.999)))
        best = eco.best_front_run(x, y, 997, 1000, victim, min_out, int(x * rng.uniform(0.01, 1)))
        slack = best.ceiling // 10**8 + 1  # what the ceiling allows for its own rounding
        assert best.ceiling - best.tol - slack <= best.profit <= best.ceiling


@pytest.mark.parametrize("num, den", FEES)
def test_kappa_is_the_root_rounded_down(num, den):
    n, d = den - num, den

    def polynomial(k):
        """At u = k / 2^64, scaled by 2^128."""
        return n**3 * k * k + n * n * (d + n) * (k << 64) + ((n * n * d - d**3) << 128)

    kappa = eco.kappa_q64(n, d)
    assert polynomial(kappa) <= 0
    assert kappa == eco.U64_MAX or polynomial(kappa + 1) > 0


@pytest.mark.parametrize("num, den, kappa", ((3, 1000, 0.00301354741), (25, 10000, 0.00250940242),
                                             (1, 10000, 0.00010001500)))
def test_kappa_of_the_specification(num, den, kappa):
    assert eco.kappa_q64(den - num, den) / 2**64 == pytest.approx(kappa, abs=5e-12)


def test_below_break_even_nothing_is_won():
    for x in (10**6 + 3, 10**12, 2**60):
        victim = (x * eco.kappa_q64(997, 1000) >> 64) - 1
        assert eco.best_front_run(x, x, 997, 1000, victim, 0, eco.U64_MAX).profit == 0


def test_limit_is_the_root_rounded_down():
    rng = random.Random(3)
    for _ in range(2000):
        x, y = rng.getrandbits(rng.randint(4, 64)) + 1, rng.getrandbits(rng.randint(4, 64)) + 1
        victim, m = rng.randint(1, x), rng.randint(1, y)

        def fits(f):
            return (x * 1000 + 997 * f) * ((x + f) * 1000 + victim * 997) * m \
                <= x * y * 1000 * 997 * victim

        limit = eco.limit_front_run(x, y, 997, 1000, victim, m)
        assert limit == -1 and not fits(0) or fits(limit) and not fits(limit + 1)


def test_invalid_swaps():
    assert eco.swap_out(0, 10, 10, 997, 1000) == 0
    assert eco.swap_out(5, 0, 10, 997, 1000) == 0
    assert eco.swap_out(5, 10, 0, 997, 1000) == 0
    assert eco.swap_out(eco.U64_MAX - 9, 10, 10**6, 997, 1000) == 0
    assert eco.swap_out(eco.U64_MAX - 10, 10, 10**6, 997, 1000) == 10**6 - 1
    assert eco.legs(10, eco.U64_MAX - 15, 10**6, 997, 1000, 6, 1) is None
    assert eco.best_front_run(eco.U64_MAX, 10**6, 997, 1000, 6, 1, 10**9).profit == 0
    assert eco.best_front_run(10**12, 10**12, 997, 1000, 10**11, 1, 0).profit == 0
