#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Runs the fuzz targets that `make fuzz-build` built, and sums up.

run     fuzz each target for --seconds, as many at a time as there are CPUs; corpora grow under
        build/fuzz/corpus; a crash's input and log are kept there, and named
replay  run each target's kept corpus and the fixtures once: what every test run does
keep    reduce the corpora to what adds coverage, into pcap/corpus

Exit codes: 0 clean, 1 a crash, a disagreement or a target that did not run, 2 usage.
"""

import argparse
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "fuzz"
KEPT = ROOT / "pcap" / "corpus"
GROWN = BUILD / "corpus"
NEEDS_ROOT = 3  # how a target ends that may not load BPF
LONGEST = {"pcap": 65536, "differential": 16384}  # bytes of an input; others: 2048


class Result(NamedTuple):
    """What became of a target."""

    target: str
    status: str  # ok, failed, skipped
    figures: dict
    log: Path


def folders(target: str) -> list:
    """Where its inputs are, the folder that may grow first."""
    made = [GROWN / target, KEPT / target]
    for folder in made:
        folder.mkdir(parents=True, exist_ok=True)
    return made


def figures(text: str) -> dict:
    """The numbers that libFuzzer and the differential target print."""
    found = {name: int(value) for name, value in
             re.findall(r"^(?:stat::)?(\w+): +(\d+)$", text, re.M)}
    found.update({name: int(value) for name, value in
                  re.findall(r"\b(cov|ft): (\d+)", text)})  # of the last line that has them
    corpus = re.findall(r"\bcorp: (\d+)/", text)
    if corpus:
        found["corpus"] = int(corpus[-1])
    return found


def execute(target: str, *options) -> Result:
    """A target to its end."""
    log = BUILD / f"{target}.log"
    # What a target says of its input on stderr, a line each time, goes nowhere; libFuzzer and the
    # sanitizers have a copy of stderr.
    command = [BUILD / target, f"-max_len={LONGEST.get(target, 2048)}", "-print_final_stats=1",
               "-timeout=10", "-close_fd_mask=2", f"-artifact_prefix={BUILD}/{target}-", *options]
    with open(log, "wb") as out:
        code = subprocess.run([str(part) for part in command], stdout=out, stderr=out,
                              check=False, cwd=ROOT).returncode
    status = {0: "ok", NEEDS_ROOT: "skipped"}.get(code, "failed")
    if status == "skipped" and os.environ.get("REQUIRE_PRIV") == "1":
        status = "failed"
    return Result(target, status, figures(log.read_text(errors="replace")), log)


def fuzz(target: str, seconds: int) -> Result:
    """Fuzz it; what is new goes to the grown corpus."""
    return execute(target, f"-max_total_time={seconds}", *folders(target))


def replay(target: str) -> Result:
    """Every kept input once."""
    return execute(target, "-runs=0", *folders(target)[1:], BUILD / "fixtures" / target)


def keep(target: str) -> Result:
    """The smallest set of inputs with the same coverage."""
    grown, kept = folders(target)
    with tempfile.TemporaryDirectory(dir=BUILD) as folder:
        done = execute(target, "-set_cover_merge=1", folder, grown, kept)
        if done.status == "ok":
            shutil.rmtree(kept)
            kept.mkdir()
            for path in Path(folder).iterdir():
                shutil.move(path, kept / path.name[:16])
    return done


def make_seeds(targets) -> None:
    """The fixtures as inputs, beside the grown corpora and for replay()."""
    seeds = BUILD / "fixtures"
    for target in targets:
        (seeds / target).mkdir(parents=True, exist_ok=True)
    subprocess.run([BUILD / "seeds", seeds], check=True)
    for target in targets:
        for path in (seeds / target).iterdir():
            shutil.copy(path, folders(target)[0] / path.name)


def report(results, unit: str) -> int:
    """A table and one line; the logs of what failed."""
    print(f"\n{'target':<15}{'executions':>12}{'per s':>9}{'coverage':>10}{'features':>10}"
          f"{'corpus':>8}  result")
    for r in results:
        f = r.figures
        print(f"{r.target:<15}{f.get('number_of_executed_units', 0):>12,}"
              f"{f.get('average_exec_per_sec', 0):>9,}{f.get('cov', 0):>10,}{f.get('ft', 0):>10,}"
              f"{f.get('corpus', 0):>8,}  {r.status}")
        if "frames_compared" in f:
            print(f"{'':<15}{f['frames_compared']:>12,} frames compared between BPF and userspace")
    for r in results:
        if r.status == "failed":
            print(f"--- {r.log}")
            print("\n".join(r.log.read_text(errors="replace").splitlines()[-40:]))
    count = {status: sum(r.status == status for r in results)
             for status in ("ok", "failed", "skipped")}
    print(f"{unit}: {count['ok']} passed, {count['failed']} failed, {count['skipped']} skipped")
    return 1 if count["failed"] else 0


def main() -> int:
    """Parse, run, report."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("run", "replay", "keep"))
    parser.add_argument("--seconds", type=int, default=20, help="run: for each target (20)")
    parser.add_argument("targets", nargs="+")
    args = parser.parse_args()
    make_seeds(args.targets)
    act = {"run": lambda t: fuzz(t, args.seconds), "replay": replay, "keep": keep}[args.what]
    if args.what == "run":
        print(f"fuzzing {len(args.targets)} targets for {args.seconds} s each, "
              f"{os.cpu_count()} at a time", flush=True)
    results = []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for done in concurrent.futures.as_completed(
                [pool.submit(act, target) for target in args.targets]):
            results.append(done.result())
            print(f"  {len(results)}/{len(args.targets)} {results[-1].target}: "
                  f"{results[-1].status}", flush=True)
    results.sort(key=lambda r: args.targets.index(r.target))
    return report(results, f"fuzz {args.what}")


if __name__ == "__main__":
    sys.exit(main())
