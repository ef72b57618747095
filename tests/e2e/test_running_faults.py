# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What is done to a running node: it goes on serving, or ends in one line with exit code 1.

Here the interface, the program on it, the host around. test_running_faults_load.py: its traffic,
its maps. docs/faults.md has all faults, those in other files as well.
"""

import ctypes
import json
import os
import re
import signal
from pathlib import Path

import pytest

from lab import (MEVNODE, NODE_MAC, PIN_ROOT, ROOT, TIMEOUT, EngineWorld, LoaderWorld, Node,
                 TapWorld, World, run, until)
from swapstream import assert_replies, converse, stream, swap
from test_adopt import LOADERS, by_ip_link, program_id
from test_lifecycle import answers, assert_nothing_left, errors, foreign_program
from trafficgen import wire

pytestmark = pytest.mark.root

PASS = ROOT / "build" / "bpf" / "xdp_pass.bpf.o"


@pytest.fixture(params=(World, EngineWorld), ids=("user", "kernel"))
def xdp(request):
    """Either engine."""
    with request.param() as made:
        yield made


def ip_link(world, *what, side="node", **options):
    """`ip link set` on the interface of that side."""
    name = world.interface if side == "node" else world.link
    return world.run(side, "ip", "link", "set", name, *what, **options)


# --- the interface ------------------------------------------------------------------------------


def test_renamed(each_way):
    """While up; said once, and those who look for the node by its new name find it."""
    with Node(each_way, "--json") as node:
        assert answers(each_way)
        said = len(node.said())
        ip_link(each_way, "name", "renamed0")
        until(lambda: len(node.said()) > said, "the node says so")
        assert "is now called renamed0" in node.said()[said]

        def found():
            done = each_way.run("node", MEVNODE, "stats", "-i", "renamed0", "--json", check=False)
            return done.returncode == 0 and json.loads(done.stdout)["interface"] == "renamed0"

        until(found, "`mevnode stats -i renamed0` finds it")
        assert answers(each_way)
        ended = node.stop()
    assert (ended.code, ended.summary["interface"], len(ended.err)) == (0, "renamed0", said + 1)
    assert not each_way.xdp_attached()


def test_link_flaps(each_way):
    """Down and up, from either engine's point of view."""
    with Node(each_way, "--json") as node:
        for _ in range(3):
            ip_link(each_way, "down")
            ip_link(each_way, "up")
            each_way.await_link()
            assert answers(each_way)
        ended = node.stop()
    assert ended.code == 0 and errors(ended) == []


def padded_swap(world, nonce: int, size: int) -> bytes:
    """A swap in a frame of `size` bytes: what is behind the IP packet is legal."""
    ends = wire.Endpoints()
    datagram = wire.udp(ends.src_ip, ends.dst_ip, 40000, 8080, swap(nonce))
    frame = wire.ethernet(NODE_MAC, world.link_mac(), wire.ETH_IPV4,
                          wire.ipv4(ends.src_ip, ends.dst_ip, wire.PROTO_UDP, datagram))
    return frame + bytes(size - len(frame))


@pytest.mark.parametrize("made, options, most, taken", (
    (World, (), 3000, False), (World, ("--mode", "skb"), 9000, False),
    (EngineWorld, (), 3000, True), (TapWorld, (), 9000, True)),
    ids=("user", "skb", "kernel", "tap"))
def test_mtu(made, options, most, taken):
    """Lower, and as high as the kernel lets it: what does not fit a chunk is counted, no more."""
    with made() as world, Node(world, "--json", *options) as node, \
            world.udp("host", 40000) as client:
        if most < 9000:  # what XDP in the driver can take the kernel knows
            refused = ip_link(world, "mtu", "9000", side="host", check=False)
            assert refused.returncode
        for mtu in (576, most):
            for side in ("node", "host"):
                ip_link(world, "mtu", mtu, side=side)
            assert answers(world)
        with world.wire() as sock:
            sock.send(padded_swap(world, 7, most))
            sock.send(padded_swap(world, 8, 1500))
        for nonce in (7, 8) if taken else (8,):
            assert client.recv(64)[:8] == nonce.to_bytes(8, "little")
        ended = node.stop()
    assert ended.code == 0 and errors(ended) == []
    if world.kind != "tap":
        assert ended.summary["xsk"]["rx_dropped"] == (0 if taken else 1)


# --- the program on it --------------------------------------------------------------------------


def link_of(world) -> int:
    """The id of the BPF link by which the node's program is attached."""
    links = json.loads(run("bpftool", "-j", "link", "list").stdout)
    link, = (one["id"] for one in links
             if one["type"] == "xdp" and one["prog_id"] == int(program_id(world)))
    return link


def ended_over_it(node, world, *says):
    """One line that names program and interface, exit code 1, and a summary."""
    ended = node.ended()
    line, = errors(ended)
    for part in ("XDP program", world.interface, "stopping", *says):
        assert part in line
    assert ended.code == 1 and ended.summary["interface"] == world.interface
    return ended


@pytest.mark.parametrize("how", (("ip", "-force", "link", "set", "veth1", "xdpdrv", "off"),
                                 ("ip", "-force", "link", "set", "veth1", "xdpdrv", "obj", PASS,
                                  "sec", "xdp")), ids=("off", "another"))
def test_force_is_refused(xdp, how):
    """By the kernel, since the node's program hangs on a link of the node's."""
    with Node(xdp, "--json") as node:
        before = program_id(xdp)
        assert xdp.run("node", *how, check=False).returncode
        assert program_id(xdp) == before and answers(xdp)
        assert node.stop().code == 0


def test_program_taken_off(xdp):
    """`bpftool link detach` ends a link that is somebody else's; the kernel sends no news of it."""
    with Node(xdp, "--json", "--mode", "copy") as node:
        assert answers(xdp)
        run("bpftool", "link", "detach", "id", link_of(xdp))
        ended = ended_over_it(node, xdp, "taken off")
    assert ended.summary["xsk"]["chunks_missing"] == 0
    assert_nothing_left(xdp)


def test_program_replaced(xdp):
    """The same, and another program is in its place at once: it is named, and it stays."""
    with Node(xdp, "--json", "--mode", "copy") as node:
        assert answers(xdp)
        link = link_of(xdp)
        node.pause()  # or it might see the moment in between
        run("bpftool", "link", "detach", "id", link)
        with foreign_program(xdp, "xdpdrv"):
            other = program_id(xdp)
            node.go_on()
            ended_over_it(node, xdp, "replaced", f"by {other}")
            assert program_id(xdp) == other
            xdp.run("node", "bpftool", "net", "detach", "xdpdrv", "dev", "veth1")
    assert_nothing_left(xdp)


def bpf(command: int, attributes: bytes) -> int:
    """bpf(2), x86-64 and arm64."""
    number = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
    result = ctypes.CDLL(None, use_errno=True).syscall(number, command, attributes, len(attributes))
    if result < 0:
        raise OSError(ctypes.get_errno(), f"bpf command {command}")
    return result


def test_program_exchanged_within_the_link(xdp, tmp_path):
    """BPF_LINK_UPDATE by somebody else: seen by the program's id; at the end the link goes."""
    get_link, update_link = 30, 29
    pin = PIN_ROOT.parent / f"{xdp.name}-other"
    run("bpftool", "prog", "load", PASS, pin, "type", "xdp")
    try:
        with Node(xdp, "--json", "--mode", "copy") as node:
            link = bpf(get_link, link_of(xdp).to_bytes(4, "little") + bytes(12))
            path = ctypes.create_string_buffer(str(pin).encode())
            program = bpf(7, ctypes.addressof(path).to_bytes(8, "little") + bytes(8))  # BPF_OBJ_GET
            bpf(update_link, link.to_bytes(4, "little") + program.to_bytes(4, "little") + bytes(8))
            os.close(link)
            os.close(program)
            ended_over_it(node, xdp, "replaced")
    finally:
        pin.unlink()
    assert_nothing_left(xdp)


@pytest.mark.parametrize("how, says", (
    (("xdpdrv", "off"), "taken off"), (("xdpdrv", "obj", PASS, "sec", "xdp"), "replaced")),
    ids=("off", "another"))
def test_adopted_program_gone(how, says):
    """A loader's program anybody can replace by force: noticed by the kernel's news."""
    with LoaderWorld() as world:
        by_ip_link(world)
        with Node(world, "--adopt", "--json", pins=False) as node:
            assert answers(world)
            world.run("node", "ip", "-force", "link", "set", "veth1", *how)
            ended_over_it(node, world, says)
        assert bool(program_id(world)) == (says == "replaced")


def test_adopted_program_unloaded():
    """By the loader's own means."""
    with LoaderWorld() as world:
        LOADERS["xdp-loader"](world)
        with Node(world, "--adopt", "--json", pins=False) as node:
            assert answers(world)
            world.run("node", "xdp-loader", "unload", "veth1", "--all")
            ended_over_it(node, world, "taken off")
        assert not program_id(world)


# --- the host -----------------------------------------------------------------------------------


@pytest.mark.parametrize("options", ((), ("--engine", "kernel")), ids=("user", "kernel"))
def test_bpffs_unmounted(options):
    """Lazily, since the node holds its folder: it serves on, removes its pins, and says nothing."""
    with LoaderWorld() as world:
        world.program_on_peer()
        with Node(world, "--json", "--mode", "copy", *options, pins=False) as node:
            assert world.pinned(world.pins)
            assert world.run("node", "umount", "/sys/fs/bpf", check=False).returncode  # busy
            world.run("node", "umount", "--lazy", "/sys/fs/bpf")
            assert not world.pinned(world.pins)
            assert answers(world)
            ended = node.stop()
        assert (ended.code, ended.err) == (0, [])
        assert ended.summary["interface"] == "veth1" and not program_id(world)
        world.run("node", "mount", "-t", "bpf", "bpf", "/sys/fs/bpf")
        with Node(world, "--json", *options, pins=False) as node:
            assert answers(world)


@pytest.fixture(scope="module", name="clock_steps")
def fixture_clock_steps(tmp_path_factory):
    """The library of clock_steps.c: CLOCK_REALTIME steps by years at every look."""
    library = tmp_path_factory.mktemp("clock") / "clock_steps.so"
    run("gcc", "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", library,
        ROOT / "tests" / "e2e" / "clock_steps.c")
    return library


@pytest.mark.parametrize("made", (World, TapWorld), ids=("af_xdp", "tap"))
def test_clock_steps(made, clock_steps, tmp_path):
    """Neither replies nor any timer go by the clock that somebody sets."""
    sent, log = stream(500, kinds=20), tmp_path / "calls"
    trace = ("strace", "-f", "-o", log, "-E", f"LD_PRELOAD={clock_steps}", "-e",
             "trace=timerfd_create,timerfd_settime,clock_nanosleep,futex")
    with made() as world, Node(world, "--json", *world.owning, prefix=trace) as node:
        with world.tcp() as sock:
            assert_replies(converse(sock, sent.data, 1000), sent.due)
        assert answers(world)
        os.kill(int(re.search(r"pid=(\d+)", node.ready).group(1)), signal.SIGTERM)
        ended = node.ended()
    steps = next(int(line.split()[-1]) for line in ended.err if line.startswith("clock steps: "))
    assert ended.code == 0 and errors(ended) == [] and steps > 0
    assert 0 < ended.summary["latency_ns"]["in_node"]["max"] < TIMEOUT * 10**9
    calls = log.read_text().splitlines()
    assert sum("timerfd_create(CLOCK_MONOTONIC" in call for call in calls) > 2
    # A span (0) goes by no clock that is set, nor a wait without a time at which to end (NULL).
    assert not [call for call in calls if "CLOCK_REALTIME" in call and ", NULL," not in call and
                "clock_nanosleep(CLOCK_REALTIME, 0, " not in call]


LITTLE, ENOUGH = 65536, 4096 * 2048  # bytes: less, and exactly as much as packet memory takes


def limited(limit: int) -> tuple:
    """The prefix of a root that must keep within RLIMIT_MEMLOCK."""
    return ("prlimit", f"--memlock={limit}:{limit}", "setpriv", "--bounding-set=-ipc_lock",
            "--inh-caps=-ipc_lock")


def test_memlock(world):
    """Exit code 3, one line with the remedy; and the remedy works."""
    node = Node(world, "--mode", "copy", prefix=limited(LITTLE))
    ended = node.ended()
    node.close()
    line, = ended.err
    assert (ended.code, ended.out) == (3, []) and "lock" in line and "`ulimit -l" in line
    assert str(ENOUGH) in line
    assert_nothing_left(world)
    with Node(world, "--mode", "copy", prefix=limited(ENOUGH)) as node:
        assert answers(world)
        assert node.stop().code == 0


def test_memlock_of_several(world, world2):
    """The limit is all processes' of a user together: that the kernel says by ENOBUFS."""
    with Node(world, "--mode", "copy", prefix=limited(ENOUGH)) as first:
        node = Node(world2, "--mode", "copy", "-q", "0", prefix=limited(ENOUGH))
        ended = node.ended()
        node.close()
        line = ended.err[-1]
        assert (ended.code, ended.out) == (3, []) and "`ulimit -l`" in line and "veth1" in line
        assert len(errors(ended)) == 1
        assert_nothing_left(world2)
        assert answers(world)
        assert first.stop().code == 0


def test_huge_pages(world):
    """Whether packet memory lies on them is said to who asks (--verbose); doctor has the remedy."""
    meminfo = Path("/proc/meminfo").read_text(encoding="ascii")
    free = int(re.search(r"HugePages_Free: +(\d+)", meminfo).group(1))
    with Node(world, "--mode", "copy", "--verbose") as node:
        assert answers(world)
        ended = node.stop()
    said = [line for line in ended.err if "huge pages" in line]
    assert ended.code == 0 and len(said) == (0 if free >= 8 else 1)
    doctor = json.loads(world.run("node", MEVNODE, "doctor", "-i", "veth1", "--json",
                                  check=False).stdout)
    found = next(check for check in doctor["checks"] if check["name"] == "hugepages")
    assert bool(found["remedy"]) == (free < 8)
