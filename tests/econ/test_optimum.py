# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Every answer of `mevnode quote --csv` against big integers."""

import csv
from pathlib import Path

import pytest
from econ_cases import cases, to_csv
from econ_reference import Case, kappa_q64

VECTORS = Path(__file__).resolve().parents[1] / "vectors" / "sandwich.csv"
SEEDS = range(20260801, 20260809)
COUNT = 25000  # a seed: 200,000 in all, as pools tiny, usual, huge and at the edges of u64


@pytest.mark.parametrize("seed", SEEDS)
def test_random_optimal(answers, seed):
    """Legs exact, limit kept, profit within the tolerance of the exact optimum."""
    many = cases(seed, COUNT)
    wrong = []
    profitable = 0
    for case, answer in zip(many, answers(to_csv(many)), strict=True):
        profitable += answer[0] > 0
        reason = case.judge(answer)
        if reason:
            wrong.append(f"{case}: {answer}: {reason}")
    assert not wrong, f"seed {seed}: {len(wrong)} wrong\n" + "\n".join(wrong[:10])
    assert profitable > COUNT // 5, "the cases are hardly worth the name"


@pytest.mark.parametrize("seed", SEEDS)
def test_random_fixed(answers, seed):
    """Strategy `fixed` bit for bit."""
    many = cases(seed + 1000, COUNT)
    for case, answer in zip(many, answers(to_csv(many), "fixed"), strict=True):
        assert answer == case.fixed(), f"seed {seed + 1000}: {case}"


def test_break_even_drops_no_opportunity(answers):
    """Where anything is gained, the XDP program's break-even check would have let it pass."""
    many = cases(20260901, COUNT)
    kappas = {}
    for case, answer in zip(many, answers(to_csv(many)), strict=True):
        fee = (case.n, case.d)
        if fee not in kappas:
            kappas[fee] = kappa_q64(*fee)
        if case.v < case.x * kappas[fee] >> 64:
            assert not answer[0] and not case.gains(), case


def test_vectors(answers):
    """tests/vectors/sandwich.csv, fed as it is."""
    text = VECTORS.read_text(encoding="ascii")
    rows = list(csv.reader(text.splitlines()))[1:]
    assert len(rows) == 2000
    for row, answer in zip(rows, answers(text), strict=True):
        numbers = list(map(int, row))
        case = Case(*numbers[:7])
        assert case.judge(answer) is None, row
        assert answer[0] >= numbers[7], row
        assert numbers[8] or not answer[0], f"a profit where there is none: {row}"
