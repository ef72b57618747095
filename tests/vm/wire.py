# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The far end of a guest's cable: whole frames in and out, nothing lost, at the guest's own pace.

QEMU takes a frame from its end only when the NIC has room for it, and waits with those that come the
other way, so what is missing at the end is the guest's doing.
"""

import socket
import threading
import time

import replies
from trafficgen import wire

ENDS = wire.Endpoints()
WINDOW = 128  # frames under way: igb's ring has 256, and RSS may lead all of them to one
TIMEOUT = 10
_ARP_HEAD = bytes.fromhex("0001080006040001")
_NOBODY = bytes(6)
ARP_REPLY = bytes.fromhex("0002")


class Wire:
    """A socket that QEMU's `-netdev dgram` is the other end of. A thread keeps what arrives."""

    def __init__(self, folder, name: str):
        self._here, self._there = f"{folder}/{name}-host", f"{folder}/{name}-guest"
        self.netdev = (f"dgram,id={name},local.type=unix,local.path={self._there},"
                       f"remote.type=unix,remote.path={self._here}")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self._here)
        self._socket.settimeout(TIMEOUT)
        self._came = threading.Condition()
        self._frames = []
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Wakes the thread by a frame of no length, which it takes for the end."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self._here)
        self._thread.join()
        self._socket.close()

    def _listen(self) -> None:
        while True:
            try:
                frame = self._socket.recv(65536)
            except TimeoutError:
                continue
            if not frame:
                return
            with self._came:
                self._frames.append(frame)
                self._came.notify_all()

    def take(self) -> list:
        """All frames that came since the last take()."""
        with self._came:
            frames, self._frames = self._frames, []
        return frames

    def await_frames(self, wanted, count: int, what: str) -> None:
        """Until so many frames for which wanted(frame) is true have come; they stay."""
        def enough():
            return sum(map(bool, map(wanted, self._frames))) >= count

        with self._came:
            if not self._came.wait_for(enough, TIMEOUT):
                raise AssertionError(f"{what}: {sum(map(bool, map(wanted, self._frames)))} of "
                                     f"{count} after {TIMEOUT} s")

    def send(self, frame: bytes) -> None:
        """Waits while the guest has no room."""
        self._socket.sendto(frame, self._there)

    def barrier(self) -> None:
        """Until the guest's kernel has seen all that was sent on this queue: it answers an ARP."""
        with self._came:
            before = sum(map(is_arp_reply, self._frames))
        self.send(wire.ethernet(ENDS.dst_mac, ENDS.src_mac, wire.ETH_ARP, _ARP_HEAD + ENDS.src_mac +
                                ENDS.src_ip + _NOBODY + ENDS.dst_ip))
        self.await_frames(is_arp_reply, before + 1, "the guest answers ARP")

    def replay(self, frames: list) -> int:
        """All of them, WINDOW at a time. Returns how many barriers went with them."""
        for i in range(0, len(frames), WINDOW):
            for frame in frames[i:i + WINDOW]:
                self.send(frame)
            self.barrier()
        return -(-len(frames) // WINDOW)


def is_arp_reply(frame: bytes) -> bool:
    """Whether it is one."""
    return int.from_bytes(frame[12:14], "big") == wire.ETH_ARP and frame[20:22] == ARP_REPLY


def is_swap_reply(frame: bytes) -> bool:
    """Whether it comes from the swap port; right or wrong."""
    try:
        return replies.parse(frame) is not None
    except replies.Wrong:
        return True


def eventually(condition, what: str, timeout: float = TIMEOUT):
    """What condition() returns once it is true."""
    end = time.monotonic() + timeout
    while not (found := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"still not true after {timeout} s: {what}")
        time.sleep(0.05)
    return found
