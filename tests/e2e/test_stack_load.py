# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""TCP clients that are many, greedy, slow, hostile, or behind a bad link; on either back end."""

import random
import selectors
import socket
import struct
import threading
import time

import pytest

import replies
from lab import NODE_MAC, TIMEOUT, Node, TapWorld, World
from relay import Harm, Relay
from swapstream import Stream, assert_replies, converse, stream, swap, tcp_counts
from trafficgen import wire

pytestmark = pytest.mark.root


@pytest.fixture(params=(World, TapWorld), ids=("af_xdp", "tap"))
def world(request):
    """Either back end; Node(world, *world.owning) then owns world.own_ip."""
    with request.param() as made:
        yield made


# --- many, slow, hostile ------------------------------------------------------------------------


def rounds_of(socks, count, records=4):
    """`count` rounds: each client sends some records in two pieces and waits for its replies."""
    waiting = selectors.DefaultSelector()
    for round_ in range(count):
        data = b"".join(swap(round_ * records + i + 1) for i in range(records))
        for piece in (data[:61], data[61:]):
            for sock in socks:
                sock.sendall(piece)
        got = {sock: bytearray() for sock in socks}
        for sock in socks:
            waiting.register(sock, selectors.EVENT_READ)
        end = time.monotonic() + TIMEOUT
        while waiting.get_map():
            assert time.monotonic() < end, f"{len(waiting.get_map())} clients starve"
            for key, _ in waiting.select(1):
                got[key.fileobj] += key.fileobj.recv(4096)
                if len(got[key.fileobj]) >= 32 * records:
                    waiting.unregister(key.fileobj)
        for data in got.values():
            assert [r[0] for r in replies.REPLY.iter_unpack(data)] == \
                [round_ * records + i + 1 for i in range(records)]
    waiting.close()


def test_thousand_connections(world):
    """All are served, round after round, in memory that stays as it is."""
    with Node(world, *world.owning, "--json") as node:
        socks = []
        try:
            socks += [world.tcp() for _ in range(1000)]
            rounds_of(socks, 2)
            before = node.memory_kib()
            rounds_of(socks, 5)
            assert node.memory_kib() - before < 1024
        finally:
            for sock in socks:
                sock.close()
        stack = node.stop().summary["stack"]
    assert (stack["opened"], stack["refused"]) == (1000, 0)
    assert stack["tcp"]["replied"] == 7 * 4 * 1000


def test_greedy_client(world):
    """One that sends as fast as it can keeps 50 others waiting for no more than moments."""
    sent = stream(100000, kinds=20)
    with Node(world, *world.owning, "--json"), world.tcp() as greedy:
        others = [world.tcp() for _ in range(50)]
        back = []
        thread = threading.Thread(target=lambda: back.append(converse(greedy, sent.data)))
        thread.start()
        worst = 0
        try:
            while thread.is_alive():
                begin = time.monotonic()
                rounds_of(others, 1)
                worst = max(worst, time.monotonic() - begin)
        finally:
            thread.join()
            for sock in others:
                sock.close()
        assert_replies(back[0], sent.due)
    assert worst < 2


def until_stuck(sock, data) -> int:
    """Send until for half a second nothing is taken any more; returns how much was."""
    sent = 0
    sock.settimeout(0.5)
    try:
        while sent < len(data):
            sent += sock.send(data[sent:sent + 65536])
    except TimeoutError:
        pass
    sock.settimeout(TIMEOUT)
    return sent


def test_slow_reader(world):
    """It is throttled, in bounded memory; others are served; what it was owed it then gets."""
    sent = stream(200000, kinds=20)
    with Node(world, *world.owning, "--json") as node:
        with world.tcp() as quick, world.tcp() as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
            before = node.memory_kib()
            taken = until_stuck(slow, sent.data)
            assert taken < len(sent.data) // 4
            assert node.memory_kib() - before < 2048
            rounds_of([quick], 5)
            assert_replies(converse(slow, b""), due_of(sent, taken // 48))
        stack = node.stop().summary["stack"]
    assert stack["throttled"] > 0
    assert stack["stalled_closed"] == 0


def due_of(sent: Stream, records: int) -> list:
    """The replies that are due to the first records."""
    return [row for row in sent.due if row[0] <= records]


@pytest.mark.big
def test_given_up_at_last(world):
    """After 60 s without a whole record or an acknowledged reply, however it came to that."""
    with Node(world, *world.owning, "--json") as node, world.tcp() as quick, world.tcp() as silent, \
            world.tcp() as partial, world.tcp() as unread:
        partial.sendall(swap(1)[:24])
        until_stuck(unread, stream(200000, kinds=20).data)
        for _ in range(75):
            rounds_of([quick], 1)
            time.sleep(1)
        for sock in (silent, partial):
            with pytest.raises(ConnectionResetError):
                sock.recv(1)
        stack = node.stop().summary["stack"]
    assert (stack["stalled_closed"], stack["idle_closed"]) == (1, 2)
    assert stack["unfinished"] >= 1


def test_syn_flood(world):
    """20,000 SYNs from everywhere: bounded memory, and whoever means it gets in meanwhile."""
    rng = random.Random(7)
    target, mac = socket.inet_aton(world.own_ip), world.link_mac()

    def syn():
        source = struct.pack("!BBH", 10, rng.randrange(256), rng.randrange(1, 65535))
        segment = struct.pack("!HHLLBBHHH", rng.randrange(1024, 65536), 8080, rng.getrandbits(32),
                              0, 5 << 4, 2, 65535, 0, 0)
        pseudo = source + target + struct.pack("!BBH", 0, 6, len(segment))
        segment = segment[:16] + struct.pack("!H", wire.checksum(pseudo + segment)) + segment[18:]
        return wire.ethernet(NODE_MAC, mac, wire.ETH_IPV4,
                             wire.ipv4(source, target, 6, segment))

    frames = [syn() for _ in range(20000)]
    with Node(world, *world.owning, "--json") as node, world.wire() as sock, world.tcp() as old:
        for frame in frames[:1000]:
            sock.send(frame)
        rounds_of([old], 1)
        before = node.memory_kib()
        for i, frame in enumerate(frames[1000:]):
            sock.send(frame)
            if i % 4000 == 0:
                rounds_of([old], 1)
                with world.tcp() as new:
                    rounds_of([new], 1)
        with world.tcp() as new:
            rounds_of([old, new], 2)
        assert node.memory_kib() - before < 1024
        stack = node.stop().summary["stack"]
    assert stack["half_open_evicted"] > 10000
    assert stack["opened"] == 7


# --- a bad link ---------------------------------------------------------------------------------

HARMS = {
    "loss": Harm(loss=0.02),
    "reordering": Harm(reorder=0.1),
    "duplication": Harm(duplicate=0.2),
    "delay": Harm(delay=0.02),
    "all of it": Harm(loss=0.01, reorder=0.05, duplicate=0.05, delay=0.002),
}


@pytest.mark.parametrize("harm", HARMS.values(), ids=HARMS)
def test_bad_link(world, harm):
    """Frames lost, overtaken, doubled, late: every reply that is due, once and in order."""
    sent = stream(5000, kinds=50)
    with Relay(world, harm) as relay, Node(world, *world.owning, "--json") as node:
        with relay.tcp() as sock:
            assert_replies(converse(sock, sent.data, 2000), sent.due)
        counts = relay.counts
        summary = node.stop().summary
    assert tcp_counts(summary) == sent.verdicts
    for what, share in (("lost", harm.loss), ("doubled", harm.duplicate),
                        ("reordered", harm.reorder)):
        assert (counts[what] > 0) == (share > 0), counts


def test_long_stream_over_a_bad_link(world):
    """100,000 records while 1 % of all frames is lost."""
    sent = stream(100000, kinds=500)
    with Relay(world, Harm(loss=0.01)) as relay, Node(world, *world.owning, "--json") as node:
        with relay.tcp() as sock:
            assert_replies(converse(sock, sent.data, timeout=90), sent.due)
        assert relay.counts["lost"] > 0
        summary = node.stop().summary
    assert tcp_counts(summary) == sent.verdicts
