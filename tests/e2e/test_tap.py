# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The TAP back end: the same verdicts and the same reply frames as on AF_XDP, without XDP."""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

import compare
import replies
from lab import (HOST_IP, MEVNODE, NODE_IP, NODE_MAC, SCRIPTS, TIMEOUT, Capture, Node, TapWorld,
                 World, end_process, replay_script, run, until)
from swapstream import swap

pytestmark = pytest.mark.root

MODES = {"mixed": 20000, "large": 10000, "malformed": 10000, "noise": 10000, "market": 20000,
         "updates": 10000}
ONLY_NET_ADMIN = ("setpriv", "--bounding-set=-all,+net_admin", "--inh-caps=-all")


@pytest.fixture
def tap_world():
    """A TAP device and its host's side."""
    with TapWorld() as made:
        yield made


def wrong_lines(result):
    """What differs, for the assertion to show."""
    return [line for line in result["lines"] if not line["ok"]] + result["faults"][:3]


def answers(world) -> bool:
    """Whether a swap is answered."""
    with world.udp("host") as client:
        client.sendto(swap(1), (world.own_ip, 8080))
        return len(client.recv(2048)) == 32


def all_read(world, frames) -> None:
    """Wait until the node has read so many."""
    until(lambda: world.sent_to_node() >= frames, f"{frames} frames read")


# --- captures -----------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_as_predicted(traffic, mode):
    """Verdicts, single replies, total profit; the script's own exit code agrees."""
    sent = traffic(mode, MODES[mode])
    code, result = replay_script("run_tcpreplay.sh", sent.pcap, "--pps", "20000")
    assert wrong_lines(result) == []
    assert (code, result["ok"]) == (0, True)
    assert (result["node"]["backend"], result["node"]["mode"]) == ("tap", "tap")
    assert result["node"]["verdicts"]["replied"] == sent.expected["replies"]
    assert result["node"]["tap"] == {"write_again": 0, "write_errors": 0, "read_errors": 0}


@pytest.mark.parametrize("options", (("--poll", "spin"), ("--verify-checksum",), ("--cpus", "1")),
                         ids=" ".join)
def test_options_change_no_verdict(traffic, options):
    """However the node waits or checks."""
    code, result = replay_script("run_tcpreplay.sh", traffic("mixed", 10000).pcap, "--pps",
                                 "20000", "--", *options)
    assert wrong_lines(result) == []
    assert code == 0


def replayed(world, sent, *options):
    """Reply frames by nonce, other frames' number, and the summary, of a capture replayed there."""
    world.run("host", "ip", "address", "flush", "dev", world.link)
    with Capture(world) as capture, Node(world, "--json", *options) as node:
        before = world.sent_to_node()
        frames = world.replay(sent.pcap, "--pps", "20000")
        if world.backend == "tap":
            all_read(world, before + frames)
        else:
            node.judged(frames)
        summary = node.stop().summary
        count = summary["verdicts"]["replied"]

        def complete():
            found = [frame for frame in capture.frames() if replies.parse(frame)]
            return found if len(found) >= count else None

        found = until(complete, f"{count} replies captured")
    assert len(found) == count
    return sorted(found, key=lambda frame: replies.parse(frame).nonce), summary, frames


@pytest.mark.parametrize("mode", ("mixed", "market"))
def test_same_replies_as_af_xdp(traffic, mode):
    """Byte for byte, headers and all; and the same counters."""
    sent = traffic(mode, 10000)
    with World() as world:
        over_xdp, xdp, frames = replayed(world, sent, "-b", "af_xdp")
    with TapWorld() as world:
        over_tap, tap, _ = replayed(world, sent)
    assert over_tap and over_tap == over_xdp
    assert tap["verdicts"] == xdp["verdicts"]
    for summary in (xdp, tap):
        assert compare.differences(summary, {"verdicts": sent.expected["verdicts"]}, frames) == []


def test_several_workers(traffic):
    """The kernel spreads flows over the queues of the device; every frame is judged by one."""
    sent = traffic("mixed", 10000)
    with TapWorld(queues=2) as world:
        _, summary, frames = replayed(world, sent, "-q", "0-1")
    # Which of two workers sees an update and which a swap first is not determined.
    assert sum(summary["verdicts"].values()) - summary["verdicts"]["redirect"] == frames


def test_script_interrupted(traffic):
    """In the middle of a replay: the world goes, and what ran in it."""
    with subprocess.Popen(["env", "--default-signal=INT", SCRIPTS / "run_tcpreplay.sh",
                           traffic("large", 10000).pcap, "--pps", "100"], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as script:
        try:
            assert script.stdout.readline().startswith(b"ready backend=tap ")
            script.send_signal(signal.SIGINT)
            assert script.wait(TIMEOUT) == 130
        finally:
            end_process(script)
    assert [name for name in os.listdir("/var/run/netns")
            if name.startswith(f"mev-replay-{script.pid}")] == []


# --- start and end ------------------------------------------------------------------------------


def test_makes_its_own_device(world):
    """Nothing there before, nothing after; the summary says tap."""
    world.run("node", "ip", "address", "flush", "dev", "veth1")
    with Node(world, "-b", "tap", "-i", "tap0", "--host-ip", f"{HOST_IP}/24", "--json") as node:
        assert re.fullmatch(rf"ready backend=tap mode=tap iface=tap0 queues=0 pid={node.pid}",
                            node.ready)
        ping = world.run("node", "ping", "-n", "-c", "2", "-i", "0.1", "-W", "5", NODE_IP)
        assert " 2 received" in ping.stdout
        neighbour = world.run("node", "ip", "neighbour", "show", NODE_IP, "dev", "tap0").stdout
        assert NODE_MAC.hex(":") in neighbour
        ended = node.stop()
    assert (ended.code, ended.err) == (0, [])
    assert (ended.summary["backend"], ended.summary["interface"]) == ("tap", "tap0")
    assert "xsk" not in ended.summary
    assert world.run("node", "ip", "link", "show", "tap0", check=False).returncode == 1


@pytest.mark.parametrize("by", (signal.SIGINT, signal.SIGTERM, signal.SIGKILL))
def test_signals(tap_world, by):
    """Any of them ends it; a device that was there before stays, free for the next."""
    for _ in range(2):
        with Node(tap_world, "--json") as node:
            assert answers(tap_world)
            ended = node.ended(by)
        assert ended.code == (-by if by == signal.SIGKILL else 0)
        if by != signal.SIGKILL:
            assert ended.summary["verdicts"]["replied"] == 1
            assert ended.err == []
    assert "mev0" in tap_world.run("host", "ip", "link", "show", "mev0").stdout


def test_duration_and_replies(tap_world):
    """It stops by itself."""
    with Node(tap_world, "--duration", "1", "--json") as node:
        assert node.ended().code == 0
    with Node(tap_world, "--replies", "3", "--json") as node:
        for _ in range(3):
            assert answers(tap_world)
        ended = node.ended()
    assert (ended.code, ended.summary["verdicts"]["replied"]) == (0, 3)


def test_what_had_come_is_answered(tap_world):
    """Frames that wait in the device when the end is called."""
    with tap_world.udp("host") as client, Node(tap_world, "--json") as node:
        assert answers(tap_world)
        os.kill(node.pid, signal.SIGSTOP)
        for nonce in range(200):
            client.sendto(swap(nonce), (NODE_IP, 8080))
        node.process.send_signal(signal.SIGINT)
        os.kill(node.pid, signal.SIGCONT)
        assert node.ended().summary["verdicts"]["replied"] == 201


def test_start_twice(tap_world):
    """The second one says so in one line; the first does not notice."""
    with Node(tap_world) as node:
        second = Node(tap_world)
        try:
            ended = second.ended()
        finally:
            second.close()
        assert (ended.code, ended.out) == (1, [])
        assert len(ended.err) == 1 and "mev0" in ended.err[0] and "busy" in ended.err[0]
        assert answers(tap_world)
        assert node.stop().code == 0


@pytest.mark.parametrize("poll", ("wait", "spin"))
def test_device_removed(tap_world, poll):
    """The node ends by itself, says why in one line, and still sums up."""
    with Node(tap_world, "--poll", poll, "--json") as node:
        assert answers(tap_world)
        tap_world.run("host", "ip", "link", "delete", "mev0")
        ended = node.ended()
    assert ended.code == 1
    assert len(ended.err) == 1 and "mev0" in ended.err[0] and "removed" in ended.err[0]
    assert ended.summary["verdicts"]["replied"] == 1


def test_link_down_and_up(tap_world):
    """A link that goes down is no reason to end."""
    with Node(tap_world, "--json") as node:
        for _ in range(3):
            assert answers(tap_world)
            tap_world.run("host", "ip", "link", "set", "mev0", "down")
            tap_world.run("host", "ip", "link", "set", "mev0", "up")
        assert answers(tap_world)
        ended = node.stop()
    assert (ended.code, ended.summary["verdicts"]["replied"]) == (0, 4)


# --- which back end -----------------------------------------------------------------------------


def test_auto_falls_back(world):
    """Without CAP_BPF there is no AF_XDP, with CAP_NET_ADMIN there is TAP; why is said."""
    world.run("node", "ip", "address", "flush", "dev", "veth1")
    command = world.inside("node", *ONLY_NET_ADMIN, MEVNODE, "run", "-i", "veth1", "--duration",
                           "1", "--json")
    done = run(*command)
    assert done.stdout.startswith("ready backend=tap mode=tap iface=tap0 ")
    lines = done.stderr.splitlines()
    assert "CAP_BPF" in lines[0] and "veth1" in lines[-1] and "tap" in lines[-1], lines
    assert len(lines) <= 2


def test_auto_knows_tap_devices(tap_world):
    """A TAP device, or a name that is to become one, needs no -b tap."""
    for interface in ("mev0", "tap9"):
        done = tap_world.run("node", MEVNODE, "run", "-i", interface, "--duration", "1")
        assert done.stdout.startswith(f"ready backend=tap mode=tap iface={interface} ")
        assert len(done.stderr.splitlines()) == 1 and interface in done.stderr


def test_environment(tap_world):
    """MEV_BACKEND=tap is -b tap; -b overrules it."""
    environment = {**os.environ, "MEV_BACKEND": "tap"}
    done = tap_world.run("node", MEVNODE, "run", "--duration", "1", env=environment)
    assert done.stdout.startswith("ready backend=tap mode=tap iface=tap0 ")
    done = tap_world.run("node", MEVNODE, "run", "-b", "af_xdp", "-i", "nosuch0", check=False,
                         env=environment)
    assert done.returncode == 2 and "nosuch0" in done.stderr


WRONG = {
    "a mode of AF_XDP": (2, ("-m", "zerocopy")),
    "busy polling": (2, ("--poll", "busy")),
    "a queue in the middle": (2, ("-q", "1")),
    "CPUs that do not fit": (2, ("-q", "0-1", "--cpus", "0")),
    "own address without a prefix": (2, ("--own-ip", NODE_IP)),
    "own address of no host": (2, ("--own-ip", "0.0.0.0/24")),
    "own address that is none": (2, ("--own-ip", "192.168.69.256/24")),
    "prefix too long": (2, ("--own-ip", f"{NODE_IP}/33")),
    "host address without a prefix": (2, ("--host-ip", HOST_IP)),
    "name too long": (2, ("-i", "tap4567890123456")),
    "name with a slash": (2, ("-i", "tap/0")),
    "another kind of device": (2, ("-i", "lo")),
    "a queue that the device has not": (2, ("-q", "0-1", "-i", "mev0")),
}


@pytest.mark.parametrize("code, options", WRONG.values(), ids=WRONG)
def test_wrong_options(tap_world, code, options):
    """One line, and nothing is left."""
    done = tap_world.run("node", MEVNODE, "run", "-b", "tap", *options, check=False)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    links = tap_world.run("node", "ip", "-br", "link").stdout
    assert {line.split()[0] for line in links.splitlines()} == {"lo", "mev0"}


# --- what the worker does for every frame -------------------------------------------------------


def worker_of(node) -> int:
    """Of its threads besides the main one, lwIP's waits for a futex and the worker in poll(2)."""
    def polling():
        return [tid for tid in node.workers()
                if "poll" in Path(f"/proc/{node.pid}/task/{tid}/wchan").read_text("ascii")]

    worker, = until(polling, "the worker sleeps")
    return worker


def syscalls(world, node, pcap):
    """Frames, and name -> calls of the only worker while they come, by `strace -c`."""
    with subprocess.Popen(["strace", "-c", "-U", "name,calls", "-p", str(worker_of(node))],
                          stderr=subprocess.PIPE, text=True) as trace:
        try:
            assert "attached" in trace.stderr.readline()
            before = world.sent_to_node()
            frames = world.replay(pcap, "--pps", "2000")
            all_read(world, before + frames)
            trace.send_signal(signal.SIGINT)
            _, table = trace.communicate(timeout=TIMEOUT)
        finally:
            end_process(trace)
    rows = [line.split() for line in table.splitlines()]
    # restart_syscall is the poll that strace came upon.
    return frames, {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdigit()
                    and row[0] not in ("total", "restart_syscall")}


@pytest.mark.parametrize("mode", ("large", "tight"))
def test_one_read_and_one_write(tap_world, traffic, mode):
    """For a frame, besides those reads that find nothing before it sleeps."""
    sent = traffic(mode, 2000)
    tap_world.run("host", "ip", "address", "flush", "dev", "mev0")
    with Node(tap_world, "--json") as node:
        frames, calls = syscalls(tap_world, node, sent.pcap)
        summary = node.stop().summary
    assert set(calls) <= {"read", "write", "poll"}, calls
    assert calls["read"] - calls["poll"] <= frames + 2, calls
    assert calls["write"] == summary["verdicts"]["replied"] == sent.expected["replies"], calls


@pytest.mark.parametrize("poll", ("wait", "spin"))
def test_no_allocation_for_a_frame(tap_world, traffic, tmp_path, poll):
    """lwIP's thread arms its timers anew, which is a few; a worker would make one a frame."""
    library, counts = tmp_path / "alloc_count.so", tmp_path / "counts"
    run("gcc", "-O2", "-fno-builtin", "-shared", "-fPIC", "-o", library,
        Path(__file__).with_name("alloc_count.c"))
    sent = traffic("large", 10000)
    tap_world.run("host", "ip", "address", "flush", "dev", "mev0")
    with Node(tap_world, "--poll", poll, "--json",
              prefix=("env", f"LD_PRELOAD={library}", f"ALLOC_COUNT={counts}")) as node:
        before = tap_world.sent_to_node()
        all_read(tap_world, before + tap_world.replay(sent.pcap, "--pps", "20000"))
        summary = node.stop().summary
    assert summary["verdicts"]["replied"] == sent.expected["replies"]
    by_main, by_others = (int(count) for count in counts.read_text().split())
    assert by_main > 10
    assert by_others < sent.expected["replies"] // 50
