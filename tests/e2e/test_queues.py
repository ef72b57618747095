# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Two queues: a worker for each, or a worker for one and the kernel for the other."""

import os
import re
import signal
from contextlib import ExitStack

import pytest

import replies
from lab import HOST_MAC, NODE_MAC, Capture, HeldQueue, Node, until
from trafficgen import wire

pytestmark = pytest.mark.root

FLOWS = 256
POOL = bytes.fromhex("a0b86991c6218b36c1d19d4a2e9eb0ce3606eb48")


def flows():
    """A profitable swap from each of many source ports: veth spreads flows over its queues.

    The hash that spreads them is the same for the same frames until the machine boots.
    """
    ends = wire.Endpoints()
    for nonce in range(FLOWS):
        payload = wire.SWAP.pack(nonce, POOL, 2 * 10**10, 1, 0, bytes(3))
        datagram = wire.udp(ends.src_ip, ends.dst_ip, 20000 + nonce, 8080, payload)
        packet = wire.ipv4(ends.src_ip, ends.dst_ip, wire.PROTO_UDP, datagram)
        yield wire.ethernet(NODE_MAC, HOST_MAC, wire.ETH_IPV4, packet)


def run_flows(world, *options):
    """One node's life: its summary, the nonces answered, the nonces that its kernel was given."""
    with ExitStack() as stack:
        # Somebody owns the ports that replies go to, so the host's kernel sends no ICMP error.
        for nonce in range(FLOWS):
            stack.enter_context(world.udp("host", 20000 + nonce))
        kernel = stack.enter_context(world.udp("node", 8080))
        capture = stack.enter_context(Capture(world))
        node = stack.enter_context(Node(world, "--json", *options))
        sock = stack.enter_context(world.wire())
        for frame in flows():
            sock.send(frame)
        node.judged(FLOWS)
        summary = node.stop().summary
        verdicts = summary["verdicts"]
        delivered = {wire.SWAP.unpack(kernel.recv(2048))[0] for _ in range(verdicts["no_socket"])}
        answered = {replies.parse(frame).nonce for frame in capture.frames(verdicts["replied"])}
    assert verdicts["redirect"] == verdicts["replied"] == len(answered)
    assert verdicts["redirect"] + verdicts["no_socket"] == FLOWS
    assert summary["xsk"]["chunks_missing"] == 0
    return answered, delivered


def test_each_queue_alone_and_both(world2):
    """What one queue's socket does not get, the other's does; both together miss nothing."""
    answered0, kernel0 = run_flows(world2, "-q", "0")
    answered1, kernel1 = run_flows(world2, "-q", "1")
    assert answered0 and answered1
    assert answered0 == kernel1 and answered1 == kernel0
    assert answered0 | answered1 == set(range(FLOWS))
    assert run_flows(world2) == (set(range(FLOWS)), set())
    assert run_flows(world2, "-q", "1,0") == (set(range(FLOWS)), set())


def test_ready_line_and_threads(world2):
    """Every queue is named, and has its thread, on the CPU it was given."""
    with Node(world2, "--cpus", "1,0") as node:
        assert re.fullmatch(r"ready backend=af_xdp mode=copy iface=veth1 queues=0,1 "
                            rf"pid={node.pid}", node.ready)
        allowed = [os.sched_getaffinity(tid) for tid in sorted(node.workers())]
        assert allowed == [{1}, {0}]
    with Node(world2, "-q", "1") as node:
        assert " queues=1 " in node.ready
        assert len(node.workers()) == 1


def test_unserved_queue_is_announced(world2):
    """Where queues are left out, a warning says what becomes of their candidates."""
    with Node(world2, "-q", "0") as node:
        warnings = [line for line in node.stop().err if "no_socket" in line]
    assert len(warnings) == 1 and "1 of 2" in warnings[0]


def test_two_queues_under_load(world2, traffic):
    """Two workers at once; every frame is accounted for, whatever queue it took."""
    sent = traffic("large", 10000, "--src-port", "41000")
    with world2.udp("host", 41000), Node(world2, "--json") as node, world2.wire() as sock:
        spread = list(flows())
        frames = world2.replay(sent.pcap, "--pps", "20000")
        for frame in spread:
            sock.send(frame)
        node.judged(frames + len(spread))
        summary = node.stop().summary
    assert summary["verdicts"]["replied"] == sent.expected["replies"] + FLOWS
    assert summary["xsk"]["rx_ring_full"] == summary["xsk"]["chunks_missing"] == 0
    until(lambda: not world2.xdp_attached(), "the program is gone")


def test_bind_retry_fill_ring(world):
    """A queue that another socket still holds: the bind that succeeds at last gives the kernel each
    chunk once. It gave it the first one only, again and again, and frames overwrote one another."""
    with HeldQueue(world) as held:
        node = Node(world, "--json", "-v", "-m", "copy")
        until(lambda: any("is held by another AF_XDP socket" in line for line in node.said()),
              "the node tries again")
        held.release()
        with ExitStack() as stack:
            stack.enter_context(node)
            for nonce in range(FLOWS):
                stack.enter_context(world.udp("host", 20000 + nonce))
            capture = stack.enter_context(Capture(world))
            sock = stack.enter_context(world.wire())
            os.kill(node.pid, signal.SIGSTOP)  # all of them wait in chunks of their own
            for frame in flows():
                sock.send(frame)
            node.judged(FLOWS)
            os.kill(node.pid, signal.SIGCONT)
            answered = [replies.parse(frame).nonce for frame in capture.frames(FLOWS)]
            summary = node.stop().summary
    assert sorted(answered) == list(range(FLOWS))
    assert summary["xsk"]["chunks_missing"] == 0


def test_fewer_tx_queues(world2):
    """A reply leaves by the queue that its request came on: without one there, the kernel gets it."""
    world2.run("node", "ethtool", "-L", "veth1", "tx", "1")
    answered, delivered = run_flows(world2)
    assert answered and delivered
    with Node(world2, "-q", "0") as node:
        assert any("1 of 2 RX queues" in line for line in node.stop().err)
    refused = Node(world2, "-q", "1")
    ended = refused.ended()
    refused.close()
    assert ended.code == 2 and len(ended.err) == 1 and "no TX queue 1" in ended.err[0]
