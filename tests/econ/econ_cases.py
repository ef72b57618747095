# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Random decisions over the whole u64 range, boundaries included, from a seed."""

import random

from econ_reference import U64, Case, out

HEADER = "reserve_in,reserve_out,fee_num,fee_den,amount_in,min_amount_out,capital"
FEES = [(3, 1000), (25, 10000), (1, 10000), (1, 100), (0, 1000), (30, 100), (0, 1), (3000, 1000000)]
EDGES = [0, 1, 2, 3, U64, U64 - 1, 2**63, 2**63 - 1, 2**32, 2**32 - 1, 2**44, 2**44 - 1, 2**54]
EDGES += [4095, 4096, 2**24, 2**42, 2**50]


def _bits(rng, lo, hi):
    """A number of lo to hi bits."""
    bits = rng.randint(lo, hi)
    return min(rng.getrandbits(bits) | 1 << max(bits - 1, 0), U64)


def _part(rng, whole, lo, hi):
    """whole * 2^-[lo, hi], from 1 to 2^64 - 1."""
    return min(max(int(whole * 2**32 / 2 ** rng.uniform(lo, hi)) >> 32, 1), U64)


def _fee(rng):
    kind, den = rng.randrange(10), rng.randint(1, 1000000)
    if kind < 7:
        return rng.choice(FEES)
    if kind == 7:
        return rng.randrange(den), den
    if kind == 8:
        return min(rng.randint(0, 20000), den - 1), den
    return max(den - 1 - rng.randrange(3), 0), den  # nearly everything is fee


def _pool(rng):
    kind = rng.randrange(6)
    if kind == 0:
        return rng.randint(1, 300), rng.randint(1, 300)
    if kind == 1:
        return _bits(rng, 36, 46), _bits(rng, 36, 46)
    if kind == 2:
        return _bits(rng, 54, 64), _bits(rng, 54, 64)
    if kind == 3:
        return (_bits(rng, 20, 60),) * 2
    if kind == 4:
        return tuple(rng.choice([rng.choice(EDGES), _bits(rng, 1, 64)]) for _ in range(2))
    return _bits(rng, 1, 64), _bits(rng, 1, 64)


def _victim(rng, x, num, den):
    kind = rng.randrange(8)
    if kind == 0:
        return rng.choice(EDGES)
    if kind == 1:
        return _bits(rng, 1, 64)
    if kind == 2:
        return _part(rng, x, -20, 3)
    if kind == 3:  # around break-even
        return min(int(x * (num / den) * rng.uniform(0.9, 2.5)), U64)
    return _part(rng, x, 1, 10)


def _limit(rng, full):
    kind = rng.randrange(8)
    if kind == 0:
        return 0
    if kind == 1:
        return rng.choice([full, min(full + 1, U64), max(full - 1, 0), 1, 2, U64])
    if kind == 2:
        return rng.randint(0, full)
    if kind == 3:
        return min(_bits(rng, 1, 64), full)
    return full - full * rng.randint(1, 5000) // 100000  # up to 5 % of slippage


def _capital(rng, x):
    kind = rng.randrange(6)
    if kind == 0:
        return rng.choice(EDGES)
    if kind == 1:
        return U64
    if kind == 2:
        return _bits(rng, 1, 64)
    return _part(rng, x, -4, 12)


def case(rng):
    """One decision."""
    x, y = _pool(rng)
    num, den = _fee(rng)
    v = _victim(rng, x, num, den)
    return Case(x, y, num, den, v, _limit(rng, out(v, x, y, den - num, den)), _capital(rng, x))


def cases(seed, count):
    """`count` decisions, the same ones for the same seed."""
    rng = random.Random(seed)
    return [case(rng) for _ in range(count)]


def to_csv(many):
    """What `mevnode quote --csv` reads."""
    return "\n".join([HEADER, *map(repr, many), ""])
