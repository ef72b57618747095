# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The model node: each verdict at its boundary, and the order in which verdicts apply."""

import pytest

from trafficgen import economics, wire
from trafficgen.model import Node, Pool, Settings

E = wire.Endpoints()
POOL = bytes.fromhex("a0b86991c6218b36c1d19d4a2e9eb0ce3606eb48")
EMPTY = bytes.fromhex("00000000000000000000000000000000000000ee")
RIN, ROUT = 10**12, 5 * 10**11
MULTICAST = b"\x01\x00\x5e\x01\x02\x03"


def make_node(**settings):
    pools = [Pool(POOL, RIN, ROUT, 3, 1000), Pool(EMPTY, 0, 0, 3, 1000)]
    return Node(Settings(E.dst_mac, **settings), pools)


def swap(amount=10**10, min_out=1, pool=POOL, direction=0, reserved=b"\0\0\0"):
    return wire.SWAP.pack(77, pool, amount, min_out, direction, reserved)


def update(seq=1, pool=POOL, reserve0=RIN, reserve1=ROUT):
    return wire.UPDATE.pack(pool, reserve0, reserve1, 0, seq, bytes(16))


def frame4(payload=None, port=8080, mac=E.dst_mac, dst=E.dst_ip, tags=(), udp_len=None, **ip):
    datagram = wire.udp(E.src_ip, dst, 40000, port, swap() if payload is None else payload,
                        udp_len)
    return wire.ethernet(mac, E.src_mac, wire.ETH_IPV4,
                         wire.ipv4(E.src_ip, dst, wire.PROTO_UDP, datagram, **ip), tags)


def frame6(payload=None, port=8080, dst=E.dst_ip6, udp_len=None, next_header=17, **ip):
    datagram = wire.udp(E.src_ip6, dst, 40000, port, swap() if payload is None else payload,
                        udp_len)
    return wire.ethernet(E.dst_mac, E.src_mac, wire.ETH_IPV6,
                         wire.ipv6(E.src_ip6, dst, next_header, datagram, **ip))


def put(frame, off, data):
    return frame[:off] + data + frame[off + len(data):]


TAG, TAG_AD = (wire.ETH_VLAN, 5), (wire.ETH_QINQ, 6)

FRAMES = {
    # name: (frame, verdict)
    "plain": (frame4(), "replied"),
    "ipv6": (frame6(), "replied"),
    "802.1Q": (frame4(tags=(TAG,)), "replied"),
    "802.1ad": (frame4(tags=(TAG_AD,)), "replied"),
    "two tags": (frame4(tags=(TAG_AD, TAG)), "pass"),
    "options": (frame4(options=b"\x01" * 40), "replied"),
    "padded": (frame4() + b"x" * 30, "replied"),
    "padded ipv6": (frame6() + b"x" * 30, "replied"),
    "empty": (b"", "pass"),
    "ethernet only": (frame4()[:14], "pass"),
    "tag only": (frame4(tags=(TAG,))[:17], "pass"),
    "other mac": (frame4(mac=b"\x02" * 6), "pass"),
    "swap to group mac": (frame4(mac=MULTICAST), "pass"),
    "swap to broadcast mac": (frame4(mac=b"\xff" * 6), "pass"),
    "swap to group ip": (frame4(dst=bytes((224, 0, 0, 1))), "pass"),
    "swap to last group ip": (frame4(dst=bytes((239, 255, 255, 255))), "pass"),
    "swap to class E": (frame4(dst=bytes((240, 0, 0, 1))), "replied"),
    "swap to any unicast ip": (frame4(dst=bytes((223, 255, 255, 255))), "replied"),
    "swap to broadcast ip": (frame4(dst=b"\xff" * 4), "pass"),
    "swap to group ip6": (frame6(dst=b"\xff" + bytes(15)), "pass"),
    "update to group": (frame4(update(), 8081, MULTICAST, bytes((239, 1, 2, 3))),
                        "update_applied"),
    "update to group ip6": (frame6(update(), 8081, b"\xff" + bytes(15)), "update_applied"),
    "port below": (frame4(port=8079), "pass"),
    "port above": (frame4(port=8082), "pass"),
    "tcp": (put(frame4(), 23, b"\x06"), "pass"),
    "ipv4 version 6": (put(frame4(), 14, b"\x65"), "pass"),
    "ihl 4": (put(frame4(), 14, b"\x44"), "pass"),
    "more fragments": (frame4(fragment=0x2000), "pass"),
    "last fragment": (frame4(fragment=0x0001), "pass"),
    "reserved flag": (frame4(fragment=0x8000), "replied"),
    "extension header": (frame6(next_header=0), "pass"),
    "ipv6 version 4": (put(frame6(), 14, b"\x40"), "pass"),
    "no whole udp header": (frame4()[:41], "pass"),
    "no whole udp header, ipv6": (frame6()[:61], "pass"),
    "udp header only": (frame4()[:42], "malformed"),
    "one byte short": (frame4()[:-1], "malformed"),
    "one byte short, ipv6": (frame6()[:-1], "malformed"),
    "total length + 1": (frame4(total_len=77), "malformed"),
    "total length 27": (frame4(total_len=27), "malformed"),
    "total length 28": (frame4(total_len=28, udp_len=8), "bad_length"),
    "total length < header": (frame4(total_len=0), "malformed"),
    "udp length 7": (frame4(udp_len=7), "malformed"),
    "udp length short": (frame4(udp_len=55), "malformed"),
    "udp length long": (frame4(udp_len=57) + bytes(9), "malformed"),
    "payload length + 1": (frame6(payload_len=57), "malformed"),
    "payload length 7": (frame6(payload_len=7, udp_len=7), "malformed"),
    "payload length 8": (frame6(payload_len=8, udp_len=8), "bad_length"),
    "udp length 0, ipv6": (frame6(udp_len=0), "malformed"),
    "checksum": (put(frame4(), 24, b"\0\0"), "bad_checksum"),
    "checksum behind malformed": (put(frame4(udp_len=55), 24, b"\0\0"), "malformed"),
    "checksum before length": (put(frame4(b""), 24, b"\0\0"), "bad_checksum"),
    "udp checksum is not looked at": (put(frame4(), 40, b"\0\0"), "replied"),
    "47 bytes": (frame4(swap()[:47]), "bad_length"),
    "49 bytes": (frame4(swap() + b"\0"), "bad_length"),
    "update of 48": (frame4(swap(), 8081), "bad_length"),
    "swap of 64": (frame4(update()), "bad_length"),
    "direction 1": (frame4(swap(direction=1)), "replied"),
    "direction 2": (frame4(swap(direction=2)), "bad_field"),
    "reserved": (frame4(swap(reserved=b"\0\0\1")), "bad_field"),
    "field before amount": (frame4(swap(amount=0, direction=2)), "bad_field"),
    "amount just too small": (frame4(swap(999_999)), "below_min"),
    "amount just enough": (frame4(swap(1_000_000)), "below_break_even"),
    "amount before pool": (frame4(swap(5, pool=bytes(20))), "below_min"),
    "unknown pool": (frame4(swap(pool=bytes(20))), "unknown_pool"),
    "no state": (frame4(swap(pool=EMPTY)), "no_state"),
    "overflow": (frame4(swap(2**64 - RIN)), "victim_reverts"),
    "no overflow": (frame4(swap(2**64 - 1 - RIN, 2**64 - 1)), "victim_reverts"),
    "update of unknown pool": (frame4(update(pool=bytes(20), reserve0=0), 8081),
                               "update_unknown_pool"),
    "update without reserve": (frame4(update(reserve1=0), 8081), "update_invalid"),
}


@pytest.mark.parametrize("name", FRAMES)
def test_verdict(name):
    frame, verdict = FRAMES[name]
    assert make_node().judge(frame).verdict == verdict


def test_every_port_but_ours_is_passed():
    node, frame = make_node(), frame4(b"")
    for port in range(65536):
        verdict = node.judge(put(frame, 36, port.to_bytes(2, "big"))).verdict
        assert verdict == ("bad_length" if port in (8080, 8081) else "pass"), port


def test_break_even_boundary():
    node = make_node()
    least = RIN * economics.kappa_q64(997, 1000) >> 64
    assert node.judge(frame4(swap(least - 1))).verdict == "below_break_even"
    assert node.judge(frame4(swap(least))).verdict == "unprofitable"


def test_limit_boundary():
    node = make_node()
    out = economics.swap_out(10**10, RIN, ROUT, 997, 1000)
    assert node.judge(frame4(swap(min_out=out + 1))).verdict == "victim_reverts"
    assert node.judge(frame4(swap(min_out=out))).verdict in ("unprofitable", "replied")


def test_dust_without_a_minimum_reverts():
    """min_out 0 counts as 1."""
    node = Node(Settings(E.dst_mac, min_amount_in=0), [Pool(POOL, 100, 3, 3, 1000)])
    assert node.judge(frame4(swap(1, 0))).verdict == "victim_reverts"
    assert node.judge(frame4(swap(0, 0))).verdict == "victim_reverts"


def test_reply_is_exact_under_fixed():
    outcome = make_node(strategy="fixed").judge(frame4())
    legs = economics.legs(10**11, RIN, ROUT, 997, 1000, 10**10, 1)
    assert (outcome.profit, outcome.tol, outcome.nonce) == (legs.profit, 0, 77)
    for capital in (0, 2**64 - 1):
        assert make_node(strategy="fixed", capital=capital).judge(frame4()).verdict \
            == "unprofitable"


def test_min_profit():
    best = make_node().judge(frame4())
    for strategy, least, verdict, certain in (
            ("optimal", best.profit - best.tol, "replied", True),
            ("optimal", best.profit - best.tol + 1, "replied", False),
            ("optimal", best.profit + best.profit // 10**6, "unprofitable", True)):
        outcome = make_node(strategy=strategy, min_profit=least).judge(frame4())
        assert (outcome.verdict, outcome.certain) == (verdict, certain)


def feed(node, *seqs):
    """Applies updates; returns their verdicts, "gap" for an applied one with a gap."""
    found = []
    for seq in seqs:
        outcome = node.judge(frame4(update(seq), 8081))
        node.apply(outcome)
        found.append("gap" if outcome.gap else outcome.verdict.removeprefix("update_"))
    return found


@pytest.mark.parametrize("seqs, verdicts", (
    ((5, 6, 8, 8, 7, 9), ("applied", "applied", "gap", "stale", "stale", "applied")),
    ((0, 0, 1), ("applied", "applied", "applied")),
    ((2**32 - 1, 0, 1), ("applied", "applied", "applied")),
    ((2**32 - 2, 2**32 - 1, 1), ("applied", "applied", "gap")),
    ((2**32 - 2, 3, 2**32 - 1), ("applied", "gap", "stale")),
    ((7, 7 + 2**31), ("applied", "stale")),
    ((7, 6 + 2**31), ("applied", "gap")),
    ((3 * 2**30,), ("applied",)),
    ((900, 0, 900), ("applied", "applied", "gap")),
))
def test_sequences(seqs, verdicts):
    assert tuple(feed(make_node(), *seqs)) == verdicts


def test_update_moves_the_pool():
    node = make_node()
    pool = node.pools[EMPTY]
    outcome = node.judge(frame4(update(4, EMPTY, 8, 9), 8081))
    assert not pool.live()
    node.apply(outcome)
    assert (pool.reserve0, pool.reserve1, pool.last_seq) == (8, 9, 4)
    node.apply(node.judge(frame4(update(3, EMPTY, 1, 1), 8081)))
    node.apply(node.judge(frame4(update(5, EMPTY, 1, 0), 8081)))
    assert (pool.reserve0, pool.reserve1, pool.last_seq) == (8, 9, 4)
