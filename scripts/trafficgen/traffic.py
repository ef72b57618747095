# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Random swaps and updates as frames: the material that every mode draws from."""

import random
import struct
from typing import Callable, NamedTuple, Optional

from . import economics, wire
from .model import Node, Pool

# IPv4 options of other lengths: four no-operations, router alert (RFC 2113), a timestamp with two
# empty slots (RFC 791). None asks for anything of a host that does not forward.
IPV4_OPTIONS = (b"\x01\x01\x01\x01", b"\x94\x04\x00\x00",
                b"\x44\x0c\x05\x00" + bytes(8))


class Item(NamedTuple):
    """One frame to be: draw() until the model's verdict on it is `want` (None: any will do)."""

    draw: Callable[[], bytes]
    want: Optional[str]


class Traffic:
    """Draws swaps on a node's pools and dresses them as frames.

    Everything random comes from the one generator, so a seed decides every byte.
    """

    def __init__(self, node: Node, ends: wire.Endpoints, seed: int):
        self.node = node
        self.ends = ends
        self.rng = random.Random(seed)
        self.pools = list(node.pools.values())
        self.live, self.dead = [], []
        self.sort_pools()
        # Counting from a random start keeps nonces unique within a capture, and apart between
        # captures of other seeds.
        self._nonce = self.rng.getrandbits(64)
        self._eth = ends.dst_mac + ends.src_mac + wire.ETH_IPV4.to_bytes(2, "big")

    def sort_pools(self) -> None:
        """Tell pools with a state from those without; again after a first update."""
        self.live = [pool for pool in self.pools if pool.live()]
        self.dead = [pool for pool in self.pools if not pool.live()]

    # Random choices. random() is the cheapest source the generator has.

    def between(self, low: float, high: float) -> float:
        """Uniform in [low, high)."""
        return low + (high - low) * self.rng.random()

    def whole(self, low: int, high: int) -> int:
        """A uniform integer in [low, high]."""
        # Beyond 2^53 the product may round up to the whole width.
        return min(low + int(self.rng.random() * (high - low + 1)), high)

    def spread(self, low: int, high: int) -> int:
        """An integer in [low, high], uniform in its logarithm."""
        low = max(low, 1)
        return min(int(low * (high / low) ** self.rng.random()), high) if high > low else low

    def one_of(self, options):
        """A uniform choice."""
        return options[int(self.rng.random() * len(options))]

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.rng.random() < probability

    # Payloads

    def swap(self, address: bytes, amount: int, min_out: int, direction: int,
             reserved: bytes = b"\0\0\0") -> bytes:
        """A DexSwapTx with the next nonce."""
        self._nonce = (self._nonce + 1) % 2**64
        return wire.SWAP.pack(self._nonce, address, amount, min_out, direction, reserved)

    def victim(self, share_low: float, share_high: float, keep_low: float,
               keep_high: float) -> bytes:
        """A swap on any live pool, worth a front-run. share: of the input reserve, but more where
        the fee is high; keep: min_amount_out, as a share of the untouched output."""
        pool, direction = self.one_of(self.live), self.whole(0, 1)
        rin, rout = pool.reserves(direction)
        amount = max(int(rin * self.between(share_low, share_high)),
                     pool.break_even(rin) * 5 // 4 + 1)
        out = economics.swap_out(amount, rin, rout, pool.n, pool.d)
        return self.swap(pool.address, amount, int(out * self.between(keep_low, keep_high)),
                         direction)

    def ample(self, pool: Pool, direction: int) -> int:
        """An amount that is neither below min_amount_in nor below break-even."""
        rin, _ = pool.reserves(direction)
        return max(rin // 20, pool.break_even(rin), self.node.settings.min_amount_in, 1)

    def generous(self) -> bytes:
        """A large swap that bears any front-run: 1 to 5 % of the reserve, 30 to 60 % kept.

        A front-run of 20 % of the reserve (the fixed strategy's default on the smaller side of the
        default pools) leaves its victim some 70 %.
        """
        return self.victim(0.01, 0.05, 0.30, 0.60)

    def update(self, pool: Pool, reserve0: int, reserve1: int, seq: int) -> bytes:
        """A PoolStateUpdate; the slot is informational and follows the sequence."""
        return wire.UPDATE.pack(pool.address, reserve0, reserve1, 250_000_000 + seq, seq,
                                bytes(16))

    def stranger(self) -> bytes:
        """A pool address that is not configured."""
        while True:
            address = self.rng.randbytes(20)
            if address not in self.node.pools:
                return address

    # Frames

    def plain(self, payload: bytes, port: int) -> bytes:
        """UDP over IPv4 without options or tags, from source to node."""
        e = self.ends
        datagram = wire.udp(e.src_ip, e.dst_ip, e.src_port, port, payload)
        return self._eth + wire.ipv4(e.src_ip, e.dst_ip, wire.PROTO_UDP, datagram,
                                     ident=self._nonce & 0xFFFF)

    def send_swap(self, payload: bytes) -> bytes:
        """A swap's plain frame."""
        return self.plain(payload, self.ends.swap_port)

    def send_update(self, payload: bytes) -> bytes:
        """An update's plain frame."""
        return self.plain(payload, self.ends.update_port)

    def dressed(self, payload: bytes, port: int) -> bytes:
        """The same in any legal dress: IPv6, IPv4 options, one VLAN tag, padding behind."""
        e = self.ends
        tags = ((self.one_of((wire.ETH_VLAN, wire.ETH_QINQ)), self.whole(1, 4094)),) \
            if self.chance(0.2) else ()
        if self.chance(0.25):
            datagram = wire.udp(e.src_ip6, e.dst_ip6, e.src_port, port, payload)
            kind, packet = wire.ETH_IPV6, wire.ipv6(e.src_ip6, e.dst_ip6, wire.PROTO_UDP, datagram)
        else:
            options = self.one_of(IPV4_OPTIONS) if self.chance(0.2) else b""
            datagram = wire.udp(e.src_ip, e.dst_ip, e.src_port, port, payload)
            kind, packet = wire.ETH_IPV4, wire.ipv4(e.src_ip, e.dst_ip, wire.PROTO_UDP, datagram,
                                                    options, ident=self._nonce & 0xFFFF)
        padding = self.rng.randbytes(self.whole(1, 40)) if self.chance(0.2) else b""
        return wire.ethernet(e.dst_mac, e.src_mac, kind, packet + padding, tags)

    def to(self, dst_mac: bytes, dst_ip: bytes, payload: bytes, port: int) -> bytes:
        """A datagram to another Ethernet or IP address (either version) than the node's."""
        e = self.ends
        if len(dst_ip) == 4:
            datagram = wire.udp(e.src_ip, dst_ip, e.src_port, port, payload)
            packet = wire.ipv4(e.src_ip, dst_ip, wire.PROTO_UDP, datagram)
            return wire.ethernet(dst_mac, e.src_mac, wire.ETH_IPV4, packet)
        datagram = wire.udp(e.src_ip6, dst_ip, e.src_port, port, payload)
        packet = wire.ipv6(e.src_ip6, dst_ip, wire.PROTO_UDP, datagram)
        return wire.ethernet(dst_mac, e.src_mac, wire.ETH_IPV6, packet)


def poke(frame: bytes, off: int, layout: str, value: int) -> bytes:
    """The frame with one field overwritten."""
    size = struct.calcsize(layout)
    return frame[:off] + struct.pack(layout, value) + frame[off + size:]
