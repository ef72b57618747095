# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Fixtures and marks of the end-to-end tests.

root: needs privileges; skipped without.
big: takes long; only run by `-m big`.
"""

import json
import os
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "scripts")]

import lab  # noqa: E402  pylint: disable=wrong-import-position


def pytest_configure(config):
    """Declare the marks."""
    config.addinivalue_line("markers", "root: needs root")
    config.addinivalue_line("markers", "big: takes long, only run when asked for by -m")


def pytest_collection_modifyitems(config, items):
    """Leave big tests out unless -m has a say."""
    if not config.getoption("-m"):
        big = [item for item in items if item.get_closest_marker("big")]
        config.hook.pytest_deselected(items=big)
        items[:] = [item for item in items if item not in big]


def pytest_runtest_setup(item):
    """Skip what needs root."""
    if item.get_closest_marker("root") and os.geteuid() != 0:
        pytest.skip("needs root")


@pytest.fixture
def world():
    """A world with one queue."""
    with lab.World() as made:
        yield made


@pytest.fixture
def world2():
    """A world with two queues a side."""
    with lab.World(queues=2) as made:
        yield made


@pytest.fixture(params=(lab.World, lab.EngineWorld, lab.TapWorld), ids=("user", "kernel", "tap"))
def each_way(request):
    """A world for either engine on AF_XDP, and for TAP."""
    with request.param() as made:
        yield made


class Traffic(NamedTuple):
    """A generated capture; beside it lie .expected.json and .replies.csv."""

    pcap: Path
    expected: dict

    @property
    def replies_csv(self) -> str:
        """Every reply that is due."""
        return f"{self.pcap}.replies.csv"


@pytest.fixture(scope="session")
def traffic(tmp_path_factory):
    """traffic(MODE, COUNT, options...): generated once a session for the same arguments."""
    folder, made = tmp_path_factory.mktemp("traffic"), {}

    def generate(mode: str, count: int, *options) -> Traffic:
        key = (mode, count, *options)
        if key not in made:
            pcap = folder / f"{len(made)}-{mode}.pcap"
            lab.run(lab.SCRIPTS / "gen_traffic.py", "--mode", mode, "--count", count, "--out",
                    pcap, "--replies-csv", f"{pcap}.replies.csv", *options)
            made[key] = Traffic(pcap, json.loads(Path(f"{pcap}.expected.json").read_text()))
        return made[key]

    return generate
