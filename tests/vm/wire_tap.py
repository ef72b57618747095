# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The far end of a cable with several queues: a TAP device in a network namespace of its own.

Only TAP devices have more than one queue for QEMU. What it costs: root, and the pace is the sender's to
keep, since a device that is full drops.
"""

import ctypes
import os
import socket
import subprocess

from wire import BaseWire

CLONE_NEWNET = 0x40000000
ETH_P_ALL = 3
PACKET_OUTGOING = 4


def _ip(*words) -> None:
    subprocess.run(["ip", *words], check=True, stdin=subprocess.DEVNULL)


class TapWire(BaseWire):
    """Frames through a packet socket on the device."""

    def __init__(self, name: str, queues: int):
        self._space = f"mev-vm-{os.getpid()}-{name}"
        self.prefix = ["nsenter", f"--net=/var/run/netns/{self._space}"]
        self.netdev = f"tap,id={name},ifname=t0,script=no,downscript=no,queues={queues}"
        _ip("netns", "add", self._space)
        try:
            _ip("-n", self._space, "tuntap", "add", "dev", "t0", "mode", "tap", "multi_queue")
            _ip("-n", self._space, "link", "set", "t0", "addrgenmode", "none", "up")
            self._socket = self._open()
        except BaseException:
            self._remove()
            raise
        super().__init__()

    def _open(self) -> socket.socket:
        """A packet socket in that namespace, made from this thread."""
        libc = ctypes.CDLL(None, use_errno=True)
        with open("/proc/thread-self/ns/net", "rb") as home, \
                open(f"/var/run/netns/{self._space}", "rb") as there:
            if libc.setns(there.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
            try:
                opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
                opened.bind(("t0", ETH_P_ALL))
            finally:
                libc.setns(home.fileno(), CLONE_NEWNET)
        opened.settimeout(1)
        return opened

    def _remove(self) -> None:
        _ip("netns", "delete", self._space)

    def _receive(self) -> bytes:
        frame, (_, _, kind, _, _) = self._socket.recvfrom(65536)
        return frame if kind != PACKET_OUTGOING else b""

    def send(self, frame: bytes) -> None:
        self._socket.send(frame)

    def close(self) -> None:
        super().close()
        self._socket.close()
        self._remove()
