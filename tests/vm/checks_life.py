# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Starts, ends and accidents of a node, and of the link under it."""

import json

from bench import Bench, one_pool_swap
from guest import GuestNode

# Starts that attach a program and, since verifying takes most of the time, many that adopt it.
ATTACHING, ADOPTING = 10, 90
FEW = 5, 20  # without zero-copy, where a driver has less to take back
KILLS = 3
LINK_DROPS = 3


def answers(bench: Bench, count: int = 1) -> None:
    """So many swaps are answered."""
    bench.guest.wire.swaps([one_pool_swap() for _ in range(count)])


def ends_well(node: GuestNode, says: tuple = ()) -> None:
    """Exit code 0, nothing missing, and on stderr these texts and no other lines."""
    ended = node.stop()
    assert ended.code == 0 and ended.summary["xsk"]["chunks_missing"] == 0, ended
    assert len(ended.err) == len(says) and all(map(str.__contains__, ended.err, says)), ended.err


def _nothing_left(bench: Bench) -> None:
    """No program on the NIC, no pins, no socket in the way of the next."""
    link, = json.loads(bench.guest.sh("/t/ip -j link show dev eth0"))
    assert "xdp" not in link, link["xdp"]
    left = bench.guest.sh("ls /sys/fs/bpf/mevnode/eth0 2>/dev/null", check=False).split()
    assert not left, left


def restarts(bench: Bench) -> str:
    """Each start answers a swap, and each end leaves the next one nothing in its way."""
    mode = bench.machine.mode
    attaching, adopting = (ATTACHING, ADOPTING) if mode == "zerocopy" else FEW
    for _ in range(attaching):
        with bench.guest.node("--mode", mode) as node:
            answers(bench)
            ends_well(node)
    _nothing_left(bench)
    with bench.loaded():
        for _ in range(adopting):
            with bench.guest.node("--mode", mode, "--adopt") as node:
                answers(bench)
                ends_well(node)
    return f"{attaching} that attach, {adopting} that adopt, each answers a swap"


def kill_and_rebind(bench: Bench) -> str:
    """The kernel cleans up after a node that is killed with work in its rings."""
    for i in range(KILLS):
        with bench.guest.node("--mode", bench.machine.mode) as node:
            answers(bench)
            for _ in range(32):
                bench.guest.wire.send(one_pool_swap())
            ended = node.kill("KILL")
        assert ended.code == 128 + 9, ended
    with bench.guest.node("--mode", bench.machine.mode) as node:
        answers(bench)
        ends_well(node, (" pins that an earlier run left in ",))
    _nothing_left(bench)
    return f"{KILLS} times, then bound again"


def link_down_up(bench: Bench) -> str:
    """The same node goes on when the cable, or the interface, is back."""
    guest = bench.guest
    with guest.node("--mode", bench.machine.mode) as node:
        for _ in range(LINK_DROPS):
            answers(bench, 8)
            guest.set_link(False)
            guest.sh("until [ $(cat /sys/class/net/eth0/carrier) = 0 ]; do sleep 0.02; done")
            guest.set_link(True)
            guest.await_carrier()
            answers(bench, 8)
            guest.sh("/t/ip link set eth0 down && /t/ip link set eth0 up")
            guest.await_carrier()
            answers(bench, 8)
        ends_well(node)
    return f"{LINK_DROPS} times each: cable pulled, interface set down"
