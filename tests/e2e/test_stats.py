# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""`mevnode stats`: what a running node, or a program without one, has counted."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import termios
import time
from contextlib import contextmanager

import pytest

from lab import (FILTER, MEVNODE, NODE_IP, TIMEOUT, LoaderWorld, Node, TapWorld, World, end_process,
                 run, until)
from trafficgen import wire

pytestmark = pytest.mark.root

POOL = "a0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"
SWAP = wire.SWAP.pack(1, bytes.fromhex(POOL), 2 * 10**10, 1, 0, bytes(3))


def stats(world, *options, side="node", check=True):
    """`mevnode stats` on the node's side."""
    return world.run(side, MEVNODE, "stats", *options, check=check)


def counted(world, *options) -> dict:
    """The same as an object."""
    return json.loads(stats(world, "--json", *options).stdout)


def refusal(world, *options, code=1, **where) -> str:
    """The one line with which it ends."""
    ended = stats(world, *options, check=False, **where)
    assert (ended.returncode, ended.stdout) == (code, ""), ended
    line, = ended.stderr.splitlines()
    return line


def swaps(world, count: int) -> None:
    """So many, answered by a running node or not."""
    with world.udp("host") as client:
        for _ in range(count):
            client.sendto(SWAP, (NODE_IP, 8080))


# --- once -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", (World, TapWorld), ids=("af_xdp", "tap"))
def test_same_as_the_summary(make, traffic):
    """What it tells of a node at rest is what the node says at its end."""
    sent = traffic("mixed", 3000)
    with make() as world, Node(world, "--json") as node:
        frames = world.replay(sent.pcap, "--pps", "3000")
        judged = sum(sent.expected["verdicts"].values()) - sent.expected["verdicts"]["redirect"]
        assert judged == frames

        def settled():
            found = counted(world, "--pid", node.pid)
            verdicts = found["verdicts"]
            return found if sum(verdicts.values()) - verdicts["redirect"] >= frames else None

        running = until(settled, f"{frames} frames in the snapshot")
        text = stats(world, "--pid", node.pid).stdout
        ended = node.stop()
    summary = ended.summary
    assert running["pid"] == node.pid
    assert running["backend"] == world.backend
    for section in ("verdicts", "pools", "latency_ns", "candidate_precision", "backend", "mode",
                    "interface", "queues", "pid", "version", "started_s"):
        assert running[section] == summary[section], section
    for name, count in sent.expected["verdicts"].items():
        # The client's kernel says that nobody waits for the replies, which passes.
        assert running["verdicts"][name] == count or name == "pass", name
    # Only at the end does the account of chunks add up.
    assert set(summary) == set(running)
    if world.backend == "af_xdp":
        assert set(summary["xsk"]) - set(running["xsk"]) == {"chunks_missing"}
    for name, count in running["verdicts"].items():
        if count:
            assert re.search(rf"^  {name} +{count} ", text, re.M)


def test_ways_to_name_it(world):
    """By namespace, interface, pins or process; from another namespace as well."""
    with Node(world) as node, World() as other:
        for options in ((), ("-i", "veth1"), ("--pin-path", world.pins), ("--pid", node.pid)):
            assert counted(world, *options)["pid"] == node.pid, options
        for options in (("--pin-path", world.pins), ("--pid", node.pid)):
            assert counted(other, *options)["pid"] == node.pid, options
        with Node(other) as second:
            # The interface has the same name in both: it is the one here that is meant.
            assert counted(other, "-i", "veth1")["pid"] == second.pid
            assert counted(other)["pid"] == second.pid
            third = run("unshare", "-n", MEVNODE, "stats", check=False)
            assert third.returncode == 1 and "choose by -i or --pid" in third.stderr
            assert str(node.pid) in third.stderr and str(second.pid) in third.stderr


def test_others_may_not_look(world):
    """Another user is told why."""
    with Node(world) as node:
        ended = world.run("node", "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                          MEVNODE, "stats", "--pid", node.pid, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "may not be looked into" in ended.stderr and "root" in ended.stderr


@pytest.mark.parametrize("user", ("nobody", None))
def test_dropped_node(world, user):
    """Root and its own user see one in its sandbox, which keeps counting."""
    with Node(world, *(("--user", user, "--visible") if user else ())) as node:
        swaps(world, 3)
        until(lambda: counted(world, "--pid", node.pid)["verdicts"]["replied"] == 3, "3 replies")
        if user:
            by_itself = world.run("node", "setpriv", f"--reuid={user}", "--regid=nogroup",
                                  "--clear-groups", MEVNODE, "stats", "--json", "--pid", node.pid)
            assert json.loads(by_itself.stdout)["verdicts"]["replied"] == 3


def test_wrong_usage(world):
    """Exit code 2 and a line that says what is wrong."""
    assert "give one" in refusal(world, "-i", "veth1", "--pid", "1", code=2)
    assert "number of a process" in refusal(world, "--pid", "0", code=2)
    assert "unexpected argument" in refusal(world, "extra", code=2)
    assert "usage: mevnode stats" in stats(world, "--help").stdout


def test_nothing_there(world):
    """Exit code 1 and a line that says where it has looked."""
    assert "no mev_filter is attached" in refusal(world, "-i", "veth1")
    assert "no node is running as this process" in refusal(world, "--pid", os.getpid())
    assert "no map is pinned there" in refusal(world, "--pin-path", "/sys/fs/bpf")


# --- without a node -------------------------------------------------------------------------------


def test_loaded_program():
    """A loader's program: by interface or pins; a node comes and goes."""
    with LoaderWorld() as world:
        world.run("node", "mkdir", "-p", world.pins.parent)
        world.run("node", "xdp-loader", "load", "-m", "native", "-s", "xdp", "-p", world.pins,
                  "veth1", FILTER)
        ways = (("-i", "veth1"), ("--pin-path", world.pins))
        for options in ways:
            found = counted(world, *options)
            assert (found["pid"], found["backend"], found["pools"]) == (None, None, [])
        assert "without a node" in stats(world, "-i", "veth1").stdout
        with Node(world, "--adopt", pins=False) as node:
            swaps(world, 5)
            for options in ways:
                until(lambda o=options: counted(world, *o)["verdicts"]["replied"] == 5, "5 replies")
                assert counted(world, *options)["pid"] == node.pid
            node.stop()
        # It goes on to judge; nobody answers.
        swaps(world, 2)
        for options in ways:
            until(lambda o=options: counted(world, *o)["verdicts"]["no_socket"] == 2, "2 swaps")
            found = counted(world, *options)
            assert found["pid"] is None and "latency_ns" not in found
            pool, = found["pools"]
            assert (pool["address"], pool["swaps"], pool["replies"]) == (POOL, 7, 0)
        # And without any pins.
        world.run("node", "rm", "-r", world.pins)
        assert counted(world, "-i", "veth1")["verdicts"]["no_socket"] == 2


def test_killed_node(world):
    """kill -9 leaves pins, and nothing that says that a node runs."""
    with Node(world) as node:
        swaps(world, 4)
        until(lambda: counted(world, "--pid", node.pid)["verdicts"]["replied"] == 4, "4 replies")
        node.ended(signal.SIGKILL)
    found = counted(world, "--pin-path", world.pins)
    assert found["pid"] is None
    assert found["verdicts"]["redirect"] == 4 and found["verdicts"]["replied"] == 0
    refusal(world, "--pid", node.pid)


def test_another_versions_maps(world):
    """Maps of another layout are not misread."""
    world.run("node", "mkdir", "-p", world.pins)
    world.run("node", "bpftool", "map", "create", world.pins / "mev_config", "type", "array", "key",
              "4", "value", "8", "entries", "1", "name", "mev_config")
    assert "another version" in refusal(world, "--pin-path", world.pins)


# --- watching, as lines ---------------------------------------------------------------------------


@contextmanager
def watching(world, *options):
    """`mevnode stats --watch` whose stdout is a pipe."""
    with subprocess.Popen(world.inside("node", MEVNODE, "stats", "--watch", *options), text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            end_process(process)


def test_watch_lines(world):
    """No escape sequences; rates; ends with the node."""
    with Node(world) as node, watching(world, "--pid", node.pid) as watch:
        heading = watch.stdout.readline().split()
        assert heading[:5] == ["time", "frames/s", "Mbit/s", "candidates/s", "replies/s"]
        swaps(world, 50)
        rates = []
        while not sum(rates):
            line = watch.stdout.readline().split()
            assert len(line) == len(heading)
            assert re.fullmatch(r"\d\d:\d\d:\d\d", line[0])
            rates.append(float(line[4]))
        node.stop()
        out, err = watch.communicate(timeout=TIMEOUT)
    assert watch.returncode == 0
    assert "the node has ended" in err
    assert "\x1b" not in out


def test_watch_json(world):
    """An object a line; the last has what the node said last."""
    with Node(world, "--json") as node, watching(world, "--json", "--pid", node.pid) as watch:
        first = json.loads(watch.stdout.readline())
        swaps(world, 7)
        until(lambda: node.counters()["redirect"] == 7, "7 swaps judged")
        ended = node.stop()
        out, _ = watch.communicate(timeout=TIMEOUT)
    assert first["verdicts"]["replied"] == 0
    assert json.loads(out.splitlines()[-1]) == ended.summary


def test_watch_ends_with_its_reader(world):
    """As under `| head`."""
    with Node(world) as node, watching(world, "--pid", node.pid) as watch:
        watch.stdout.readline()
        watch.stdout.close()
        assert watch.wait(TIMEOUT) == 0
        assert watch.stderr.read() == ""


# --- watching, on a terminal ----------------------------------------------------------------------


class Screen:
    """A terminal with `mevnode stats --watch` on it."""

    ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"

    def __init__(self, world, *options, rows=40, cols=100, term="xterm"):
        self._master, self._slave = pty.openpty()
        self.resize(rows, cols)
        self.settings = termios.tcgetattr(self._slave)
        self.output = b""
        # setsid -c: the terminal is its controlling one, so that ^C and ^Z reach it.
        command = world.inside("node", "env", f"TERM={term}", "LC_ALL=C.UTF-8", "setsid", "-c",
                               MEVNODE, "stats", "--watch", *options)
        self.process = subprocess.Popen(command, stdin=self._slave, stdout=self._slave,
                                        stderr=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        end_process(self.process)
        self.process.stderr.close()
        os.close(self._master)
        os.close(self._slave)

    def resize(self, rows: int, cols: int) -> None:
        """As a terminal emulator does it; the kernel tells the process."""
        termios.tcsetwinsize(self._master, (rows, cols))

    def type(self, keys: bytes) -> None:
        """Somebody does."""
        os.write(self._master, keys)

    def read(self) -> None:
        """What has come so far."""
        while select.select([self._master], [], [], 0.05)[0]:
            self.output += os.read(self._master, 65536)

    def frame(self) -> list:
        """The lines that are on the screen, bare; [] while there is none."""
        self.read()
        frames = [part for part in self.output.split(b"\x1b[H") if b"\x1b[J" in part]
        if not frames or not self.output.startswith(self.ENTER):
            return []
        text = frames[-1].split(b"\x1b[J")[0].decode()
        assert "\n" not in text.replace("\r\n", "")
        return [re.sub(r"\x1b\[[0-9;]*[mK]", "", line) for line in text.split("\r\n")]

    def shows(self, *words: str) -> list:
        """The lines, once every word is there."""
        def there():
            lines = self.frame()
            return lines if all(word in "\n".join(lines) for word in words) else None

        return until(there, f"{words} on the screen")

    def ended(self) -> int:
        """The exit code; the terminal is as it was found."""
        code = self.process.wait(TIMEOUT)
        self.read()
        assert self.output.count(self.ENTER) == self.output.count(self.LEAVE)
        assert self.output.endswith(self.LEAVE)
        assert b"\x1b[?25h" in self.output.split(b"\x1b[J")[-1]
        assert termios.tcgetattr(self._slave) == self.settings
        return code

    def lflags(self) -> int:
        """Of the terminal, now."""
        return termios.tcgetattr(self._slave)[3]


def test_screen(world):
    """Verdicts, answers, latencies, the pool; then a smaller window, and q."""
    with Node(world) as node, Screen(world, "--pid", node.pid) as screen:
        screen.shows(f"pid {node.pid}", "af_xdp copy on veth1")
        assert not screen.lflags() & (termios.ECHO | termios.ICANON)
        swaps(world, 30)
        lines = screen.shows("redirect", "replied", "answered", "hot path", "in node", POOL,
                             "1 of 2 pools")
        assert len(lines) <= 40
        screen.shows("100.00 %")
        screen.resize(9, 31)

        def smaller():
            lines = screen.frame()
            return len(lines) <= 9 and max(map(len, lines)) <= 31 and lines

        lines = until(smaller, "a screen of 31 x 9")
        assert lines[0] == "mevnode 0.1.0  af_xdp copy on v"
        screen.resize(40, 100)
        screen.shows("1 of 2 pools")
        screen.type(b"q")
        assert screen.ended() == 0
        assert node.process.poll() is None


@pytest.mark.parametrize("how", ("^C", "^\\", "SIGTERM", "SIGHUP", "the node's end"))
def test_screen_is_restored(world, how):
    """However it ends."""
    with Node(world) as node, Screen(world, "--pid", node.pid) as screen:
        screen.shows(f"pid {node.pid}")
        if how[0] == "^":
            screen.type({"^C": b"\x03", "^\\": b"\x1c"}[how])
        elif how.startswith("SIG"):
            screen.process.send_signal(getattr(signal, how))
        else:
            node.stop()
        assert screen.ended() == 0
        said = screen.process.stderr.read().decode()
        assert ("the node has ended" in said) == (how == "the node's end")


def test_screen_stops_and_goes_on(world):
    """^Z gives the terminal back until `fg`."""
    with Node(world) as node, Screen(world, "--pid", node.pid) as screen:
        screen.shows(f"pid {node.pid}")
        screen.type(b"\x1a")

        def stopped():
            text = open(f"/proc/{screen.process.pid}/stat", encoding="ascii").read()
            return text.rsplit(") ", 1)[1][0] == "T"

        until(stopped, "it has stopped")
        screen.read()
        assert screen.output.endswith(screen.LEAVE)
        assert screen.lflags() & termios.ECHO
        screen.process.send_signal(signal.SIGCONT)
        until(lambda: screen.frame() and screen.output.count(screen.ENTER) == 2, "it is back")
        screen.type(b"q")
        assert screen.ended() == 0


def test_screen_says_that_news_is_old(world):
    """A node that has been stopped is not shown as if it ran."""
    with Node(world) as node, Screen(world, "--pid", node.pid) as screen:
        screen.shows(f"pid {node.pid}")
        node.process.send_signal(signal.SIGSTOP)
        try:
            screen.shows("no news from the node")
        finally:
            node.process.send_signal(signal.SIGCONT)
        until(lambda: "no news" not in "".join(screen.frame()), "news again")


def test_dumb_terminal(world):
    """Lines, as if it were none."""
    with Node(world) as node, Screen(world, "--pid", node.pid, term="dumb") as screen:
        def lines():
            screen.read()
            return screen.output.count(b"\n") >= 2

        until(lines, "a heading and a line")
        assert b"\x1b" not in screen.output
        screen.type(b"\x03")
        assert screen.process.wait(TIMEOUT) == 0
