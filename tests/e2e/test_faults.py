# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Every call of the start fails in turn: one line, the right exit code, nothing left behind.

System calls are made to fail by strace in the kernel's stead, one occurrence a run, as a run that
nothing disturbs has listed them; allocations by alloc_fail.c. What the node can do without it may do
without, if it then serves.
"""

import os
import re
import signal
from collections import Counter
from pathlib import Path

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
    "accept4": "EMFILE", "bind": "ENODEV", "bpf": "EPERM", "capget": "EINVAL",
    "capset": "EPERM", "clone": "EAGAIN", "clone3": "EAGAIN", "epoll_create1": "EMFILE",
    "epoll_ctl": "ENOMEM", "eventfd2": "EMFILE", "fchown": "EPERM", "fcntl": "EINVAL",
    "flock": "ENOLCK", "fork": "EAGAIN", "fstat": "EIO", "ftruncate": "EINVAL",
    "getsockname": "ENOBUFS", "getsockopt": "ENOPROTOOPT", "ioctl": "EIO", "listen": "EADDRINUSE",
    "memfd_create": "EMFILE", "mkdir": "ENOSPC", "mkdirat": "ENOSPC", "mmap": "ENOMEM",
    "mprotect": "ENOMEM", "newfstatat": "EIO", "openat": "EMFILE", "pipe2": "EMFILE",
    "prctl": "EINVAL", "prlimit64": "EPERM", "read": "EIO", "recvfrom": "ECONNREFUSED",
    "recvmsg": "ENOBUFS", "sched_setaffinity": "EINVAL", "seccomp": "EINVAL",
    "sendmsg": "ENOBUFS", "sendto": "ENOBUFS", "setsockopt": "ENOMEM", "signalfd4": "EMFILE",
    "socket": "EMFILE", "socketpair": "EMFILE", "statfs": "EIO", "timerfd_create": "EMFILE",
    "timerfd_settime": "EINVAL",
}

MOST = 12  # occurrences of a call that are made to fail, spread over all there are
MAIN = "PR_CAPBSET_READ"  # what the node asks first: before it the loader is at work
CALL = re.compile(r"^(\w+)\(")


def strace(log, *options) -> tuple:
    """The prefix that traces a node's main thread.

    Not the others: they soon have a filter for system calls, and to it a call that strace makes fail
    is one of a number that is none.
    """
    return ("strace", "-o", log, *options)


def calls_of_start(world, tmp_path, options) -> list:
    """(name, occurrence) of every call of the main thread from main() to its sandbox."""
    log = tmp_path / "calls"
    with Node(world, *options, prefix=strace(log)) as node:
        pid = int(re.search(r"pid=(\d+)", node.ready).group(1))
        os.kill(pid, signal.SIGTERM)
        assert node.ended().code == 0
    seen, found, begun = Counter(), [], False
    for line in log.read_text(errors="replace").splitlines():
        if "SECCOMP_FILTER_FLAG_TSYNC|" in line:
            break  # the sandbox's, from where on strace cannot make calls fail
        call = CALL.match(line)
        if not call:
            continue
        begun = begun or MAIN in line
        seen[call.group(1)] += 1
        if begun and call.group(1) in ERRORS and not (call.group(1) == "prctl" and MAIN in line):
            found.append((call.group(1), seen[call.group(1)]))
    assert begun and len(found) > 50
    return [call for name in dict(found)
            for call in spread([one for one in found if one[0] == name])]


def spread(calls: list) -> list:
    """All of them, or MOST from the first to the last: a long file is read in a thousand calls."""
    step = max(1, -(-len(calls) // MOST))
    return calls[::step]


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


def in_turn(world, attempts, options, capsys) -> None:
    """Make each (what, prefix) of `attempts` fail; all faults are told at once."""
    faults, served = [], 0
    for what, prefix in attempts:
        outcome = Outcome(world, prefix, options)
        wrong = outcome.fault(world)
        served += outcome.served
        if wrong:
            faults.append(f"{what}: {wrong}")
    with capsys.disabled():
        print(f"\n  {len(attempts)} calls made to fail: {len(attempts) - served} ended the start, "
              f"{served} did without; {len(faults)} faults")
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("made, options", (
    (World, AF_XDP),
    pytest.param(World, (*AF_XDP, "--own-ip", "192.168.69.3/24"), marks=pytest.mark.big),
    pytest.param(World, (*AF_XDP, "--user", "nobody"), marks=pytest.mark.big),
    pytest.param(TapWorld, OPTIONS, marks=pytest.mark.big)),
    ids=("af_xdp", "own-ip", "user", "tap"))
def test_every_system_call(tmp_path, capsys, made, options):
    """One occurrence a run."""
    with made() as world:
        attempts = [
            (f"{name} number {number} with {ERRORS[name]}",
             strace("/dev/null", "-e", f"trace={name}",
                    "-e", f"inject={name}:error={ERRORS[name]}:when={number}"))
            for name, number in calls_of_start(world, tmp_path, options)]
        in_turn(world, attempts, options, capsys)


@pytest.fixture(scope="module")
def alloc_fail(tmp_path_factory) -> Path:
    """The library of alloc_fail.c."""
    library = tmp_path_factory.mktemp("alloc_fail") / "alloc_fail.so"
    run("gcc", "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", library,
        Path(__file__).with_name("alloc_fail.c"))
    return library


def test_every_allocation(world, capsys, alloc_fail):
    """NULL from malloc, calloc, realloc or aligned_alloc to the program, one a run."""
    prefix = ("env", f"LD_PRELOAD={alloc_fail}")
    with Node(world, *AF_XDP, prefix=prefix) as node:
        ended = node.stop()
    total = int(next(line for line in ended.err if line.startswith("allocations: ")).split()[1])
    attempts = [(f"allocation {number} of {total}", (*prefix, f"ALLOC_FAIL={number}"))
                for number in range(1, total + 1)]
    in_turn(world, attempts, AF_XDP, capsys)
