# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""SwapReply frames as they arrive on the wire: read a capture, take frames apart, find fault."""

import csv
import struct
from typing import Iterable, Iterator, NamedTuple, Optional

from trafficgen import wire
from trafficgen.model import VLAN_TPIDS

REPLY = struct.Struct("<QQQQ")  # nonce, profit, front_run_in, slot

_FILE_HEADER_LEN = 24
_RECORD = struct.Struct("<IIII")


class Reply(NamedTuple):
    """What a reply says, amounts in units of the victim's input token; and its whole frame."""

    nonce: int
    profit: int
    front_run_in: int
    slot: int
    frame: bytes


class Wrong(Exception):
    """A frame from the node's swap port that is not a right reply; the message says why."""


def parse(frame: bytes, swap_port: int = 8080) -> Optional[Reply]:
    """The reply in a frame; None: it does not come from the swap port. Checks lengths and sums."""
    ethertype, ip = int.from_bytes(frame[12:14], "big"), 14
    if ethertype in VLAN_TPIDS:
        ethertype, ip = int.from_bytes(frame[16:18], "big"), 18
    if ethertype == wire.ETH_IPV4 and len(frame) > ip:
        head = (frame[ip] & 15) * 4
        proto, addresses = frame[ip + 9:ip + 10], frame[ip + 12:ip + 20]
        length = int.from_bytes(frame[ip + 2:ip + 4], "big") - head
    elif ethertype == wire.ETH_IPV6:
        head = 40
        proto, addresses = frame[ip + 6:ip + 7], frame[ip + 8:ip + 40]
        length = int.from_bytes(frame[ip + 4:ip + 6], "big")
    else:
        return None
    datagram = frame[ip + head:]
    if proto != bytes((wire.PROTO_UDP,)) or len(datagram) < 8:
        return None
    source, _, udp_len, udp_sum = wire.UDP.unpack_from(datagram)
    if source != swap_port:
        return None

    size = wire.UDP.size + REPLY.size
    if not len(datagram) == udp_len == length == size:
        raise Wrong(f"lengths: {len(datagram)} bytes behind IP, which says {length}, UDP says "
                    f"{udp_len}; want {size}")
    if ethertype == wire.ETH_IPV4 and not wire.checksum_ok(frame[ip:ip + head]):
        raise Wrong("IPv4 header checksum")
    pseudo = addresses + struct.pack("!HH", wire.PROTO_UDP, udp_len)
    if udp_sum == 0 or not wire.checksum_ok(pseudo + datagram):
        raise Wrong("UDP checksum")
    return Reply(*REPLY.unpack_from(datagram, wire.UDP.size), frame)


def read_capture(path: str) -> list:
    """The frames of a capture by `tcpdump --time-stamp-precision=nano`, which may yet grow."""
    with open(path, "rb") as file:
        data = file.read()
    frames, at = [], _FILE_HEADER_LEN
    while at + _RECORD.size <= len(data):
        held = _RECORD.unpack_from(data, at)[2]
        at += _RECORD.size
        if at + held > len(data):
            break
        frames.append(data[at:at + held])
        at += held
    return frames


def read_expected(path: str) -> dict:
    """nonce -> (profit_ref, tol) of the generator's --replies-csv."""
    with open(path, newline="", encoding="ascii") as file:
        return {int(row["nonce"]): (int(row["profit_ref"]), int(row["tol"]))
                for row in csv.DictReader(file)}


class Check(NamedTuple):
    """What a capture of replies came to."""

    replies: int  # right or wrong
    others: int  # frames that are nobody's reply
    total_profit: int
    faults: list  # of text


def check(frames: Iterable[bytes], swap_port: int = 8080,
          expected: Optional[dict] = None) -> Check:
    """Take all frames apart; `expected` says which nonces must be answered, and how well."""
    replies = others = total = 0
    faults, answered = [], set()
    for frame in frames:
        try:
            reply = parse(frame, swap_port)
        except Wrong as wrong:
            replies += 1
            faults.append(f"{wrong}: {frame.hex()}")
            continue
        if reply is None:
            others += 1
            continue
        replies += 1
        total += reply.profit
        faults.extend(f"nonce {reply.nonce}: {what}" for what in _faults(reply, answered, expected))
        answered.add(reply.nonce)
    if expected is not None:
        faults.extend(f"nonce {nonce}: not answered" for nonce in expected.keys() - answered)
    return Check(replies, others, total, faults)


def _faults(reply: Reply, answered: set, expected: Optional[dict]) -> Iterator[str]:
    if reply.nonce in answered:
        yield "answered twice"
    if reply.profit < 1 or reply.front_run_in < 1:
        yield f"profit {reply.profit} of a front-run of {reply.front_run_in}"
    if expected is None:
        return
    if reply.nonce not in expected:
        yield "no reply predicted"
        return
    profit, tol = expected[reply.nonce]
    if reply.profit < profit - tol:
        yield f"profit {reply.profit}, predicted {profit} - {tol} at least"
