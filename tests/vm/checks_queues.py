# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""More than one queue: every one has its socket, or the node says what it will miss."""

import re

import replies
from bench import Bench, one_pool_swap
from checks_life import ends_well
from wire import WINDOW, is_swap_reply

PORTS = range(40000, 40064)
ROUNDS = 8


def _swaps() -> list:
    return [one_pool_swap(port) for _ in range(ROUNDS) for port in PORTS]


def _by_queue(bench: Bench, what: str) -> list:
    """What the driver counted on each queue."""
    told = bench.guest.sh("ethtool -S eth0")
    found = re.findall(rf"^ *{what}: (\d+)", told, re.M)
    assert found, told
    return list(map(int, found))


def rss_on_ports(bench: Bench) -> str:
    """Two queues in zero-copy, flows spread by port, each answered by the queue it came on."""
    guest, swaps = bench.guest, _swaps()
    guest.sh("ethtool -L eth0 combined 2 && ethtool -N eth0 rx-flow-hash udp4 sdfn")
    try:
        guest.await_carrier()
        with guest.node("--mode", "zerocopy") as node:
            assert node.queues == [0, 1], node.ready
            before = [_by_queue(bench, rf"{way}_queue_\d_packets") for way in ("rx", "tx")]
            found = replies.check(guest.wire.swaps(swaps))
            after = [_by_queue(bench, rf"{way}_queue_\d_packets") for way in ("rx", "tx")]
            ends_well(node)
    finally:
        guest.sh("ethtool -L eth0 combined 1")
        guest.await_carrier()
    assert (found.replies, found.faults) == (len(swaps), []), found
    received, sent = ([a - b for a, b in zip(*way)] for way in zip(after, before))
    assert min(*received, *sent) >= len(swaps) // 8 and sum(received) >= len(swaps), \
        (received, sent)
    return f"{len(PORTS)} flows: {received[0]} and {received[1]} frames received"


def _settled(bench: Bench, frames: list) -> dict:
    """Send frames of which not all are answered, a few at a time; the counters when all are judged."""
    for i in range(0, len(frames), WINDOW):
        for frame in frames[i:i + WINDOW]:
            bench.guest.wire.send(frame)
        for _ in range(100):
            counters = bench.guest.counters()
            if sum(counters.values()) >= min(i + WINDOW, len(frames)):
                break
        else:
            raise AssertionError(f"frames are missing: {counters}")
    return counters


def _grown(bench: Bench, mode: str, swaps: list) -> None:
    """Queues that came with the program have no socket: said, and counted."""
    wire = bench.guest.wire
    with bench.guest.node("--mode", mode) as node:
        assert node.queues == [0, 1], node.ready
        wire.take()
        counters = _settled(bench, swaps)
        wire.await_frames(is_swap_reply, counters["redirect"], "candidates are answered")
        found = replies.check(wire.take())
        assert found.replies == counters["redirect"] > 0 and found.faults == [], found
        assert counters["no_socket"] == len(swaps) - found.replies > 0, counters
        ends_well(node, ("2 of 4 RX queues of eth0 are served",))


def growing(bench: Bench) -> str:
    """Attaching XDP raises the number of queues: those without a socket are named; the remedy helps."""
    guest, swaps = bench.guest, _swaps()
    for mode in ("copy", "zerocopy"):
        _grown(bench, mode, swaps)
    guest.sh("ethtool -L eth0 combined 4")  # what doctor says
    for mode in ("copy", "zerocopy"):
        with guest.node("--mode", mode) as node:
            assert node.queues == [0, 1, 2, 3], node.ready
            found = replies.check(guest.wire.swaps(swaps))
            assert (found.replies, found.faults) == (len(swaps), []), found
            ends_well(node)
    guest.sh("ethtool -L eth0 combined 2")
    return "2 of 4 served and said so; all 4 after doctor's `ethtool -L eth0 combined 4`"
