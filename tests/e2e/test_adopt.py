# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The three ways to attach: the node itself; xdp-loader, or ip link, and `mevnode run --adopt`."""

import json
import re
import shutil
import signal

import pytest

import compare
import replies
from lab import (FILTER, MEVNODE, NODE_IP, PIN_ROOT, ROOT, Capture, Ended, LoaderWorld, Node, Replay,
                 run, until)
from trafficgen import wire

pytestmark = pytest.mark.root

PINS = PIN_ROOT / "veth1"
GLOBALS = "/sys/fs/bpf/xdp/globals"
MAPS = {"mev_config", "mev_decision_ns", "mev_feed_allow", "mev_pool_index", "mev_pool_stats", "mev_pools",
        "mev_verdicts", "mev_xsks"}
SWAP = wire.SWAP.pack(1, bytes.fromhex("a0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"), 2 * 10**10, 1,
                      0, bytes(3))


@pytest.fixture(name="world")
def fixture_world():
    """A world with a bpffs of its own."""
    with LoaderWorld() as made:
        yield made


@pytest.fixture(name="world2")
def fixture_world2():
    """The same with two queues a side."""
    with LoaderWorld(queues=2) as made:
        yield made


def by_nobody(_world, **_options):
    """The node attaches its own."""
    return PINS, ()


def by_xdp_loader(world, mode="native", program=FILTER, pins=PINS):
    """As the README has it."""
    world.run("node", "mkdir", "-p", pins.parent)
    world.run("node", "xdp-loader", "load", "-m", mode, "-s", "xdp", "-p", pins, "veth1", program)
    return pins, ("--adopt",)


def by_ip_link(world, mode="native", program=FILTER):
    """Pins where iproute2 will have them."""
    world.run("node", "ip", "link", "set", "dev", "veth1",
              "xdpdrv" if mode == "native" else "xdpgeneric", "obj", program, "sec", "xdp")
    return PIN_ROOT.parent / "xdp" / "globals", ("--adopt",)


LOADERS = {"xdp-loader": by_xdp_loader, "ip link": by_ip_link}


def program_id(world) -> str:
    """Of the program on the node's side; "" for none."""
    found = re.search(r"prog/xdp id (\d+)", world.xdp_attached())
    return found.group(1) if found else ""


def answers(world) -> bool:
    """Whether a swap is answered."""
    with world.udp("host") as client:
        client.sendto(SWAP, (NODE_IP, 8080))
        return len(client.recv(2048)) == 32


def reaches_the_kernel(world) -> bool:
    """Whether a swap comes to a socket of the node's side, whole."""
    with world.udp("node", 8080) as server, world.udp("host") as client:
        client.sendto(SWAP, (NODE_IP, 8080))
        return server.recv(2048) == SWAP


def adopting(world, *options) -> Node:
    """It looks for the pins by itself."""
    return Node(world, "--adopt", *options, pins=False)


def refused(world, *options) -> Ended:
    """The end of a node that does not even get ready."""
    node = Node(world, *options, pins=False)
    try:
        return node.ended()
    finally:
        node.close()


def assert_refused(world, *options, code, says):
    """In one line, and nothing has changed."""
    before = program_id(world)
    ended = refused(world, *options)
    assert (ended.code, ended.out, len(ended.err)) == (code, [], 1), ended
    for part in says:
        assert part in ended.err[0]
    assert program_id(world) == before


# --- the three ways -----------------------------------------------------------------------------


@pytest.mark.parametrize("attach", (by_nobody, *LOADERS.values()), ids=("own", *LOADERS))
def test_three_ways_one_result(world, traffic, attach):
    """The same capture, the same counts, the same replies; what a loader attached stays."""
    sent = traffic("mixed", 20000)
    world.pins, options = attach(world)
    loaded = program_id(world)
    with world.udp("host", 40000), Capture(world) as capture, \
            Node(world, "--json", *options, pins=False) as node:
        assert re.fullmatch(rf"ready backend=af_xdp mode=copy iface=veth1 queues=0 pid={node.pid}",
                            node.ready)
        frames = world.replay(sent.pcap, "--pps", "20000")
        node.judged(frames)
        ended = node.stop()
        replied = ended.summary["verdicts"]["replied"]
        found = replies.check(capture.frames(replied),
                              expected=replies.read_expected(sent.replies_csv))
    assert compare.differences(ended.summary, sent.expected, frames, found) == []
    assert found.faults == []
    assert ended.code == 0 and ended.summary["xsk"]["chunks_missing"] == 0
    if loaded:
        assert program_id(world) == loaded
        assert world.pinned(world.pins) == MAPS
        assert reaches_the_kernel(world)
    else:
        until(lambda: not program_id(world), "the program is detached")
        assert not world.pinned(PINS)


@pytest.mark.parametrize("attach", LOADERS.values(), ids=LOADERS)
@pytest.mark.parametrize("mode, obtained", (("native", "copy"), ("skb", "skb")))
def test_mode_is_what_the_loader_chose(world, attach, mode, obtained):
    """Asked of the kernel, and a demand for the other hook is refused."""
    attach(world, mode=mode)
    with adopting(world, "--json") as node:
        assert f" mode={obtained} " in node.ready
        assert answers(world)
        assert node.stop().summary["mode"] == obtained
    other = "skb" if mode == "native" else "copy"
    assert_refused(world, "--adopt", "--mode", other, code=3, says=("veth1", f"--mode {other}"))


@pytest.mark.parametrize("attach", LOADERS.values(), ids=LOADERS)
def test_nothing_is_lost_without_a_node(world, attach):
    """Before the first, between two, after a killed one: candidates go to the kernel."""
    world.pins, _ = attach(world)
    loaded = program_id(world)
    assert reaches_the_kernel(world)
    for by, code in ((signal.SIGTERM, 0), (signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 0)):
        with adopting(world, "--json") as node:
            assert answers(world)
            ended = node.ended(by)
        assert ended.code == code
        assert program_id(world) == loaded and world.pinned(world.pins) == MAPS
        until(lambda: reaches_the_kernel(world), "a killed node's sockets are gone")
        assert world.counters()["no_socket"] >= 1
    assert ended.summary["verdicts"]["replied"] == 1  # those of this node, of no earlier one
    assert ended.summary["verdicts"]["redirect"] == 1


def test_stop_under_traffic(world, traffic):
    """Each candidate was led to the node and settled, or went to the kernel; none got lost between."""
    sent = traffic("large", 20000)
    world.pins, _ = by_xdp_loader(world)
    with adopting(world, "--json") as node, Replay(world, sent.pcap, "--pps", "20000") as replay:
        node.judged(2000)
        ended = node.stop()
        frames = replay.sent()
    judged = until(lambda: sum(world.counters().values()) >= frames and world.counters(),
                   "all frames are judged")
    verdicts = ended.summary["verdicts"]
    assert judged["redirect"] == verdicts["redirect"] == \
        sum(verdicts[name] for name in ("replied", "unprofitable", "pool_busy", "rejected"))
    assert judged["no_socket"] > 0
    assert judged["redirect"] + judged["no_socket"] == sent.expected["verdicts"]["redirect"]
    assert all(ended.summary["xsk"][name] == 0 for name in ("rx_dropped", "rx_ring_full"))


def test_every_queue_is_led_to_its_socket(world2):
    """And one that is not served goes to the kernel."""
    by_xdp_loader(world2)
    with adopting(world2, "--queues", "0-1") as node:
        assert " queues=0,1 " in node.ready
        assert answers(world2)
    with adopting(world2, "--queues", "1") as node:
        ended = node.stop()
    assert any("1 of 2 RX queues" in line for line in ended.err)


def test_own_address(world):
    """--own-ip works through an adopted program, and the address goes with the node."""
    by_xdp_loader(world)
    with adopting(world, *world.owning):
        world.run("host", "ping", "-c", "1", "-W", "5", world.own_ip)
    with adopting(world) as node:
        lost = world.run("host", "ping", "-c", "1", "-W", "1", world.own_ip, check=False)
        assert lost.returncode != 0
        assert node.stop().code == 0


def test_configuration_replaces_what_was_there(world, tmp_path):
    """Pools of an earlier node, or of bpftool, are gone; thresholds are those of the file."""
    by_xdp_loader(world)
    with adopting(world):
        assert answers(world)
    config = tmp_path / "other.ini"
    config.write_text(f"[pool {1:040x}]\nfee = 3/1000\nreserve0 = 1000000\nreserve1 = 1000000\n")
    with adopting(world, "-c", config, "--json") as node:
        with world.udp("host") as client:
            client.sendto(SWAP, (NODE_IP, 8080))
        until(lambda: world.counters()["unknown_pool"] == 1, "the swap is judged")
        ended = node.stop()
    assert ended.summary["verdicts"]["unknown_pool"] == 1


def test_more_pools_than_counters(world, tmp_path):
    """A loader's map of counters by pool has its default size: said, and the rest works."""
    by_xdp_loader(world)
    config = tmp_path / "many.ini"
    config.write_text("".join(f"[pool {i + 1:040x}]\nfee = 3/1000\n" for i in range(2000)))
    with adopting(world, "-c", config, "--mode", "copy", "--json") as node:
        ended = node.stop()
    assert ended.code == 0
    assert len(ended.err) == 1 and "1024 entries for 2000 pools" in ended.err[0]


# --- whose program, whose pins ------------------------------------------------------------------


def test_nothing_to_adopt(world):
    """One line that says how to load one; never another back end instead."""
    assert_refused(world, "--adopt", code=1, says=("veth1", "no XDP program", "--help"))
    ended = refused(world, "--adopt", "-b", "tap")
    assert ended.code == 2 and len(ended.err) == 1 and "--adopt" in ended.err[0]


@pytest.mark.parametrize("attach", LOADERS.values(), ids=LOADERS)
def test_attached_program_is_named(world, attach):
    """A node that is to attach its own does not replace it, and says how to use it."""
    attach(world)
    assert_refused(world, code=1, says=("mev_filter", "veth1", "--adopt", "xdp-loader unload"))


def test_foreign_program(world, tmp_path):
    """Neither replaced nor adopted."""
    source, built = tmp_path / "foreign.c", tmp_path / "foreign.o"
    source.write_text('__attribute__((section("xdp"), used)) int somebody(void *ctx)\n'
                      '{ return 2; }\n'
                      'char _license[] __attribute__((section("license"))) = "GPL";\n')
    run("clang", "-O2", "-target", "bpf", "-c", source, "-o", built)
    world.run("node", "ip", "link", "set", "dev", "veth1", "xdpdrv", "obj", built, "sec", "xdp")
    assert_refused(world, "--adopt", code=1, says=("somebody", "veth1", "left alone"))
    assert_refused(world, code=1, says=("somebody", "veth1", "left alone"))


def test_wrong_pins(world):
    """No pins there; pins of another program; pins that somebody has removed."""
    by_xdp_loader(world)
    assert_refused(world, "--adopt", "--pin-path", "/sys/fs/bpf/nowhere", code=2,
                   says=("/sys/fs/bpf/nowhere", "--pin-path"))
    # Another instance, attached nowhere, whose maps libbpf pins in the root of the bpffs.
    world.run("node", "bpftool", "prog", "load", FILTER, PIN_ROOT / "unattached", "type", "xdp")
    assert world.pinned(PIN_ROOT.parent) >= MAPS
    assert_refused(world, "--adopt", "--pin-path", PIN_ROOT.parent, code=2, says=("other maps",))
    world.run("node", "rm", PINS / "mev_xsks")
    assert_refused(world, "--adopt", code=3, says=(str(PINS / "mev_xsks"),))
    world.run("node", "rm", "-r", PINS)
    assert_refused(world, "--adopt", code=1, says=(str(PINS), GLOBALS, "--pin-path"))


def test_pins_elsewhere(world):
    """Found where --pin-path says."""
    folder, _ = by_xdp_loader(world, pins=PIN_ROOT / "my_own")
    assert_refused(world, "--adopt", code=1, says=("--pin-path",))
    with adopting(world, "--pin-path", folder):
        assert answers(world)
    assert world.pinned(folder) == MAPS


def test_second_node(world):
    """One node a set of maps."""
    by_ip_link(world)
    with adopting(world):
        assert_refused(world, "--adopt", "--mode", "copy", code=1, says=(GLOBALS, "mevnode"))
        assert answers(world)


def test_shared_maps(world):
    """ip link gives a second interface the maps of the first; a node of the one warns of it."""
    by_ip_link(world)
    world.run("node", "ip", "link", "set", "dev", "lo", "xdpgeneric", "obj", FILTER, "sec", "xdp")
    with adopting(world, "--mode", "copy") as node:
        assert answers(world)
        ended = node.stop()
    assert len(ended.err) == 1 and GLOBALS in ended.err[0] and "xdp-loader" in ended.err[0]


CHANGES = {
    "larger value": ("__u8 unused[2];", "__u8 unused[10];", "value size 64 instead of 56"),
    "renamed field": ("__u8 unused[2];", "__u8 spare[2];", "other fields"),
    "fewer pools": ("MEV_MAX_POOLS 65536", "MEV_MAX_POOLS 1", "room for 1 pools"),
}


@pytest.mark.parametrize("old, new, says", CHANGES.values(), ids=CHANGES)
def test_other_version(world, tmp_path, old, new, says):
    """A program whose maps have another layout is told from ours, in one line."""
    for folder in ("include", "bpf"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    header = tmp_path / "include" / "maps_abi.h"
    text = header.read_text().replace(old, new)
    assert new in text
    header.write_text(re.sub(r"_Static_assert\(sizeof\(struct mev_config\).*\n", "", text))
    built = tmp_path / "other.bpf.o"
    run("clang", "-g", "-O2", "-target", "bpf", "-mcpu=v3", "-D__TARGET_ARCH_x86", "-I",
        tmp_path / "include", "-I", ROOT, "-c", tmp_path / "bpf" / "mev_filter.bpf.c", "-o", built)
    by_xdp_loader(world, program=built)
    assert_refused(world, "--adopt", code=3, says=(says, str(PINS)))


def test_run_configuration(world):
    """What libxdp's dispatcher goes by is in the object: priority, chain on pass."""
    dump = json.loads(run("bpftool", "-j", "btf", "dump", "file", FILTER).stdout)["types"]
    sections = {t["name"]: t for t in dump if t["kind"] == "DATASEC"}
    variable, = sections[".xdp_run_config"]["vars"]
    by_id = {t["id"]: t for t in dump}
    config = by_id[variable["type_id"]]
    assert config["name"] == "_mev_filter"

    def value(member):  # __uint(name, value) is a pointer to an array of so many
        return by_id[by_id[member["type_id"]]["type_id"]]["nr_elems"]

    assert {m["name"]: value(m) for m in by_id[config["type_id"]]["members"]} == \
        {"priority": 20, "XDP_PASS": 1}
    by_xdp_loader(world)
    assert "mev_filter" in world.run("node", "xdp-loader", "status", "veth1").stdout


# --- doctor -------------------------------------------------------------------------------------


@pytest.mark.parametrize("attach", LOADERS.values(), ids=LOADERS)
def test_doctor_knows_whose_program_it_is(world, attach):
    """Served or not, where the pins are, and the remedies work."""
    def xdp():
        report = json.loads(world.run("node", *doctor, check=False).stdout)
        return next(check for check in report["checks"] if check["name"] == "xdp")

    folder, _ = attach(world)
    # iproute2 makes xdp a link to tc where it is the first to pin.
    folder = world.run("node", "readlink", "-f", folder).stdout.strip()
    doctor = (MEVNODE, "doctor", "--json", "-i", "veth1")
    idle = xdp()
    assert idle["status"] == "warning" and folder in idle["found"]
    assert f"--adopt --pin-path {folder}" in idle["remedy"]
    with adopting(world) as node:
        served = xdp()
        assert served["status"] == "ok" and f"process {node.pid}" in served["found"]
        assert folder in served["found"]
    world.run("node", "rm", "-r", folder)
    bare = xdp()
    assert bare["status"] == "warning" and "pinned nowhere" in bare["found"]
    world.run("node", *re.search("`(.*?)`", bare["remedy"]).group(1).split())
    assert xdp()["found"] == "no XDP program"
