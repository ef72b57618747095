# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The responders that the node is compared with: they do the same work, or the none they claim."""

import json
import os
import signal
import struct
from contextlib import contextmanager
from pathlib import Path

import pytest

import replies
from lab import HOST_IP, NODE_IP, ROOT, TIMEOUT, Capture, Ended, Node, run
from trafficgen import wire

pytestmark = pytest.mark.root

MEVPEER = Path(os.environ.get("MEVPEER", ROOT / "build" / "bench" / "mevpeer"))
MEVLOAD = Path(os.environ.get("MEVLOAD", ROOT / "build" / "bench" / "mevload"))
POOL = bytes.fromhex("a0b86991c6218b36c1d19d4a2e9eb0ce3606eb48")
SOCKETS = ("udp", "udp-batch")
POLLS = ("wait", "spin")
ENDS = wire.Endpoints()


class Peer(Node):
    """`mevpeer` in a world, with the node's manners."""

    def __init__(self, world, name, *options):  # pylint: disable=super-init-not-called
        self._start(world, MEVPEER, name, "-i", world.interface, *options)


def counted(ended: Ended) -> dict:
    """Its last line's numbers."""
    assert ended.code == 0, ended.err
    word, *pairs = ended.out[-1].split()
    assert word == "done" and ended.err == []
    found = {name: int(number) for name, number in (pair.split("=") for pair in pairs)}
    # What the host's kernel says of replies that nobody waits for; less what is too odd a frame even
    # for a packet socket.
    found.pop("pass", None)
    return found


def datagram(payload: bytes, port: int, **ip) -> bytes:
    """A frame to the responder as Linux would send it: no identification, DF."""
    udp = wire.udp(ENDS.src_ip, ENDS.dst_ip, ENDS.src_port, port, payload)
    return wire.ethernet(ENDS.dst_mac, ENDS.src_mac, wire.ETH_IPV4,
                         wire.ipv4(ENDS.src_ip, ENDS.dst_ip, wire.PROTO_UDP, udp, **ip))


def swap(nonce: int, amount: int, direction: int = 0, pool: bytes = POOL) -> bytes:
    """One whose victim lets go of everything."""
    return datagram(wire.SWAP.pack(nonce, pool, amount, 1, direction, bytes(3)), ENDS.swap_port)


def update(reserve0: int, slot: int, seq: int) -> bytes:
    """New reserves of the pool."""
    return datagram(wire.UPDATE.pack(POOL, reserve0, 5 * 10**11, slot, seq, bytes(16)),
                    ENDS.update_port)


SWAPS = [*(swap(i, 4 * 10**9 + i * 10**8, i % 2) for i in range(60)),  # 1 million to break even
         swap(100, 10), swap(101, 10**9), swap(102, 10**10, 2), swap(103, 10**10, 0, bytes(20)),
         datagram(bytes(47), ENDS.swap_port), datagram(bytes(49), ENDS.swap_port)]
VERDICTS = {"below_min": 1, "below_break_even": 1, "bad_field": 1, "unknown_pool": 1,
            "bad_length": 2, "replied": 60}


def canonical(frame: bytes) -> bytes:
    """All but the IPv4 identification, which the kernel's UDP chooses, and the checksum over it."""
    replies.parse(frame)  # it is right
    return frame[:18] + bytes(2) + frame[20:24] + bytes(2) + frame[26:]


@contextmanager
def answers(world, responder):
    """send(FRAMES, N): sends them and returns all that came back so far, at least N frames."""
    with Capture(world) as capture, responder, world.wire() as link:
        def send(frames, at_least):
            for frame in frames:
                link.send(frame)
            return sorted(capture.frames(at_least))

        yield send


@pytest.fixture(scope="module")
def expected_replies():
    """What the node answers to SWAPS, and to one more after an update."""
    from lab import World  # pylint: disable=import-outside-toplevel
    with World() as world:
        node = Node(world)
        with answers(world, node) as send:
            before = send(SWAPS, 60)
            send([update(9 * 10**11, 7, 1)], 60)
            node.judged(len(SWAPS) + 1)
            after = send([swap(1000, 5 * 10**9)], 61)
            node.stop()
    assert len(before) == 60
    return before, after


@pytest.mark.parametrize("poll", POLLS)
@pytest.mark.parametrize("name", (*SOCKETS, "packet"))
def test_the_same_bytes_as_the_node(world, expected_replies, name, poll):
    """Replies, and nothing but replies; pools follow updates."""
    before, after = expected_replies
    same = canonical if name in SOCKETS else bytes
    peer = Peer(world, name, "--poll", poll, "--cpu", "0")
    with answers(world, peer) as send:
        assert peer.ready == (f"ready peer={name} mode=kernel poll={poll} "
                              f"iface={world.interface} pid={peer.pid}")
        assert sorted(map(same, send(SWAPS, 60))) == sorted(map(same, before))
        # Sockets for two ports know no order between them: ask until the update has come.
        due = set(map(same, after))
        send([update(9 * 10**11, 7, 1)], 60)
        for asked in range(1, 100):
            if due <= set(map(same, send([swap(1000, 5 * 10**9)], 60 + asked))):
                break
        assert due <= set(map(same, send([], 60)))
        counters = counted(peer.stop())
    assert counters == VERDICTS | {"update_applied": 1, "replied": 60 + asked, "send_errors": 0}
    assert world.run("node", "tc", "qdisc", "show", "dev", world.interface).stdout == \
        "qdisc noqueue 0: root refcnt 2 \n"


def test_every_kind_of_frame_by_packet_socket(world, traffic):
    """VLAN tags, IPv6, options, rubbish: the verdicts predicted, the node's replies."""
    sent = traffic("mixed", 3000, "--update-pause", "0")
    with Capture(world) as capture, Node(world, "--json") as node:
        world.replay(sent.pcap, "--pps", "20000")
        node.judged(3000)
        node.stop()
        due = capture.frames(sent.expected["replies"])
    with Capture(world) as capture, Peer(world, "packet") as peer:
        world.replay(sent.pcap, "--pps", "20000")
        found = capture.frames(sent.expected["replies"])
        counters = counted(peer.stop())
    verdicts = {name: n for name, n in sent.expected["verdicts"].items()
                if n and name not in ("redirect", "pass")}
    assert counters.pop("send_errors") == 0
    assert counters == verdicts
    ours, theirs = ([reply for reply in map(replies.parse, frames) if reply]
                    for frames in (found, due))
    assert sorted(ours) == sorted(theirs) and len(ours) == sent.expected["replies"]


def load(world, *options) -> dict:
    """The generator's findings; it fails where anything was wrong or lost."""
    done = world.run("host", MEVLOAD, "run", "-i", "veth0", "--to",
                     f"02:00:00:00:00:01,{NODE_IP}:8080", "--from", f"{HOST_IP}:40000-40007",
                     "--warmup", "0", "--duration", "0.2", "--outstanding", "8", "--strict",
                     "--json", "-", *options, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    return json.loads(done.stdout)


@pytest.mark.parametrize("mode", ("native", "skb"))
@pytest.mark.parametrize("peer", (("echo", "--poll", "wait"), ("echo", "--poll", "spin"),
                                  ("reflect",)), ids=" ".join)
def test_limits_send_back_what_came(world, peer, mode):
    """All of it, in either hook, and leave nothing attached."""
    with Peer(world, *peer, "--mode", mode) as at_work:
        assert f" mode={mode} " in at_work.ready
        attached = world.xdp_attached()
        assert ("xdpgeneric" in attached) == (mode == "skb") and attached
        found = load(world, "--expect", "echo", *(("--skb",) if mode == "skb" else ()))
        counters = counted(at_work.stop())
    assert counters == {"replied": found["received"], "send_errors": 0}
    assert found["received"] > 0
    assert world.xdp_attached() == ""


@pytest.mark.parametrize("name", (*SOCKETS, "packet"))
def test_under_load(world, name):
    """Every reply of thousands is right."""
    with Peer(world, name) as peer:
        found = load(world)
        assert counted(peer.stop())["replied"] == found["received"] > 0


def test_another_configuration(world, tmp_path):
    """Ports and thresholds are the node's; sources of updates that it cannot check it refuses."""
    config = tmp_path / "other.ini"
    config.write_text("[node]\nswap_port = 9080\nupdate_port = 9081\n[pool "
                      f"{POOL.hex()}]\nfee = 3/1000\nreserve0 = 1000\nreserve1 = 1000\n",
                      encoding="ascii")
    with Peer(world, "udp", "-c", config) as peer, world.udp("host") as sock:
        sock.sendto(struct.pack("<47x"), (NODE_IP, 9080))
        sock.sendto(wire.SWAP.pack(5, POOL, 10**6, 1, 0, bytes(3)), (NODE_IP, 9080))
        assert sock.recv(64)[:8] == struct.pack("<Q", 5)
        assert counted(peer.stop()) == {"bad_length": 1, "replied": 1, "send_errors": 0}
    config.write_text("[feed]\nallow = 10.0.0.0/8\n" + config.read_text(encoding="ascii"),
                      encoding="ascii")
    done = world.run("node", MEVPEER, "udp", "-i", "veth1", "-c", config, check=False)
    assert done.returncode == 1 and "[feed]" in done.stderr


@pytest.mark.parametrize("options, says", [
    (["walk", "-i", "veth1"], "no peer walk"),
    (["udp"], "give -i IFACE"),
    (["udp", "-i", "nonexistent"], "interface nonexistent"),
    (["udp", "-i", "veth1", "--mode", "skb"], "--mode is not for this peer"),
    (["reflect", "-i", "veth1", "--poll", "spin"], "--poll is not for this peer"),
    (["echo", "-i", "veth1", "--mode", "fast"], "want native or skb"),
    (["echo", "-i", "veth1", "--poll", "fast"], "want wait or spin"),
    (["udp", "-i", "veth1", "--cpu", "x"], "--cpu x"),
    (["udp", "-i", "veth1", "-c", "/nonexistent"], "cannot open configuration"),
    (["udp", "-i", "veth1", "surplus"], "unexpected argument surplus"),
])
def test_refusals(world, options, says):
    """One line that says what to do."""
    done = world.run("node", MEVPEER, *options, check=False)
    assert done.returncode == 2, done.stderr
    assert says in done.stderr and len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("mevpeer: ")


def test_taken(world):
    """A port or an interface that somebody holds already."""
    with Peer(world, "udp") as first:
        done = world.run("node", MEVPEER, "udp", "-i", "veth1", check=False)
        assert done.returncode == 1 and "cannot bind UDP port 8080" in done.stderr
        first.ended(signal.SIGTERM)
    with Peer(world, "reflect"):
        done = world.run("node", MEVPEER, "echo", "-i", "veth1", check=False)
        assert done.returncode == 1 and "another XDP program" in done.stderr


def test_help():
    """Who is there."""
    said = run(MEVPEER, "--help").stdout
    for name in ("udp", "udp-batch", "packet", "echo", "reflect"):
        assert f"\n  {name} " in said
    assert run(MEVPEER, check=False).returncode == 2
