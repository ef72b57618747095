# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a service manager hears: a socket of ours stands where systemd's would be."""

import ctypes
import os
import signal
import socket
import time
from contextlib import contextmanager

import pytest

from lab import Node, TapWorld, World, until
from test_reload import BASE, File, Z, ask, pool

pytestmark = pytest.mark.root

PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.ptrace.argtypes = (ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)


class Manager:
    """A bound datagram socket; `prefix` is what goes before a node that is to find it."""

    def __init__(self, address: str):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address.replace("@", "\0", 1))
        if address.startswith("/"):
            os.chmod(address, 0o777)
        self.prefix = ("env", f"NOTIFY_SOCKET={address}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def hears(self, timeout: float = 10) -> dict:
        """The next datagram, its lines by name."""
        self._socket.settimeout(timeout)
        return dict(line.split("=", 1) for line in self._socket.recv(4096).decode().split("\n"))

    def hears_nothing_but(self, name: str, seconds: float) -> int:
        """How many datagrams with that name come meanwhile, and no other."""
        end, count = time.monotonic() + seconds, 0
        while (left := end - time.monotonic()) > 0:
            try:
                assert name in self.hears(left)
                count += 1
            except TimeoutError:
                break
        return count


@pytest.fixture(name="file")
def fixture_file(tmp_path):
    """A configuration to reload."""
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    return File(tmp_path)


@pytest.mark.parametrize("user", ((), ("--user", "nobody")), ids=("root", "nobody"))
@pytest.mark.parametrize("kind", (World, TapWorld), ids=("af_xdp", "tap"))
def test_from_start_to_end(file, kind, user):
    """Ready, reloading, ready again, also by a bad file, stopping; nothing of a watchdog unasked."""
    with kind() as world, Manager(f"{file.path.parent}/notify") as manager, \
            Node(world, "--json", "--config", file.path, *user, prefix=manager.prefix) as node, \
            world.udp("host") as client:
        ready = manager.hears()
        assert ready["READY"] == "1"
        assert ready["STATUS"] == (f"{world.backend} on {world.interface}, "
                                   f"{'copy' if kind is World else 'tap'}, 1 queue: 2 pools, 0 replies")
        assert ask(client)
        before = time.monotonic_ns() // 1000
        file.write(BASE + pool(Z))
        assert ": 1 pool added" in node.reload()
        reloading = manager.hears()
        assert reloading["RELOADING"] == "1"
        assert before <= int(reloading["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000
        ready = manager.hears()
        assert ready["READY"] == "1" and ready["STATUS"].endswith(": 3 pools, 1 replies")
        file.write("color = red\n")
        node.reload()
        assert "RELOADING" in manager.hears()
        ready = manager.hears()
        assert ready["READY"] == "1" and "the last reload failed" in ready["STATUS"]
        ended = node.stop()
        assert manager.hears()["STOPPING"] == "1"
        assert manager.hears_nothing_but("nothing", 0) == 0
    assert ended.code == 0


def test_abstract_socket(world):
    """As systemd's was for long, and a container manager's may be."""
    with world.entered("node"):  # the abstract namespace is the network's
        manager = Manager(f"@mevnode-{os.getpid()}")
    with manager, Node(world, prefix=manager.prefix) as node:
        assert "READY" in manager.hears()
        node.process.send_signal(signal.SIGTERM)
        assert "STOPPING" in manager.hears()
        assert node.ended().code == 0


def test_nobody_listens(world, tmp_path):
    """A manager that is not there is warned of; the node serves."""
    with Node(world, "--mode", "copy", prefix=("env", f"NOTIFY_SOCKET={tmp_path}/none")) as node, \
            world.udp("host") as client:
        until(node.said, "a warning")
        assert ask(client)
        ended = node.stop()
    assert ended.code == 0
    assert len(ended.err) == 2 and all("service manager" in line for line in ended.err)
    assert "READY=1" in ended.err[0] and "STOPPING=1" in ended.err[1]


# --- watchdog -------------------------------------------------------------------------------------


def watched(manager, microseconds: int, pid: str = "") -> tuple:
    """The prefix with a watchdog; `pid`: for a process of this number, "$$" being the node's."""
    if not pid:
        return (*manager.prefix, f"WATCHDOG_USEC={microseconds}")
    return (*manager.prefix, f"WATCHDOG_USEC={microseconds}", "sh", "-c",
            f'export WATCHDOG_PID={pid}; exec "$@"', "sh")


@pytest.mark.parametrize("poll", ("wait", "spin", "busy"))
def test_pings(world2, tmp_path, poll):
    """Twice in the time it has been given, idle or at work."""
    with Manager(f"{tmp_path}/notify") as manager, \
            Node(world2, "--poll", poll, prefix=watched(manager, 400000, "$$")) as node, \
            world2.udp("host") as client:
        assert "READY" in manager.hears()
        for _ in range(3):
            ping = manager.hears()
            assert ping["WATCHDOG"] == "1" and "2 queues: 2 pools, 0 replies" in ping["STATUS"]
        assert ask(client)
        until(lambda: manager.hears()["STATUS"].endswith(" 1 replies"), "the reply is told of")
        assert node.stop().code == 0


def test_somebody_elses_watchdog(world, tmp_path):
    """WATCHDOG_PID names another process: no ping."""
    with Manager(f"{tmp_path}/notify") as manager, \
            Node(world, prefix=watched(manager, 20000, "1")) as node:
        assert "READY" in manager.hears()
        assert manager.hears_nothing_but("nothing", 0.3) == 0
        assert node.stop().code == 0


@contextmanager
def stopped(tid: int):
    """That thread alone stands still, as if it hung: the rest of its process goes on."""
    def ptrace(what, data=None):
        if LIBC.ptrace(what, tid, None, data):
            raise OSError(ctypes.get_errno(), "ptrace")

    ptrace(PTRACE_SEIZE)
    ptrace(PTRACE_INTERRUPT)
    os.waitpid(tid, 0x40000000)  # __WALL
    try:
        yield
    finally:
        ptrace(PTRACE_DETACH)


def hangs(node, queue: int) -> int:
    """How often the node has said so; a busy machine may keep another worker from its CPU as well."""
    return sum(f"worker of queue {queue} hangs" in line for line in node.said())


def test_a_worker_hangs(world2, tmp_path):
    """One of two: the pings end, with one line that names it, and come again when it moves."""
    with Manager(f"{tmp_path}/notify") as manager, \
            Node(world2, "--mode", "copy", "--poll", "spin",
                 prefix=watched(manager, 1000000)) as node:
        assert "READY" in manager.hears()
        assert "WATCHDOG" in manager.hears()
        with stopped(node.workers()[1]):
            until(lambda: hangs(node, 1), "a line about the worker that hangs")
            manager.hears_nothing_but("WATCHDOG", 0.6)  # those of before
            assert manager.hears_nothing_but("nothing", 1.2) == 0
        assert "WATCHDOG" in manager.hears()
        assert manager.hears_nothing_but("WATCHDOG", 1.2) > 0
        assert hangs(node, 1) == 1
        assert node.stop().code == 0


def test_reload_beside_a_worker_that_hangs(world, file):
    """It is given up on after a while, in one line, and the reload after that works again."""
    with Node(world, "--mode", "copy", "--json", "--poll", "spin", "--config", file.path) as node:
        with world.udp("host") as client:
            assert ask(client)  # so the worker is at work
        with stopped(node.workers()[0]):
            file.write(pool(Z))
            node.process.send_signal(signal.SIGHUP)
            until(lambda: len(node.said()) == 2, "two lines")
            given_up, reloaded = node.said()
            assert "has not finished a turn" in given_up
            assert reloaded.endswith("1 pool added, 2 removed")
        file.write(BASE)
        assert node.reload().endswith("2 pools added, 1 removed")
        with world.udp("host") as client:
            assert ask(client) and not ask(client, address=Z)
        ended = node.stop()
    assert ended.code == 0 and ended.summary["verdicts"]["replied"] == 2
