# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Single swaps and their replies, down to every byte, in every dress a swap may wear."""

import json
import random
import struct

import pytest

import replies
from lab import HOST_MAC, NODE_IP, NODE_MAC, Capture, Node, run, until
from trafficgen import economics, wire

pytestmark = pytest.mark.root

POOL = bytes.fromhex("a0b86991c6218b36c1d19d4a2e9eb0ce3606eb48")
OTHER_POOL = bytes.fromhex("cbcdf9626bc03e24f779434178a73a0b4bad62ed")
RESERVES = (10**12, 5 * 10**11)
FEE_N, FEE_D = 997, 1000
CAPITAL = 10**11

ENDS = wire.Endpoints()


def swap(nonce, amount, min_out=1, direction=0, pool=POOL):
    """A DexSwapTx."""
    return wire.SWAP.pack(nonce, pool, amount, min_out, direction, bytes(3))


def update(reserve0, reserve1, slot, seq, pool=POOL):
    """A PoolStateUpdate."""
    return wire.UPDATE.pack(pool, reserve0, reserve1, slot, seq, bytes(16))


def assert_economics(reply, amount, min_out, direction, reserves=RESERVES):
    """The profit is that of the exact legs, and within the tolerance of the best there is."""
    rin, rout = reserves[::-1] if direction else reserves
    found = economics.legs(reply.front_run_in, rin, rout, FEE_N, FEE_D, amount, max(min_out, 1))
    assert found is not None and reply.profit == found.profit
    assert reply.front_run_in <= CAPITAL
    best = economics.best_front_run(rin, rout, FEE_N, FEE_D, amount, min_out, CAPITAL)
    assert best.profit - best.tol <= reply.profit <= best.ceiling


def ask(sock, payload):
    """The SwapReply to a payload, through the kernel's own UDP on the client's side."""
    sock.sendto(payload, (NODE_IP, 8080))
    data, sender = sock.recvfrom(2048)
    assert sender == (NODE_IP, 8080)
    assert len(data) == 32
    return replies.Reply(*replies.REPLY.unpack(data), b"")


def random_swap(rng):
    """nonce, amount, min_out, direction of a swap that pays."""
    direction = rng.randint(0, 1)
    rin, rout = RESERVES[::-1] if direction else RESERVES
    amount = rng.randrange(rin // 100, rin // 20)
    out = economics.swap_out(amount, rin, rout, FEE_N, FEE_D)
    return rng.getrandbits(64), amount, int(out * rng.uniform(0.3, 0.99)), direction


def test_udp_client(world):
    """A plain UDP socket asks; its kernel accepts each reply, and the numbers are right."""
    rng = random.Random(20)
    with Node(world), Capture(world) as capture, world.udp("host") as client:
        port = client.getsockname()[1]
        answers = []
        for _ in range(200):
            nonce, amount, min_out, direction = random_swap(rng)
            reply = ask(client, swap(nonce, amount, min_out, direction))
            assert (reply.nonce, reply.slot) == (nonce, 0)
            assert_economics(reply, amount, min_out, direction)
            answers.append(reply)
        frames = capture.frames(len(answers))
    assert len(frames) == len(answers)
    for frame, reply in zip(frames, answers):
        assert len(frame) == 74
        assert (frame[:6], frame[6:12]) == (HOST_MAC, NODE_MAC)
        assert replies.parse(frame)[:4] == reply[:4]  # lengths and both checksums, too
        assert struct.unpack_from("!HH", frame, 34) == (8080, port)
        assert frame[26:34] == ENDS.dst_ip + ENDS.src_ip


def frames_with(payload):
    """(name, frame) of a swap in every legal dress."""
    four = wire.udp(ENDS.src_ip, ENDS.dst_ip, 40000, 8080, payload)
    six = wire.udp(ENDS.src_ip6, ENDS.dst_ip6, 40000, 8080, payload)
    ip4 = wire.ipv4(ENDS.src_ip, ENDS.dst_ip, 17, four, ident=0x1234)
    ip6 = wire.ipv6(ENDS.src_ip6, ENDS.dst_ip6, 17, six, hop_limit=3)
    options = [wire.ipv4(ENDS.src_ip, ENDS.dst_ip, 17, four, b"\x01" * length)
               for length in range(4, 44, 4)]
    no_sum = ip4[:26] + b"\0\0" + ip4[28:]
    yield "plain", wire.ethernet(NODE_MAC, HOST_MAC, wire.ETH_IPV4, ip4)
    yield "IPv6", wire.ethernet(NODE_MAC, HOST_MAC, wire.ETH_IPV6, ip6)
    for packet in options:
        yield f"{len(packet) - 76} bytes of options", wire.ethernet(NODE_MAC, HOST_MAC,
                                                                    wire.ETH_IPV4, packet)
    for tpid in (wire.ETH_VLAN, wire.ETH_QINQ):
        for kind, packet in ((wire.ETH_IPV4, ip4), (wire.ETH_IPV6, ip6),
                             (wire.ETH_IPV4, options[-1])):
            yield f"tag {tpid:#x}", wire.ethernet(NODE_MAC, HOST_MAC, kind, packet,
                                                  ((tpid, 0xE123),))
    yield "padded", wire.ethernet(NODE_MAC, HOST_MAC, wire.ETH_IPV4, ip4 + bytes(range(100)))
    yield "no UDP checksum", wire.ethernet(NODE_MAC, HOST_MAC, wire.ETH_IPV4, no_sum)


def answer_to(frame, reply):
    """The whole frame that must answer `frame`, made from the request's bytes by hand."""
    tag = frame[12:16] if frame[12:14] in (b"\x81\x00", b"\x88\xa8") else b""
    ip = 14 + len(tag)
    payload = replies.REPLY.pack(*reply[:4])
    if frame[ip - 2:ip] == b"\x08\x00":
        head = (frame[ip] & 15) * 4
        src, dst = frame[ip + 12:ip + 16], frame[ip + 16:ip + 20]
        sport, dport = struct.unpack_from("!HH", frame, ip + head)
        packet = wire.ipv4(dst, src, 17, wire.udp(dst, src, dport, sport, payload),
                           frame[ip + 20:ip + head], int.from_bytes(frame[ip + 4:ip + 6], "big"))
    else:
        src, dst = frame[ip + 8:ip + 24], frame[ip + 24:ip + 40]
        sport, dport = struct.unpack_from("!HH", frame, ip + 40)
        packet = wire.ipv6(dst, src, 17, wire.udp(dst, src, dport, sport, payload), 64)
    return frame[6:12] + frame[:6] + tag + frame[ip - 2:ip] + packet


def exchange(capture, sock, frame, before):
    """The frame that comes back for a raw one, `before` having come back already."""
    sock.send(frame)
    return capture.frames(before + 1)[before]


@pytest.mark.parametrize("options", ((), ("--verify-checksum",), ("--mode", "skb")),
                         ids=lambda options: " ".join(options) or "default")
def test_every_dress(world, options):
    """Tags, IPv6, IPv4 options, padding: the reply wears what the request wore, byte for byte."""
    amount, min_out = RESERVES[0] // 50, 1
    with Node(world, *options), Capture(world) as capture, world.wire() as sock, \
            world.udp("host", 40000):
        for i, (name, frame) in enumerate(frames_with(swap(7, amount, min_out))):
            back = exchange(capture, sock, frame, i)
            reply = replies.parse(back)
            assert reply is not None and reply.nonce == 7, name
            assert_economics(reply, amount, min_out, 0)
            assert back == answer_to(frame, reply), name


def test_bad_udp_checksum(world):
    """Only --verify-checksum minds; over IPv6 a sum of zero is wrong as well (RFC 8200)."""
    frames = dict(frames_with(swap(1, RESERVES[0] // 50)))
    wrong = [frames["plain"][:40] + b"\x12\x34" + frames["plain"][42:],
             frames["IPv6"][:60] + b"\0\0" + frames["IPv6"][62:]]
    with Node(world, "--json") as node, world.wire() as sock:
        for frame in wrong:
            sock.send(frame)
        assert node.judged(2)["redirect"] == 2
        assert node.stop().summary["verdicts"]["replied"] == 2
    with Node(world, "--verify-checksum", "--json") as node, world.wire() as sock:
        for frame in wrong:
            sock.send(frame)
        assert node.judged(2)["bad_checksum"] == 2


def test_update_moves_the_pool(world):
    """An update is in force for the very next swap; the reply names its slot."""
    with Node(world, "--json") as node, world.udp("host") as client:
        reserves, seq = RESERVES, 0
        for slot in range(1, 101):
            reserves = (reserves[0] + slot * 10**8, reserves[1] - slot * 10**7)
            seq += 1
            client.sendto(update(*reserves, slot, seq), (NODE_IP, 8081))
            reply = ask(client, swap(slot, 2 * 10**10, 1, slot & 1))
            assert (reply.nonce, reply.slot) == (slot, slot)
            assert_economics(reply, 2 * 10**10, 1, slot & 1, reserves)
            other = ask(client, swap(slot, 2 * 10**10, 1, 0, OTHER_POOL))
            assert other.slot == 0
            assert_economics(other, 2 * 10**10, 1, 0)
        summary = node.stop().summary
    assert summary["verdicts"]["update_applied"] == 100
    assert summary["verdicts"]["replied"] == 200


def test_threshold_changes_while_it_runs(world):
    """`bpftool map update` on the pinned mev_config takes effect with the next frame."""
    path = world.pins / "mev_config"
    with Node(world) as node, world.udp("host") as client:
        ask(client, swap(1, 2 * 10**10))
        value = bytes(int(byte, 0) for byte in json.loads(
            run("bpftool", "-j", "map", "dump", "pinned", path).stdout)[0]["value"])
        old, new = (10**6).to_bytes(8, "little"), (3 * 10**10).to_bytes(8, "little")
        assert value.count(old) == 1
        for there, back in ((old, new), (new, old)):
            value = value.replace(there, back)
            run("bpftool", "map", "update", "pinned", path, "key", "hex", *["00"] * 4, "value",
                "hex", *value.hex(" ").split())
            if back == new:
                client.sendto(swap(2, 2 * 10**10), (NODE_IP, 8080))
                until(lambda: node.counters()["below_min"] == 1, "a verdict by the new threshold")
            else:
                assert ask(client, swap(3, 2 * 10**10)).nonce == 3


def test_kernel_keeps_other_traffic(world):
    """UDP to other ports, and swaps nobody should answer, reach sockets on the node's side."""
    with Node(world, "--json") as node, world.udp("host") as client, \
            world.udp("node", 8079) as other:
        client.sendto(swap(1, 2 * 10**10), (NODE_IP, 8079))
        assert other.recv(2048) == swap(1, 2 * 10**10)
        other.sendto(b"back", client.getsockname())
        assert client.recv(2048) == b"back"
        assert node.stop().summary["verdicts"]["pass"] == 1
