# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""More than the node can take: what is lost is counted, and afterwards all is as before."""

import json
import os
import signal

import pytest

import replies
from lab import NODE_IP, TIMEOUT, Capture, Node, Replay
from trafficgen import wire

pytestmark = pytest.mark.root

POOL = bytes.fromhex("a0b86991c6218b36c1d19d4a2e9eb0ce3606eb48")


def assert_accounted(summary):
    """Every candidate was settled by userspace, or dropped by the socket, which says why."""
    verdicts, xsk = summary["verdicts"], summary["xsk"]
    settled = verdicts["replied"] + verdicts["unprofitable"]
    lost = xsk["rx_ring_full"] + xsk["rx_dropped"]  # an empty fill ring counts as the latter, too
    assert verdicts["redirect"] == settled + lost
    assert verdicts["rejected"] == verdicts["pool_busy"] == 0
    assert xsk["chunks_missing"] == xsk["tx_invalid_descs"] == xsk["rx_invalid_descs"] == 0
    return lost


def swaps_until_answered(world):
    """How many swaps it took: the first ones may still meet a full ring."""
    with world.udp("host") as client:
        client.settimeout(0.2)
        for nonce in range(1, 5 * TIMEOUT):
            client.sendto(wire.SWAP.pack(nonce, POOL, 2 * 10**10, 1, 0, bytes(3)), (NODE_IP, 8080))
            try:
                assert replies.REPLY.unpack(client.recv(2048))[0] <= nonce
                return nonce
            except TimeoutError:
                continue
    raise AssertionError("no swap is answered any more")


def test_worker_stands_still(world, traffic):
    """A stopped process, as a busy machine or a debugger makes it; the kernel goes on."""
    sent = traffic("large", 10000)
    with world.udp("host", 40000), Node(world, "--json") as node:
        os.kill(node.pid, signal.SIGSTOP)
        frames = world.replay(sent.pcap, "--pps", "50000")
        node.judged(frames)
        os.kill(node.pid, signal.SIGCONT)
        frames += swaps_until_answered(world)
        summary = node.stop().summary
    assert assert_accounted(summary) > 0
    assert summary["verdicts"]["redirect"] == frames


@pytest.mark.parametrize("options", (("--poll", "wait"), ("--poll", "spin"), ("--mode", "skb")),
                         ids=" ".join)
def test_as_fast_as_it_goes(world, traffic, options):
    """Sent without a pause between frames; every reply that was counted arrived, each once."""
    sent = traffic("large", 50000)
    with world.udp("host", 40000), Capture(world) as capture, \
            Node(world, "--json", *options) as node:
        frames = world.replay(sent.pcap, "--topspeed")
        node.judged(frames)
        frames += swaps_until_answered(world)
        summary = node.stop().summary
        # What overran the host's own receive queue is no fault of the node's.
        link, = json.loads(world.run("node", "ip", "-j", "-s", "link", "show", "veth1").stdout)
        out = link["stats64"]["tx"]
        found = [replies.parse(frame) for frame in capture.frames(out["packets"])]
    assert_accounted(summary)
    assert summary["verdicts"]["redirect"] == frames
    assert out["packets"] + out["dropped"] == summary["verdicts"]["replied"]
    assert len({reply.nonce for reply in found}) == len(found) == out["packets"]


def test_stop_in_a_flood(world, traffic):
    """It detaches first, so the flood ends for it; what it has taken it still answers."""
    with world.udp("host", 40000), Node(world, "--json") as node, \
            Replay(world, traffic("large", 50000).pcap, "--topspeed", "--loop=0"):
        node.judged(10000)
        ended = node.stop()
    assert ended.code == 0
    assert_accounted(ended.summary)
    assert ended.summary["verdicts"]["replied"] > 0


def test_link_flaps_under_load(world, traffic):
    """Replies that a downed link refuses are offered again, or counted as sent; none is lost."""
    with world.udp("host", 40000), Node(world, "--json") as node, \
            Replay(world, traffic("large", 50000).pcap, "--pps=20000", "--loop=0"):
        for i in range(3):
            node.judged(3000 * (i + 1))
            world.run("node", "ip", "link", "set", "veth1", "down")
            world.run("node", "ip", "link", "set", "veth1", "up")
        node.judged(12000)
        summary = node.stop().summary
    assert_accounted(summary)
