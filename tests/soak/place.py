# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Where the soak happens: a veth pair on which every frame is counted by somebody, and a sender.

Neither end has an address, so that neither kernel says a word of its own. GRO is on at the node's
end: its driver then keeps its receive ring when a program comes or goes, and loses nothing in it.
"""

import json
import os
import re
import socket
import struct
from pathlib import Path
from typing import NamedTuple

from lab import TIMEOUT, Replay, World, until

SOL_PACKET, PACKET_STATISTICS, PACKET_IGNORE_OUTGOING = 263, 6, 23
ETH_P_ALL = 3


class Wire(NamedTuple):
    """Counters of the pair since it was made."""

    sent: int  # by the host's end
    arrived: int  # taken up by the driver of the node's end
    redirected: int  # given to a socket
    refused: int  # meant for a socket that did not take it
    answered: int  # sent by the node's end, or lost in the host's ring
    answers_lost: int  # of these, the latter
    received: int  # by the host's end


class Place(World):
    """A world with a program on the peer, so that either engine can reply."""

    def __init__(self):
        super().__init__()
        self._seen_by_kernel, self._tap = 0, None

    def __enter__(self):
        try:
            self.program_on_peer()
            self.run("node", "ethtool", "-K", self.interface, "gro", "on")
            for side, interface in (("host", self.link), ("node", self.interface)):
                self.run(side, "ip", "address", "flush", "dev", interface)
            self._open_tap()
        except BaseException:
            self.__exit__()
            raise
        return super().__enter__()

    def __exit__(self, *_):
        if self._tap:
            self._tap.close()
        super().__exit__()

    def inside(self, side: str, *command) -> list:
        # A session of its own: Ctrl-C is for the soak, which ends the others in order.
        return super().inside(side, "setsid", *command)

    def _open_tap(self):
        with self.entered("node"):
            self._tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            self._tap.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
            self._tap.bind((self.interface, 0))
            self._tap.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)

    def seen_by_kernel(self) -> int:
        """Frames that went up to the node's kernel: passed by a program, or there was none.

        A packet socket counts them, that nobody reads: also those it has no room for.
        """
        # Reading sets the socket's own count, of 32 bits, to 0.
        packets, _ = struct.unpack("II", self._tap.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        self._seen_by_kernel += packets
        return self._seen_by_kernel

    def _link(self, side: str, interface: str) -> dict:
        link, = json.loads(self.run(side, "ip", "-j", "-s", "link", "show", interface).stdout)
        return link["stats64"]

    def wire_counters(self) -> Wire:
        """As they are now."""
        host, node = self._link("host", self.link), self._link("node", self.interface)
        text = self.run("node", "ethtool", "-S", self.interface).stdout
        driver = {name: sum(map(int, re.findall(rf"rx_queue_\d+_{name}: (\d+)", text)))
                  for name in ("xdp_packets", "xdp_redirect", "drops")}
        answered, lost = node["tx"]["packets"], node["tx"]["dropped"]
        return Wire(host["tx"]["packets"], driver["xdp_packets"], driver["xdp_redirect"],
                    driver["drops"], answered + lost, lost, host["rx"]["packets"])

    def all_arrived(self) -> Wire:
        """The counters once nothing is under way. Nobody may be sending."""
        def quiet():
            found = self.wire_counters()
            return found if found.arrived == found.sent else None

        return until(quiet, "all that was sent has arrived")

    def processes(self) -> list:
        """Process ids of those at home on the node's side."""
        home, found = os.stat(self._path("node")).st_ino, []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if os.stat(process / "ns/net").st_ino == home:
                    found.append(int(process.name))
            except OSError:
                continue  # it has ended
        return found


class Sent(NamedTuple):
    """What a sender has done."""

    frames: int
    seconds: float


class Sender(Replay):
    """tcpreplay at work, a capture over and over for so many seconds; leaving `with` ends it."""

    def __init__(self, place: Place, pcap: Path, seconds: int, pace: int = None):
        how = ("--topspeed",) if pace is None else ("--pps", pace)
        super().__init__(place, pcap, "--loop=0", f"--duration={seconds}", *how)
        self._timeout = seconds + TIMEOUT

    def sent(self) -> Sent:
        """At its end, which this waits for."""
        text, _ = self._process.communicate(timeout=self._timeout)
        frames = re.search(r"Successful packets: +(\d+)", text)
        seconds = re.search(r"sent in ([0-9.]+) seconds", text)
        if not frames or not seconds:
            raise AssertionError(f"tcpreplay ended with {self._process.returncode}: {text}")
        return Sent(int(frames[1]), float(seconds[1]))
