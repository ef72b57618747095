# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Every call of the start fails in turn: one line, the right exit code, nothing left behind.

System calls are made to fail by strace in the kernel's stead, one occurrence a run, as a run that
nothing disturbs has listed them; allocations by alloc_fail.c. What the node can do without it may
do without, if it then serves. Two runs go on at a time, each in its own world. The table of all that
failed is left in build/test-logs/faults.md.
"""

import os
import re
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

import pytest

from lab import ROOT, Node, TapWorld, World, run
from test_lifecycle import answers, pinned

pytestmark = pytest.mark.root

CONFIG = ROOT / "docs" / "mevnode.ini"
OPTIONS = ("--config", CONFIG)
AF_XDP = ("--backend", "af_xdp", *OPTIONS)  # or it would do without, on TAP

# What each call may fail with, as its man page has it. Others do not fail, or not so that it matters
# to the start (close, munmap), or are the C library's own before main().
ERRORS = {
    "accept4": "EMFILE", "bind": "ENODEV", "bpf": "EPERM", "capget": "EINVAL", "capset": "EPERM",
    "clone": "EAGAIN", "clone3": "EAGAIN", "epoll_create1": "EMFILE", "epoll_ctl": "ENOMEM",
    "eventfd2": "EMFILE", "faccessat2": "EACCES", "fchown": "EPERM", "fcntl": "EINVAL",
    "flock": "ENOLCK", "fork": "EAGAIN", "fstat": "EIO", "ftruncate": "EINVAL",
    "getsockname": "ENOBUFS", "getsockopt": "ENOPROTOOPT", "ioctl": "EIO", "listen": "EADDRINUSE",
    "memfd_create": "EMFILE", "mkdir": "ENOSPC", "mkdirat": "ENOSPC", "mlock": "ENOMEM",
    "mmap": "ENOMEM", "mprotect": "ENOMEM", "newfstatat": "EIO", "openat": "EMFILE",
    "pipe2": "EMFILE", "prctl": "EINVAL", "prlimit64": "EPERM", "read": "EIO",
    "recvfrom": "ECONNREFUSED", "recvmsg": "ENOBUFS", "sched_setaffinity": "EINVAL",
    "seccomp": "EINVAL", "sendmsg": "ENOBUFS", "sendto": "ENOBUFS", "setsockopt": "ENOMEM",
    "signalfd4": "EMFILE", "socket": "EMFILE", "socketpair": "EMFILE", "statfs": "EIO",
    "timerfd_create": "EMFILE", "timerfd_settime": "EINVAL",
}

# Calls that only the main thread makes, so all threads may be traced, where strace asks the kernel
# to stop at these alone (--seccomp-bpf): a start has two thousand others.
MAINS = {"bind", "bpf", "clone", "clone3", "epoll_create1", "faccessat2", "fchown", "fcntl",
         "flock", "ftruncate", "getsockname", "getsockopt", "ioctl", "listen", "memfd_create",
         "mkdir", "mkdirat", "mlock", "newfstatat", "openat", "pipe2", "recvmsg", "setsockopt",
         "signalfd4", "socket", "socketpair", "statfs", "timerfd_create", "timerfd_settime"}
MAIN = "PR_CAPBSET_READ"  # what the node asks first: before it the loader is at work
CALL = re.compile(r"^(\w+)\(")
FLAG = re.compile(r"\b(?!CAP_)[A-Z][A-Z0-9]*_[A-Z0-9_]+\b")
TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')
TABLE = ROOT / "build" / "test-logs" / "faults.md"
AT_A_TIME = 2


class Attempt(NamedTuple):
    """A call that is to fail."""

    call: str
    what: str
    prefix: tuple


def strace(log, *options) -> tuple:
    """The prefix that traces a node's main thread.

    Not the others: they soon have a filter for system calls, and to it a call that strace makes fail
    is one of a number that is none.
    """
    return ("strace", "-y", "-o", log, *options)


def failing(name: str, number: int) -> Attempt:
    """Occurrence `number` of a system call."""
    alone = ("-f", "--seccomp-bpf") if name in MAINS else ()
    return Attempt(name, f"{name} number {number} with {ERRORS[name]}",
                   strace("/dev/null", *alone, "-e", f"trace={name}",
                          "-e", f"inject={name}:error={ERRORS[name]}:when={number}"))


def kind_of(name: str, line: str, world) -> tuple:
    """What tells calls of one name apart: their flags, the kind of descriptor, the file."""
    line = re.sub(r"\d+", "", line.rpartition(" = ")[0].replace(world.name, ""))
    files = re.findall(r"<([^>]*)>", line) if name not in ("bpf", "newfstatat", "openat") else []
    paths = re.findall(r'"(/[^"]*)"', line) if name not in ("bpf", "read") else []
    flags = FLAG.findall(TEXT.sub("", line)) if name != "read" else []
    return (name, *flags, *files[:1], *paths)


def calls_of_start(world, tmp_path, options) -> list:
    """(name, occurrence) of the main thread's calls from main() to its sandbox.

    The last of each kind: a long file is read in a thousand calls, and what is tried first may fail.
    """
    log = tmp_path / "calls"
    with Node(world, *options, prefix=strace(log)) as node:
        pid = int(re.search(r"pid=(\d+)", node.ready).group(1))
        os.kill(pid, signal.SIGTERM)
        assert node.ended().code == 0
    seen, kinds, begun = Counter(), {}, False
    for line in log.read_text(errors="replace").splitlines():
        if "SECCOMP_FILTER_FLAG_TSYNC|" in line:
            break  # the sandbox's, from where on strace cannot make calls fail
        call = CALL.match(line)
        if not call:
            continue
        name, begun = call.group(1), begun or MAIN in line
        seen[name] += 1
        if begun and name in ERRORS and not (name == "prctl" and MAIN in line):
            kinds.setdefault(kind_of(name, line, world), []).append(seen[name])
    assert begun and len(kinds) > 40
    return sorted((kind[0], numbers[-1]) for kind, numbers in kinds.items())


class Outcome:
    """What became of a node one of whose calls failed."""

    def __init__(self, world, prefix, options):
        node = Node(world, *options, prefix=prefix)
        self.served = False
        try:
            ready = node.process.stdout.readline()
            if ready:
                self.served = world.kind == "tap" or answers(world)
                os.kill(int(re.search(r"pid=(\d+)", ready).group(1)), signal.SIGTERM)
            self.ended = node.ended()
        finally:
            node.close()
        self.errors = [line for line in self.ended.err if "error: " in line]

    def fault(self, world) -> str:
        """What is wrong with it; "" for nothing."""
        left = world.xdp_attached() or pinned(world.pins)
        if left:
            for pin in world.pins.iterdir():
                pin.unlink()  # or every run that follows had them, too
            return f"left behind: {left}; {self.ended.code} {self.ended.err}"
        if self.served:
            return "" if self.ended.code == 0 else f"served, then ended with {self.ended}"
        if self.ended.code not in (1, 2, 3):
            return f"exit code {self.ended.code}: {self.ended.err}"
        return "" if len(self.errors) == 1 else f"{len(self.errors)} error lines: {self.ended.err}"


def in_turn(made, attempts, options, rows, capsys) -> None:
    """Make each of `attempts` fail; all faults are told at once."""
    with ExitStack() as stack:
        worlds = SimpleQueue()
        for _ in range(AT_A_TIME):
            worlds.put(stack.enter_context(made()))

        def make_fail(attempt):
            world = worlds.get()
            try:
                outcome = Outcome(world, attempt.prefix, options)
                return outcome.served, outcome.fault(world)
            finally:
                worlds.put(world)

        with ThreadPoolExecutor(AT_A_TIME) as pool:
            outcomes = list(zip(attempts, pool.map(make_fail, attempts)))
    faults = [f"{attempt.what}: {wrong}" for attempt, (_, wrong) in outcomes if wrong]
    for call in sorted({attempt.call for attempt in attempts}):
        served = [served for attempt, (served, _) in outcomes if attempt.call == call]
        rows.append((call, ERRORS.get(call, "NULL"), len(served), served.count(False),
                     served.count(True), sum(fault.startswith(f"{call} ") for fault in faults)))
    total = sum(served for _, (served, _) in outcomes)
    with capsys.disabled():
        print(f"\n  {len(attempts)} calls made to fail: {len(attempts) - total} ended the start, "
              f"{total} did without; {len(faults)} faults")
    assert not faults, "\n".join(faults)


@pytest.fixture(scope="module", name="tables")
def fixture_tables():
    """Rows by the name of what was started; at the end they are a file."""
    tables = {}
    yield tables
    lines = ["# Calls of the start made to fail", ""]
    for name, rows in tables.items():
        total = ("**all**", "", *(sum(row[i] for row in rows) for i in range(2, 6)))
        lines += [f"## {name}", "", "| call | with | made to fail | ended the start, in one line | "
                  "did without | not clean |", "|---|---|---|---|---|---|",
                  *(f"| {' | '.join(map(str, row))} |" for row in (*rows, total)), ""]
    TABLE.parent.mkdir(parents=True, exist_ok=True)
    TABLE.write_text("\n".join(lines))


@pytest.mark.parametrize("made, options", (
    (World, AF_XDP),
    pytest.param(World, (*AF_XDP, "--own-ip", "192.168.69.3/24"), marks=pytest.mark.big),
    pytest.param(World, (*AF_XDP, "--user", "nobody"), marks=pytest.mark.big),
    pytest.param(TapWorld, OPTIONS, marks=pytest.mark.big)),
    ids=("af_xdp", "own-ip", "user", "tap"))
def test_every_system_call(tmp_path, capsys, tables, request, made, options):
    """One occurrence a run."""
    with made() as world:
        calls = calls_of_start(world, tmp_path, options)
    rows = tables.setdefault(f"System calls, {request.node.callspec.id}", [])
    in_turn(made, [failing(*call) for call in calls], options, rows, capsys)


@pytest.fixture(scope="module")
def alloc_fail(tmp_path_factory) -> Path:
    """The library of alloc_fail.c."""
    library = tmp_path_factory.mktemp("alloc_fail") / "alloc_fail.so"
    run("gcc", "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", library,
        Path(__file__).with_name("alloc_fail.c"))
    return library


def test_every_allocation(world, capsys, tables, alloc_fail):
    """NULL from malloc, calloc, realloc or aligned_alloc to the program, one a run."""
    prefix = ("env", f"LD_PRELOAD={alloc_fail}")
    with Node(world, *AF_XDP, prefix=prefix) as node:
        ended = node.stop()
    total = int(next(line for line in ended.err if line.startswith("allocations: ")).split()[1])
    attempts = [Attempt("allocation", f"allocation {number} of {total}",
                        (*prefix, f"ALLOC_FAIL={number}")) for number in range(1, total + 1)]
    in_turn(World, attempts, AF_XDP, tables.setdefault("Allocations, af_xdp", []), capsys)
