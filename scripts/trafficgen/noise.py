# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Other people's traffic: sane packets that a node must leave to its kernel.

All of it goes between third parties, so a kernel that gets it has nothing to answer, to learn or
to route: no claim on the node's or the sender's address, no router advertisement.
"""

import struct
from functools import partial

from . import wire
from .traffic import Item, Traffic

BROADCAST = b"\xff" * 6
IP_BROADCAST = b"\xff" * 4
MDNS4 = bytes((224, 0, 0, 251))
MDNS6 = bytes.fromhex("ff0200000000000000000000000000fb")
ALL_NODES6 = bytes.fromhex("ff020000000000000000000000000001")
LLDP_MAC = bytes.fromhex("0180c200000e")
HOP_BY_HOP, ROUTING, FRAGMENT, DEST_OPTIONS = 0, 43, 44, 60


def _mac(t, host):
    """A locally administered unicast MAC that is neither the node's nor the sender's."""
    mac = bytes((0x02, 0x4E, 0x01, 0, 0, host))
    return mac if mac not in (t.ends.dst_mac, t.ends.src_mac) else b"\x06" + mac[1:]


def _hosts(t):
    """Two different host numbers of the documentation networks (RFC 5737, RFC 3849)."""
    a = t.whole(1, 254)
    return a, a % 254 + 1


def _address(host, ipv6):
    if ipv6:
        return bytes.fromhex("20010db8") + bytes(11) + bytes((host,))
    return bytes((192, 0, 2, host))


def _frame(t, proto, segment, ipv6=False, tags=(), dst_mac=None, dst_ip=None):
    """A packet between two of those hosts. segment: a function of both addresses."""
    a, b = _hosts(t)
    src = _address(a, ipv6)
    dst = dst_ip or _address(b, ipv6)
    if ipv6:
        packet, kind = wire.ipv6(src, dst, proto, segment(src, dst)), wire.ETH_IPV6
    else:
        packet = wire.ipv4(src, dst, proto, segment(src, dst), ident=t.whole(0, 0xFFFF))
        kind = wire.ETH_IPV4
    # Even to the node's own MAC, as a switch floods; it is the packet that is not for us.
    dst_mac = dst_mac or t.ends.dst_mac
    return wire.ethernet(dst_mac, _mac(t, a), kind, packet, tags)


def _tcp_segment(t, port=None):
    flags = t.one_of((0x10, 0x18, 0x02, 0x12, 0x11, 0x04))
    head = struct.pack("!HHIIBBHHH", t.whole(1024, 65535), port or t.one_of((22, 80, 443, 9000)),
                       t.whole(0, 2**32 - 1), t.whole(0, 2**32 - 1), 0x50, flags, 64240, 0, 0)
    return head + (t.rng.randbytes(t.whole(1, 600)) if flags == 0x18 else b"")


def tcp(t, ipv6, port=None):
    """TCP; on the swap port too, which the XDP program leaves to a stack."""
    segment = _tcp_segment(t, port)
    return _frame(t, wire.PROTO_TCP,
                  lambda s, d: wire.transport(s, d, wire.PROTO_TCP, segment, 16), ipv6)


def other_port(t, ipv6=False, tags=()):
    """UDP to neither of our ports, also next to them and from them."""
    e = t.ends
    ours = (e.swap_port, e.update_port)
    dport = t.one_of((53, 123, 443, 4789, 8079, 8082, 18080, t.whole(1, 65535)))
    while dport in ours:
        dport = t.whole(1, 65535)
    sport = t.one_of((e.swap_port, e.update_port, 5353, t.whole(1024, 65535)))
    payload = t.rng.randbytes(t.one_of((12, 48, 64, 300)))
    return _frame(t, wire.PROTO_UDP, lambda s, d: wire.udp(s, d, sport, dport, payload), ipv6,
                  tags)


def tagged(t):
    """Other ports behind a VLAN tag."""
    tag = (t.one_of((wire.ETH_VLAN, wire.ETH_QINQ)), t.whole(1, 4094))
    return other_port(t, t.chance(0.3), (tag,))


def qinq(t):
    """Two tags, a swap inside: more than one tag is not ours."""
    e, payload = t.ends, t.generous()
    tags = ((wire.ETH_QINQ, t.whole(1, 4094)), (wire.ETH_VLAN, t.whole(1, 4094)))
    return _frame(t, wire.PROTO_UDP,
                  lambda s, d: wire.udp(s, d, e.src_port, e.swap_port, payload), tags=tags)


def arp(t):
    """Who-has among the third parties."""
    a, b = _hosts(t)
    body = struct.pack("!HHBBH6s4s6s4s", 1, wire.ETH_IPV4, 6, 4, 1, _mac(t, a), _address(a, False),
                       bytes(6), _address(b, False))
    return wire.ethernet(BROADCAST, _mac(t, a), wire.ETH_ARP, body + bytes(18))


def icmp(t):
    """Echo reply that nobody asked for: no kernel answers it."""
    body = struct.pack("!BBHHH", 0, 0, 0, t.whole(0, 65535), t.whole(0, 65535)) + bytes(48)
    body = body[:2] + wire.checksum(body).to_bytes(2, "big") + body[4:]
    return _frame(t, wire.PROTO_ICMP, lambda s, d: body)


def icmpv6(t):
    """Echo reply that nobody asked for."""
    body = struct.pack("!BBHHH", 129, 0, 0, t.whole(0, 65535), t.whole(0, 65535)) + bytes(48)
    return _frame(t, wire.PROTO_ICMPV6,
                  lambda s, d: wire.transport(s, d, wire.PROTO_ICMPV6, body, 2), ipv6=True)


def extension_headers(t):
    """A swap behind an IPv6 extension header: UDP does not follow directly."""
    e, payload = t.ends, t.generous()
    proto = t.one_of((HOP_BY_HOP, DEST_OPTIONS, FRAGMENT, ROUTING))
    if proto == FRAGMENT:  # an atomic one: offset 0, no more
        extra = struct.pack("!BBHI", wire.PROTO_UDP, 0, 0, t.whole(0, 2**32 - 1))
    elif proto == ROUTING:  # type 4, no segments left, hence ignored
        extra = struct.pack("!BBBBI", wire.PROTO_UDP, 0, 4, 0, 0)
    else:  # a PadN option of four bytes
        extra = struct.pack("!BBBB4x", wire.PROTO_UDP, 0, 1, 4)
    return _frame(t, proto,
                  lambda s, d: extra + wire.udp(s, d, e.src_port, e.swap_port, payload), ipv6=True)


def lldp(t):
    """Chassis id, port id, time to live, end (IEEE 802.1AB)."""
    mac = _mac(t, t.whole(1, 254))
    body = b"\x02\x07\x04" + mac + b"\x04\x07\x03" + mac + b"\x06\x02\x00\x78\x00\x00"
    return wire.ethernet(LLDP_MAC, mac, wire.ETH_LLDP, body + bytes(46 - len(body)))


def wrong_mac(t):
    """A right swap or update to somebody else's unicast MAC."""
    e = t.ends
    dst = _mac(t, t.whole(1, 254))
    port = t.one_of((e.swap_port, e.update_port))
    return t.to(dst, t.one_of((e.dst_ip, e.dst_ip6)), t.generous(), port)


def group_swap(t):
    """Swaps to a multicast or broadcast address, of either layer: never answered."""
    e = t.ends
    group = t.one_of((bytes((239, 1, 2, 3)), bytes((224, 0, 0, 1)), IP_BROADCAST, ALL_NODES6,
                      bytes.fromhex("ff0500000000000000000000000080a8")))
    by_layer = t.whole(0, 2)
    if by_layer == 0:  # an IP group in a unicast frame
        dst_mac, dst_ip = e.dst_mac, group
    elif by_layer == 1:  # a unicast address in a group frame
        dst_mac, dst_ip = t.one_of((BROADCAST, b"\x01\x00\x5e\x01\x02\x03")), e.dst_ip
    else:
        dst_mac = BROADCAST if group == IP_BROADCAST else wire.multicast_mac(group)
        dst_ip = group
    return t.to(dst_mac, dst_ip, t.generous(), e.swap_port)


def mdns(t):
    """A query for nobody's name: multicast that every host hears."""
    query = struct.pack("!6H", 0, 0, 1, 0, 0, 0) + b"\x06nobody\x05local\x00" \
        + struct.pack("!HH", 1, 1)
    ipv6 = t.chance(0.5)
    group = MDNS6 if ipv6 else MDNS4
    return _frame(t, wire.PROTO_UDP, lambda s, d: wire.udp(s, d, 5353, 5353, query), ipv6,
                  dst_mac=wire.multicast_mac(group), dst_ip=group)


MAKERS = (
    partial(tcp, ipv6=False), partial(tcp, ipv6=False), partial(tcp, ipv6=True),
    lambda t: tcp(t, t.chance(0.5), t.ends.swap_port),
    other_port, partial(other_port, ipv6=True), tagged, qinq, arp, icmp, icmpv6,
    extension_headers, lldp, wrong_mac, group_swap, mdns,
)


def makers(t: Traffic) -> list:
    """All of them as Items."""
    return [Item(partial(make, t), "pass") for make in MAKERS]
