# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a soak says while it goes on and at its end."""

import json
import time
from pathlib import Path
from typing import NamedTuple

from account import Line, table

PERIOD_S = 10
# What the long-lived node may take up more at its end than after its first round, as its heap comes
# to be in pieces; and after a row of reloads that no longer change that.
LIFE_KIB, WEAR_KIB = 256, 32
SHOWN = 10  # lines of stderr


class Capacity(NamedTuple):
    """What a node took when it was flooded."""

    way: str
    capture: str
    frames_per_s: int
    refused: int
    paced: tuple = (0, 0)  # frames and seconds, since then, at a share of this

    def sent(self, more) -> "Capacity":
        """With what was sent in another round."""
        return self._replace(paced=(self.paced[0] + more.frames, self.paced[1] + more.seconds))

    def pace(self) -> int:
        """Frames a second that came of it."""
        return int(self.paced[0] / self.paced[1]) if self.paced[1] else 0


class Growth(NamedTuple):
    """What a node took up after its first round, at its end, and, the long-lived one, worn."""

    way: str
    rounds: int
    memory_kib: tuple
    fds: tuple

    @classmethod
    def of(cls, way: str, rounds: int, sizes: list):
        """From sizes, two or more."""
        return cls(way, rounds, tuple(size.memory_kib for size in sizes),
                   tuple(size.fds for size in sizes))

    def long(self) -> bool:
        """The one that lives for as long as it takes to tell."""
        return len(self.memory_kib) == 3


class Progress:
    """A line every ten seconds, and what the last will say."""

    def __init__(self, seconds: float):
        self._seconds, self._began, self._next = seconds, time.monotonic(), 0
        self.node = self.traffic = ""
        self.rounds = self.reloads = self.stalls = self.restarts = self.kills = 0

    def begin(self) -> None:
        """Time counts from now on."""
        self._began = time.monotonic()

    def elapsed(self) -> float:
        """Seconds since then."""
        return time.monotonic() - self._began

    def counts(self) -> dict:
        """What was done."""
        return {"seconds": round(self.elapsed()), "rounds": self.rounds, "nodes": self.restarts,
                "killed": self.kills, "reloads": self.reloads, "stalls": self.stalls}

    def tick(self, place) -> None:
        """Called often."""
        if time.monotonic() >= self._next:
            self.show(place)

    def show(self, place) -> None:
        """The line."""
        self._next = time.monotonic() + PERIOD_S
        wire = place.wire_counters()
        place.seen_by_kernel()  # the kernel counts in 32 bits
        print(f"soak: {_clock(self.elapsed())} of {_clock(self._seconds)}  {self.node}: "
              f"{self.traffic}; {self.rounds} rounds, {wire.sent:,} sent, "
              f"{wire.answered:,} replied, {wire.refused:,} lost, {self.restarts} nodes ended "
              f"({self.kills} killed), {self.reloads} reloads", flush=True)


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def grown(each: Growth) -> list:
    """Less is as good."""
    first, end, worn = each.memory_kib
    return [Line("KiB gained by the long-lived node", max(end - first, 0), most=LIFE_KIB),
            Line("  and by reloads in a row", max(worn - end, 0), most=WEAR_KIB)]


class Result(NamedTuple):
    """How a soak ended."""

    failures: list  # what stopped it early
    books: list
    growth: list
    capacity: list
    said: list  # lines of nodes that nobody has asked for
    counts: dict

    def lines(self) -> list:
        """The whole table."""
        fds = sum(len(set(each.fds)) > 1 for each in self.growth)
        return [*self.books, *(line for each in self.growth if each.long() for line in grown(each)),
                Line(f"other descriptors, of {len(self.growth)} nodes", fds, fds),
                Line("unexpected lines on stderr", len(self.said), len(self.said))]

    def ok(self) -> bool:
        """Whether nothing differs."""
        return not self.failures and all(line.ok() for line in self.lines())


def _longest(result: Result) -> str:
    for each in result.growth:
        if each.long():
            return (f"The long-lived node ({each.way}, {each.rounds} rounds): KiB "
                    f"{', '.join(f'{kib:,}' for kib in each.memory_kib)} after the first round, "
                    f"after the last, and after reloads in a row; descriptors "
                    f"{', '.join(map(str, each.fds))}.")
    return ""


def text(args, result: Result) -> str:
    """For a person."""
    done = ", ".join(f"{count:,} {name}" for name, count in result.counts.items())
    parts = [f"seed {args.seed}: {done}", table(result.lines()), _longest(result)]
    parts += [f"a node said: {line}" for line in result.said[:SHOWN]]
    parts += [f"stopped early: {failure}" for failure in result.failures]
    parts.append("Every frame and every candidate is accounted for." if result.ok() else
                 "Something differs.")
    return "\n\n".join(part for part in parts if part)


def _capacities(result: Result) -> str:
    rows = ["| node | capture | taken/s | refused | then sent/s |", "|---|---|---:|---:|---:|"]
    rows += [f"| {each.way} | {each.capture} | {each.frames_per_s:,} | {each.refused:,} | "
             f"{each.pace():,} |" for each in result.capacity]
    return "\n".join(rows)


def write(folder: Path, args, result: Result) -> None:
    """On stdout, and as report.md and report.json."""
    shown = text(args, result)
    print(shown, flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.md").write_text(
        f"# Soak\n\n```\n{shown}\n```\n\nWhat a node took in a flood of a second, of which "
        f"80 % were sent:\n\n{_capacities(result)}\n", encoding="utf-8")
    (folder / "report.json").write_text(json.dumps({
        "ok": result.ok(), "seed": args.seed, "failures": result.failures, **result.counts,
        "lines": [{**line._asdict(), "ok": line.ok()} for line in result.lines()],
        "growth": [each._asdict() for each in result.growth],
        "capacity": [each._asdict() for each in result.capacity],
        "said": result.said}, indent=1) + "\n", encoding="utf-8")
