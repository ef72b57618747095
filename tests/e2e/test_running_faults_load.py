# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What its traffic and the writers of its maps do to a running node: it serves on, all is counted.

docs/faults.md has all faults, those in other files as well.
"""

import json
import random
import socket
import struct
import tempfile
from pathlib import Path

import pytest

from lab import (MEVNODE, NODE_IP, NODE_MAC, OWN_IP, ROOT, EngineWorld, Node, Replay, TapWorld,
                 World, run, until)
from swapstream import POOL, swap
from test_lifecycle import answers, assert_nothing_left, errors
from test_overload import assert_accounted, swaps_until_answered
from trafficgen import wire

pytestmark = pytest.mark.root

CONFIG = ROOT / "docs" / "mevnode.ini"
ETH_P_IP, SO_RCVBUFFORCE = 0x0800, 33


def swap_frame(mac: bytes, nonce: int, source: bytes, port: int) -> bytes:
    """A swap that pays, without a UDP checksum: many are made."""
    datagram = wire.UDP.pack(port, 8080, 8 + wire.SWAP_LEN, 0) + swap(nonce)
    return wire.ethernet(NODE_MAC, mac, wire.ETH_IPV4,
                         wire.ipv4(source, socket.inet_aton(NODE_IP), wire.PROTO_UDP, datagram))


def wire_both_ways(world) -> socket.socket:
    """A socket on the host's side that sends whole frames and hears the IPv4 ones that come."""
    with world.entered("host"):
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_IP))
    sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 23)
    sock.bind((world.link, ETH_P_IP))
    sock.settimeout(10)
    return sock


def answered(summary) -> int:
    """Swaps, by whomever."""
    return summary["verdicts"]["replied"] + summary["verdicts"].get("replied_in_driver", 0)


# --- traffic ------------------------------------------------------------------------------------


def test_sources(each_way):
    """65,000 swaps, each from another address and port, are answered there, in memory as it is."""
    rng, mac = random.Random(65), each_way.link_mac()
    sources = [struct.pack("!I", 0x0A000000 + n) for n in rng.sample(range(1, 1 << 24), 65000)]
    with Node(each_way, "--json") as node, wire_both_ways(each_way) as sock:
        for first in range(0, len(sources), 1000):  # fewer than any ring holds
            part = range(first, first + 1000)
            for n in part:
                sock.send(swap_frame(mac, n, sources[n], 1024 + n % 64000))
            if first == 1000:
                before = node.memory_kib()
            for n in part:
                frame = sock.recv(2048)
                assert frame[30:34] == sources[n]
                assert struct.unpack_from("!H", frame, 36)[0] == 1024 + n % 64000
                assert struct.unpack_from("<Q", frame, 42)[0] == n
        assert node.memory_kib() - before < 512
        ended = node.stop()
    assert ended.code == 0 and answered(ended.summary) == len(sources)


def test_peer_never_reads(each_way):
    """Replies that nobody takes are the host's to drop; nobody else waits for it."""
    with Node(each_way, "--json") as node, each_way.udp("host") as mute:
        mute.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        for nonce in range(3000):
            mute.sendto(swap(nonce), (NODE_IP, 8080))
        sent = 3000 + swaps_until_answered(each_way)
        ended = node.stop()
    assert ended.code == 0
    if each_way.kind != "tap":
        assert_accounted(ended.summary)
        taken = ended.summary["verdicts"]
        assert taken["redirect"] + taken["replied_in_driver"] == sent
    assert sent - answered(ended.summary) <= ended.summary.get("xsk", {}).get("rx_ring_full", 0)


@pytest.fixture(scope="module", name="late_tx")
def fixture_late_tx(tmp_path_factory):
    """The prefix of late_tx.c, and late(whether)."""
    folder = tmp_path_factory.mktemp("late_tx")
    library, file = folder / "late_tx.so", folder / "late"
    run("gcc", "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", library,
        Path(__file__).with_name("late_tx.c"))
    file.write_bytes(b"\0")

    def late(whether):
        with file.open("r+b") as there:  # not made anew: it is mapped
            there.write(bytes((whether,)))

    return ("env", f"LD_PRELOAD={library}", f"LATE_TX={file}"), late


@pytest.mark.parametrize("poll", ("wait", "spin"))
def test_completions_late(world, late_tx, poll):
    """Nothing is sent: rings and chunks fill up, the rest is dropped, counted; then all goes on."""
    prefix, late = late_tx
    mac, source = world.link_mac(), socket.inet_aton("192.168.69.77")
    with Node(world, "--json", "--poll", poll, prefix=prefix) as node, world.wire() as sock:
        late(True)
        for nonce in range(8000):
            sock.send(swap_frame(mac, nonce, source, 40000))
        node.judged(8000)
        until(lambda: backpressure(world), "backpressure")
        late(False)
        frames = 8000 + swaps_until_answered(world)
        summary = node.stop().summary
    assert assert_accounted(summary) > 0
    assert summary["verdicts"]["redirect"] == frames
    # More than the response ring holds: it has passed on what it was given.
    assert summary["verdicts"]["replied"] > 2048


def backpressure(world) -> int:
    """What the node there has reported of it."""
    done = world.run("node", MEVNODE, "stats", "--pin-path", world.pins, "--json")
    return json.loads(done.stdout)["xsk"]["tx_backpressure"]


def test_driver_answers_for_a_stopped_process():
    """SIGSTOP holds workers; the engine in the driver is none."""
    with EngineWorld() as world, Node(world, "--json") as node:
        node.pause()
        for _ in range(10):
            assert answers(world)
        node.go_on()
        ended = node.stop()
    assert (ended.code, ended.summary["verdicts"]["replied_in_driver"]) == (0, 10)


def test_stopped_on_tap():
    """What the device's queue cannot hold the kernel counts as dropped."""
    with TapWorld() as world, Node(world, "--json") as node, world.wire() as sock:
        frame = swap_frame(world.link_mac(), 1, socket.inet_aton("192.168.69.77"), 40000)
        node.pause()
        refused = 0
        for _ in range(12000):
            try:
                sock.send(frame)
            except OSError:
                refused += 1
        node.go_on()
        sent = 12000 - refused + swaps_until_answered(world)
        link, = json.loads(world.run("host", "ip", "-j", "-s", "link", "show", "mev0").stdout)
        dropped = link["stats64"]["tx"]["dropped"]
        ended = node.stop()
    assert ended.code == 0
    lost = sent - answered(ended.summary)
    assert refused + lost > 0 and lost <= dropped  # among which may be the host's ARP


# --- maps ---------------------------------------------------------------------------------------

INDEX, FEEDS = "mev_pool_index", "mev_feed_allow"
# By number of entries, of which the first are in use and written most.
ARRAYS = {"mev_config": 1, "mev_pools": 65536, "mev_pool_stats": 1024, "mev_verdicts": 1,
          "mev_decision_ns": 1}
LED_BY = ("mev_config", "mev_pools", "mev_pool_stats", "mev_config", "mev_pools", INDEX, FEEDS)
COUNTED_IN = ("mev_verdicts", "mev_decision_ns")


class Scribbler:
    """Somebody else's bpftool, which writes what it likes over every entry of every map."""

    def __init__(self, world, seed: int):
        self._world, self._rng, self._was = world, random.Random(seed), {}
        self._sizes = {name: self._show(name)["bytes_value"] for name in ARRAYS}
        for name, key in self.served():
            found = self._tool("-j", "map", "lookup", "pinned", world.pins / name, "key", "hex",
                               *self._hex(key))
            self._was[name, key] = bytes(int(byte, 16) for byte in json.loads(found)["value"])

    @staticmethod
    def served() -> list:
        """What a swap of the first pool's is answered by."""
        return [("mev_config", bytes(4)), ("mev_pools", bytes(4)), (INDEX, POOL)]

    def _tool(self, *command, **options) -> str:
        return self._world.run("node", "bpftool", *command, **options).stdout

    def _show(self, name) -> dict:
        return json.loads(self._tool("-j", "map", "show", "pinned", self._world.pins / name))

    @staticmethod
    def _hex(data: bytes) -> list:
        return [f"{byte:02x}" for byte in data]

    def _line(self, name: str, key: bytes, value: bytes) -> str:
        return " ".join(["map update pinned", str(self._world.pins / name), "key hex",
                         *self._hex(key), "value hex", *self._hex(value)])

    def _bytes(self, name: str, key: bytes) -> bytes:
        """Anything; or, lest all of it be refused at the first look, what was with a few others."""
        was = bytearray(self._was.get((name, key), b""))
        if not was or self._rng.random() < 0.3:
            return self._rng.randbytes(self._sizes[name])
        first = self._rng.randrange(len(was))
        last = min(len(was), first + self._rng.randrange(1, 9))
        was[first:last] = self._rng.choice((self._rng.randbytes, bytes, lambda n: b"\xff" * n))(
            last - first)
        return bytes(was)

    def _any(self, name: str) -> str:
        rng = self._rng
        if name == INDEX:
            slot = rng.choice((0, 1, rng.randrange(1 << 16), 1 << 16, rng.getrandbits(32)))
            key = POOL if rng.random() < 0.5 else rng.randbytes(20)
            return self._line(name, key, slot.to_bytes(4, "little"))
        if name == FEEDS:
            key = rng.randrange(129).to_bytes(4, "little") + rng.randbytes(16)
            return self._line(name, key, rng.randbytes(4))
        key = rng.choice((0, 0, rng.randrange(ARRAYS[name]))).to_bytes(4, "little")
        return self._line(name, key, self._bytes(name, key))

    def scribble(self, count: int, names: tuple = LED_BY) -> None:
        """So many entries of these maps."""
        self._batch([self._any(self._rng.choice(names)) for _ in range(count)])

    def blank(self) -> None:
        """The first pool's line."""
        self._batch([self._line("mev_pools", bytes(4), bytes(self._sizes["mev_pools"]))])

    def put_back(self) -> None:
        """What was served by, as it was."""
        self._batch([self._line(name, key, self._was[name, key]) for name, key in self.served()])

    def _batch(self, lines: list) -> None:
        """In one process, but for those that have more words than that takes."""
        long = [line for line in lines if len(line) > 8192]
        for line in long:
            self._tool(*line.split())
        with tempfile.TemporaryFile("w+") as file:
            file.writelines(f"{line}\n" for line in lines if line not in long)
            file.seek(0)
            self._tool("batch", "file", "/dev/stdin", stdin=file)


@pytest.mark.parametrize("made, seed", ((World, 1), (EngineWorld, 2)), ids=("user", "kernel"))
def test_maps_scribbled_over(made, seed, traffic):
    """Under traffic, statistics and reloads. Put back, all is served; taken out of its map, the
    socket is none, and the node ends in order."""
    sent = traffic("mixed", 20000)
    print(f"seed {seed}")
    with made() as world:
        with Node(world, "--json", "--config", CONFIG, "--own-ip", f"{OWN_IP}/24") as node:
            scribbler = Scribbler(world, seed)
            with Replay(world, sent.pcap, "--pps", "20000", "--loop=0"):
                for i in range(20):
                    if i:
                        scribbler.scribble(30)
                    else:
                        scribbler.blank()
                    node.judged(sum(node.counters().values()) + 500)
                    scribbler.put_back()
                    assert node.process.poll() is None, node.said()
                node.reload()
                judged = node.counters()
                scribbler.scribble(10, COUNTED_IN)
                world.run("node", MEVNODE, "stats", "--pin-path", world.pins)
            scribbler.put_back()
            assert swaps_until_answered(world)
            world.run("node", "bpftool", "map", "delete", "pinned", world.pins / "mev_xsks", "key",
                      *"0 0 0 0".split())
            ended = node.stop()
        assert ended.code == 0 and errors(ended) == [], ended.err
        assert ended.summary["xsk"]["chunks_missing"] == 0
        assert_nothing_left(world)
        # It was not all for nothing: there was traffic, and it met what was written.
        assert judged["no_state"] > 0, judged
        assert judged["redirect"] + judged["replied_in_driver"] + judged["handed_up"] > 0, judged
        with Node(world):
            assert answers(world)
