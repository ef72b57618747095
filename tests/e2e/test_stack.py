# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The node's own address: ARP, ping, UDP and TCP, alike on a TAP device and on AF_XDP."""

import socket
import struct
import subprocess

import pytest

import replies
from lab import HOST_IP, NODE_MAC, TIMEOUT, Node, TapWorld, World, until
from swapstream import assert_replies, converse, stream, swap, tcp_counts
from trafficgen import wire

pytestmark = pytest.mark.root

ETH_ARP = 0x0806


@pytest.fixture(params=(World, TapWorld), ids=("af_xdp", "tap"))
def world(request):
    """Either back end; Node(world, *world.owning) then owns world.own_ip."""
    with request.param() as made:
        yield made


def all_wire(world) -> socket.socket:
    """A socket on the host's side for whole frames of every kind."""
    with world.entered("host"):
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    sock.settimeout(TIMEOUT)
    sock.bind((world.link, 3))
    return sock


def received(sock, count: int) -> bytes:
    """So many bytes."""
    data = bytearray()
    while len(data) < count:
        piece = sock.recv(count - len(data))
        assert piece, f"closed after {len(data)} of {count} bytes"
        data += piece
    return bytes(data)


def settle(world) -> None:
    """What was sent so far has been taken in: an echo reply says so."""
    world.run("host", "ping", "-n", "-c", "1", "-W", "5", world.own_ip)


# --- ARP, ICMP ----------------------------------------------------------------------------------


def test_ping(world):
    """Small, odd, and as large as a frame holds."""
    with Node(world, *world.owning, "--json") as node:
        for size in ("0", "57", "1472"):
            done = world.run("host", "ping", "-n", "-c", "3", "-i", "0.05", "-W", "5", "-s", size,
                             world.own_ip)
            assert " 3 received" in done.stdout, size
        assert NODE_MAC.hex(":") in world.run("host", "ip", "neighbour", "show",
                                              world.own_ip).stdout
        assert node.stop().code == 0


def arp(operation, source_mac, source_ip, target_mac, target_ip):
    """An ARP packet."""
    return struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, operation, source_mac,
                       socket.inet_aton(source_ip), target_mac, socket.inet_aton(target_ip))


@pytest.mark.parametrize("to", (b"\xff" * 6, NODE_MAC), ids=("broadcast", "unicast"))
def test_arping(world, to):
    """Asked, it answers with its MAC; asked for others, not."""
    mac = world.link_mac()
    with Node(world, *world.owning, "--json"), all_wire(world) as sock:
        for target in ("192.168.69.77", world.own_ip):
            sock.send(to + mac + struct.pack("!H", ETH_ARP) +
                      arp(1, mac, HOST_IP, bytes(6), target))
        while True:
            frame = sock.recv(2048)
            if frame[12:14] == struct.pack("!H", ETH_ARP) and frame[20:22] == b"\0\2":
                break
    assert frame[:12] == mac + NODE_MAC
    assert frame[14:42] == arp(2, NODE_MAC, world.own_ip, mac, HOST_IP)


# --- UDP ----------------------------------------------------------------------------------------


def test_udp_clients(world):
    """A Python socket, netcat and socat."""
    with Node(world, *world.owning, "--json") as node:
        with world.udp("host") as client:
            for nonce in range(1, 101):
                client.sendto(swap(nonce), (world.own_ip, 8080))
                assert replies.REPLY.unpack(client.recv(2048))[0] == nonce
        for nonce, command in ((101, ("nc", "-u", "-W", "1", "-w", "5", world.own_ip, "8080")),
                               (102, ("socat", "-T", "1", "-",
                                      f"UDP4:{world.own_ip}:8080,shut-none"))):
            assert piped(world, command, swap(nonce)) == [nonce]
        summary = node.stop().summary
    assert summary["verdicts"]["replied"] == 102


def piped(world, command, data) -> list:
    """The nonces of the replies that a client program prints, given `data` on stdin."""
    with subprocess.Popen(world.inside("host", *command), stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as process:
        try:
            out, _ = process.communicate(data, timeout=TIMEOUT)
        finally:
            process.kill()
    return [reply[0] for reply in replies.REPLY.iter_unpack(out)]


def fragments(world, mac: bytes, payload: bytes, ident: int) -> list:
    """A datagram from port 40000 in two frames, 24 bytes in the first, UDP header included."""
    source, target = socket.inet_aton(HOST_IP), socket.inet_aton(world.own_ip)
    datagram = wire.udp(source, target, 40000, 8080, payload)
    frames = []
    for data, field in ((datagram[:24], 0x2000), (datagram[24:], 3)):
        packet = bytearray(wire.ipv4(source, target, 17, data, ident=ident))
        struct.pack_into("!H", packet, 6, field)
        struct.pack_into("!H", packet, 10, 0)
        struct.pack_into("!H", packet, 10, wire.checksum(bytes(packet[:20])))
        frames.append(wire.ethernet(NODE_MAC, mac, wire.ETH_IPV4, bytes(packet)))
    return frames


def test_fragments(world):
    """A swap in two fragments, in either order, doubled: answered once, through the stack."""
    mac = world.link_mac()
    with Node(world, *world.owning, "--json") as node, world.udp("host", 40000) as client, \
            world.wire() as sock:
        for nonce, order in ((1, (0, 1)), (2, (1, 0)), (3, (0, 0, 1))):
            frames = fragments(world, mac, swap(nonce), nonce)
            for i in order:
                sock.send(frames[i])
            assert replies.REPLY.unpack(client.recv(2048))[0] == nonce
        # Halves that never meet, and datagrams that are no swap.
        for i in range(2000):
            sock.send(fragments(world, mac, swap(9), 1000 + i)[i & 1])
        for frame in fragments(world, mac, swap(9) + bytes(8), 7):
            sock.send(frame)
        client.sendto(swap(4), (world.own_ip, 8080))
        assert replies.REPLY.unpack(client.recv(2048))[0] == 4
        summary = node.stop().summary
    assert summary["stack"]["udp"]["replied"] == 3
    assert summary["verdicts"]["replied"] == 1
    ours = summary["verdicts"]["stack" if world.backend == "af_xdp" else "pass"]
    assert ours >= 2009


# --- TCP clients --------------------------------------------------------------------------------


@pytest.mark.parametrize("chunk", (1, 7, 47, 48, 49, 1000, 65536))
def test_tcp_stream(world, chunk):
    """However it is cut; refused records in between are counted, and nothing is lost."""
    sent = stream(40 if chunk == 1 else 2000 if chunk > 100 else 300, seed=chunk)
    with Node(world, *world.owning, "--json") as node:
        with world.tcp() as sock:
            assert_replies(converse(sock, sent.data, chunk, at_once=chunk > 100), sent.due)
        settle(world)  # the last acknowledgement
        summary = node.stop().summary
    assert tcp_counts(summary) == sent.verdicts
    stack = summary["stack"]
    assert (stack["opened"], stack["closed"], stack["open"], stack["unfinished"]) == (1, 1, 0, 0)
    assert stack["tcp_bytes_in"] == len(sent.data)
    assert stack["tcp_bytes_out"] == 32 * len(sent.due)


def test_tcp_programs(world):
    """netcat and socat."""
    sent = stream(1000)
    with Node(world, *world.owning, "--json"):
        for command in (("nc", "-N", "-w", "5", world.own_ip, "8080"),
                        ("socat", "-t", "5", "-", f"TCP4:{world.own_ip}:8080")):
            assert piped(world, command, sent.data) == [nonce for nonce, _, _ in sent.due]


def test_tcp_ends(world):
    """FIN within a record, RST, nothing at all, a port that nobody serves."""
    with Node(world, *world.owning, "--json") as node:
        with world.tcp() as sock:
            sock.sendall(swap(1) + swap(2)[:20])
            sock.shutdown(socket.SHUT_WR)
            assert [r[0] for r in replies.REPLY.iter_unpack(received(sock, 32))] == [1]
            assert sock.recv(1) == b""
        with world.tcp() as sock:
            sock.sendall(swap(3))
            received(sock, 32)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with world.tcp():
            pass
        with pytest.raises(ConnectionRefusedError):
            world.tcp(port=8079)
        with world.tcp() as sock:  # still there
            sock.sendall(swap(4))
            received(sock, 32)
            stack = node.stop().summary["stack"]
            with pytest.raises(ConnectionResetError):  # told that it is over
                sock.recv(1)
    assert stack["tcp"]["replied"] == 3
    assert (stack["opened"], stack["reset"], stack["unfinished"]) == (4, 1, 1)


def test_pool_update_counts_for_tcp(world):
    """One state for both: an update by UDP changes what TCP is answered, slot and all."""
    update = wire.UPDATE.pack(bytes.fromhex("a0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"), 10**12,
                              5 * 10**11, 77, 1, bytes(16))
    with Node(world, *world.owning, "--json"), world.tcp() as sock, world.udp("host") as feed:
        sock.sendall(swap(1))
        assert replies.REPLY.unpack(received(sock, 32))[3] == 0
        feed.sendto(update, (world.own_ip, 8081))

        def newest():
            sock.sendall(swap(2))
            return replies.REPLY.unpack(received(sock, 32))[3] == 77

        until(newest, "the update is in force")
