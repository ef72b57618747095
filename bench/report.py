#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Tables out of what bench/run.sh measured: ratios first, then absolute values, then the machine.

usage: report.py DIR    reads DIR/raw and DIR/machine.json, writes DIR/report.md and prints it;
                        DIR/ratios.md is its first table without the rounds, for the README
"""

import json
import sys
from pathlib import Path
from statistics import median

from results import AIMS, LESS_IS_BETTER, Results, judge

TITLES = {
    "filter": "Filter capacity, Mframes/s on one CPU",
    "engines": "Replies per second to frames made in the driver, all candidates, one CPU",
    "rate-native": "Replies per second, native mode (flood)",
    "rate-skb": "Replies per second, skb mode (flood)",
    "rtt-native": "Round trip, native mode, ns (one outstanding)",
    "rtt-skb": "Round trip, skb mode, ns (one outstanding)",
    "load-native": "Replies per second against offered load, native mode (Poisson)",
}


def table(head: list, rows: list) -> list:
    """Lines of a Markdown table; the first column is text, the others are numbers."""
    return [f"| {' | '.join(head)} |", "|---" + "|---:" * (len(head) - 1) + "|",
            *(f"| {' | '.join(row)} |" for row in rows), ""]


def thousands(number: float) -> str:
    """To the unit."""
    return f"{number:,.0f}"


def aims_rows(results: Results) -> list:
    """Each comparison that was asked for, with what came of it."""
    rows = []
    for judged in (judge(results, aim) for aim in AIMS):
        aim = judged.aim
        bound = f"{'≤' if aim.at_most else '≥'} {aim.bound:.2f}"
        if judged.median is None:
            rows.append([f"{aim.number}. {aim.text}", "–", bound, judged.why_not, ""])
            continue
        rows.append([f"{aim.number}. {aim.text}", f"**{judged.median:.2f}**", bound,
                     "reached" if judged.reached else "**missed**",
                     " ".join(f"{ratio:.2f}" for ratio in judged.ratios)])
    return rows


AIMS_HEAD = ["comparison", "median", "aim", "", "round by round"]


def ratios(results: Results, machine: dict) -> str:
    """The README's table, and on what it came to be."""
    at = machine["machine"]
    return "\n".join([
        *table(AIMS_HEAD[:-1], [row[:-1] for row in aims_rows(results)]),
        f"{at.get('CPU')}; {at.get('hypervisor')}; Linux {at.get('kernel', '').split()[0]}; "
        f"{at.get('system')}; {machine['configuration'].get('rounds')} rounds; {at.get('date')}.", ""])


def _order(results: Results, group: str, metric: str) -> list:
    """Cells with numbers, best first, then those without."""
    def key(cell):
        values = results.values(group, cell, metric)
        if not values:
            return (1, 0)
        return (0, median(values) if metric in LESS_IS_BETTER else -median(values))

    return sorted(results.cells(group), key=key)


def _cell_row(results: Results, group: str, cell: str, metrics: tuple, node: str) -> list:
    if not results.rounds(group, cell):
        return [cell, results.why_not(group, cell), *[""] * (2 * len(metrics) - 1)]
    row = [cell]
    for metric in metrics:
        values = results.values(group, cell, metric)
        ratios = results.ratios(group, metric, node, (cell,))
        row += [f"{thousands(median(values))} ({thousands(min(values))} to "
                f"{thousands(max(values))})", f"{median(ratios):.2f}" if ratios else ""]
    return row


def apart_lines(results: Results, group: str) -> list:
    """Where vCPUs are moved between cores with and without a common cache, rounds differ by that."""
    apart = results.apart(group)
    return apart and ["The two CPUs, round by round: a cache line took "
                      f"{', '.join(thousands(ns) for ns in apart)} ns there and back.", ""]


def rate_lines(results: Results, group: str) -> list:
    """Replies a second."""
    node = "mevnode-wait"
    rows = [_cell_row(results, group, cell, ("replies",), node)
            for cell in _order(results, group, "replies")]
    return [*table(["responder", "replies/s: median (least to most)", f"{node} to it"], rows),
            *apart_lines(results, group)]


def rtt_lines(results: Results, group: str) -> list:
    """Round trips."""
    node = "mevnode-spin"
    rows = [_cell_row(results, group, cell, ("p50", "p99"), node)
            for cell in _order(results, group, "p50")]
    return [*table(["responder", "p50: median (least to most)", f"{node} to it",
                    "p99: median (least to most)", f"{node} to it"], rows),
            *apart_lines(results, group)]


def split_load(cell: str) -> tuple:
    """RESPONDER@RATE."""
    responder, _, rate = cell.partition("@")
    return responder, int(rate)


def load_lines(results: Results, group: str) -> list:
    """Offered load down, responders across: what came back, and the p99 from the intended time."""
    cells = [split_load(cell) for cell in results.cells(group)]
    responders = sorted({responder for responder, _ in cells})
    rows = []
    for rate in sorted({rate for _, rate in cells}):
        row = [thousands(rate)]
        for responder in responders:
            cell = f"{responder}@{rate}"
            if not results.rounds(group, cell):
                row.append(results.why_not(group, cell))
                continue
            p99_us = median(results.values(group, cell, "p99")) / 1000
            row.append(f"{thousands(median(results.values(group, cell, 'replies')))} "
                       f"({p99_us:,.1f} us)")
        rows.append(row)
    return [*table(["offered/s", *(f"{name}: replies/s (p99)" for name in responders)], rows)]


def filter_lines(results: Results, group: str) -> list:
    """Programs on mixes of frames."""
    rows = []
    for cell in results.cells(group):
        mix, _, program = cell.partition(":")
        if not results.rounds(group, cell):
            rows.append([mix, program, results.why_not(group, cell), "", ""])
            continue
        values = results.values(group, cell, "frames")
        ratios = results.ratios(group, "frames", cell, (f"{mix}:drop",))
        rows.append([mix, program, f"{median(values) / 1e6:.2f} ({min(values) / 1e6:.2f} to "
                     f"{max(values) / 1e6:.2f})", f"{1e9 / median(values):.1f}",
                     f"{median(ratios):.2f}" if ratios else ""])
    return [*table(["frames@share of candidates", "program", "median (least to most)",
                    "ns a frame", "to an empty XDP_DROP"], rows)]


def engine_lines(results: Results, group: str) -> list:
    """Both engines, and responders that do no work."""
    rows = []
    for cell in results.cells(group):
        if not results.rounds(group, cell):
            rows.append([cell, results.why_not(group, cell), ""])
            continue
        values = results.values(group, cell, "replies")
        ratios = results.ratios(group, "replies", cell, ("mevnode-kernel:reflect",))
        rows.append([cell, f"{thousands(median(values))} ({thousands(min(values))} to "
                     f"{thousands(max(values))})", f"{median(ratios):.2f}" if ratios else ""])
    return [*table(["engine:program", "sent back/s: median (least to most)", "to a bare reflector"],
                   rows), *apart_lines(results, group)]


LINES = {"engines": engine_lines, "rate": rate_lines, "rtt": rtt_lines, "load": load_lines, "filter": filter_lines}


def machine_lines(machine: dict) -> list:
    """Where, with what, and how."""
    lines = ["### Machine and configuration", ""]
    for section in ("machine", "configuration"):
        lines += table([section, ""], [[name, str(value).replace("|", "/")]
                                       for name, value in machine.get(section, {}).items()])
    return lines


def report(results: Results, machine: dict) -> str:
    """All of it, as Markdown."""
    lines = ["### Ratios", "", "Within each round, then the median of the rounds.", "",
             *table(AIMS_HEAD, aims_rows(results))]
    faults = results.faults()
    if faults:
        lines += ["**Not to be trusted:**", "", *(f"- {fault}" for fault in faults), ""]
    for group in TITLES:
        if group in results.groups():
            lines += [f"### {TITLES[group]}", "", *LINES[group.partition("-")[0]](results, group)]
    return "\n".join(lines + machine_lines(machine))


def main() -> int:
    """Reads, writes, prints."""
    if len(sys.argv) != 2 or sys.argv[1] in ("-h", "--help"):
        print(__doc__, file=sys.stderr)
        return 2
    folder = Path(sys.argv[1])
    machine = json.loads((folder / "machine.json").read_text(encoding="utf-8"))
    results = Results(folder / "raw")
    text = report(results, machine)
    (folder / "ratios.md").write_text(ratios(results, machine), encoding="utf-8")
    (folder / "report.md").write_text(text, encoding="utf-8")
    print(text)
    return 1 if results.faults() else 0


if __name__ == "__main__":
    sys.exit(main())
