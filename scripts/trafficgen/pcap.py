# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Classic pcap files, written as a stream.

https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-03.html
"""

import struct

MAGIC_NS = 0xA1B23C4D  # nanosecond time stamps
LINKTYPE_ETHERNET = 1
SNAPLEN = 65535
_HEADER = struct.Struct("<IHHiIII")
_RECORD = struct.Struct("<IIII")


class PcapWriter:
    """Writes frames to an open binary file, which stays the caller's."""

    def __init__(self, file):
        self._write = file.write
        self._write(_HEADER.pack(MAGIC_NS, 2, 4, 0, 0, SNAPLEN, LINKTYPE_ETHERNET))

    def frame(self, time_ns: int, data: bytes) -> None:
        """Append one whole frame; time_ns since the Unix epoch."""
        seconds, ns = divmod(time_ns, 1_000_000_000)
        self._write(_RECORD.pack(seconds, ns, len(data), len(data)) + data)


def read_frames(path: str):
    """Yield (time_ns, frame) of a capture that PcapWriter wrote."""
    with open(path, "rb") as file:
        magic, *_, link = _HEADER.unpack(file.read(_HEADER.size))
        if magic != MAGIC_NS or link != LINKTYPE_ETHERNET:
            raise ValueError(f"{path}: not a little-endian nanosecond Ethernet pcap")
        while head := file.read(_RECORD.size):
            seconds, ns, held, _ = _RECORD.unpack(head)
            yield seconds * 1_000_000_000 + ns, file.read(held)
