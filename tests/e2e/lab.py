# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the end-to-end tests work with: a world of two namespaces, a node in it, captures, senders.

Everything here is a context manager that leaves nothing behind, and waits for what it needs with
a bound instead of sleeping. Needs root.
"""

import ctypes
import itertools
import json
import mmap
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import replies

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "scripts"
# Absolute: entering a mount namespace changes the working folder.
MEVNODE = Path(os.environ.get("MEVNODE", ROOT / "build" / "mevnode")).absolute()
FILTER = Path(os.environ.get("MEV_FILTER", ROOT / "build" / "bpf" / "mev_filter.bpf.o")).absolute()
PIN_ROOT = Path("/sys/fs/bpf/mevnode")

TIMEOUT = 30  # seconds that anything may take before the test fails

HOST_MAC, NODE_MAC = bytes.fromhex("020000000002"), bytes.fromhex("020000000001")
HOST_IP, NODE_IP = "192.168.69.1", "192.168.69.2"
OWN_IP = "192.168.69.3"  # what the node itself owns on AF_XDP with --own-ip

_serial = itertools.count()


def until(condition, what: str, timeout: float = TIMEOUT):
    """Wait for condition() to be true and return what it returned."""
    end = time.monotonic() + timeout
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"still not true after {timeout} s: {what}")
        time.sleep(0.01)


def run(*command, check=True, **options) -> subprocess.CompletedProcess:
    """A command to its end, output as text. Interrupted, it may still clean up after itself."""
    with subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, **options) as process:
        try:
            out, err = process.communicate(timeout=4 * TIMEOUT)
        finally:
            end_process(process)
    if check and process.returncode:
        raise AssertionError(f"{command} ended with {process.returncode}: {err}")
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def end_process(process: subprocess.Popen) -> None:
    """Ask it to end, then insist."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def replay_script(name: str, pcap: Path, *options) -> tuple:
    """Exit code and findings of scripts/NAME PCAP --json."""
    done = run(SCRIPTS / name, pcap, "--json", *options, check=False)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


class World:
    """Two namespaces joined by veth0 (host side) and veth1 (node side): scripts/netns.sh."""

    kind, link, interface = "up", "veth0", "veth1"
    backend, own_ip, owning = "af_xdp", OWN_IP, ("--own-ip", f"{OWN_IP}/24")

    def __init__(self, queues: int = 1):
        self.name = f"mev-test-{os.getpid()}-{next(_serial)}"
        self.pins = PIN_ROOT / self.name
        run("bash", "-c", f". {SCRIPTS}/netns.sh && bpffs_mounted")
        run(SCRIPTS / "netns.sh", self.kind, self.name, queues)

    def node_options(self, pins: bool = True) -> tuple:
        """Those that put a node where this world has room for it."""
        return ("-i", self.interface, *(("--pin-path", self.pins) if pins else ()))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        run(SCRIPTS / "netns.sh", "down", self.name)
        # Of nodes that a test has killed, here or at the far side.
        for pins in (self.pins, *PIN_ROOT.glob(f"{self.name}-*")):
            shutil.rmtree(pins, ignore_errors=True)

    def _path(self, side: str) -> str:
        return f"/var/run/netns/{self.name}-{side}"

    def inside(self, side: str, *command) -> list:
        """The command line that runs `command` on a side, "host" or "node"."""
        return ["nsenter", f"--net={self._path(side)}", *(str(part) for part in command)]

    def run(self, side: str, *command, **options) -> subprocess.CompletedProcess:
        """A command on a side, to its end."""
        return run(*self.inside(side, *command), **options)

    @contextmanager
    def entered(self, side: str):
        """This thread is on that side; sockets made meanwhile stay there."""
        libc = ctypes.CDLL(None, use_errno=True)
        with open("/proc/thread-self/ns/net", "rb") as home, open(self._path(side), "rb") as there:
            if libc.setns(there.fileno(), 0x40000000):  # CLONE_NEWNET
                raise OSError(ctypes.get_errno(), "setns")
            try:
                yield
            finally:
                libc.setns(home.fileno(), 0x40000000)

    def udp(self, side: str, port: int = 0) -> socket.socket:
        """A UDP socket there."""
        with self.entered(side):
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.settimeout(TIMEOUT)
        sock.bind((HOST_IP if side == "host" else NODE_IP, port))
        return sock

    def tcp(self, address: str = "", port: int = 8080, side: str = "host") -> socket.socket:
        """A connection from there, to the node's own address unless to another."""
        with self.entered(side):
            sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.settimeout(TIMEOUT)
        try:
            sock.connect((address or self.own_ip, port))
        except BaseException:
            sock.close()
            raise
        return sock

    def link_mac(self) -> bytes:
        """The MAC address of the host's side."""
        link, = json.loads(self.run("host", "ip", "-j", "link", "show", self.link).stdout)
        return bytes.fromhex(link["address"].replace(":", ""))

    def wire(self) -> socket.socket:
        """A socket on the host's side that sends whole frames and hears nothing."""
        with self.entered("host"):
            sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            sock.bind((self.link, 0))
        return sock

    def sent_to_node(self) -> int:
        """Frames that the host's side has sent; on a TAP device, those that the node has read."""
        link, = json.loads(self.run("host", "ip", "-j", "-s", "link", "show", self.link).stdout)
        return link["stats64"]["tx"]["packets"]

    def await_link(self) -> None:
        """Once a node is ready: until frames that the host's side sends reach it."""

    def program_on_peer(self) -> None:
        """One on the host's side, too, without which the node's own replies (XDP_TX) are lost."""
        run(SCRIPTS / "netns.sh", "program", self.name)

    def xdp_attached(self) -> str:
        """What `ip link` says of an XDP program on the node's side: "" for none."""
        lines = self.run("node", "ip", "-d", "link", "show").stdout.splitlines()
        return " ".join(line.strip() for line in lines if "xdp" in line)

    def counters(self, pin: Path = None) -> dict:
        """Packets by verdict, from the pinned map, over all CPUs."""
        dump = json.loads(self.run("node", "bpftool", "-j", "map", "dump", "pinned",
                                   pin or self.pins / "mev_verdicts").stdout)
        total = {}
        for cpu in dump[0]["formatted"]["values"]:
            for name, counter in cpu["value"].items():
                total[name] = total.get(name, 0) + counter["packets"]
        return total

    def replay(self, pcap: Path, *pace: str) -> int:
        """Send a whole capture; returns how many frames went out."""
        with Replay(self, pcap, *pace) as replay:
            return replay.sent()


class EngineWorld(World):
    """Where the XDP program answers by itself."""

    def __enter__(self):
        self.program_on_peer()
        return super().__enter__()

    def node_options(self, pins: bool = True) -> tuple:
        return (*super().node_options(pins), "--engine", "kernel")


class LoaderWorld(World):
    """A world with a bpffs of its own, for loaders that pin where everybody else's do."""

    def __init__(self, queues: int = 1):
        # A process that does nothing holds the mount namespace.
        self._mounts = subprocess.Popen(
            ["unshare", "-m", "sh", "-ec", "mount --make-rprivate /; mount -t bpf bpf /sys/fs/bpf; "
             "echo made; exec cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._mounts.stdout.readline() == "made\n"
        super().__init__(queues)
        self.pins = PIN_ROOT / self.interface

    def __exit__(self, *_):
        run(SCRIPTS / "netns.sh", "down", self.name)
        self._mounts.communicate()

    def inside(self, side: str, *command) -> list:
        # Its root, too: with the namespace alone one is out of a chroot that the tests run in.
        there = f"/proc/{self._mounts.pid}"
        return super().inside(side, "nsenter", f"--mount={there}/ns/mnt", f"--root={there}/root",
                              *command)

    def pinned(self, folder) -> set:
        """Names of what is pinned there, as processes of this world see it."""
        return set(self.run("node", "ls", folder, check=False).stdout.split())


class TapWorld(World):
    """One namespace under two names with a TAP device in it: scripts/netns.sh tap."""

    kind, link, interface = "tap", "mev0", "mev0"
    backend, own_ip, owning = "tap", NODE_IP, ()

    def node_options(self, pins: bool = True) -> tuple:
        return ("-b", "tap", "-i", self.interface)

    def await_link(self) -> None:
        # The kernel notices at its leisure that somebody has opened the device, and drops till then.
        def up():
            link, = json.loads(self.run("host", "ip", "-j", "link", "show", self.link).stdout)
            return link["operstate"] != "DOWN"

        until(up, f"{self.link} has a carrier")


class HeldQueue:
    """An AF_XDP socket of somebody else's on the node's interface, until release()."""

    AF_XDP, SOL_XDP, RX_RING, UMEM_REG, FILL_RING, COMPLETION_RING = 44, 283, 2, 4, 5, 6
    CHUNKS, CHUNK = 8, 4096

    def __init__(self, world: World, queue: int = 0):
        libc = ctypes.CDLL(None, use_errno=True)
        with world.entered("node"):
            index = socket.if_nametoindex(world.interface)
            self._sock = socket.socket(self.AF_XDP, socket.SOCK_RAW, 0)
        self._area = mmap.mmap(-1, self.CHUNKS * self.CHUNK)
        start = ctypes.addressof(ctypes.c_char.from_buffer(self._area))
        self._set(self.UMEM_REG, struct.pack("QQIIII", start, len(self._area), self.CHUNK, 0, 0, 0))
        for ring in (self.FILL_RING, self.COMPLETION_RING, self.RX_RING):
            self._set(ring, struct.pack("i", self.CHUNKS))
        copy = 1 << 1  # XDP_COPY
        address = struct.pack("HHIII", self.AF_XDP, copy, index, queue, 0)
        if libc.bind(self._sock.fileno(), address, len(address)):
            raise OSError(ctypes.get_errno(), "bind of an AF_XDP socket")

    def _set(self, option: int, value: bytes):
        self._sock.setsockopt(self.SOL_XDP, option, value)

    def release(self) -> None:
        """The queue is anybody's again, in a moment."""
        self._sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.release()


class Replay:
    """tcpreplay at work on the host's side; leaving `with` ends it, if it has not ended."""

    def __init__(self, world: World, pcap: Path, *pace: str):
        self._process = subprocess.Popen(
            world.inside("host", "tcpreplay", "-i", world.link, "--preload-pcap",
                         "--no-flow-stats", *pace, pcap),
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        end_process(self._process)
        self._process.stdout.close()

    def running(self) -> bool:
        """Whether it is still at it."""
        return self._process.poll() is None

    def sent(self) -> int:
        """How many frames went out, at its end."""
        output, _ = self._process.communicate(timeout=4 * TIMEOUT)
        return next(int(line.split()[2]) for line in output.splitlines()
                    if "Successful packets:" in line)


class Capture:
    """What comes back to the host's side, whole frames in order."""

    def __init__(self, world: World):
        self._dir = tempfile.TemporaryDirectory(prefix="mev-test-")
        self._path = Path(self._dir.name) / "replies.pcap"
        # VLAN tags that the kernel has taken out are back in what tcpdump writes.
        self._process = subprocess.Popen(
            world.inside("host", "tcpdump", "-i", world.link, "-Q", "in", "-B", "65536", "-s",
                         "1024", "-U", "--immediate-mode", "-Z", "root",
                         "--time-stamp-precision=nano", "-w", self._path),
            stderr=subprocess.PIPE, text=True)

    def __enter__(self):
        self._process.stderr.readline()  # "listening on ..."
        return self

    def __exit__(self, *_):
        end_process(self._process)
        self._process.stderr.close()
        self._dir.cleanup()

    def frames(self, at_least: int = 0) -> list:
        """All so far, once there are so many."""
        def enough():
            found = replies.read_capture(self._path)
            return found if len(found) >= at_least else None

        return until(enough, f"{at_least} frames captured") if at_least else \
            replies.read_capture(self._path)


class Ended(NamedTuple):
    """How a node ended."""

    code: int
    out: list  # lines of stdout
    err: list  # lines of stderr
    summary: dict  # the last line as JSON; {} where it is none


class Node:
    """`mevnode run` in a world, from its start to its summary. `with` waits until it is ready."""

    def __init__(self, world: World, *options, pins: bool = True, prefix: tuple = ()):
        where = world.node_options(pins and "tap" not in options)  # which has no maps to pin
        self._start(world, *prefix, MEVNODE, "run", *where, *options)

    def _start(self, world: World, *command):
        self._world = world
        self._err = tempfile.TemporaryFile("w+")
        command = world.inside("node", *command)
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._err,
                                        text=True)
        self._out = []

    @property
    def pid(self) -> int:
        """Its process: nsenter has become the node."""
        return self.process.pid

    def __enter__(self):
        try:
            self.ready = self._line()
            self._world.await_link()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def _line(self) -> str:
        ready, _, _ = select.select([self.process.stdout], [], [], TIMEOUT)
        line = self.process.stdout.readline() if ready else ""
        if not line:
            raise AssertionError(f"not ready: {self.ended(signal.SIGKILL)}")
        self._out.append(line.rstrip("\n"))
        return self._out[-1]

    def close(self) -> None:
        """Kill it if it is still there."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self._err.close()

    def ended(self, by: int = None) -> Ended:
        """Its end, after the signal `by` or by itself."""
        if by is not None and self.process.poll() is None:
            self.process.send_signal(by)
        rest, _ = self.process.communicate(timeout=TIMEOUT)
        self._out += rest.splitlines()
        self._err.seek(0)
        last = self._out[-1] if self._out else ""
        return Ended(self.process.returncode, self._out, self._err.read().splitlines(),
                     json.loads(last) if last.startswith("{") else {})

    def said(self) -> list:
        """The lines on stderr so far."""
        return os.pread(self._err.fileno(), 1 << 24, 0).decode().splitlines()

    def reload(self) -> str:
        """SIGHUP, and the one line that the node says of it."""
        before = len(self.said())
        self.process.send_signal(signal.SIGHUP)
        until(lambda: len(self.said()) > before, "the node says something about SIGHUP")
        line, = self.said()[before:]
        return line

    def stop(self) -> Ended:
        """SIGINT, and the end it makes of it."""
        return self.ended(signal.SIGINT)

    def pause(self) -> None:
        """SIGSTOP, until it stands still."""
        self.process.send_signal(signal.SIGSTOP)
        status = Path(f"/proc/{self.pid}/status")
        until(lambda: "State:\tT" in status.read_text(encoding="ascii"), "the node has stopped")

    def go_on(self) -> None:
        """SIGCONT."""
        self.process.send_signal(signal.SIGCONT)

    def workers(self) -> list:
        """Thread ids other than the main thread's."""
        return [int(tid) for tid in os.listdir(f"/proc/{self.pid}/task") if int(tid) != self.pid]

    def memory_kib(self) -> int:
        """What it holds in memory (VmRSS)."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return next(int(line.split()[1]) for line in status.splitlines() if line[:6] == "VmRSS:")

    def counters(self) -> dict:
        """Packets by verdict of the running XDP program."""
        return self._world.counters()

    def judged(self, frames: int) -> dict:
        """The counters, once they account for so many frames."""
        def all_counted():
            counters = self.counters()
            return counters if sum(counters.values()) >= frames else None

        return until(all_counted, f"{frames} frames judged")
