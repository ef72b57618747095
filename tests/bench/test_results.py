# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Ratios, aims, tables and figures, on raw results made by hand."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import machine
import plots
import report
from results import AIMS, Aim, Results, judge

BENCH = Path(machine.__file__).parent


def rate(replies: float, p50: int = 1000, p99: int = 2000, **more) -> dict:
    """What mevload writes, as far as it is looked at."""
    return {"received_per_s": replies, "latency_ns": {"p50": p50, "p99": p99}, "wrong": 0,
            "percentiles": [[0.0, 900], [50.0, p50], [99.0, p99], [100.0, 9 * p99]]} | more


@pytest.fixture(name="made")
def fixture_made(tmp_path):
    """made({"GROUP/CELL.ROUND": raw, ...}): the results of that."""
    def make(files: dict) -> Results:
        for name, raw in files.items():
            path = tmp_path / "raw" / f"{name}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(raw), encoding="utf-8")
        return Results(tmp_path / "raw")

    return make


def aim(metric: str = "replies", bound: float = 1.5, others: tuple = ("a", "b")) -> Aim:
    """A comparison of `node` in group rate-x."""
    return Aim("2", "node to others", "rate-x", metric, "node", others, bound)


def test_ratios_are_within_rounds(made):
    """A machine that slows down for a round changes no ratio; medians of values would."""
    results = made({"rate-x/node.1": rate(100), "rate-x/a.1": rate(50), "rate-x/b.1": rate(10),
                    "rate-x/node.2": rate(10), "rate-x/a.2": rate(4), "rate-x/b.2": rate(5),
                    "rate-x/node.3": rate(60), "rate-x/a.3": rate(1), "rate-x/b.3": rate(20)})
    assert results.ratios("rate-x", "replies", "node", ("a", "b")) == [2.0, 2.0, 3.0]
    assert results.ratios("rate-x", "replies", "node", ("a",)) == [2.0, 2.5, 60.0]
    judged = judge(results, aim())
    assert (judged.median, judged.reached) == (2.0, True)
    assert not judge(results, aim(bound=2.01)).reached


def test_only_cells_on_cpus_as_far_apart_are_compared(made):
    """A round whose cells had their CPUs on other cores gives no ratio."""
    results = made({"rate-x/node.1": rate(50, cores_ns=[80, 84]),
                    "rate-x/a.1": rate(100, cores_ns=[85, 79]),
                    "rate-x/node.2": rate(50, cores_ns=[200, 190]),
                    "rate-x/a.2": rate(100, cores_ns=[80, 200]),
                    "rate-x/node.3": rate(50), "rate-x/a.3": rate(40)})
    assert results.ratios("rate-x", "replies", "node", ("a",)) == [0.5, 1.25]
    assert results.apart("rate-x") == [82, 195]


def test_of_latencies_the_best_is_the_least_and_bounds_are_upper(made):
    """The same for p50 and p99, each its own metric."""
    results = made({"rate-x/node.1": rate(1, 300, 900), "rate-x/a.1": rate(1, 400, 1000),
                    "rate-x/b.1": rate(1, 600, 450)})
    assert judge(results, aim("p50", 0.75)).reached
    assert not judge(results, aim("p50", 0.74)).reached
    assert judge(results, aim("p99", 2.0)).median == 2.0
    assert not judge(results, aim("p99", 1.99)).reached


def test_rounds_without_a_number_have_no_ratio(made):
    """Failed or skipped cells are left out, and where nothing is left, why is told."""
    results = made({"rate-x/node.1": rate(100), "rate-x/a.1": {"failed": "not ready"},
                    "rate-x/node.2": rate(100), "rate-x/a.2": rate(25),
                    "rate-x/node.3": {"failed": "mevload: lost"}, "rate-x/a.3": rate(1),
                    "rate-x/b.1": {"skipped": "not installed"}})
    assert judge(results, aim(others=("a",))).ratios == [4.0]
    assert judge(results, aim(others=("b",))).why_not == "skipped: not installed"
    assert judge(results, aim(others=("c",))).why_not == "not measured"
    assert judge(results, aim(others=("c",))).median is None
    assert judge(results, aim(others=("c",))).reached is False
    assert results.why_not("rate-x", "a") == "failed: not ready"


def test_faults(made):
    """Results with wrong replies are named, not averaged away."""
    results = made({"rate-x/a.1": rate(1), "rate-x/a.2": rate(1, wrong=3),
                    "rate-x/b.1": {"failed": "why"}, "rate-x/c.1": {"skipped": "why"}})
    assert results.faults() == ["rate-x a round 2: {'wrong': 3}", "rate-x b round 1: why"]


LIVE = {"tool": "mevload live", "programs": [
    {"program": "drop", "rounds": [20e6, 10e6, 30e6]},
    {"program": "filter_drop", "rounds": [18e6, 9.5e6, 3e6]}]}


def test_filter_capacity(made):
    """One file of many rounds; shares in its name."""
    results = made({"filter/foreign@1_of_64.all": LIVE, "filter/foreign@64_of_64.all": LIVE,
                    "filter/break_even@1_of_64.all": {"skipped": "no live frames"}})
    first, second = (judge(results, aim) for aim in AIMS if aim.number == "1")
    assert first.ratios == pytest.approx([0.9, 0.95, 0.1])
    assert first.reached and first.median == pytest.approx(0.9)
    assert second.why_not == "skipped: no live frames"
    curves = dict(plots.filter_capacity(results).curves)
    assert curves["drop"] == [(100 / 64, 20.0), (100.0, 20.0)]
    assert curves["filter_drop"] == [(100 / 64, 9.5), (100.0, 9.5)]


def test_aims_name_cells_that_run_sh_measures():
    """A comparison with nobody would never be missed."""
    script = (BENCH / "run.sh").read_text(encoding="utf-8")
    named = {cell.partition("@")[0] for one in AIMS for cell in (one.node, *one.others)}
    for part in (part for cell in named for part in cell.split(":")):  # engine:program
        assert re.search(rf"\b{part}\b", script), part
    for one in AIMS:
        assert one.group in script
    assert {one.number for one in AIMS} == {"1", "2", "3", "8"}


@pytest.fixture(name="folder")
def fixture_folder(made, tmp_path):
    """A folder as run.sh leaves it, of one round."""
    cells = {f"rate-native/{cell}.1": rate(10**6 + i)
             for i, cell in enumerate(("mevnode-wait", "echo-wait", "udp-wait"))}
    cells |= {f"rtt-native/{cell}.1": rate(1, 5000 + i) for i, cell in
              enumerate(("mevnode-spin", "udp-wait"))}
    cells |= {"load-native/mevnode-wait@200000.1": rate(199000),
              "load-native/mevnode-wait@100000.1": rate(100000, p99=5500),
              "load-native/udp-wait@100000.1": {"failed": "no"},
              "filter/foreign@1_of_64.all": LIVE,
              "rate-native/testpmd-af_xdp.1": {"skipped": "not installed"}}
    made(cells)
    (tmp_path / "machine.json").write_text('{"machine": {"CPU": "a | b", "kernel": "6.1 #1"}, "configuration": {}}',
                                           encoding="utf-8")
    return tmp_path


def test_report(folder):
    """Ratios come first; every table has as many cells in each row; what is missing says why."""
    done = subprocess.run([sys.executable, BENCH / "report.py", folder], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 1, done.stderr  # one cell has failed
    text = (folder / "report.md").read_text(encoding="utf-8")
    assert done.stdout.strip() == text.strip()
    assert text.index("### Ratios") < text.index("### Filter") < text.index("### Machine")
    assert "Not to be trusted" in text and "load-native udp-wait@100000 round 1: no" in text
    assert "skipped: not installed" in text
    short = (folder / "ratios.md").read_text(encoding="utf-8")
    assert short.count("\n| ") == len(AIMS) and "Linux 6.1;" in short
    assert "| 1,000,001 (1,000,001 to 1,000,001) |" in text
    assert "| 100,000 | 100,000 (5.5 us) | failed: no |" in text
    for block in re.findall(r"(?:^\|.*\n)+", text, re.M):
        assert len({line.count("|") for line in block.splitlines()}) == 1, block


def test_report_without_faults(folder):
    """Then it is a success."""
    (folder / "raw/load-native/udp-wait@100000.1.json").unlink()
    assert subprocess.run([sys.executable, BENCH / "report.py", folder], check=False,
                          stdout=subprocess.DEVNULL).returncode == 0


def test_figures(folder):
    """gnuplot's input, from the points that were measured; the maximum is no percentile."""
    results = Results(folder / "raw")
    figure = plots.latency(results)
    assert [name for name, _ in figure.curves] == ["mevnode-spin", "udp-wait"]
    assert figure.curves[0][1] == [(1.0, 0.9), (2.0, 5.0), (pytest.approx(100.0), 2.0)]
    script = plots.gnuplot_input(figure, Path("x.svg"))
    assert 'set output "x.svg"' in script and script.count("\nend\n") == 2
    assert plots.throughput(results).curves == [("mevnode-wait", [(0.1, 0.1), (0.2, 0.199)])]


def test_machine():
    """What is always known; nothing of the kernel's command line but what bears on latency."""
    found = machine.describe()
    assert found["kernel"] and found["CPU"] and found["date"]
    for word in found["kernel parameters"].split():
        assert word.partition("=")[0] in machine.TELLING
