# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""How a node starts, stops, is stopped, and what it leaves behind: nothing."""

import json
import os
import re
import shutil
import signal
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from lab import MEVNODE, NODE_IP, PIN_ROOT, TIMEOUT, Ended, Node, run, until
from trafficgen import wire

pytestmark = pytest.mark.root

MAPS = {"mev_config", "mev_pool_index", "mev_pools", "mev_verdicts", "mev_xsks"}
SWAP = wire.SWAP.pack(1, bytes.fromhex("a0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"), 2 * 10**10, 1,
                      0, bytes(3))


def pinned(folder) -> set:
    """Names of what is pinned there."""
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


def answers(world) -> bool:
    """Whether a swap is answered."""
    with world.udp("host") as client:
        client.sendto(SWAP, (NODE_IP, 8080))
        return len(client.recv(2048)) == 32


def refused(world, *options) -> Ended:
    """The end of a node that does not even get ready."""
    node = Node(world, *options)
    try:
        return node.ended()
    finally:
        node.close()


def errors(ended: Ended) -> list:
    """Lines that are errors, not information."""
    return [line for line in ended.err if line.startswith("mevnode: error: ")]


def assert_nothing_left(world):
    """No program on the interface, no pin."""
    until(lambda: not world.xdp_attached(), "the program is detached")
    assert pinned(world.pins) == set()
    assert not world.pins.exists()


@pytest.mark.parametrize("by", (signal.SIGINT, signal.SIGTERM))
def test_signals(world, by):
    """Any of them: exit code 0, summary, nothing left."""
    with Node(world, "--json") as node:
        assert re.fullmatch(rf"ready backend=af_xdp mode=copy iface=veth1 queues=0 pid={node.pid}",
                            node.ready)
        assert "xdp" in world.xdp_attached()
        assert pinned(world.pins) >= MAPS
        assert answers(world)
        ended = node.ended(by)
    assert ended.code == 0
    assert ended.out[0] == node.ready and len(ended.out) == 2
    assert (ended.summary["backend"], ended.summary["mode"], ended.summary["interface"]) == \
        ("af_xdp", "copy", "veth1")
    assert ended.summary["verdicts"]["replied"] == 1
    assert ended.summary["latency_ns"]["hot_path"]["count"] == 1
    assert ended.summary["latency_ns"]["in_node"]["count"] == 1
    assert errors(ended) == []
    assert_nothing_left(world)


def test_summary_for_a_person(world):
    """Without --json: one line on stdout until the end, then verdicts and latencies by name."""
    with Node(world) as node:
        assert answers(world)
        ended = node.stop()
    assert sum(line.startswith("ready ") for line in ended.out) == 1
    text = "\n".join(ended.out)
    assert re.search(r"replied +1\b", text) and re.search(r"redirect +1\b", text)
    assert re.search(r"hot path +p50 +\d+ +p90", text) and "in node" in text
    assert "rx_ring_full" in text


def test_signal_while_starting(world):
    """However early a signal comes, no pin stays; a node that has blocked it ends in order."""
    for step in range(12):
        node = Node(world, "--json")
        try:
            if step:  # nothing at all, then a little more each time
                time.sleep(step * 0.01)
            ended = node.ended(signal.SIGTERM)
        finally:
            node.close()
        assert ended.code in (0, -signal.SIGTERM)
        assert_nothing_left(world)


def test_nobody_reads_the_summary(world):
    """As in `mevnode run ... | head -1`: it cleans up all the same."""
    with Node(world) as node:
        node.process.stdout.close()
        node.process.send_signal(signal.SIGINT)
        assert node.process.wait(TIMEOUT) in (0, 1)
        assert_nothing_left(world)


@pytest.mark.parametrize("device, code", (("null", 0), ("full", 1)))
def test_output_to_a_device(world, device, code):
    """Nobody wants it; it has no room. stdio must not ask what the device is, in the sandbox."""
    done = world.run("node", "sh", "-c", f'exec "$0" "$@" >/dev/{device}', MEVNODE, "run", "--mode",
                     "copy", "--duration", "1", *world.node_options(), check=False)
    assert done.returncode == code, done.stderr
    assert len(done.stderr.splitlines()) == code, done.stderr
    assert_nothing_left(world)


def test_duration_and_replies(world):
    """It stops by itself."""
    with Node(world, "--duration", "1", "--json") as node:
        ended = node.ended()
    assert (ended.code, ended.summary["verdicts"]["replied"]) == (0, 0)
    with Node(world, "--replies", "3", "--json") as node:
        for _ in range(3):
            assert answers(world)
        ended = node.ended()
    assert (ended.code, ended.summary["verdicts"]["replied"]) == (0, 3)
    assert_nothing_left(world)


def test_counters_have_names(world):
    """bpftool, knowing nothing of mevnode, prints verdicts by name."""
    with Node(world) as node:
        assert answers(world)
        node.judged(1)
        dump = run("bpftool", "map", "dump", "pinned", world.pins / "mev_verdicts").stdout
        assert re.search(r'"redirect": \{\s*"packets": 1,\s*"bytes": 90', dump)
        assert '"below_break_even": {' in dump
        for name in MAPS - {"mev_xsks"}:  # libbpf gives a map of sockets none
            shown = run("bpftool", "-j", "map", "show", "pinned", world.pins / name).stdout
            assert "btf_id" in json.loads(shown), name


@pytest.mark.parametrize("name", ("mv{}", "mv{}.100"), ids=("plain", "VLAN style"))
def test_default_pin_path(world, name):
    """Without --pin-path the interface names the folder; a bpffs takes no dots in names."""
    name = name.format(os.getpid())
    folder = PIN_ROOT / name.replace(".", "_")
    world.run("node", "ip", "link", "set", "veth1", "down")
    world.run("node", "ip", "link", "set", "veth1", "name", name)
    world.run("node", "ip", "link", "set", name, "up")
    with Node(world, "-i", name, "--json", pins=False) as node:
        assert f" iface={name} " in node.ready
        assert pinned(folder) >= MAPS
        assert node.stop().code == 0
    assert not folder.exists()


# --- modes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode, attached", (("copy", "xdp"), ("skb", "xdpgeneric")))
def test_demanded_mode(world, mode, attached):
    """What is demanded is what is obtained, by the node's word and by the kernel's."""
    with Node(world, "--mode", mode, "--json") as node:
        assert f" mode={mode} " in node.ready
        assert f" {attached} " in world.xdp_attached()
        assert answers(world)
        ended = node.stop()
    assert (ended.code, ended.summary["mode"], ended.err) == (0, mode, [])


def test_auto_mode_says_what_it_passed_over(world):
    """auto tries zero-copy first, and one line says why it is not to be had."""
    with Node(world) as node:
        ended = node.stop()
    assert len(ended.err) == 1 and "zero-copy" in ended.err[0] and "trying copy" in ended.err[0]


def test_zerocopy_demanded(world):
    """veth has none: exit code 3 and one line that says why."""
    ended = refused(world, "--mode", "zerocopy")
    assert (ended.code, ended.out) == (3, [])
    assert len(ended.err) == 1 and "veth1" in ended.err[0] and "zero-copy" in ended.err[0]
    assert_nothing_left(world)


# --- what is in the way -------------------------------------------------------------------------


def test_start_twice(world):
    """The second one says so in one line; the first does not notice."""
    with Node(world, "--json") as node:
        for options in ((), ("--pin-path", f"{world.pins}-2")):
            ended = refused(world, "--mode", "copy", *options)
            assert ended.code == 1 and ended.out == []
            assert len(ended.err) == 1 and "veth1" in ended.err[0]
        assert pinned(world.pins) >= MAPS
        assert answers(world)
        assert node.stop().code == 0
    assert not Path(f"{world.pins}-2").exists()
    assert_nothing_left(world)


def test_same_pins_twice(world, world2):
    """Two nodes on two interfaces, one folder for pins: the second is refused."""
    with Node(world) as node:
        ended = refused(world2, "--mode", "copy", "--pin-path", world.pins)
        assert ended.code == 1 and ended.out == []
        assert len(ended.err) == 1 and str(world.pins) in ended.err[0]
        assert pinned(world.pins) >= MAPS
        assert answers(world)
        node.stop()


@contextmanager
def foreign_program(world, mode):
    """Somebody else's XDP program on the node's interface."""
    with tempfile.TemporaryDirectory() as folder:
        source, built = Path(folder) / "foreign.c", Path(folder) / "foreign.o"
        source.write_text('__attribute__((section("xdp"), used)) int somebody(void *ctx)\n'
                          '{ return 2; }\n'
                          'char _license[] __attribute__((section("license"))) = "GPL";\n')
        run("clang", "-O2", "-target", "bpf", "-c", source, "-o", built)
        pin = Path(f"/sys/fs/bpf/{world.name}")
        run("bpftool", "prog", "load", built, pin, "type", "xdp")
        try:
            world.run("node", "bpftool", "net", "attach", mode, "pinned", pin, "dev", "veth1")
            yield
        finally:
            pin.unlink()


def attached_program(world) -> str:
    """Its id; what else `ip link` says, as of the carrier, may change meanwhile."""
    return re.search(r"prog/xdp id \d+", world.xdp_attached()).group()


@pytest.mark.parametrize("mode", ("xdpdrv", "xdpgeneric"))
def test_foreign_program_is_left_alone(world, mode):
    """It is named, and it stays."""
    with foreign_program(world, mode):
        before = attached_program(world)
        ended = refused(world, "--mode", "copy")
        assert ended.code == 1 and ended.out == []
        assert len(ended.err) == 1 and "somebody" in ended.err[0] and "veth1" in ended.err[0]
        assert attached_program(world) == before
        world.run("node", "bpftool", "net", "detach", mode, "dev", "veth1")
    with Node(world):
        assert answers(world)


def test_interface_missing(world):
    """Usage, not a failure."""
    ended = refused(world, "-i", "nosuch0")
    assert (ended.code, ended.out) == (2, [])
    assert len(ended.err) == 1 and "nosuch0" in ended.err[0]


def test_queue_missing(world):
    """A queue that is not there, and CPUs that do not fit the queues."""
    for options in (("-q", "1"), ("-q", "0,7"), ("--cpus", "0,1")):
        ended = refused(world, *options)
        assert (ended.code, ended.out, len(ended.err)) == (2, [], 1), options
    assert_nothing_left(world)


def test_cpu_missing(world):
    """A CPU that this machine has not: one line, and nothing stays."""
    ended = refused(world, "--mode", "copy", "--cpus", "1023")
    assert ended.code in (1, 2, 3) and ended.out == []
    assert len(ended.err) == 1 and "--cpus" in ended.err[0]
    assert_nothing_left(world)


def test_interface_removed(world):
    """The node ends by itself, says why in one line, and still sums up."""
    with Node(world, "--mode", "copy", "--json") as node:
        assert answers(world)
        world.run("node", "ip", "link", "delete", "veth1")
        ended = node.ended()
    assert ended.code == 1
    assert len(ended.err) == 1 and "veth1" in ended.err[0] and "removed" in ended.err[0]
    assert ended.summary["verdicts"]["replied"] == 1
    assert_nothing_left(world)


def test_interface_moved_away(world, world2):
    """To another namespace: for the node that is as good as removed."""
    with Node(world, "--mode", "copy", "--json") as node:
        world.run("node", "ip", "link", "set", "veth1", "netns", f"{world2.name}-host", "name",
                  "away")
        ended = node.ended()
    assert ended.code == 1 and len(ended.err) == 1
    assert_nothing_left(world)


def test_link_down_and_up(world):
    """A link that goes down is no reason to end."""
    with Node(world, "--json") as node:
        assert answers(world)
        for side, interface in (("node", "veth1"), ("host", "veth0")):
            world.run(side, "ip", "link", "set", interface, "down")
            world.run(side, "ip", "link", "set", interface, "up")
            if side == "host":  # its neighbour went with the link
                world.run("host", "ip", "neighbour", "replace", NODE_IP, "lladdr",
                          "02:00:00:00:00:01", "dev", "veth0", "nud", "permanent")
            assert answers(world)
        ended = node.stop()
    assert (ended.code, ended.summary["verdicts"]["replied"]) == (0, 3)
    assert ended.summary["xsk"]["chunks_missing"] == 0


def test_kill_and_restart(world):
    """kill -9 leaves pins and no program; the next start cleans up and works."""
    with Node(world) as node:
        assert answers(world)
        assert node.ended(signal.SIGKILL).code == -signal.SIGKILL
    until(lambda: not world.xdp_attached(), "the program is detached")
    assert pinned(world.pins) >= MAPS
    with Node(world, "--mode", "copy", "--json") as node:
        assert answers(world)
        ended = node.stop()
    assert ended.code == 0
    assert ended.summary["verdicts"]["replied"] == 1
    assert len(ended.err) == 1 and "earlier run" in ended.err[0]
    assert_nothing_left(world)


def test_restart_at_once(world):
    """A queue whose last socket was closed a moment ago stays busy a moment."""
    for _ in range(5):
        with Node(world) as node:
            assert answers(world)
            node.ended(signal.SIGKILL)


def test_start_while_another_ends(world):
    """The one that ends takes its folder of pins with it, not the next one's."""
    for _ in range(5):
        with Node(world, "--mode", "copy") as node:
            node.process.send_signal(signal.SIGTERM)
            follower = Node(world, "--mode", "copy")
            try:
                with follower:
                    assert pinned(world.pins) >= MAPS
                    assert answers(world)
            except AssertionError as not_ready:  # too early: then in one line that says so
                assert "stop it" in str(not_ready) or "stop its owner" in str(not_ready)
            finally:
                follower.close()


# --- privileges ---------------------------------------------------------------------------------


WITHOUT = {
    "nobody": ("--reuid=65534", "--regid=65534", "--clear-groups"),
    "root without capabilities": ("--bounding-set=-all", "--inh-caps=-all"),
}


@pytest.mark.parametrize("others", (False, True), ids=("alone", "beside another node"))
@pytest.mark.parametrize("how", WITHOUT.values(), ids=WITHOUT)
def test_without_privileges(world, world2, how, others):
    """Exit code 3, and one line that says what is missing."""
    with ExitStack() as stack:
        if others:  # whose pins nobody may look at
            stack.enter_context(Node(world2))
        folder = stack.enter_context(tempfile.TemporaryDirectory())  # where nobody may read
        os.chmod(folder, 0o755)
        binary = shutil.copy(MEVNODE, folder)
        done = world.run("node", "setpriv", *how, binary, "run", "-b", "af_xdp", "-i", "veth1",
                         "--pin-path", world.pins, check=False)
    assert (done.returncode, done.stdout) == (3, "")
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "root" in done.stderr or "CAP_" in done.stderr
    assert_nothing_left(world)


@pytest.mark.parametrize("how", WITHOUT.values(), ids=WITHOUT)
def test_neither_back_end(world, how):
    """auto says in one line why there is no AF_XDP, and in one why there is no TAP either."""
    with tempfile.TemporaryDirectory() as folder:  # where nobody may read
        os.chmod(folder, 0o755)
        binary = shutil.copy(MEVNODE, folder)
        done = world.run("node", "setpriv", *how, binary, "run", "-i", "veth1", "--pin-path",
                         world.pins, check=False)
    assert (done.returncode, done.stdout) == (3, "")
    no_xdp, no_tap = done.stderr.splitlines()
    assert "CAP_BPF" in no_xdp or "root" in no_xdp
    assert "veth1" in no_xdp and "backend tap" in no_xdp
    assert "setup_tap.sh" in no_tap
    assert_nothing_left(world)
