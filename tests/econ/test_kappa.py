# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""amm_kappa_q64 for every usual fee, exactly."""

import random
import shutil
import subprocess
from pathlib import Path

import pytest
from econ_reference import U64, kappa_q64

INCLUDE = Path(__file__).resolve().parents[2] / "include"
ASK = """
#include <stdio.h>
#include "amm.h"

int main(void)
{
	unsigned int num, den;

	while (scanf("%u/%u", &num, &den) == 2)
		printf("%llu\\n", amm_kappa_q64(den - num, den));
	return 0;
}
"""


@pytest.fixture(scope="module")
def kappas(tmp_path_factory):
    """amm.h's answers for a list of fees."""
    cc = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not cc:
        pytest.skip("needs a C compiler")
    folder = tmp_path_factory.mktemp("kappa")
    (folder / "kappa.c").write_text(ASK, encoding="ascii")
    command = [cc, "-O2", f"-I{INCLUDE}", "kappa.c", "-o", "kappa"]
    subprocess.run(command, cwd=folder, check=True)

    def ask(fees):
        text = "".join(f"{num}/{den}\n" for num, den in fees)
        done = subprocess.run(
            [folder / "kappa"], input=text, capture_output=True, text=True, check=True
        )
        return list(map(int, done.stdout.split()))

    return ask


def check(kappas, fees):
    """All of them exact."""
    for (num, den), kappa in zip(fees, kappas(fees), strict=True):
        assert kappa == kappa_q64(den - num, den), f"fee {num}/{den}"


@pytest.mark.parametrize("den", [1, 2, 7, 100, 1000, 10000])
def test_all_of_one_denominator(kappas, den):
    """0/den to (den - 1)/den."""
    check(kappas, [(num, den) for num in range(den)])


def test_random_and_extreme(kappas):
    """Any fee up to 999999/1000000."""
    rng = random.Random(20260902)
    fees = [(0, 1000000), (1, 1000000), (999999, 1000000), (999998, 999999)]
    for _ in range(20000):
        den = rng.randint(1, 1000000)
        fees.append((rng.randrange(den), den))
    check(kappas, fees)


def test_known_values():
    """The reference itself, against economics.md."""
    for num, den, kappa in (
        (3, 1000, 0.00301354741),
        (25, 10000, 0.00250940242),
        (1, 10000, 0.00010001500),
    ):
        assert abs(kappa_q64(den - num, den) / 2**64 - kappa) < 1e-11
    assert kappa_q64(1000, 1000) == 0
    assert kappa_q64(1, 1000000) == U64
