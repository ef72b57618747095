# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Raw results of bench/run.sh, ratios of them, and what they should show.

A result is one cell: what one client measured on one responder in one round. Machines drift, so
responders are compared within a round, and what is reported is the median of the rounds' ratios,
not the ratio of medians.
"""

import json
from pathlib import Path
from statistics import median
from typing import NamedTuple

# Of a cell's JSON, by kind of group.
METRICS = {
    "replies": lambda raw: raw["received_per_s"],
    "p50": lambda raw: raw["latency_ns"]["p50"],
    "p99": lambda raw: raw["latency_ns"]["p99"],
    "frames": lambda raw: raw["frames_per_s"],
}
LESS_IS_BETTER = {"p50", "p99"}

UDP = ("udp-wait", "udp-spin", "udp-batch-wait", "udp-batch-spin")


class Aim(NamedTuple):
    """One comparison: the node's cell against another, or against the best of some."""

    number: str  # in the issue that asked for it
    text: str
    group: str
    metric: str
    node: str
    others: tuple
    bound: float  # at least, or where less is better at most

    @property
    def at_most(self) -> bool:
        """Whether the bound is an upper one."""
        return self.metric in LESS_IS_BETTER


def _rate_aims(mode: str, udp_bound: float) -> list:
    group = f"rate-{mode}"
    return [
        Aim("2", f"replies/s, {mode}: node to bare AF_XDP echo, sleeping", group, "replies",
            "mevnode-wait", ("echo-wait",), 0.95),
        Aim("2", f"replies/s, {mode}: node to bare AF_XDP echo, spinning", group, "replies",
            "mevnode-spin", ("echo-spin",), 0.95),
        Aim("2", f"replies/s, {mode}: node to best UDP socket", group, "replies",
            "mevnode-wait", UDP, udp_bound),
    ]


def _rtt_aims(mode: str) -> list:
    return [Aim("3", f"round trip {metric}, {mode}: node to {name}", f"rtt-{mode}", metric,
                "mevnode-spin", (other,), bound)
            for other, name, bound in (("echo-spin", "bare AF_XDP echo", 1.08),
                                       ("udp-spin", "spinning UDP socket", 0.85),
                                       ("udp-wait", "blocking UDP socket", 0.2))
            for metric in ("p50", "p99")]


AIMS = [
    Aim("1", "filter capacity, 1/64 candidates: frames that are not ours, to an empty XDP_DROP",
        "filter", "frames", "foreign@1/64:filter_drop", ("foreign@1/64:drop",), 0.85),
    Aim("1", "filter capacity, 1/64 candidates: swaps below break-even, to an empty XDP_DROP",
        "filter", "frames", "break_even@1/64:filter_drop", ("break_even@1/64:drop",), 0.6),
    *_rate_aims("native", 1.8),
    Aim("2", "replies/s, native: node to testpmd on af_xdp, which does no work", "rate-native",
        "replies", "mevnode-wait", ("testpmd-af_xdp",), 1.0),
    Aim("2", "replies/s, native: node to testpmd on af_packet, which does no work", "rate-native",
        "replies", "mevnode-wait", ("testpmd-af_packet",), 1.0),
    *_rate_aims("skb", 2.3),
    Aim("2", "replies/s to live frames, where the responder's CPU is the limit: node to bare "
        "AF_XDP echo", "engines", "replies", "mevnode-spin:attached", ("echo-spin:attached",), 0.95),
    *_rtt_aims("native"),
    *_rtt_aims("skb"),
    Aim("8", "replies/s to live frames: engine kernel to engine user", "engines", "replies",
        "mevnode-kernel:attached", ("mevnode-spin:attached",), 5.0),
    Aim("8", "replies/s to live frames: engine kernel to bare XDP_TX reflector", "engines",
        "replies", "mevnode-kernel:attached", ("mevnode-kernel:reflect",), 0.4),
    Aim("8", "round trip p50, native: engine kernel to engine user", "rtt-native", "p50",
        "mevnode-kernel", ("mevnode-spin",), 0.5),
    Aim("8", "round trip p50, native: engine kernel to bare XDP_TX reflector", "rtt-native", "p50",
        "mevnode-kernel", ("reflect",), 1.25),
]


def _cells_of(path: Path) -> list:
    """What a file holds, as (cell, round, raw result)."""
    stem, _, round_no = path.stem.rpartition(".")
    stem = stem.replace("_of_", "/")  # a share, as a file's name may hold it
    raw = json.loads(path.read_text(encoding="utf-8"))
    cores = path.with_suffix(".cores")
    if cores.exists():
        raw["cores_ns"] = [int(ns) for ns in cores.read_text(encoding="utf-8").split()]
    if round_no != "all" and "programs" in raw:
        # Replies to live frames: a run a round, of some programs in turn.
        return [(f"{stem}:{program['program']}", int(round_no),
                 {"frames_per_s": program["rounds"][0],
                  "received_per_s": program["back_rounds"][0],
                  "cores_ns": raw.get("cores_ns", ())})
                for program in raw["programs"]]
    if round_no != "all":
        return [(stem, int(round_no), raw)]
    if "programs" not in raw:
        return [(stem, 1, raw)]  # why there is none
    # Filter capacity: one run has measured some programs in turn, round by round.
    return [(f"{stem}:{program['program']}", n, {"frames_per_s": frames_per_s})
            for program in raw["programs"]
            for n, frames_per_s in enumerate(program["rounds"], 1)]


def as_far_apart(one: dict, other: dict) -> bool:
    """Whether the CPUs were as far from each other in both cells (bench/run.sh, apart)."""
    both = [ns for raw in (one, other) for ns in raw.get("cores_ns", ())]
    return not both or max(both) <= 1.4 * 1.4 * min(both)


class Results:
    """All cells below a folder: GROUP/CELL.ROUND.json, or GROUP/CELL.all.json of `mevload live`."""

    def __init__(self, folder):
        self._raw = {}
        for path in sorted(Path(folder).glob("*/*.json")):
            cells = self._raw.setdefault(path.parent.name, {})
            for cell, round_no, raw in _cells_of(path):
                cells.setdefault(cell, {})[round_no] = raw

    def groups(self) -> list:
        """Names, sorted."""
        return sorted(self._raw)

    def cells(self, group: str) -> list:
        """Names, sorted."""
        return sorted(self._raw.get(group, {}))

    def rounds(self, group: str, cell: str) -> dict:
        """Raw results that are numbers, by round."""
        return {n: raw for n, raw in self._raw.get(group, {}).get(cell, {}).items()
                if "skipped" not in raw and "failed" not in raw}

    def why_not(self, group: str, cell: str) -> str:
        """Why a cell has no number, or not one in every round; empty where it has."""
        cells = self._raw.get(group, {})
        for raw in (cells.get(cell) or cells.get(cell.partition(":")[0]) or {}).values():
            for kind in ("skipped", "failed"):
                if kind in raw:
                    return f"{kind}: {raw[kind]}"
        return "" if cell in cells else "not measured"

    def faults(self) -> list:
        """Cells that failed, or whose replies were wrong: results to be distrusted."""
        found = []
        for group, cells in sorted(self._raw.items()):
            for cell, rounds in sorted(cells.items()):
                for n, raw in sorted(rounds.items()):
                    wrong = {kind: raw[kind] for kind in ("wrong", "duplicated", "unexpected")
                             if raw.get(kind)}
                    if "failed" in raw:
                        found.append(f"{group} {cell} round {n}: {raw['failed']}")
                    elif wrong:
                        found.append(f"{group} {cell} round {n}: {wrong}")
        return found

    def values(self, group: str, cell: str, metric: str) -> list:
        """One number a round, in order."""
        rounds = self.rounds(group, cell)
        return [METRICS[metric](rounds[n]) for n in sorted(rounds)]

    def apart(self, group: str) -> list:
        """How far apart the CPUs were in each round, ns for a cache line there and back."""
        found = {}
        for cell in self.cells(group):
            for n, raw in self.rounds(group, cell).items():
                found.setdefault(n, []).extend(raw.get("cores_ns", ()))
        return [median(found[n]) for n in sorted(found) if found[n]]

    def typical(self, group: str, cell: str, metric: str) -> dict:
        """The raw result of the round whose metric is the (lower) median; {} where there is none."""
        rounds = sorted(self.rounds(group, cell).values(), key=METRICS[metric])
        return rounds[(len(rounds) - 1) // 2] if rounds else {}

    def ratios(self, group: str, metric: str, cell: str, others: tuple) -> list:
        """One a round in which both sides have a number, on CPUs equally far apart: `cell` to the
        best of `others`.
        """
        mine = self.rounds(group, cell)
        theirs = [self.rounds(group, other) for other in others]
        best = min if metric in LESS_IS_BETTER else max
        found = []
        for n in sorted(mine):
            rivals = [METRICS[metric](rounds[n]) for rounds in theirs
                      if n in rounds and as_far_apart(mine[n], rounds[n])]
            if rivals and best(rivals) > 0:
                found.append(METRICS[metric](mine[n]) / best(rivals))
        return found


class Judged(NamedTuple):
    """An aim and what became of it."""

    aim: Aim
    ratios: list
    median: float  # None: there is no ratio
    reached: bool
    why_not: str


def judge(results: Results, aim: Aim) -> Judged:
    """Median of the rounds' ratios against the bound."""
    ratios = results.ratios(aim.group, aim.metric, aim.node, aim.others)
    if not ratios:
        reasons = (results.why_not(aim.group, cell) for cell in (aim.node, *aim.others)
                   if not results.rounds(aim.group, cell))
        return Judged(aim, [], None, False, next(filter(None, reasons), "not measured"))
    middle = median(ratios)
    return Judged(aim, ratios, middle, middle <= aim.bound if aim.at_most else middle >= aim.bound,
                  "")
