# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Every way of being wrong that a verdict names, one small maker each.

A maker starts from a right frame and breaks one thing; the other fields are made to fit again, so
that no earlier verdict takes the frame. Some of it is merely not ours to judge: "pass".
"""

from functools import partial

from . import wire
from .traffic import IPV4_OPTIONS, Item, Traffic, poke

# Shorter frames cannot be sent: a packet socket wants more than the Ethernet header.
SHORTEST = 15

IP = 14  # offset of the IP header in an untagged frame
UDP4 = IP + 20
UDP6 = IP + 40


def _payload(t: Traffic):
    """A right payload of either kind and the port it goes to."""
    if t.chance(0.7):
        return t.generous(), t.ends.swap_port
    pool = t.one_of(t.live)
    return t.update(pool, pool.reserve0, pool.reserve1, t.whole(1, 2**31)), t.ends.update_port


def _right4(t):
    return t.plain(*_payload(t))


def _right6(t):
    return t.to(t.ends.dst_mac, t.ends.dst_ip6, *_payload(t))


def _with_options(t):
    e = t.ends
    datagram = wire.udp(e.src_ip, e.dst_ip, e.src_port, e.swap_port, t.generous())
    packet = wire.ipv4(e.src_ip, e.dst_ip, wire.PROTO_UDP, datagram, t.one_of(IPV4_OPTIONS))
    return wire.ethernet(e.dst_mac, e.src_mac, wire.ETH_IPV4, packet)


def _tagged(t, *tpids):
    frame = t.send_swap(t.generous())
    return wire.ethernet(frame[:6], frame[6:12], wire.ETH_IPV4, frame[IP:],
                         tuple((tpid, t.whole(1, 4094)) for tpid in tpids))


def _summed(frame):
    """The frame with its IPv4 header checksum made right again."""
    head = (frame[IP] & 15) * 4
    bare = poke(frame, IP + 10, "!H", 0)
    return poke(frame, IP + 10, "!H", wire.checksum(bare[IP:IP + head]))


def _cut(make, low, high, t):
    """The frame's first low to high bytes; a negative high counts from its end."""
    frame = make(t)
    return frame[:t.whole(low, high if high > 0 else len(frame) + high)]


def _cut_options(t):
    """Cut within the options or the UDP header behind them."""
    frame = _with_options(t)
    return frame[:t.whole(UDP4, IP + (frame[IP] & 15) * 4 + 7)]


def _set(make, off, layout, values, t):
    """One field overwritten, the IPv4 checksum left as it was."""
    return poke(make(t), off, layout, t.one_of(values))


def _set4(off, layout, values, t):
    """One field of an IPv4 frame overwritten, the header checksum made right again."""
    return _summed(_set(_right4, off, layout, values, t))


def _grow(make, off, low, high, t):
    """A 16-bit length field raised by low to high; the IPv4 checksum made right again."""
    frame = make(t)
    value = int.from_bytes(frame[off:off + 2], "big") + t.whole(low, high)
    frame = poke(frame, off, "!H", value)
    return _summed(frame) if make is _right4 else frame


def _padded_and_short(t):
    """The IP packet holds less than UDP says, though the frame has the bytes as padding."""
    return _summed(poke(_right4(t) + bytes(20), IP + 2, "!H", t.whole(28, 60)))


def _checksum_off(t):
    frame = t.one_of((_right4, _with_options))(t)
    wrong = int.from_bytes(frame[IP + 10:IP + 12], "big") ^ t.whole(1, 0xFFFE)
    return poke(frame, IP + 10, "!H", wrong)


def _checksum_and_length_off(t):
    """The checksum comes before the payload's length."""
    return poke(_odd_length(t), IP + 10, "!H", 0)


def _odd_length(t, ipv6=False, padded=False):
    """A whole, consistent datagram of the wrong size. padded: the frame as long as a right one."""
    swap = t.chance(0.6)
    port, right = (t.ends.swap_port, wire.SWAP_LEN) if swap \
        else (t.ends.update_port, wire.UPDATE_LEN)
    size = t.one_of((0, 1, 2, 32, 47, 48, 49, 50, 63, 64, 65, 96, 128, 500, 1400))
    if size == right:
        size += 1
    payload = (_payload(t)[0] + t.rng.randbytes(size))[:size]
    if ipv6:
        frame = t.to(t.ends.dst_mac, t.ends.dst_ip6, payload, port)
    else:
        frame = t.plain(payload, port)
    return frame + bytes(max(right - size, 0)) if padded else frame


def _swap(t, address=None, min_out=1, direction=None, reserved=b"\0\0\0"):
    """A swap's frame, large enough to get as far as its one fault."""
    pool, way = t.one_of(t.live), t.whole(0, 1)
    return t.send_swap(t.swap(address or pool.address, t.ample(pool, way), min_out,
                              way if direction is None else direction, reserved))


def _bad_direction(t):
    return _swap(t, direction=t.whole(2, 255))


def _bad_reserved(t):
    return _swap(t, reserved=t.whole(1, 2**24 - 1).to_bytes(3, "little"))


def _unknown_pool(t):
    return _swap(t, t.stranger())


def _nearly_known_pool(t):
    """One bit of a configured address flipped."""
    bit = 1 << t.whole(0, 159)
    return _swap(t, (int.from_bytes(t.one_of(t.live).address, "big") ^ bit).to_bytes(20, "big"))


def _overflow(t):
    """The input reserve and the amount exceed 64 bits together."""
    pool, direction = t.one_of(t.live), t.whole(0, 1)
    rin, _ = pool.reserves(direction)
    return t.send_swap(t.swap(pool.address, 2**64 - t.whole(1, rin), 1, direction))


def _greedy(t):
    """A limit that no pool could meet."""
    return _swap(t, min_out=2**64 - t.whole(1, 1000))


def stateless(t: Traffic) -> bytes:
    """A large swap on a configured pool that has no reserves yet."""
    return _swap(t, t.one_of(t.dead).address)


def _zero_reserve(t):
    pool = t.one_of(t.live)
    reserves = t.one_of(((0, pool.reserve1), (pool.reserve0, 0), (0, 0)))
    return t.send_update(t.update(pool, *reserves, t.whole(0, 2**31)))


def _update_unknown_pool(t):
    pool = t.one_of(t.live)
    payload = t.update(pool, pool.reserve0, t.one_of((0, pool.reserve1)), t.whole(0, 2**31))
    return t.send_update(t.stranger() + payload[20:])


MAKERS = (
    # Too short or too odd to tell whose it is.
    ("cut in the IPv4 header", "pass", partial(_cut, _right4, SHORTEST, UDP4 - 1)),
    ("cut in the UDP header", "pass", partial(_cut, _right4, UDP4, UDP4 + 7)),
    ("cut in the IPv4 options", "pass", _cut_options),
    ("cut in the IPv6 header", "pass", partial(_cut, _right6, SHORTEST, UDP6 - 1)),
    ("cut in the UDP header, IPv6", "pass", partial(_cut, _right6, UDP6, UDP6 + 7)),
    ("cut in the VLAN tag", "pass",
     partial(_cut, lambda t: _tagged(t, wire.ETH_VLAN), SHORTEST, 18)),
    ("two VLAN tags", "pass", lambda t: _tagged(t, wire.ETH_QINQ, wire.ETH_VLAN)),
    ("three VLAN tags", "pass", lambda t: _tagged(t, *[wire.ETH_VLAN] * 3)),
    ("IPv4 of another version", "pass",
     partial(_set4, IP, "!B", [v << 4 | 5 for v in range(16) if v != 4])),
    ("IPv6 of another version", "pass",
     partial(_set, _right6, IP, "!B", [v << 4 for v in range(16) if v != 6])),
    ("IPv4 ethertype, IPv6 inside", "pass",
     partial(_set, _right6, 12, "!H", (wire.ETH_IPV4,))),
    ("IPv6 ethertype, IPv4 inside", "pass",
     partial(_set, _right4, 12, "!H", (wire.ETH_IPV6,))),
    ("IEEE 802.3 length for an ethertype", "pass", partial(_set, _right4, 12, "!H", (0, 76, 1500))),
    ("IHL below 5", "pass", partial(_set, _right4, IP, "!B", range(0x40, 0x45))),
    ("IHL beyond the header", "pass", partial(_set, _right4, IP, "!B", range(0x4A, 0x50))),
    ("first fragment", "pass", partial(_set4, IP + 6, "!H", (0x2000, 0x6000, 0xA000))),
    ("later fragment", "pass", partial(_set4, IP + 6, "!H", (1, 6, 0x1FFF, 0x2001, 0x4003))),
    # Ours by its port, but the lengths contradict each other.
    ("cut in the payload", "malformed", partial(_cut, _right4, UDP4 + 8, -1)),
    ("cut in the payload, IPv6", "malformed", partial(_cut, _right6, UDP6 + 8, -1)),
    ("IPv4 length beyond the frame", "malformed", partial(_grow, _right4, IP + 2, 1, 2000)),
    ("IPv4 length at its largest", "malformed", partial(_set4, IP + 2, "!H", (65535,))),
    ("IPv4 length below its headers", "malformed", partial(_set4, IP + 2, "!H", range(28))),
    ("IPv4 length below UDP's", "malformed", _padded_and_short),
    ("IPv6 length beyond the frame", "malformed", partial(_grow, _right6, IP + 4, 1, 2000)),
    ("IPv6 length below 8", "malformed", partial(_set, _right6, IP + 4, "!H", range(8))),
    ("IPv6 length below UDP's", "malformed", partial(_grow, _right6, IP + 4, -40, -1)),
    ("UDP length below 8", "malformed", partial(_set, _right4, UDP4 + 4, "!H", range(8))),
    ("UDP length below 8, IPv6", "malformed", partial(_set, _right6, UDP6 + 4, "!H", range(8))),
    ("UDP length above IP's", "malformed", partial(_grow, _right4, UDP4 + 4, 1, 2000)),
    ("UDP length above IP's, IPv6", "malformed", partial(_grow, _right6, UDP6 + 4, 1, 2000)),
    ("UDP length below IP's", "malformed", partial(_grow, _right4, UDP4 + 4, -48, -1)),
    ("UDP length below IP's, IPv6", "malformed", partial(_grow, _right6, UDP6 + 4, -48, -1)),
    # IPv4 header checksum.
    ("wrong checksum", "bad_checksum", _checksum_off),
    ("no checksum", "bad_checksum", partial(_set, _right4, IP + 10, "!H", (0,))),
    ("time to live changed in passing", "bad_checksum",
     partial(_set, _right4, IP + 8, "!B", range(64))),
    ("wrong checksum and payload length", "bad_checksum", _checksum_and_length_off),
    # Payload.
    ("payload of another length", "bad_length", _odd_length),
    ("payload of another length, IPv6", "bad_length", partial(_odd_length, ipv6=True)),
    ("payload of another length, padded", "bad_length", partial(_odd_length, padded=True)),
    ("direction", "bad_field", _bad_direction),
    ("reserved bytes", "bad_field", _bad_reserved),
    ("unknown pool", "unknown_pool", _unknown_pool),
    ("nearly a known pool", "unknown_pool", _nearly_known_pool),
    ("amount beyond 64 bits", "victim_reverts", _overflow),
    ("unmeetable limit", "victim_reverts", _greedy),
    ("update with a zero reserve", "update_invalid", _zero_reserve),
    ("update of an unknown pool", "update_unknown_pool", _update_unknown_pool),
)


def makers(t: Traffic) -> list:
    """All of them as Items; swaps without state only where a pool has none."""
    items = [Item(partial(make, t), want) for _, want, make in MAKERS]
    if t.dead:
        items.append(Item(partial(stateless, t), "no_state"))
    return items
