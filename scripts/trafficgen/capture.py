# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""One capture: draw a frame, judge it, write it, count it; then put the files in place."""

import csv
import json
import os
import sys
import time
from contextlib import ExitStack, suppress
from itertools import islice
from typing import Iterator, NamedTuple, Optional

from .model import KERNEL_VERDICTS, USER_VERDICTS, Node, Outcome
from .pcap import PcapWriter
from .traffic import Item, Traffic

# Time stamp of the first frame, ns since the epoch. Fixed: a seed decides every byte of the file.
START_NS = 1_700_000_000_000_000_000

# A draw that misses its aim this often in a row never hits it with these pools and settings.
MAX_TRIES = 2000


class GiveUp(Exception):
    """What was asked for cannot be drawn; the message says why."""


class Paths(NamedTuple):
    """Where the results go."""

    pcap: str
    replies_csv: Optional[str] = None

    @property
    def expected(self) -> str:
        """The prediction beside the capture."""
        return self.pcap + ".expected.json"


class Tally:
    """What the node's counters must say after the capture."""

    def __init__(self):
        self.frames = 0
        self.verdicts = dict.fromkeys(KERNEL_VERDICTS + USER_VERDICTS, 0)
        self.update_gaps = 0
        self.total_profit = 0
        self.total_tol = 0
        self.total_ceiling = 0

    def add(self, outcome: Outcome) -> None:
        """Count one frame."""
        self.frames += 1
        self.verdicts[outcome.verdict] += 1
        if outcome.verdict in USER_VERDICTS:
            self.verdicts["redirect"] += 1
        self.update_gaps += outcome.gap
        self.total_profit += outcome.profit
        self.total_tol += outcome.tol
        self.total_ceiling += outcome.ceiling

    def as_dict(self) -> dict:
        """The prediction, as it goes to the JSON file."""
        return {
            "frames": self.frames,
            "verdicts": self.verdicts,
            "update_gaps": self.update_gaps,
            "replies": self.verdicts["replied"],
            "total_profit": self.total_profit,
            "total_profit_min": self.total_profit - self.total_tol,
            "total_profit_max": self.total_ceiling,
        }


class Progress:
    """Frames so far on stderr, once a second, from the third second on."""

    def __init__(self, total: int):
        self._total = total
        self._tty = sys.stderr.isatty()
        self._next = time.monotonic() + 3
        self._shown = False

    def at(self, done: int) -> None:
        """Say it if it is time to. Cheap enough for every few hundred frames."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + 1
        self._shown = True
        line = f"{done} of {self._total} frames ({100 * done // self._total} %)"
        print(f"\r{line}" if self._tty else line, end="" if self._tty else "\n", file=sys.stderr,
              flush=True)

    def end(self) -> None:
        """Leave the cursor on a line of its own."""
        if self._shown and self._tty:
            print(file=sys.stderr)


def settle(item: Item, node: Node) -> tuple:
    """Draw until the frame is what it was meant to be and no right node could differ on it."""
    for _ in range(MAX_TRIES):
        frame = item.draw()
        outcome = node.judge(frame)
        if outcome.certain and (item.want is None or outcome.verdict == item.want):
            return frame, outcome
    raise GiveUp(f"no swap that is {item.want or 'certain'} in {MAX_TRIES} draws with these pools; "
                 "try larger reserves, another --capital, or a smaller --min-amount-in or "
                 "--min-profit")


def judged(items: Iterator[Item], traffic: Traffic) -> Iterator[tuple]:
    """(frame, outcome) of each item in turn; the node's state follows the updates."""
    node = traffic.node
    for item in items:
        frame, outcome = settle(item, node)
        if outcome.state:
            first = not outcome.state[0].live()
            node.apply(outcome)
            if first:
                traffic.sort_pools()
        yield frame, outcome


def write(paths: Paths, items: Iterator[Item], traffic: Traffic, count: int, rate: int,
          update_pause_ns: int, parameters: dict) -> Tally:
    """Write capture, prediction and replies: all of them, or none."""
    tally = Tally()
    with ExitStack() as stack:
        output = stack.enter_context(Replacing())
        progress = Progress(count)
        stack.callback(progress.end)
        pcap = PcapWriter(output.open(paths.pcap, "wb", buffering=1 << 20))
        row = None
        if paths.replies_csv:
            row = csv.writer(output.open(paths.replies_csv, "w", newline=""),
                             lineterminator="\n").writerow
            row(("nonce", "profit_ref", "tol"))
        paused = 0
        for i, (frame, outcome) in enumerate(judged(islice(items, count), traffic)):
            if update_pause_ns and outcome.verdict.startswith("update_"):
                paused += update_pause_ns
            pcap.frame(START_NS + paused + i * 1_000_000_000 // rate, frame)
            tally.add(outcome)
            if row and outcome.verdict == "replied":
                row((outcome.nonce, outcome.profit, outcome.tol))
            if i & 0xFF == 0xFF:
                progress.at(i + 1)
        json.dump({**tally.as_dict(), "parameters": parameters},
                  output.open(paths.expected, "w"), indent=2)
        output.commit()
    return tally


class Replacing:
    """Files written under temporary names and renamed together by commit(); else removed."""

    def __init__(self):
        self._files = []

    def open(self, path: str, mode: str, **options):
        """Open for writing what is to become `path`."""
        temporary = f"{path}.tmp{os.getpid()}"
        file = open(temporary, mode, **options)
        self._files.append((file, temporary, path))
        return file

    def commit(self) -> None:
        """Flush and rename all, the first opened last: when it is there, so is the rest."""
        for file, _, _ in self._files:
            file.close()
        while self._files:
            _, temporary, path = self._files[-1]
            os.replace(temporary, path)
            self._files.pop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for file, temporary, _ in self._files:
            os.unlink(temporary)
            with suppress(OSError):  # a full disk fails once more when flushed
                file.close()
