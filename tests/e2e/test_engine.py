# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The engine in the driver: what it answers, what it leaves, and the change from one to the other."""

import copy
import json
import time
from contextlib import ExitStack

import pytest

import compare
import replies
from lab import (HOST_MAC, MEVNODE, NODE_MAC, SCRIPTS, Capture, Node, Replay, World, run)
from test_queues import flows
from trafficgen import wire

pytestmark = pytest.mark.root

KERNEL = ("--engine", "kernel")
MODES = {"mixed": 5000, "large": 2000, "small": 2000, "tight": 2000, "malformed": 2000,
         "noise": 2000, "updates": 2000, "market": 10000}
POOL = bytes.fromhex("a0b86991c6218b36c1d19d4a2e9eb0ce3606eb48")
USER, DRIVER = "00 00 00 00", "01 00 00 00"  # mev_config.engine


@pytest.fixture(name="worlds")
def made_worlds():
    """worlds(queues): with a program on the peer, so that the node's own can send."""
    with ExitStack() as stack:
        def make(queues: int = 1) -> World:
            world = stack.enter_context(World(queues))
            world.program_on_peer()
            return world
        yield make


def replay(pcap, *options):
    """Findings of scripts/run_tcpreplay_veth.sh, in which nothing differs from the prediction."""
    done = run(SCRIPTS / "run_tcpreplay_veth.sh", pcap, "--json", "--pps", "20000", "--", *KERNEL,
               *options, check=False)
    assert done.stdout, done.stderr
    result = json.loads(done.stdout)
    assert [line for line in result["lines"] if not line["ok"]] + result["faults"][:3] == []
    assert done.returncode == 0
    assert result["node"]["engine"] == "kernel"
    return result["node"]


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_as_predicted(traffic, mode):
    """Verdicts, single replies, total profit: those of userspace, nearly all from the driver."""
    sent = traffic(mode, MODES[mode])
    node = replay(sent.pcap)
    driver = node["in_driver"]
    candidates = sum(driver.values())
    assert candidates == sent.expected["verdicts"].get("redirect", 0)
    assert node["verdicts"]["redirect"] == 0
    assert node["verdicts"]["replied"] <= driver["handed_up"]
    assert sum(pool["replies"] for pool in node["pools"]) == sent.expected["replies"]
    if mode == "market":
        assert driver["handed_up"] * 100 < candidates
        assert node["latency_ns"]["decision"]["count"] >= driver["replied"] // 64


@pytest.mark.parametrize("options", (("--mode", "skb"), ("--poll", "busy"),
                                     ("--verify-checksum",), ("-q", "0", "--cpus", "1")),
                         ids=" ".join)
def test_options_change_no_verdict(traffic, options):
    """In the generic hook the kernel sends the replies; the rest is the worker's affair."""
    node = replay(traffic("mixed", MODES["mixed"]).pcap, *options)
    assert node["in_driver"]["replied"] > 0


def test_fixed_strategy(traffic):
    """The front-run is the capital as it is."""
    sent = traffic("mixed", 10000, "--strategy", "fixed", "--capital", "5000000000")
    assert replay(sent.pcap)["in_driver"]["handed_up"] == 0


@pytest.mark.parametrize("queues", ((), ("-q", "0")), ids=("both", "one"))
def test_two_queues(worlds, queues):
    """Each CPU answers on its queue, whether the queue has a socket or not."""
    world = worlds(2)
    with ExitStack() as stack:
        for nonce, _ in enumerate(flows()):
            stack.enter_context(world.udp("host", 20000 + nonce))
        capture = stack.enter_context(Capture(world))
        node = stack.enter_context(Node(world, "--json", *KERNEL, *queues))
        sock = stack.enter_context(world.wire())
        sent = [sock.send(frame) for frame in flows()]
        node.judged(len(sent))
        summary = node.stop().summary
        answered = [replies.parse(frame).nonce for frame in capture.frames(len(sent))]
    assert sorted(answered) == list(range(len(sent)))
    assert summary["in_driver"] == {"replied": len(sent), "unprofitable": 0, "handed_up": 0}


def engine_bytes(world) -> list:
    """mev_config's bytes but the last four, which are `engine`."""
    path = world.pins / "mev_config"
    found = json.loads(world.run("node", "bpftool", "-j", "map", "lookup", "pinned", path, "key",
                                 "0", "0", "0", "0").stdout)
    return [path, "key", "0", "0", "0", "0", "value", "hex",
            *(byte[2:] for byte in found["value"][:-4])]


def test_switching_under_load(worlds, traffic):
    """By bpftool, every few milliseconds: no reply is lost, none is given twice."""
    world, sent = worlds(), traffic("market", 20000)
    switches = 0
    world.run("host", "ip", "address", "flush", "dev", world.link)
    with Capture(world) as capture, Node(world, "--json") as node:
        update = ["bpftool", "map", "update", "pinned", *engine_bytes(world)]
        with Replay(world, sent.pcap, "--pps", "10000") as replaying:
            while replaying.running():
                switches += 1
                world.run("node", *update, *(DRIVER if switches % 2 else USER).split())
            frames = replaying.sent()
        node.judged(frames)
        summary = node.stop().summary
        found = replies.check(capture.frames(sent.expected["replies"]),
                              expected=replies.read_expected(sent.replies_csv))
    assert compare.differences(summary, sent.expected, frames, found) == []
    assert found.faults == [] and found.replies == sent.expected["replies"]
    assert switches > 10
    assert summary["in_driver"]["replied"] > 0 and summary["verdicts"]["replied"] > 0
    assert summary["verdicts"]["handed_up"] == 0


def test_stops_after_so_many_replies(worlds):
    """--replies counts the driver's own; no worker sees them."""
    world = worlds()
    with world.udp("host", 40000) as sock, Node(world, "--json", "--replies", "3", *KERNEL) as node:
        for nonce in range(3):
            sock.sendto(wire.SWAP.pack(nonce, POOL, 2 * 10**10, 1, 0, bytes(3)),
                        ("192.168.69.2", 8080))
            assert sock.recv(64)[:8] == nonce.to_bytes(8, "little")
        ended = node.ended()
    assert ended.code == 0
    assert ended.summary["verdicts"]["replied_in_driver"] == 3


def test_replies_do_not_loop(worlds):
    """Two engines face each other, and a swap comes from the swap port: one reply, no more."""
    world = worlds()
    world.run("host", "ip", "link", "set", "dev", world.link, "xdpdrv", "off")
    ends = wire.Endpoints()
    payload = wire.SWAP.pack(7, POOL, 2 * 10**10, 1, 0, bytes(3))
    datagrams = [wire.udp(ends.src_ip, ends.dst_ip, port, 8080, payload) for port in (8080, 8081)]
    with Node(world, *KERNEL) as node, Node(far_side(world), *KERNEL) as other, \
            world.wire() as sock:
        for datagram in datagrams:
            sock.send(wire.ethernet(NODE_MAC, HOST_MAC, wire.ETH_IPV4,
                                    wire.ipv4(ends.src_ip, ends.dst_ip, wire.PROTO_UDP, datagram)))
        node.judged(2)
        other.judged(2)
        time.sleep(0.2)  # in which a loop would go round thousands of times
        near, far = node.counters(), other.counters()
        other.stop()  # the world knows nothing of its pins
    assert near["replied_in_driver"] == 2 and sum(near.values()) == 2
    assert far["bad_length"] == 2 and sum(far.values()) == 2


def far_side(world) -> World:
    """The world as a node at the host's end sees it."""
    far = copy.copy(world)
    far.interface, far.pins = world.link, world.pins.with_name(f"{world.name}-far")
    far.inside = lambda side, *command: world.inside("host", *command)
    return far


def test_veth_without_a_program_on_its_peer(world):
    """The kernel loses what XDP_TX sends; the node says so before, and counts it after."""
    with world.udp("host", 40000) as sock, Node(world, "--json", *KERNEL) as node:
        for nonce in range(5):
            sock.sendto(wire.SWAP.pack(nonce, POOL, 2 * 10**10, 1, 0, bytes(3)),
                        ("192.168.69.2", 8080))
        node.judged(5)
        ended = node.stop()
    assert any("peer" in line and "xdp_pass.bpf.o" in line for line in ended.err)
    assert ended.summary["verdicts"]["replied_in_driver"] == 5
    assert ended.summary["xsk"]["xdp_tx_lost"] == 5
    assert any("xdp_tx_lost" in difference for difference in compare.differences(ended.summary, {}))


def test_doctor_says_what_it_needs(world):
    """The same by asking; with a program on the peer there is nothing to do."""
    def finding():
        found = json.loads(world.run("node", MEVNODE, "doctor", "-i", world.interface, "--json",
                                     check=False).stdout)
        return next(check for check in found["checks"] if check["name"] == "xdp_tx")

    assert "peer" in finding()["found"] and "--engine kernel" in finding()["remedy"]
    world.program_on_peer()
    assert finding()["remedy"] is None


@pytest.mark.parametrize("options, code, says", (
    (("-b", "tap", *KERNEL), 2, "--backend tap"),
    (("-i", "lo", "--mode", "copy", *KERNEL), 3, "no native XDP"),
    (("-i", "lo", "--engine", "fpga"), 2, "user or kernel"),
))
def test_refused(options, code, says):
    """Where there is no driver to reply in."""
    done = run(MEVNODE, "run", *options, check=False)
    assert done.returncode == code and says in done.stderr
