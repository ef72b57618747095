# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Frames that somebody forges: what they get out of the node, and what they do to it.

docs/security.md is the list; it names these tests and those elsewhere.
"""

import socket
import struct
import time
from contextlib import ExitStack

import pytest

import replies
from lab import (HOST_IP, HOST_MAC, NODE_IP, NODE_MAC, OWN_IP, Capture, Node, TapWorld, World,
                 until)
from test_engine import KERNEL, far_side
from test_swaps import ENDS, POOL, answer_to, ask, frames_with, swap, update
from trafficgen import wire
from trafficgen.pcap import read_frames

pytestmark = pytest.mark.root

ENGINES = {"user": (), "kernel": KERNEL}
PLACES = {"user": (World, ()), "user skb": (World, ("--mode", "skb")), "kernel": (World, KERNEL),
          "kernel skb": (World, (*KERNEL, "--mode", "skb")), "tap": (TapWorld, ())}
LAST = 2**64 - 1  # nonce of a swap behind all others
MARK = b"\xa5"
ETHERNET_MIN = 60  # without FCS: what the wire pads a frame to


@pytest.fixture
def place():
    """place(NAME): the world and the options of a node there, which can send."""
    with ExitStack() as stack:
        def make(name: str) -> tuple:
            kind, options = PLACES[name]
            made = stack.enter_context(kind())
            if "kernel" in name:
                made.program_on_peer()
            return made, ("--json", *options)
        yield make


def four(payload, source=ENDS.src_ip, port=40000, to=ENDS.dst_ip, dport=8080):
    """An IPv4 packet."""
    return wire.ipv4(source, to, 17, wire.udp(source, to, port, dport, payload))


def six(payload, source=ENDS.src_ip6, port=40000, to=ENDS.dst_ip6, dport=8080):
    """An IPv6 packet."""
    return wire.ipv6(source, to, 17, wire.udp(source, to, port, dport, payload))


def frame(packet, source=HOST_MAC, to=NODE_MAC, tags=()):
    """Either of them on the wire."""
    kind = wire.ETH_IPV4 if packet[0] >> 4 == 4 else wire.ETH_IPV6
    return wire.ethernet(to, source, kind, packet, tags)


def paying(nonce):
    """A swap that is answered."""
    return swap(nonce, 2 * 10**10)


def until_last(sock, capture) -> list:
    """What has come back, once all that was sent before is judged: frames keep their order."""
    def found():
        frames = capture.frames()
        answers = map(replies.parse, frames)
        return frames if any(reply and reply.nonce == LAST for reply in answers) else None

    sock.send(frame(four(paying(LAST))))
    return until(found, "the last swap is answered")[:-1]


def answered(summary) -> int:
    """Swaps that a node has answered, by either engine."""
    return summary["verdicts"]["replied"] + summary["verdicts"]["replied_in_driver"]


# --- nobody is made to speak to others, nor to itself -------------------------------------------


@pytest.mark.parametrize("near, far", (("user", "user"), ("user", "kernel"), ("kernel", "user")))
def test_two_nodes_face_each_other(world, near, far):
    """Swaps in each other's name, from either port: one reply each, which nobody answers.

    Two in the driver: test_engine.py::test_replies_do_not_loop.
    """
    forged = [frame(make(paying(port), port=port), tags=tags)
              for make in (four, six) for port in (8080, 8081)
              for tags in ((), ((wire.ETH_VLAN, 5),))]
    with Node(world, "--json", *ENGINES[near]) as node, \
            Node(far_side(world), "--json", *ENGINES[far]) as other, world.wire() as sock:
        for each in forged:
            sock.send(each)
        node.judged(len(forged))
        other.judged(len(forged))
        time.sleep(0.2)  # in which a loop would go round thousands of times
        counted = [sum(found.counters().values()) for found in (node, other)]
        ended = other.stop().summary, node.stop().summary
    assert counted == [len(forged)] * 2
    assert answered(ended[1]) == len(forged)
    assert ended[0]["verdicts"]["bad_length"] == len(forged) and answered(ended[0]) == 0


def test_two_stacks_face_each_other(world):
    """The same for what the TCP/UDP stack answers: SYN, echo, datagrams whole and in fragments."""
    far_ip = "192.168.69.4"
    source, target = socket.inet_aton(far_ip), socket.inet_aton(OWN_IP)
    datagram = wire.udp(source, target, 8080, 8080, paying(1))
    probes = [tcp(source, target, 8080, 8080), echo(source, target, b""),
              four(b"", source, 8080, target, 9),
              wire.ipv4(source, target, 17, datagram[:24], fragment=0x2000),
              wire.ipv4(source, target, 17, datagram[24:], fragment=3)]
    with Node(world, "--own-ip", f"{OWN_IP}/24", "--json") as node, \
            Node(far_side(world), "--own-ip", f"{far_ip}/24", "--json") as other, \
            world.wire() as sock:
        before = other.counters()["stack"]
        for probe in probes:
            sock.send(frame(probe))
        # SYN+ACK, echo reply and port unreachable, and a reply from the one swap port to the other.
        until(lambda: other.counters()["bad_length"] == 1 and
              other.counters()["stack"] - before == 3, "the far node has it all")
        time.sleep(0.2)
        near, far = node.stop().summary["stack"], other.stop().summary["stack"]
    assert near["udp"] == {"replied": 1}
    assert (far["opened"], far["udp_datagrams"], far["malformed"]) == (0, 0, 1)  # SYN+ACK
    assert far["frames_out"] == 1  # who it is, said at the start
    assert near["opened"] == 0


FROM = {  # what an IPv4 swap may say of its source that no host has
    "broadcast": "255.255.255.255", "multicast": "224.0.0.1", "unspecified": "0.0.0.0",
    "loopback": "127.0.0.1"}
FROM6 = {"unspecified": "::", "loopback": "::1", "multicast": "ff02::1",
         "mapped": f"::ffff:{HOST_IP}"}


def unanswerable():
    """Swaps that would pay, each with one thing about it that nobody may answer."""
    for address in FROM.values():
        yield frame(four(paying(1), socket.inet_aton(address)))
    for address in FROM6.values():
        yield frame(six(paying(1), socket.inet_pton(socket.AF_INET6, address)))
    for make in (four, six):
        packet = make(paying(1))
        yield frame(make(paying(1), port=0))
        yield frame(packet, source=b"\xff" * 6)
        yield frame(packet, source=bytes.fromhex("01005e000001"))
        yield frame(packet, to=b"\xff" * 6)
        yield frame(packet, to=bytes.fromhex("01005e000001"))
        yield frame(packet, to=bytes.fromhex("020000000099"))  # flooded by a switch, or mirrored
    yield frame(four(paying(1), to=socket.inet_aton("224.0.0.1")))
    yield frame(four(paying(1), to=b"\xff" * 4))
    yield frame(six(paying(1), to=socket.inet_pton(socket.AF_INET6, "ff02::1")))


@pytest.mark.parametrize("name", ("user", "kernel", "tap"))
def test_forged_senders(place, name):
    """Groups, nobody and other hosts' frames are passed and never answered; who says that he is the
    node gets one reply, to the address that he gave.
    """
    world, options = place(name)
    nobody = list(unanswerable())
    itself = [frame(four(paying(10), ENDS.dst_ip)), frame(six(paying(11), ENDS.dst_ip6)),
              frame(four(paying(12), ENDS.dst_ip, 8080)),
              frame(four(paying(13), ENDS.dst_ip, 8081), source=NODE_MAC)]
    with Node(world, *options) as node, Capture(world) as capture, world.wire() as sock, \
            world.udp("host", 40000):
        for each in nobody + itself:
            sock.send(each)
        back = [each for each in until_last(sock, capture) if replies.parse(each)]
        summary = node.stop().summary
    assert back == [answer_to(each, replies.parse(answer)) for each, answer in zip(itself, back)]
    assert len(back) == len(itself)
    assert back[3][:12] == NODE_MAC * 2  # which a switch does not send back
    assert answered(summary) == len(itself) + 1
    passed = summary["verdicts"]["pass"] + summary["verdicts"]["stack"]
    assert passed >= len(nobody)  # and what the host's kernel has to say to a reply
    if name == "tap":  # the one from port 0 that is for the stack's own address
        assert summary["stack"]["udp"] == {"rejected": 1}


# --- size and content of replies ----------------------------------------------------------------


@pytest.mark.parametrize("name", PLACES)
def test_replies_are_smaller_and_hold_nothing_else(place, name):
    """After large frames full of a mark, a reply is made of its own request alone, to the byte."""
    world, options = place(name)
    large = frame(four(paying(1)) + MARK * 1300)
    asked = [each for _, each in frames_with(paying(7))]
    with Node(world, *options) as node, Capture(world) as capture, world.wire() as sock, \
            world.udp("host", 40000):
        sent = 0
        while sent < (4500 if name == "user" else 500):  # each chunk of the UMEM holds the mark
            for _ in range(500):
                sent += bool(sock.send(large))
            capture.frames(sent)
        for each in asked:
            sock.send(each)
        back = until_last(sock, capture)
        summary = node.stop().summary
    assert set(back[:sent]) == {answer_to(large, replies.parse(back[0]))}
    assert back[sent:] == [answer_to(each, replies.parse(answer))
                           for each, answer in zip(asked, back[sent:])]
    assert len(back) - sent == len(asked) == answered(summary) - sent - 1
    for each, answer in zip(asked, back[sent:]):
        assert ETHERNET_MIN < len(answer) <= len(each) - 16
        assert MARK * 4 not in answer


def nonce_of(request: bytes) -> int:
    """Of a swap, in whatever dress."""
    ip = 18 if request[12:14] in (b"\x81\x00", b"\x88\xa8") else 14
    head = (request[ip] & 15) * 4 if request[ip] >> 4 == 4 else 40
    return int.from_bytes(request[ip + head + 8:ip + head + 16], "little")


@pytest.mark.parametrize("name", ("user", "kernel", "tap"))
def test_replies_of_a_capture(place, traffic, name):
    """The same for thousands of generated swaps among other frames: by each its own, and smaller."""
    world, options = place(name)
    sent = traffic("mixed", 5000)
    due = replies.read_expected(sent.replies_csv)
    asked = {nonce_of(each): each for _, each in read_frames(sent.pcap) if len(each) >= 90}
    with Node(world, *options) as node, Capture(world) as capture:
        world.replay(sent.pcap, "--pps", "20000")
        until(lambda: len(list(filter(replies.parse, capture.frames()))) >= len(due), "all replies")
        node.stop()
        back = [found for found in map(replies.parse, capture.frames()) if found]
    assert sorted(reply.nonce for reply in back) == sorted(due)
    for reply in back:
        assert reply.frame == answer_to(asked[reply.nonce], reply)
        assert ETHERNET_MIN < len(reply.frame) <= len(asked[reply.nonce]) - 16


def tcp(source, target, sport, dport, flags=0x02):
    """A segment without options."""
    return wire.ipv4(source, target, wire.PROTO_TCP, wire.transport(
        source, target, wire.PROTO_TCP,
        struct.pack("!HHIIBBHHH", sport, dport, 1, 0, 5 << 4, flags, 1000, 0, 0), 16))


def echo(source, target, data):
    """A ping."""
    message = struct.pack("!BBHHH", 8, 0, 0, 1, 1) + data
    return wire.ipv4(source, target, wire.PROTO_ICMP, message[:2] + wire.checksum(message).to_bytes(
        2, "big") + message[4:])


@pytest.mark.parametrize("kind", (World, TapWorld), ids=("af_xdp", "tap"))
def test_stack_answers_are_small(kind):
    """The TCP/UDP stack's, too, but for one: a port unreachable is 70 bytes for a frame of 60."""
    with kind() as world:
        mac, ip = world.link_mac(), socket.inet_aton(world.own_ip)
        source = socket.inet_aton("192.168.69.9")  # no kernel's, which would have its say as well
        arp = struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 1, mac, source, bytes(6), ip)
        probes = {"arp": wire.ethernet(NODE_MAC, mac, wire.ETH_ARP, arp)}
        for name, packet in (("echo", echo(source, ip, b"")),
                             ("syn", tcp(source, ip, 40001, 8080)),
                             ("closed port", tcp(source, ip, 40002, 9)),
                             ("no connection", tcp(source, ip, 40003, 8080, 0x10)),
                             ("udp", four(b"", source, to=ip, dport=9))):
            probes[name] = frame(packet, mac)
        with Node(world, *world.owning, "--json") as node, Capture(world) as capture, \
                world.wire() as sock, world.udp("host", 40000):
            sock.send(frame(four(paying(1), to=ip) + MARK * 1300, mac))
            capture.frames(1)
            for count, probe in enumerate(probes.values(), 2):
                sock.send(probe + MARK * (ETHERNET_MIN - len(probe)))
                capture.frames(count)
            back = capture.frames()[1:]
            node.stop()
    sizes = dict(zip(probes, map(len, back)))
    assert sizes == {"arp": 42, "echo": 42, "syn": 58, "closed port": 54, "no connection": 54,
                     "udp": 70}
    assert not [each for each in back if MARK * 4 in each]


# --- ICMP errors --------------------------------------------------------------------------------


def icmp_errors(packet: bytes):
    """Every kind that may follow an IP packet of the node's, to where it came from."""
    source, target = packet[16:20], packet[12:16]
    for kind, code, rest in ((3, 3, 0), (3, 4, 68), (3, 1, 0), (3, 13, 0), (4, 0, 0),
                             (5, 1, 0xC0A84563), (11, 0, 0), (12, 0, 0)):
        message = struct.pack("!BBHI", kind, code, 0, rest) + packet[:28]
        message = message[:2] + wire.checksum(message).to_bytes(2, "big") + message[4:]
        yield frame(wire.ipv4(source, target, wire.PROTO_ICMP, message))
    for kind, rest in ((1, 0), (2, 1280), (3, 0), (4, 0)):
        message = struct.pack("!BBHI", kind, 0, 0, rest) + packet
        yield frame(wire.ipv6(ENDS.src_ip6, ENDS.dst_ip6, wire.PROTO_ICMPV6, wire.transport(
            ENDS.src_ip6, ENDS.dst_ip6, wire.PROTO_ICMPV6, message, 2)))


@pytest.mark.parametrize("name", ("user", "kernel", "tap"))
def test_icmp_errors_change_nothing(place, name):
    """About replies or about connections: they are not the node's, and it goes on as before."""
    world, options = place(name)
    question = frame(four(paying(1)))
    with Node(world, *options, *world.owning) as node, Capture(world) as capture, \
            world.wire() as sock, world.udp("host", 40000):
        sock.send(question)
        before = capture.frames(1)[0]
        errors = list(icmp_errors(before[14:]))
        for each in errors:
            sock.send(each)
        sock.send(question)
        after = until_last(sock, capture)
        with world.tcp() as client:
            ours, theirs = socket.inet_aton(world.own_ip), client.getsockname()[1]
            client.sendall(paying(2))
            first = client.recv(100)
            segment = tcp(ours, ENDS.src_ip, 8080, theirs, 0x10)
            for each in icmp_errors(segment):
                sock.send(each)
            client.sendall(paying(3))
            second = client.recv(100)
        summary = node.stop().summary
    assert [each for each in after if replies.parse(each)] == [before, before]
    assert [replies.REPLY.unpack(each)[0] for each in (first, second)] == [2, 3]
    assert first[8:] == second[8:]
    assert answered(summary) == 3 and summary["stack"]["tcp"] == {"replied": 2}
    assert summary["verdicts"]["pass"] + summary["verdicts"]["stack"] >= 2 * len(errors)


# --- pool updates -------------------------------------------------------------------------------


@pytest.fixture(name="feed")
def feed_file(tmp_path):
    """A configuration that believes HOST_IP alone."""
    tmp_path.chmod(0o755)
    path = tmp_path / "feed.ini"
    path.write_text(f"[feed]\nallow = {HOST_IP}/32\n[pool {POOL.hex()}]\nfee = 3/1000\n"
                    f"reserve0 = {10**12}\nreserve1 = {5 * 10**11}\n")
    return path


class Feeder:
    """Sends updates of the pool, and asks which is in force by the slot in a reply."""

    def __init__(self, sock, client):
        self._sock, self._client = sock, client

    def send(self, seq, slot, make=four, **how) -> int:
        """An update; returns the slot that counts then."""
        self._sock.send(frame(make(update(10**12, 5 * 10**11, slot, seq), dport=8081, **how)))
        return ask(self._client, paying(slot)).slot


@pytest.mark.parametrize("name", ("user", "kernel", "tap"))
def test_feed_is_told_by_its_address(place, name, feed):
    """From another one an update is forbidden; in the feed's name, which anybody can forge, not."""
    world, options = place(name)
    with Node(world, *options, "-c", feed) as node, world.wire() as sock, \
            world.udp("host") as client:
        feeder = Feeder(sock, client)
        assert feeder.send(1, 1) == 1
        for address in ("192.168.69.7", NODE_IP, "10.0.0.1", "127.0.0.1", "255.255.255.255"):
            assert feeder.send(2, 66, source=socket.inet_aton(address)) == 1
        for address in (ENDS.src_ip6, socket.inet_pton(socket.AF_INET6, f"::{HOST_IP}")):
            assert feeder.send(2, 66, six, source=address) == 1
        mapped = socket.inet_pton(socket.AF_INET6, f"::ffff:{HOST_IP}")
        assert feeder.send(2, 66, six, source=mapped) == 1  # of the same key, were it looked up
        assert feeder.send(2, 2, port=53) == 2
        summary = node.stop().summary
    verdicts = summary["verdicts"]
    assert (verdicts["update_applied"], verdicts["update_forbidden"]) == (2, 7)
    assert summary["pools"][0]["updates"] == 2


@pytest.mark.parametrize("name", ("user", "kernel", "tap"))
def test_replayed_and_poisoned_updates(place, name, feed):
    """What the sequence keeps out, and what it does not: a jump, and the start of a stream."""
    world, options = place(name)
    half, seq = 2**31, 2**32 - 3
    with Node(world, *options, "-c", feed) as node, world.wire() as sock, \
            world.udp("host") as client:
        feeder = Feeder(sock, client)
        assert feeder.send(seq, 1) == 1
        for again in (seq, seq - 1, (seq + half) % 2**32, seq - half + 1):
            assert feeder.send(again, 66) == 1
        assert feeder.send(seq + 1, 2) == 2
        # As far ahead as counts as newer: the feed itself is stale from now on...
        assert feeder.send((seq + half) % 2**32, 77) == 77
        assert feeder.send(seq + 2, 3) == 77
        # ...until it starts over, which whoever has heard it can repeat.
        assert feeder.send(0, 4) == 4
        assert feeder.send(1, 5) == 5
        assert feeder.send(0, 4) == 4
        assert feeder.send(2, 6) == 6
        summary = node.stop().summary
    assert summary["verdicts"]["update_stale"] == 5
    pool = summary["pools"][0]
    assert (pool["updates"], pool["stale"], pool["gaps"]) == (7, 5, 2)
