#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Figures out of what bench/run.sh measured, by gnuplot.

usage: plots.py DIR FIGURES    reads DIR/raw, writes gnuplot's input to DIR/plots and FIGURES/*.svg
"""

import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import NamedTuple

from report import split_load
from results import Results

# The node first, then the limits, then what one would use instead.
LATENCY = ("mevnode-spin", "echo-spin", "reflect", "testpmd-af_xdp", "packet-spin", "udp-spin",
           "udp-wait")
COLOURS = {"mevnode": "#c00000", "echo": "#1f77b4", "reflect": "#7f7f7f", "testpmd": "#9467bd",
           "packet": "#2ca02c", "udp": "#ff7f0e", "drop": "#7f7f7f", "parse": "#1f77b4",
           "filter_drop": "#c00000"}


class Figure(NamedTuple):
    """A picture: settings, and curves as (title, points)."""

    name: str
    settings: tuple
    curves: list


def percentile_points(raw: dict) -> list:
    """x: one in how many is slower; y: us. The maximum has no place on that scale."""
    return [(100 / (100 - percent), ns / 1000) for percent, ns in raw["percentiles"]
            if percent < 100]


def latency(results: Results) -> Figure:
    """Round-trip percentiles, of the round with the median p99."""
    curves = [(cell, percentile_points(results.typical("rtt-native", cell, "p99")))
              for cell in LATENCY if results.rounds("rtt-native", cell)]
    return Figure("latency", (
        'set title "Round trip over veth, one outstanding, native mode"',
        'set xlabel "percentile"', 'set ylabel "us"', "set logscale xy", "set xrange [1:100000]",
        'set xtics ("0" 1, "50" 2, "90" 10, "99" 100, "99.9" 1000, "99.99" 10000, '
        '"99.999" 100000)', "set yrange [1:*]"), curves)


def throughput(results: Results) -> Figure:
    """What came back of what was offered."""
    group, points = "load-native", {}
    for cell in results.cells(group):
        values = results.values(group, cell, "replies")
        if values:
            responder, rate = split_load(cell)
            points.setdefault(responder, []).append((rate / 1e6, median(values) / 1e6))
    return Figure("throughput", (
        'set title "Replies against offered load, native mode"',
        'set xlabel "offered, million swaps/s"', 'set ylabel "million replies/s"',
        "set xrange [0:*]", "set yrange [0:*]"),
        [(name, sorted(points[name])) for name in sorted(points)])


def share_of(cell: str) -> float:
    """KIND@K/N as a fraction."""
    part, _, whole = cell.partition("@")[2].partition(":")[0].partition("/")
    return int(part) / int(whole or 1)


def filter_capacity(results: Results) -> Figure:
    """Frames a second of programs against the share of candidates among foreign frames."""
    points = {}
    for cell in results.cells("filter"):
        mix, _, program = cell.partition(":")
        values = results.values("filter", cell, "frames")
        if values and mix.startswith("foreign@"):
            points.setdefault(program, []).append((100 * share_of(cell), median(values) / 1e6))
    return Figure("filter", (
        'set title "Frames that a program takes on one CPU; those not candidates are not ours"',
        'set xlabel "share of candidates, %"', 'set ylabel "million frames/s"',
        "set yrange [0:*]"),
        [(name, sorted(points[name])) for name in sorted(points)])


def gnuplot_input(figure: Figure, svg: Path) -> str:
    """A script that holds its data."""
    lines = ['set terminal svg size 860,480 font "sans-serif,14" background "white"',
             f'set output "{svg}"', "set grid lc rgb '#dddddd'", "set key outside right top",
             "set style data linespoints", *figure.settings]
    for i, (_, points) in enumerate(figure.curves):
        lines += [f"$curve{i} << end", *(f"{x:.6g} {y:.6g}" for x, y in points), "end"]
    curves = []
    for i, (title, points) in enumerate(figure.curves):
        name = title.replace("_", "\\\\_")
        style = "lines" if len(points) > 12 else "linespoints pt 7 ps 0.6"
        colour = COLOURS.get(title, COLOURS.get(title.partition("-")[0], "#000000"))
        dash = " dt 2" if title.endswith("-wait") else ""
        curves.append(f'$curve{i} with {style} lw 2{dash} lc rgb "{colour}" title "{name}"')
    return "\n".join([*lines, "plot " + ", \\\n\t".join(curves), ""])


def main() -> int:
    """Draws what there is data for."""
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    folder, figures = Path(sys.argv[1]), Path(sys.argv[2])
    results = Results(folder / "raw")
    (folder / "plots").mkdir(exist_ok=True)
    figures.mkdir(parents=True, exist_ok=True)
    for figure in (latency(results), throughput(results), filter_capacity(results)):
        svg = figures / f"{figure.name}.svg"
        if not figure.curves:
            print(f"plots: no data for {svg}, left as it is", file=sys.stderr)
            continue
        script = folder / "plots" / f"{figure.name}.gp"
        script.write_text(gnuplot_input(figure, svg), encoding="utf-8")
        subprocess.run(["gnuplot", str(script)], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
