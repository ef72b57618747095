# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A bad link between a client and a node, where the kernel may have no sch_netem.

	NAME-far                      this process              NAME-host
	client ── cli0 (TAP) ──> lose, double, delay ──> veth0 or mev0 ──> node
	          192.168.69.1   <── reorder, both ways <──  no address

Frames pass whole and unchanged, however odd. What is done to them is drawn from a fixed seed.
"""

import fcntl
import heapq
import multiprocessing
import os
import random
import select
import signal
import socket
import struct
import time
from typing import NamedTuple

import lab

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
SO_RCVBUFFORCE, PACKET_IGNORE_OUTGOING, SOL_PACKET, ETH_P_ALL = 33, 23, 263, 3
ROOM = 65536  # bytes that a frame may have


class Harm(NamedTuple):
    """What happens to frames of either direction; shares of 1, times in seconds."""

    loss: float = 0
    duplicate: float = 0
    reorder: float = 0  # this share is held back for `late`, so that others overtake it
    late: float = 0.002
    delay: float = 0


class Relay:
    """The bad link, as long as `with` lasts."""

    def __init__(self, world: lab.World, harm: Harm, seed: int = 4):
        self._world, self._harm, self._seed = world, harm, seed
        self._far = f"{world.name}-far"
        self._counts = multiprocessing.Array("Q", 4)
        self._process = None

    def __enter__(self):
        world = self._world
        lab.run("ip", "netns", "add", self._far)
        try:
            world.run("far", "sysctl", "-qew", "net.ipv6.conf.all.disable_ipv6=1",
                      "net.ipv6.conf.default.disable_ipv6=1")
            with world.entered("far"):
                tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
                fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", b"cli0", IFF_TAP | IFF_NO_PI))
            world.run("far", "ip", "address", "add", f"{lab.HOST_IP}/24", "dev", "cli0")
            world.run("far", "ip", "link", "set", "cli0", "up")
            # The host's own kernel is to say nothing on the node's link.
            world.run("host", "ip", "address", "flush", "dev", world.link)
            with world.entered("host"):
                wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            wire.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
            wire.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
            wire.bind((world.link, ETH_P_ALL))
            wire.setblocking(False)
            self._process = multiprocessing.get_context("fork").Process(
                target=self._run, args=(tap, wire), daemon=True)
            self._process.start()
            os.close(tap)
            wire.close()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self._process:
            self._process.terminate()
            self._process.join(lab.TIMEOUT)
        lab.run("ip", "netns", "delete", self._far)

    @property
    def counts(self) -> dict:
        """Frames so far: passed, lost, doubled, reordered."""
        return dict(zip(("passed", "lost", "doubled", "reordered"), self._counts))

    def tcp(self) -> socket.socket:
        """A connection from the far side to the node's own address."""
        return self._world.tcp(side="far")

    # --- in the child process ---------------------------------------------------------------------

    def _run(self, tap: int, wire: socket.socket) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        rng, waiting, serial = random.Random(self._seed), [], 0
        poll = select.poll()
        poll.register(tap, select.POLLIN)
        poll.register(wire, select.POLLIN)
        ways = {tap: (lambda: os.read(tap, ROOM), wire.send),
                wire.fileno(): (lambda: wire.recv(ROOM), lambda frame: os.write(tap, frame))}
        while True:
            wait = max(0, waiting[0][0] - time.monotonic()) * 1000 + 1 if waiting else None
            for fd, _ in poll.poll(wait):
                receive, send = ways[fd]
                for frame in _all_from(receive):
                    for due in self._fate(rng):
                        serial += 1
                        heapq.heappush(waiting, (due, serial, send, frame))
            now = time.monotonic()
            while waiting and waiting[0][0] <= now:
                _, _, send, frame = heapq.heappop(waiting)
                try:
                    send(frame)
                except OSError:  # full or going down: lost, as on any link
                    self._counts[1] += 1

    def _fate(self, rng: random.Random) -> list:
        """When to pass a frame on: never, once, or twice."""
        harm, due = self._harm, time.monotonic() + self._harm.delay
        if rng.random() < harm.loss:
            self._counts[1] += 1
            return []
        self._counts[0] += 1
        if rng.random() < harm.reorder:
            self._counts[3] += 1
            due += harm.late
        if rng.random() < harm.duplicate:
            self._counts[2] += 1
            return [due, due]
        return [due]


def _all_from(receive, most: int = 64):
    """What is there to be received now."""
    for _ in range(most):
        try:
            yield receive()
        except OSError:
            return
