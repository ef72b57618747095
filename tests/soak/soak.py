#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Nodes under load, restarted, killed, reloaded for as long as one likes. See --help."""

import argparse
import os
import secrets
import signal
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "tests" / "e2e"), str(ROOT / "scripts")]

# pylint: disable=wrong-import-position
from lab import FILTER, MEVNODE  # noqa: E402
from report import write  # noqa: E402
from run import Run  # noqa: E402

DESCRIPTION = """\
Send mixed, market and malformed traffic to a node on a veth pair, at 80 % of what it turned out to
take when flooded, and meanwhile let it reload, stand still, stop, die and start again, at random.
At the end each frame sent must have met one verdict, or no program between two nodes, and each
candidate one decision; what counters differ by is a failure, what was lost and counted is not.

Both engines and all poll modes take turns. One node in the middle lives for a third of the time,
and may not grow.
"""
EPILOG = """\
examples:
  make soak MINUTES=10            ten minutes, another seed each time
  tests/soak/soak.py --minutes 3 --seed 42
                                  the same choices again; how far they get is the machine's

SIGINT and SIGTERM end it early, with the books of what there was. The report goes to build/soak.
Exit codes: 0 nothing differs, 1 something does or a node failed, 2 wrong usage, or no root.
"""


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message):
        self.exit(2, f"{self.prog}: {message} (see --help)\n")


def minutes(text: str) -> float:
    """More than nothing, at most a week."""
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value <= 7 * 24 * 60:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of minutes up to 10080")
    return value


def seed(text: str) -> int:
    """Of everything random."""
    if not text.isascii() or not text.isdigit() or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"'{text}' is not an integer from 0 to {2**32 - 1}")
    return int(text)


def options(argv) -> argparse.Namespace:
    """The command line."""
    p = Parser(prog="soak.py", description=DESCRIPTION, epilog=EPILOG, allow_abbrev=False,
               formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--minutes", type=minutes, default=60, metavar="N",
                   help="how long, without what it takes to end (default: %(default)s)")
    p.add_argument("--seed", type=seed, metavar="S", help="of everything random (default: another)")
    p.add_argument("--out", type=Path, default=ROOT / "build" / "soak", metavar="DIR",
                   help="where report.md and report.json go (default: build/soak)")
    args = p.parse_args(argv)
    if os.geteuid():
        p.error("needs root, for network namespaces and BPF")
    for built in (MEVNODE, FILTER.with_name("xdp_pass.bpf.o")):
        if not built.exists():
            p.error(f"there is no {built}: make")
    if args.seed is None:
        args.seed = secrets.randbits(32)
    return args


def main(argv=None) -> int:
    """Returns the exit code."""
    args = options(argv)
    with tempfile.TemporaryDirectory(prefix="mev-soak-") as folder:
        run = Run(Path(folder), args.minutes * 60, args.seed)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, run.interrupt)
        print(f"soak: {args.minutes:g} minutes, seed {args.seed}", flush=True)
        try:
            result = run.run()
        except OSError as error:
            print(f"soak: cannot go on: {error}", file=sys.stderr)
            return 1
    try:
        write(args.out, args, result)
    except OSError as error:
        print(f"soak: cannot write the report: {error}", file=sys.stderr)
        return 1
    return 0 if result.ok() else 1


if __name__ == "__main__":
    sys.exit(main())
