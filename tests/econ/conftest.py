# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Where the binary under test is, and how to ask it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))


@pytest.fixture(scope="session")
def mevnode():
    """Path of the binary: the environment's MEVNODE, or build/mevnode."""
    path = Path(os.environ.get("MEVNODE", "build/mevnode"))
    path = path if path.is_absolute() else ROOT / path
    assert path.exists(), f"{path} is missing: run make, or set MEVNODE"
    return str(path)


@pytest.fixture(scope="session")
def quote(mevnode):
    """Runs `mevnode quote` with arguments and standard input; gives the finished process."""

    def run(*args, text=None):
        return subprocess.run(
            [mevnode, "quote", *args],
            input=text,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def answers(quote):
    """Rows of (profit, F, a, b, r) for a CSV text, by either strategy."""

    def ask(text, strategy="optimal"):
        done = quote("--csv", "-", "--strategy", strategy, text=text)
        assert done.returncode == 0, done.stderr
        lines = done.stdout.splitlines()
        assert lines[0] == "profit,front_run_in,front_run_out,victim_out,back_run_out"
        return [tuple(map(int, line.split(","))) for line in lines[1:]]

    return ask
