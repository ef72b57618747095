# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Every micro-benchmark runs, and rivals give the same results; what they take is nobody's business here."""

import json
import os
import subprocess
from pathlib import Path

from lab import ROOT, TIMEOUT

MICRO = Path(os.environ.get("MEV_MICRO", ROOT / "build" / "bench" / "mev_micro"))
GROUPS = {"payload_parsing", "pool_update_parsing", "hot_path", "worker", "verdicts",
          "response_ring", "histogram", "checksum", "economics"}


def micro(tmp_path, *options) -> subprocess.CompletedProcess:
    return subprocess.run([MICRO, "--smoke", "--out", tmp_path, *options], text=True,
                          capture_output=True, timeout=TIMEOUT)


def test_all_run_and_are_reported(tmp_path):
    done = micro(tmp_path)
    assert done.returncode == 0, done.stderr
    report = (tmp_path / "report.md").read_text()
    assert report == done.stdout
    found = json.loads((tmp_path / "micro.json").read_text())
    assert {"cpu", "data caches", "kernel"} <= found["context"].keys()
    names = {run["run_name"] for run in found["benchmarks"]}
    assert {name.split("/")[0] for name in names} == GROUPS
    for group in GROUPS:
        assert f"### {group}\n" in report
    ratios = (tmp_path / "readme.md").read_text()
    assert "| payload_parsing/cached/cast" in ratios and "json_jansson" in ratios
    # what could not run says so, and nothing else did not
    two_threads = os.sched_getaffinity(0) >= {0, 1}
    assert ("skipped" in done.stderr) == (not two_threads)
    assert len(names) == int(done.stderr.split()[0])


def test_a_filter_that_matches_nothing_fails(tmp_path):
    done = micro(tmp_path, "--benchmark_filter=no_such_thing")
    assert done.returncode == 1
    assert "nothing was measured" in done.stderr
