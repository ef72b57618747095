# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Random decisions over the whole u64 range, boundaries included, from a printed seed."""
import random

from reference import U64, Case, out

FEES = [(3, 1000), (25, 10000), (1, 10000), (1, 100), (0, 1000), (30, 100), (0, 1), (3000, 1000000)]
EDGES = [0, 1, 2, 3, U64, U64 - 1, 2**63, 2**63 - 1, 2**32, 2**32 - 1, 2**44, 2**44 - 1, 2**54]
HEADER = "reserve_in,reserve_out,fee_num,fee_den,amount_in,min_amount_out,capital"


def _bits(rng, lo, hi):
    """Log-uniform."""
    k = rng.randint(lo, hi)
    return min(rng.getrandbits(k) | 1 << max(k - 1, 0), U64)


def _fee(rng):
    kind = rng.randrange(10)
    if kind < 7:
        return rng.choice(FEES)
    den = rng.randint(1, 1000000)
    if kind == 7:
        return rng.randrange(den), den
    if kind == 8:
        return min(rng.randint(0, 20000), den - 1), den
    return max(den - 1 - rng.randrange(3), 0), den  # nearly everything goes to the fee


def _pool(rng):
    kind = rng.randrange(6)
    if kind == 0:
        return rng.randint(1, 300), rng.randint(1, 300)
    if kind == 1:
        return _bits(rng, 36, 46), _bits(rng, 36, 46)
    if kind == 2:
        return _bits(rng, 54, 64), _bits(rng, 54, 64)
    if kind == 3:
        x = _bits(rng, 20, 60)
        return x, x
    if kind == 4:
        return rng.choice([rng.choice(EDGES), _bits(rng, 1, 64)]), rng.choice(
            [rng.choice(EDGES), _bits(rng, 1, 64)])
    return _bits(rng, 1, 64), _bits(rng, 1, 64)


def _part(rng, whole, lo_bits, hi_bits):
    """whole * 2^-[lo, hi], at least 1 and at most 2^64 - 1."""
    k = rng.uniform(lo_bits, hi_bits)
    return min(max(int(whole * 2**32 / 2**k) >> 32, 1), U64)


def _limit(rng, full):
    kind = rng.randrange(8)
    if kind == 0:
        return 0
    if kind == 1:
        return rng.choice([full, full + 1, max(full - 1, 0), 1, 2, U64])
    if kind == 2:
        return rng.randint(0, full)
    if kind == 3:
        return min(_bits(rng, 1, 64), full)
    return full - full * rng.randint(1, 5000) // 100000  # slippage up to 5 %


def case(rng):
    x, y = _pool(rng)
    num, den = _fee(rng)
    kind = rng.randrange(8)
    if kind == 0:
        v = rng.choice(EDGES)
    elif kind == 1:
        v = _bits(rng, 1, 64)
    elif kind == 2:
        v = _part(rng, x, -20, 3)
    elif kind == 3:  # just around break-even
        v = int(x * (1.5 * num / den) * rng.uniform(0.9, 1.5))
    else:
        v = _part(rng, x, 1, 10)
    v = min(v, U64)
    limit = min(_limit(rng, out(v, x, y, den - num, den)), U64)
    kind = rng.randrange(6)
    if kind == 0:
        capital = rng.choice(EDGES)
    elif kind == 1:
        capital = U64
    elif kind == 2:
        capital = _bits(rng, 1, 64)
    else:
        capital = _part(rng, x, -4, 12)
    return Case(x, y, num, den, v, limit, min(capital, U64))


def cases(seed, count):
    rng = random.Random(seed)
    return [case(rng) for _ in range(count)]


def to_csv(many):
    return HEADER + "\n" + "".join(",".join(map(str, c.row())) + "\n" for c in many)
