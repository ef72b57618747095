# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Frames and payloads as bytes: what a sender puts on the wire, right by default.

Payload integers are little-endian, header fields big-endian. Whatever is to be wrong with a frame
is broken afterwards, or through the overriding arguments of ipv4() and udp().
"""

import ipaddress
import struct
from typing import NamedTuple, Optional

ETH_IPV4 = 0x0800
ETH_ARP = 0x0806
ETH_VLAN = 0x8100
ETH_IPV6 = 0x86DD
ETH_QINQ = 0x88A8
ETH_LLDP = 0x88CC

PROTO_ICMP = 1
PROTO_TCP = 6
PROTO_UDP = 17
PROTO_ICMPV6 = 58

SWAP = struct.Struct("<Q20sQQB3s")  # nonce, pool, amount_in, min_amount_out, direction, reserved
UPDATE = struct.Struct("<20sQQQI16s")  # pool, reserve0, reserve1, slot, seq, padding
UDP = struct.Struct("!HHHH")
IPV4 = struct.Struct("!BBHHHBBH4s4s")
IPV6 = struct.Struct("!IHBB16s16s")

SWAP_LEN = SWAP.size
UPDATE_LEN = UPDATE.size
assert (SWAP_LEN, UPDATE_LEN) == (48, 64)


class Endpoints(NamedTuple):
    """Who talks to whom: 6-byte MACs, 4- and 16-byte addresses, UDP ports."""

    src_mac: bytes = bytes.fromhex("020000000002")
    dst_mac: bytes = bytes.fromhex("020000000001")
    src_ip: bytes = ipaddress.ip_address("192.168.69.1").packed
    dst_ip: bytes = ipaddress.ip_address("192.168.69.2").packed
    src_ip6: bytes = ipaddress.ip_address("fd00:69::1").packed
    dst_ip6: bytes = ipaddress.ip_address("fd00:69::2").packed
    src_port: int = 40000
    swap_port: int = 8080
    update_port: int = 8081


def checksum(data: bytes) -> int:
    """The Internet checksum of RFC 1071.

    2^16 is 1 modulo 65535, so a big-endian number is congruent to the sum of its 16-bit words.
    """
    if len(data) & 1:
        data += b"\0"
    return (65535 - int.from_bytes(data, "big") % 65535) % 65535


def checksum_ok(data: bytes) -> bool:
    """Whether data that contains its own checksum sums to 0xffff."""
    return int.from_bytes(data, "big") % 65535 == 0


def ethernet(dst: bytes, src: bytes, ethertype: int, payload: bytes,
             tags: tuple = ()) -> bytes:
    """An Ethernet frame without FCS. tags: (TPID, TCI) from the outermost in."""
    head = dst + src
    for tpid, tci in tags:
        head += struct.pack("!HH", tpid, tci)
    return head + ethertype.to_bytes(2, "big") + payload


def ipv4(src: bytes, dst: bytes, proto: int, payload: bytes, options: bytes = b"",
         ident: int = 0, fragment: int = 0x4000, total_len: Optional[int] = None) -> bytes:
    """An IPv4 packet with a right header checksum. fragment: flags and offset; default DF."""
    ihl = 5 + len(options) // 4
    size = ihl * 4 + len(payload) if total_len is None else total_len
    head = IPV4.pack(0x40 | ihl, 0, size, ident, fragment, 64, proto, 0, src, dst) + options
    return head[:10] + checksum(head).to_bytes(2, "big") + head[12:] + payload


def ipv6(src: bytes, dst: bytes, next_header: int, payload: bytes, hop_limit: int = 64,
         payload_len: Optional[int] = None) -> bytes:
    """An IPv6 packet; extension headers, if any, are part of the payload."""
    size = len(payload) if payload_len is None else payload_len
    return IPV6.pack(6 << 28, size, next_header, hop_limit, src, dst) + payload


def udp(src: bytes, dst: bytes, sport: int, dport: int, payload: bytes,
        length: Optional[int] = None) -> bytes:
    """A UDP datagram with a right checksum over either IP version's pseudo header."""
    size = 8 + len(payload)
    pseudo = src + dst + struct.pack("!HH", PROTO_UDP, size)
    check = checksum(pseudo + UDP.pack(sport, dport, size, 0) + payload) or 0xFFFF
    return UDP.pack(sport, dport, size if length is None else length, check) + payload


def transport(src: bytes, dst: bytes, proto: int, segment: bytes, check_off: int) -> bytes:
    """Fill in the checksum of a TCP or ICMPv6 segment, which lies at check_off and is zero."""
    pseudo = src + dst + struct.pack("!II", len(segment), proto)
    check = checksum(pseudo + segment).to_bytes(2, "big")
    return segment[:check_off] + check + segment[check_off + 2:]


def multicast_mac(group: bytes) -> bytes:
    """Ethernet address of an IP multicast group (RFC 1112, RFC 2464)."""
    if len(group) == 4:
        return b"\x01\x00\x5e" + bytes((group[1] & 0x7F,)) + group[2:]
    return b"\x33\x33" + group[12:]
