# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Frames as bytes: layouts against hand-written hex, checksums against the textbook loop."""

import random
import struct

from trafficgen import pcap, wire


def textbook_sum(data):
    """RFC 1071, the slow way: the folded sum, not complemented."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def test_checksum():
    rng = random.Random(1)
    for _ in range(2000):
        data = rng.randbytes(2 * rng.randint(1, 40))
        if any(data):
            assert wire.checksum(data) == ~textbook_sum(data) & 0xFFFF
        assert wire.checksum_ok(data) == (textbook_sum(data) in (0, 0xFFFF))
    assert wire.checksum(b"\xff\xff") == 0
    assert wire.checksum(b"\x01") == 0xFEFF


def test_swap_layout():
    payload = wire.SWAP.pack(0x0102030405060708, bytes(range(20)), 0x1112131415161718,
                             0x2122232425262728, 1, b"\0\0\0")
    assert payload.hex() == ("0807060504030201" "000102030405060708090a0b0c0d0e0f10111213"
                             "1817161514131211" "2827262524232221" "01" "000000")


def test_update_layout():
    payload = wire.UPDATE.pack(bytes(range(20)), 1, 2, 3, 0x01020304, bytes(16))
    assert payload.hex() == ("000102030405060708090a0b0c0d0e0f10111213" "0100000000000000"
                             "0200000000000000" "0300000000000000" "04030201" + "00" * 16)


def test_ipv4_frame():
    """Header checksum worked out by hand, the UDP one by the textbook loop."""
    src, dst = bytes((192, 168, 69, 1)), bytes((192, 168, 69, 2))
    datagram = wire.udp(src, dst, 40000, 8080, b"abcd")
    frame = wire.ethernet(b"\x02\0\0\0\0\x01", b"\x02\0\0\0\0\x02", wire.ETH_IPV4,
                          wire.ipv4(src, dst, wire.PROTO_UDP, datagram))
    assert frame[:14].hex() == "020000000001" "020000000002" "0800"
    assert frame[14:34].hex() == "45000020" "00004000" "40112f79" "c0a84501" "c0a84502"
    assert frame[34:40].hex() == "9c40" "1f90" "000c"
    assert textbook_sum(src + dst + b"\0\x11\0\x0c" + frame[34:]) == 0xFFFF


def test_ipv6_and_tags():
    src, dst = bytes(15) + b"\1", bytes(15) + b"\2"
    datagram = wire.udp(src, dst, 1, 2, b"abcd")
    frame = wire.ethernet(b"\x02" * 6, b"\x04" * 6, wire.ETH_IPV6,
                          wire.ipv6(src, dst, wire.PROTO_UDP, datagram),
                          ((wire.ETH_QINQ, 7), (wire.ETH_VLAN, 9)))
    assert frame[12:22].hex() == "88a80007" "81000009" "86dd"
    assert frame[22:30].hex() == "60000000" "000c" "11" "40"
    assert textbook_sum(src + dst + b"\0\x11\0\x0c" + frame[62:]) == 0xFFFF


def test_options_count_in_the_header():
    packet = wire.ipv4(bytes(4), bytes(4), wire.PROTO_UDP, bytes(8), b"\x01" * 8)
    assert packet[0] == 0x47 and packet[2:4] == b"\0\x24" and len(packet) == 36
    assert textbook_sum(packet[:28]) == 0xFFFF


def test_multicast_mac():
    assert wire.multicast_mac(bytes((239, 129, 2, 3))).hex(":") == "01:00:5e:01:02:03"
    assert wire.multicast_mac(b"\xff\x02" + bytes(10) + b"\1\2\3\4").hex(":") == "33:33:01:02:03:04"


def test_pcap_round_trip(tmp_path):
    path = tmp_path / "x.pcap"
    with open(path, "wb") as file:
        writer = pcap.PcapWriter(file)
        writer.frame(1_700_000_000_000_000_001, b"a" * 60)
        writer.frame(1_700_000_001_999_999_999, b"b" * 61)
    assert path.read_bytes()[:24].hex() == "4d3cb2a1" "02000400" "00000000" "00000000" "ffff0000" \
        "01000000"
    assert list(pcap.read_frames(path)) == [(1_700_000_000_000_000_001, b"a" * 60),
                                            (1_700_000_001_999_999_999, b"b" * 61)]
