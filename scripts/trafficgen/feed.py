# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The pools' update feed: a random walk, and the accidents of a datagram stream.

Sequence numbers follow RFC 1982. What was applied last is read from the model, so a stream can be
continued, repeated or broken at will. Updates that the node must not apply carry reserves that
would show if it did.
"""

from math import exp, log

from .economics import U64_MAX
from .model import Pool
from .traffic import Item, Traffic

# A pool that starts without reserves gets these with its first update.
FIRST_RESERVES = (1_000_000_000_000, 500_000_000_000)

MULTICAST = (
    (bytes.fromhex("01005e010203"), bytes((239, 1, 2, 3))),
    (bytes.fromhex("333300008081"), bytes.fromhex("ff050000000000000000000000008081")),
)

# Streams start this close to 2^32, so that a short capture wraps too.
START = 2**32 - 20

# Kinds of events and how many of a hundred they are, on a lossy feed and on a good one.
LOSSY = {"next": 70, "gap": 8, "jump": 2, "duplicate": 5, "old": 5, "restart": 1, "zero": 4,
         "unknown": 5}
GOOD = {"next": 93, "gap": 3, "jump": 0.1, "duplicate": 1.5, "old": 1, "restart": 0.4, "zero": 0.5,
        "unknown": 0.5}


class Feed:
    """Makes updates of a node's pools."""

    def __init__(self, t: Traffic):
        self.t = t
        self._home = {p.address: (p.reserve0, p.reserve1) if p.live() else FIRST_RESERVES
                      for p in t.pools}
        self._before = {}

    def event(self) -> Item:
        """The next update of a lossy feed, moving the pools."""
        payload, want = self._make(LOSSY, self.t.one_of(self.t.pools), moves=True)
        return _sent(self.t.send_update(payload), want)

    def walk(self) -> Item:
        """The next update of a good feed, moving the pools."""
        payload, want = self._make(GOOD, self.t.one_of(self.t.pools), moves=True)
        return _sent(self.t.send_update(payload), want)

    def quiet_event(self) -> Item:
        """An update, in any legal dress, that leaves the reserves of all pools as they are."""
        t = self.t
        payload, want = self._make(LOSSY, t.one_of(t.live), moves=False)
        if t.chance(0.2):
            return _sent(t.to(*t.one_of(MULTICAST), payload, t.ends.update_port), want)
        return _sent(t.dressed(payload, t.ends.update_port), want)

    def quoted(self, pool: Pool, direction: int) -> tuple:
        """(reserve_in, reserve_out) as they were before the pool's last update."""
        reserves = self._before.get(pool.address, (pool.reserve0, pool.reserve1))
        return reserves[::-1] if direction else reserves

    def _make(self, weights, pool, moves):
        """An update's payload and the verdict it is meant to get."""
        t = self.t
        kind = t.rng.choices(tuple(weights), tuple(weights.values()))[0]
        reserves = self._moved(pool)
        seq = self._seq(kind, pool.last_seq)
        if kind == "unknown":
            return t.stranger() + t.update(pool, *reserves, seq)[20:], "update_unknown_pool"
        if kind == "zero":
            reserves = t.one_of(((0, reserves[1]), (reserves[0], 0), (0, 0)))
            return t.update(pool, *reserves, seq), "update_invalid"
        if kind in ("duplicate", "old") and seq != 0 and pool.last_seq is not None:
            return t.update(pool, *reserves, seq), "update_stale"
        if not moves:
            reserves = (pool.reserve0, pool.reserve1)
        elif pool.live():
            self._before[pool.address] = (pool.reserve0, pool.reserve1)
        return t.update(pool, *reserves, seq), "update_applied"

    def _seq(self, kind, last):
        """A sequence number of that kind after `last`."""
        t = self.t
        if kind == "restart":
            return 0
        if last is None:
            return START + t.whole(0, 9)
        step = {"gap": t.whole(2, 50), "jump": t.whole(2, 2**31 - 1), "duplicate": 0,
                "old": -t.whole(1, t.one_of((3, 1000, 2**31)))}.get(kind, 1)
        return (last + step) % 2**32

    def _moved(self, pool):
        """The pool's reserves after some trades (0.15 % a step), liquidity (0.02 %) and fees.

        Both drift back to where the pool began, so a long capture looks like a short one.
        """
        home0, home1 = self._home[pool.address]
        now0, now1 = (pool.reserve0, pool.reserve1) if pool.live() else (home0, home1)
        price = self.t.rng.gauss(0, 0.0015) - 0.01 * log(now0 / home0)
        depth = self.t.rng.gauss(0, 0.0002) - 0.01 * log(now0 / home0 * (now1 / home1))
        return (_reserve(now0 * exp(price)), _reserve(now1 * exp(depth - price)))


def _sent(frame, want):
    return Item(lambda: frame, want)


def _reserve(value):
    """A float as a reserve: positive, 64 bits."""
    return min(max(round(value), 1), U64_MAX)
