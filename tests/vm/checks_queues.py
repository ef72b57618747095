# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""More than one queue: every one has its socket, or the node says what it will miss."""

import re

import replies
from bench import Bench, one_pool_swap
from checks_life import ends_well

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


def growing(bench: Bench) -> str:
    """Attaching XDP raises the number of queues: all are served, or it is said which are not."""
    guest, swaps, notes = bench.guest, _swaps(), []
    before = guest.sh("ethtool -l eth0").split()[-1]
    for mode in ("copy", "zerocopy"):
        with guest.node("--mode", mode) as node:
            now = int(guest.sh("ethtool -l eth0").split()[-1])
            served, wire = len(node.queues), guest.wire
            if served == now:
                found = replies.check(wire.swaps(swaps))
                assert (found.replies, found.faults) == (len(swaps), []), found
                ends_well(node)
            else:
                ended = node.stop()
            notes.append((mode, before, now, served))
    return str(notes)
