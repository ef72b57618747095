# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""--own-ip on AF_XDP: an address of the node's beside the kernel's, on one interface."""

import socket
import threading

import pytest

import compare
import replies
from lab import HOST_IP, HOST_MAC, NODE_IP, NODE_MAC, OWN_IP, Capture, Node, Replay, until
from swapstream import POOL, assert_replies, converse, stream, swap
from trafficgen import wire

pytestmark = pytest.mark.root

OWN = ("--own-ip", f"{OWN_IP}/24", "--json")


def ping(world, address, count=3, wait=5):
    """Whether so many echo requests are all answered."""
    done = world.run("host", "ping", "-n", "-c", count, "-i", "0.05", "-W", wait, address,
                     check=False)
    return f" {count} received" in done.stdout


def test_two_addresses(world):
    """The kernel keeps its own, and never sees the node's."""
    with Node(world, *OWN) as node:
        before = kernel_received(world)
        assert ping(world, OWN_IP, 20)
        assert kernel_received(world) - before == 0
        assert ping(world, NODE_IP, 20)
        assert kernel_received(world) - before == 20
        summary = node.stop().summary
    verdicts = summary["verdicts"]
    assert 21 <= verdicts["stack"] <= 24  # ARP, too
    assert verdicts["pass"] >= 20
    assert summary["stack"]["frames_in"] == verdicts["stack"]
    assert summary["xsk"]["chunks_missing"] == 0


def kernel_received(world) -> int:
    """IP packets that the kernel on the node's side has taken in."""
    lines = world.run("node", "cat", "/proc/net/snmp").stdout.splitlines()
    names, values = (line.split() for line in lines if line.startswith("Ip:"))
    return int(values[names.index("InReceives")])


def test_without_it_nothing_is_owned(world):
    """Nobody answers for the address, and no frame is the stack's."""
    with Node(world, "--json") as node:
        assert not ping(world, OWN_IP, 1, wait=1)
        assert ping(world, NODE_IP)
        summary = node.stop().summary
    assert summary["verdicts"]["stack"] == 0
    assert "stack" not in summary


def test_kernel_services_go_on(world):
    """A TCP service of the kernel's on the swap port, a UDP one beside it, and the node's own."""
    with world.entered("node"):
        listener = socket.create_server((NODE_IP, 8080))
    with listener, world.udp("node", 9000) as service, world.udp("host") as client, \
            Node(world, *OWN) as node:
        with world.tcp(NODE_IP) as sock, world.tcp() as own:
            peer, _ = listener.accept()
            with peer:
                sock.sendall(b"to the kernel")
                assert peer.recv(100) == b"to the kernel"
            own.sendall(swap(1))
            assert replies.REPLY.unpack(own.recv(100))[0] == 1
        client.sendto(b"datagram", (NODE_IP, 9000))
        assert service.recv(100) == b"datagram"
        for nonce, address in ((2, OWN_IP), (3, NODE_IP)):  # UDP swaps to either address
            client.sendto(swap(nonce), (address, 8080))
            data, sender = client.recvfrom(100)
            assert replies.REPLY.unpack(data)[0] == nonce and sender == (address, 8080)
        summary = node.stop().summary
    assert summary["verdicts"]["replied"] == 2
    assert summary["stack"]["tcp"]["replied"] == 1


def test_the_kernels_own_address(world):
    """Owned by the node, it is the kernel's no more as far as IPv4 and ARP go."""
    world.run("host", "ip", "neighbour", "delete", NODE_IP, "dev", "veth0")
    with Node(world, "--own-ip", f"{NODE_IP}/24", "--json") as node:
        assert ping(world, NODE_IP)
        with world.tcp(NODE_IP) as sock:
            sock.sendall(swap(1))
            assert len(sock.recv(100)) == 32
        assert node.stop().summary["stack"]["opened"] == 1
    assert ping(world, NODE_IP)  # the kernel's again


@pytest.mark.parametrize("options", (("--poll", "spin"), ("--poll", "busy"), ("--mode", "skb")),
                         ids=" ".join)
def test_every_way_to_wait(world, options):
    """The stack's frames go out however the worker waits, timers' included."""
    sent = stream(3000, kinds=20)
    with Node(world, *OWN, *options) as node:
        assert ping(world, OWN_IP)
        with world.tcp() as sock:
            assert_replies(converse(sock, sent.data), sent.due)
        assert ping(world, OWN_IP, 1)  # behind the last acknowledgement
        summary = node.stop().summary
    assert summary["stack"]["closed"] == 1
    assert summary["xsk"]["chunks_missing"] == 0


def test_two_queues(world2):
    """Frames come by either queue and leave by the first."""
    sent = stream(2000, kinds=20)
    with Node(world2, *OWN) as node:
        for _ in range(16):  # ports that the kernel spreads over the queues
            with world2.tcp() as sock:
                assert_replies(converse(sock, sent.data), sent.due)
        summary = node.stop().summary
    assert 15 <= summary["stack"]["closed"] <= 16  # the last acknowledgement may be under way
    assert summary["xsk"]["chunks_missing"] == 0


def test_capture_while_tcp_runs(world, traffic):
    """Verdicts of a replayed capture are as predicted, and so is the TCP stream meanwhile."""
    sent, swaps = traffic("mixed", 20000), stream(20000, kinds=50)
    with world.udp("host", 40000), Node(world, *OWN) as node, world.tcp() as sock:
        back = []
        thread = threading.Thread(target=lambda: back.append(
            converse(sock, swaps.data, 500, at_once=False)))
        with Replay(world, sent.pcap, "--pps", "20000") as replay:
            thread.start()
            frames = replay.sent()
        thread.join()
        until(lambda: sum(node.counters().values()) - node.counters()["stack"] >= frames,
              "all frames judged")
        summary = node.stop().summary
    verdicts = summary["verdicts"]
    owned = verdicts.pop("stack")
    assert owned > 100
    expected = sent.expected["verdicts"]
    assert {name: count for name, count in verdicts.items() if count} == \
        {name: count for name, count in expected.items() if count}
    assert len(back[0]) % 32 == 0  # of what profit, is as the capture's updates have it
    assert compare.differences({**summary, "verdicts": verdicts}, {}) == []


@pytest.mark.parametrize("tag", ((), ((wire.ETH_VLAN, 5),)), ids=("plain", "tagged"))
def test_hot_path_first(world, tag):
    """A whole swap to the node's own address is the hot path's, not the stack's."""
    source, target = socket.inet_aton(HOST_IP), socket.inet_aton(OWN_IP)
    packet = wire.ipv4(source, target, 17, wire.udp(source, target, 40000, 8080,
                                                    wire.SWAP.pack(5, POOL, 2 * 10**10, 1, 0,
                                                                   bytes(3))))
    with world.udp("host", 40000), Capture(world) as capture, world.wire() as sock, \
            Node(world, *OWN) as node:
        sock.send(wire.ethernet(NODE_MAC, HOST_MAC, wire.ETH_IPV4, packet, tag))

        def reply():
            found = [frame for frame in capture.frames() if replies.parse(frame)]
            return found and replies.parse(found[0])

        assert until(reply, "a reply").nonce == 5
        verdicts = node.stop().summary["verdicts"]
    assert (verdicts["replied"], verdicts["stack"]) == (1, 0)


def test_wrong_addresses(world):
    """Exit code 2 and one line, and nothing stays."""
    for address in ("192.168.69.3", "192.168.69.3/0", "192.168.69.3/33", "0.0.0.0/24",
                    "host/24", "::1/64", "", "/24", "1.2.3/24", "1.2.3.4.5/24"):
        node = Node(world, "--own-ip", address)
        try:
            ended = node.ended()
        finally:
            node.close()
        assert (ended.code, ended.out, len(ended.err)) == (2, [], 1), address
    assert not world.pins.exists()
