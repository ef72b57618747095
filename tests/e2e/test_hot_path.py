# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the worker does for every frame: no syscall but the TX wakeup, and no allocation."""

from pathlib import Path

import pytest

from lab import Node, Replay, run, until

pytestmark = pytest.mark.root

SOURCE = Path(__file__).with_name("alloc_count.c")


def syscalls_of_worker(world, node, seconds, pcap, *pace):
    """name -> calls of the only worker, while traffic flows, by `strace -c`."""
    worker, = node.workers()
    before = sum(node.counters().values())
    with Replay(world, pcap, "--loop=0", *pace):
        until(lambda: sum(node.counters().values()) > before, "traffic flows")
        traced = run("timeout", "--signal=TERM", seconds, "strace", "-c", "-U", "name,calls", "-p",
                     worker, check=False)
    rows = [line.split() for line in traced.stderr.splitlines()]
    return {row[0]: int(row[1]) for row in rows
            if len(row) == 2 and row[1].isdigit() and row[0] != "total"}, traced.stderr


@pytest.mark.parametrize("seconds, pace", (
    (2, "--pps=20000"),
    pytest.param(10, "--pps=100000", marks=pytest.mark.big),
), ids=("short", "long"))
def test_no_syscall_but_the_wakeup(world, traffic, seconds, pace):
    """--poll spin under load, profitable and unprofitable swaps, updates, and garbage."""
    with world.udp("host", 40000), Node(world, "--poll", "spin", "--json") as node:
        calls, table = syscalls_of_worker(world, node, seconds, traffic("mixed", 20000).pcap, pace)
        assert set(calls) == {"sendto"}, table
        ended = node.stop()
    assert ended.summary["verdicts"]["replied"] > 0
    assert ended.summary["xsk"]["chunks_missing"] == 0


def test_idle_spin_makes_no_syscall(world):
    """No traffic, no wakeup: nothing at all."""
    with Node(world, "--poll", "spin") as node:
        worker, = node.workers()
        traced = run("timeout", "--signal=TERM", 1, "strace", "-c", "-p", worker, check=False)
        assert "attached" in traced.stderr
        assert "total" not in traced.stderr, traced.stderr
        node.stop()


@pytest.fixture(scope="module")
def alloc_count(tmp_path_factory):
    """The library of alloc_count.c."""
    library = tmp_path_factory.mktemp("alloc") / "alloc_count.so"
    run("gcc", "-O2", "-Wall", "-Werror", "-fno-builtin", "-shared", "-fPIC", "-o", library, SOURCE)
    return library


@pytest.mark.parametrize("poll", ("spin", "wait", "busy"))
def test_workers_never_allocate(world2, traffic, alloc_count, tmp_path, poll):
    """From a worker's first instruction to its last; the main thread's calls prove the counting."""
    sent = traffic("mixed", 20000)
    counts = tmp_path / "counts"
    preload = ("env", f"LD_PRELOAD={alloc_count}", f"ALLOC_COUNT={counts}")
    with world2.udp("host", 40000), \
            Node(world2, "--poll", poll, "--json", prefix=preload) as node:
        node.judged(world2.replay(sent.pcap, "--pps", "20000"))
        ended = node.stop()
    assert ended.summary["verdicts"]["replied"] == sent.expected["replies"]
    by_main, by_workers = (int(count) for count in counts.read_text().split())
    assert by_main > 10
    assert by_workers == 0
