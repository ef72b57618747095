# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What is sent: each mode is an endless stream of Items."""

from itertools import accumulate
from typing import Iterator

from . import economics, feed, malformed, noise
from .traffic import Item, Traffic


def large(t: Traffic) -> Iterator[Item]:
    """Swaps that pay, whatever the strategy: 1 to 5 % of the reserve, generous limits."""
    return _only(Item(lambda: t.send_swap(t.generous()), "replied"))


def tight(t: Traffic) -> Iterator[Item]:
    """The same swaps with 0.1 % slack: the victim's limit decides."""
    return _only(Item(lambda: t.send_swap(t.victim(0.01, 0.05, 0.999, 0.999)), None))


def small(t: Traffic) -> Iterator[Item]:
    """Swaps below min_amount_in."""
    return _only(Item(lambda: t.send_swap(dust(t)), "below_min"))


def broken(t: Traffic) -> Iterator[Item]:
    """Every way of being wrong, in random order."""
    items = malformed.makers(t)
    while True:
        yield t.one_of(items)


def others(t: Traffic) -> Iterator[Item]:
    """Other people's traffic."""
    items = noise.makers(t)
    while True:
        yield t.one_of(items)


def updates(t: Traffic) -> Iterator[Item]:
    """A feed of pool states, with all that a feed may suffer."""
    pools = feed.Feed(t)
    while True:
        yield pools.event()


def mixed(t: Traffic) -> Iterator[Item]:
    """All of it, as one interface might see it, swaps in every legal dress.

    Updates only announce again the reserves that the pools have, so that no prediction depends on
    how far userspace lags behind the kernel.
    """
    wrong, other, pools = malformed.makers(t), noise.makers(t), feed.Feed(t)

    def swap(payload, want):
        item = Item(lambda: t.dressed(payload(), t.ends.swap_port), want)
        return lambda: item

    return _blend(t, [
        (28, swap(t.generous, "replied")),
        (10, swap(lambda: t.victim(0.005, 0.05, 0.95, 0.999), None)),
        (0.5, swap(lambda: unslack(t), "unprofitable")),
        (6, swap(lambda: reverting(t), "victim_reverts")),
        (_if_idle(t, 12), swap(lambda: idle(t), "below_break_even")),
        (_if_dust(t, 10), swap(lambda: dust(t), "below_min")),
        (12, lambda: t.one_of(wrong)),
        (16, lambda: t.one_of(other)),
        (6, pools.quiet_event),
    ])


def market(t: Traffic) -> Iterator[Item]:
    """Pools on a random walk, and the swaps of those who watch them, a little late."""
    pools = feed.Feed(t)

    def swap(payload, want):
        item = Item(lambda: t.send_swap(payload(t)), want)
        return lambda: item

    return _blend(t, [
        (14, pools.walk),
        (48.7, swap(lambda t: late(t, pools), "replied")),
        (0.3, swap(unslack, "unprofitable")),
        (6, swap(reverting, "victim_reverts")),
        (_if_idle(t, 25), swap(idle, "below_break_even")),
        (_if_dust(t, 6), swap(dust, "below_min")),
    ])


MODES = {"mixed": mixed, "large": large, "small": small, "tight": tight, "malformed": broken,
         "noise": others, "updates": updates, "market": market}


def _only(item):
    while True:
        yield item


def _blend(t, kinds):
    """Items of the kinds' makers, in proportion to their weights."""
    weights, makers = zip(*kinds)
    bounds = tuple(accumulate(weights))
    while True:
        yield t.rng.choices(makers, cum_weights=bounds)[0]()


def _if_dust(t, weight):
    """The weight, or 0 where nothing is below min_amount_in."""
    return weight if t.node.settings.min_amount_in else 0


def _if_idle(t, weight):
    """The weight, or 0 where no amount lies between min_amount_in and break-even."""
    least = t.node.settings.min_amount_in
    reserves = ((p, min(p.reserve0, p.reserve1)) for p in t.live)
    return weight if any(p.break_even(reserve) > max(least, 1) for p, reserve in reserves) else 0


# Payloads that the blends are made of


def dust(t: Traffic) -> bytes:
    """Below min_amount_in, 0 included."""
    least = t.node.settings.min_amount_in
    pool = t.one_of(t.pools)
    return t.swap(pool.address, t.whole(0, least - 1), t.whole(0, least), t.whole(0, 1))


def idle(t: Traffic) -> bytes:
    """Retail: enough to be looked at, too little to be front-run at a gain."""
    pool, direction = t.one_of(t.live), t.whole(0, 1)
    rin, rout = pool.reserves(direction)
    amount = t.spread(t.node.settings.min_amount_in, pool.break_even(rin) - 1)
    out = economics.swap_out(amount, rin, rout, pool.n, pool.d)
    return t.swap(pool.address, amount, int(out * t.between(0.9, 0.999)), direction)


def reverting(t: Traffic) -> bytes:
    """A price that has moved away: the untouched pool gives 0.05 to 2 % too little."""
    return t.victim(0.005, 0.05, 1.0005, 1.02)


def unslack(t: Traffic) -> bytes:
    """Just above break-even and no slack at all: a front-run moves nothing worth having."""
    pool, direction = t.one_of(t.live), t.whole(0, 1)
    rin, rout = pool.reserves(direction)
    amount = max(int(pool.break_even(rin) * t.between(1.0, 1.2)) + 1,
                 t.node.settings.min_amount_in)
    out = economics.swap_out(amount, rin, rout, pool.n, pool.d)
    return t.swap(pool.address, amount, out, direction)


# Usual slippage settings of wallets, the wide ones rarer. Under the fixed strategy only limits that
# bear the whole capital make a candidate.
SLIPPAGE = (0.001, 0.003, 0.005, 0.005, 0.005, 0.01, 0.01, 0.02, 0.03, 0.05, 0.1, 0.5)
SLIPPAGE_FIXED = (0.5, 0.6, 0.7)


def late(t: Traffic, pools: feed.Feed) -> bytes:
    """A swap worth a front-run, quoted on the state before the last update as often as not."""
    pool, direction = t.one_of(t.live), t.whole(0, 1)
    rin, rout = pool.reserves(direction)
    least = max(pool.break_even(rin), rin // 1000, t.node.settings.min_amount_in, 1)
    amount = t.spread(least + least // 20, rin // 16)
    if t.chance(0.5):
        rin, rout = pools.quoted(pool, direction)
    slippage = t.one_of(SLIPPAGE_FIXED if t.node.settings.strategy == "fixed" else SLIPPAGE)
    out = economics.swap_out(amount, rin, rout, pool.n, pool.d)
    return t.swap(pool.address, amount, int(out * (1 - slippage)), direction)
