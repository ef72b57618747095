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


class BaseWire:
    """What both kinds have in common: a thread keeps what arrives."""

    prefix = []  # of QEMU's command line
    netdev = ""  # what -netdev says to QEMU

    def __init__(self):
        self._came = threading.Condition()
        self._frames = []
        self._over = False
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def send(self, frame: bytes) -> None:
        """One frame to the guest."""
        raise NotImplementedError

    def _receive(self) -> bytes:
        """The next frame; b"" for nothing of interest; TimeoutError now and then."""
        raise NotImplementedError

    def close(self) -> None:
        """Nobody listens any more."""
        self._over = True
        self._thread.join()

    def _listen(self) -> None:
        while not self._over:
            try:
                frame = self._receive()
            except TimeoutError:
                continue
            if frame:
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

    def barrier(self) -> None:
        """Until the guest's kernel has seen all that was sent on this queue: it answers an ARP."""
        with self._came:
            before = sum(map(is_arp_reply, self._frames))
        self.send(wire.ethernet(ENDS.dst_mac, ENDS.src_mac, wire.ETH_ARP, _ARP_HEAD + ENDS.src_mac +
                                ENDS.src_ip + _NOBODY + ENDS.dst_ip))
        self.await_frames(is_arp_reply, before + 1, "the guest answers ARP")

    def swaps(self, frames: list) -> list:
        """Frames that are all answered, WINDOW at a time; the answers."""
        self.take()
        for i in range(0, len(frames), WINDOW):
            for frame in frames[i:i + WINDOW]:
                self.send(frame)
            self.await_frames(is_swap_reply, min(i + WINDOW, len(frames)), "swaps are answered")
        return list(filter(is_swap_reply, self.take()))

    def replay(self, frames: list) -> int:
        """All of them, WINDOW at a time. Returns how many barriers went with them."""
        for i in range(0, len(frames), WINDOW):
            for frame in frames[i:i + WINDOW]:
                self.send(frame)
            self.barrier()
        return -(-len(frames) // WINDOW)


class Wire(BaseWire):
    """A socket that QEMU's `-netdev dgram` is the other end of."""

    def __init__(self, folder, name: str):
        here, self._there = f"{folder}/{name}-host", f"{folder}/{name}-guest"
        self.netdev = (f"dgram,id={name},local.type=unix,local.path={self._there},"
                       f"remote.type=unix,remote.path={here}")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(here)
        self._socket.settimeout(1)
        super().__init__()

    def _receive(self) -> bytes:
        return self._socket.recv(65536)

    def send(self, frame: bytes) -> None:
        """Waits while the guest has no room."""
        end = time.monotonic() + TIMEOUT
        while True:
            try:
                self._socket.sendto(frame, self._there)
                return
            except TimeoutError as error:
                if time.monotonic() > end:
                    raise AssertionError(f"the guest takes no frame for {TIMEOUT} s") from error

    def close(self) -> None:
        super().close()
        self._socket.close()


def is_arp_reply(frame: bytes) -> bool:
    """Whether it is one."""
    return int.from_bytes(frame[12:14], "big") == wire.ETH_ARP and frame[20:22] == ARP_REPLY


def is_swap_reply(frame: bytes) -> bool:
    """Whether it comes from the swap port; right or wrong."""
    try:
        return replies.parse(frame) is not None
    except replies.Wrong:
        return True
