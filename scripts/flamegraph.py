#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Fold what `perf script` prints into stacks, draw them as a flame graph, check what is in them.

Input: `perf script -F comm,tid,ip,sym,dso`, or stacks that are folded already (frames from the
outermost to the innermost, separated by semicolons, then the number of samples).
"""

import argparse
import re
import sys
import zlib
from collections import Counter
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

KERNEL = "_[k]"  # behind the name of a function of the kernel
ALLOCATORS = {"malloc", "calloc", "realloc", "reallocarray", "free", "cfree", "aligned_alloc",
              "posix_memalign", "memalign", "mmap", "mmap64", "munmap", "mremap", "brk", "sbrk"}
# glibc's inner names: __libc_malloc, _int_free, __GI___mmap64, ...
PREFIX = re.compile(r"^(?:__GI_)?(?:__libc_|_int_|__)?")
SYSCALL = re.compile(r"^__(?:x64|ia32|arm64|riscv|s390x?|se|do)_(?:compat_)?sys_(\w+)$")

WIDTH, ROW, FONT, MARGIN = 1200, 17, 12, 10


def fold(lines) -> Counter:
    """Stacks of `perf script`, or folded ones, to the number of their samples."""
    stacks, comm, frames = Counter(), None, []

    def end():
        if comm is not None and frames:
            stacks[(comm, *reversed(frames))] += 1

    for line in lines:
        line = line.rstrip("\n")
        if not line.strip():
            end()
            comm, frames = None, []
        elif line[0] in " \t" and comm is not None:
            _, name, dso = re.fullmatch(r"\s*([0-9a-f]+) (.*?)(?: \(([^()]*(?:\(.*\))?[^()]*)\))?",
                                        line).groups()
            if name != "[unknown]" or dso not in (None, "[unknown]"):
                frames.append(name.replace(";", ":") +
                              (KERNEL if dso and dso.startswith("[kernel") else ""))
        elif folded := re.fullmatch(r"(.+;.+) (\d+)", line):
            stacks[tuple(folded[1].split(";"))] += int(folded[2])
        elif started := re.fullmatch(r"(.*\S)\s+(?:\d+/)?-?\d+\s*", line):
            comm = started[1].strip()
        else:
            raise ValueError(f"neither of `perf script` nor a folded stack: {line!r}")
    end()
    return stacks


def forbidden(stacks: Counter, root: str, allowed: set) -> tuple:
    """Samples below `root`, and what must not be there: its name to samples and one stack of it."""
    below, found = 0, {}
    for stack, samples in stacks.items():
        if root not in stack:
            continue
        below += samples
        for frame in stack[stack.index(root) + 1:]:
            what = fault(frame, allowed)
            if what:
                count, example = found.get(what, (0, stack))
                found[what] = count + samples, example
                break
    return below, found


def fault(frame: str, allowed: set) -> str:
    """Why a function must not be called on the hot path; "" if it may."""
    if frame.endswith(KERNEL):
        call = SYSCALL.match(frame[:-len(KERNEL)])
        return f"syscall {call[1]}" if call and call[1] not in allowed else ""
    name = PREFIX.sub("", frame.split("@")[0])
    return name if name in ALLOCATORS else ""


class Node:
    """A function on a path from the root, with the samples below it."""

    def __init__(self):
        self.samples, self.callees = 0, {}

    def add(self, frames, samples):
        """One stack."""
        self.samples += samples
        if frames:
            self.callees.setdefault(frames[0], Node()).add(frames[1:], samples)

    def depth(self) -> int:
        """Rows that it takes."""
        return 1 + max((node.depth() for node in self.callees.values()), default=0)


def colour(name: str) -> str:
    """Warm for userspace, cold for the kernel; the same for the same function everywhere."""
    shade = zlib.crc32(name.encode()) % 60
    if name.endswith(KERNEL):
        return f"rgb({100 + shade},{150 + shade},{215 + shade % 40})"
    return f"rgb({215 + shade % 40},{110 + 2 * shade},{60 + shade})"


def boxes(node: Node, name: str, start: int, level: int, rows: int, total: int):
    """The SVG of a function and all below it; narrower than a tenth of a pixel is left out."""
    scale = (WIDTH - 2 * MARGIN) / total
    width = node.samples * scale
    if width < 0.1:
        return
    left, top = MARGIN + start * scale, MARGIN + 2 * ROW + (rows - 1 - level) * ROW
    title = f"{name}: {node.samples} samples, {100 * node.samples / total:.2f} %"
    room = int((width - 6) / (FONT * 0.6))
    shown = name if len(name) <= room else name[:room - 2] + ".." if room > 3 else ""
    yield (f'<g><title>{escape(title)}</title><rect x="{left:.1f}" y="{top}" width="{width:.1f}" '
           f'height="{ROW - 1}" rx="1" fill={quoteattr(colour(name))}/>'
           f'<text x="{left + 3:.1f}" y="{top + ROW - 5}">{escape(shown)}</text></g>')
    for callee, below in sorted(node.callees.items()):
        yield from boxes(below, callee, start, level + 1, rows, total)
        start += below.samples


def svg(stacks: Counter, title: str) -> str:
    """The flame graph: callers below, callees on top of them, as wide as their samples."""
    root = Node()
    for stack, samples in stacks.items():
        root.add(stack, samples)
    rows = root.depth()
    height = 2 * MARGIN + (rows + 2) * ROW
    body = "\n".join(boxes(root, "all", 0, 0, rows, root.samples)) if root.samples else ""
    return (f'<?xml version="1.0" encoding="UTF-8"?>\n'
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
            f'viewBox="0 0 {WIDTH} {height}">\n'
            f'<style>text {{ font: {FONT}px monospace; }}</style>\n'
            f'<rect width="100%" height="100%" fill="white"/>\n'
            f'<text x="{WIDTH // 2}" y="{MARGIN + FONT}" text-anchor="middle">{escape(title)}'
            f'</text>\n{body}\n</svg>\n')


def arguments(argv):
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("input", help="a file, or - for stdin")
    parser.add_argument("--folded", metavar="FILE", help="write folded stacks")
    parser.add_argument("--svg", metavar="FILE", help="write the flame graph")
    parser.add_argument("--title", default="flame graph")
    parser.add_argument("--check", metavar="FUNCTION",
                        help="fail (exit code 1) if memory is allocated or freed, or a syscall made "
                             "that is not allowed, below this function, or if it is in no sample")
    parser.add_argument("--allow", metavar="LIST", default="sendto,recvfrom,poll",
                        help="syscalls that --check lets be (default: %(default)s)")
    return parser.parse_args(argv)


def check(stacks: Counter, root: str, allowed: set) -> int:
    """Says what is wrong. Exit code."""
    below, found = forbidden(stacks, root, allowed)
    if not below:
        print(f"flamegraph: error: no sample is below {root}: was it at work, has it symbols?",
              file=sys.stderr)
        return 1
    for what, (samples, example) in sorted(found.items()):
        print(f"flamegraph: error: {what} below {root} in {samples} of {below} samples, as in "
              f"{';'.join(example)}", file=sys.stderr)
    if not found:
        print(f"{below} samples below {root}: no allocation, no syscall but "
              f"{', '.join(sorted(allowed))}")
    return 1 if found else 0


def main(argv=None) -> int:
    """The command."""
    options = arguments(argv)
    try:
        with sys.stdin if options.input == "-" else open(options.input, encoding="utf-8") as lines:
            stacks = fold(lines)
        if options.folded:
            Path(options.folded).write_text("".join(
                f"{';'.join(stack)} {samples}\n" for stack, samples in sorted(stacks.items())),
                encoding="utf-8")
        if options.svg:
            Path(options.svg).write_text(svg(stacks, options.title), encoding="utf-8")
    except (OSError, ValueError) as error:
        print(f"flamegraph: error: {error}", file=sys.stderr)
        return 1
    if options.check:
        return check(stacks, options.check, set(options.allow.split(",")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
