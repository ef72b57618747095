# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Exact sandwich economics on a constant-product pool.

Amounts are integers in token units. A fee of fee_num/fee_den is carried as n = fee_den - fee_num
and d = fee_den. Floats only ever say where to look; every number returned was settled by the
exact integer legs.
"""

from math import inf, isqrt, sqrt
from typing import NamedTuple, Optional

U64_MAX = 2**64 - 1

# Up to here every front-run is tried: in a pool this small the steps of the integer legs are larger
# than what a derivative can see.
EXHAUSTIVE = 64


class Legs(NamedTuple):
    """The three legs of a sandwich; each amount in units of the token it names."""

    profit: int  # input token; negative where the sandwich loses
    front_run_out: int
    victim_out: int
    back_run_out: int
    rin2: int  # the pool between victim and back-run
    rout2: int


class Best(NamedTuple):
    """The best front-run. profit 0 and front_run_in 0 where there is none."""

    profit: int
    front_run_in: int
    tol: int  # what another exact search may fall short of `profit`
    ceiling: int  # no front-run whatsoever earns more than this


def swap_out(amount: int, rin: int, rout: int, n: int, d: int) -> int:
    """Output of one swap; 0 where the swap is invalid."""
    if amount <= 0 or rin <= 0 or rout <= 0 or rin + amount > U64_MAX:
        return 0
    net = amount * n
    return rout * net // (rin * d + net)


def legs(front_run: int, rin: int, rout: int, n: int, d: int, victim: int,
         min_out: int) -> Optional[Legs]:
    """The sandwich around `victim`; None where a leg is invalid or the victim reverts."""
    rin1 = rin + front_run
    rin2 = rin1 + victim
    if front_run <= 0 or victim <= 0 or rin2 > U64_MAX:
        return None
    net = front_run * n
    a = rout * net // (rin * d + net)
    rout1 = rout - a
    net = victim * n
    b = rout1 * net // (rin1 * d + net)
    if a <= 0 or b < min_out or b <= 0:
        return None
    rout2 = rout1 - b
    net = a * n
    r = rin2 * net // (rout2 * d + net)
    if r <= 0:
        return None
    return Legs(r - front_run, a, b, r, rin2, rout2)


def tolerance(found: Legs) -> int:
    """2 + ceil(rin2 / rout2): the worth of one unit of the output token, and two of rounding."""
    return 2 - (-found.rin2 // found.rout2)


def kappa_q64(n: int, d: int) -> int:
    """Break-even amount_in / reserve_in as a Q64 fraction, rounded down and at most 2^64 - 1.

    The positive root of n^3 u^2 + n^2 (d + n) u + (n^2 d - d^3) = 0.
    """
    b = n * n * (d + n)
    discriminant = b * b + 4 * n**3 * (d**3 - n * n * d)
    # floor(sqrt(D) * 2^64) before the division: a floor of a floor is the floor of the whole.
    root = isqrt(discriminant << 128)
    return min((root - (b << 64)) // (2 * n**3), U64_MAX)


def limit_front_run(rin: int, rout: int, n: int, d: int, victim: int, min_out: int) -> int:
    """Largest front-run that leaves the victim min_out in real numbers, rounded down; -1: none.

    The root of (x d + n F)((x + F) d + v n) = x rout d v n / min_out.
    """
    inner = rin * d + victim * n
    a2 = n * d * min_out
    a1 = min_out * (rin * d * d + n * inner)
    a0 = rin * d * (min_out * inner - rout * victim * n)
    if a0 > 0:
        return -1
    return (isqrt(a1 * a1 - 4 * a2 * a0) - a1) // (2 * a2)


def best_front_run(rin: int, rout: int, n: int, d: int, victim: int, min_out: int,
                   capital: int) -> Best:
    """The most profitable front-run in [1, capital] that keeps the victim's limit.

    In real numbers P(F) = F (A + B F) / (x^2 + E F + g^2 F^2) with g = n/d. It is worked on here
    in units of the input reserve x: alpha = A/x^2, beta = B/x, gamma = c/x, f = F/x. Integers
    divide to correctly rounded floats in Python, so alpha keeps its precision near break-even.

    The integer legs never beat the real ones: rounding `a` down means a larger front-run than the
    real one for the same `a`, a gift to the pool of which the back-run wins only a part back, and
    rounding `b` down cheapens what the back-run sells. So the real optimum is a ceiling.
    """
    none = Best(0, 0, 0, 0)
    min_out = max(min_out, 1)
    cap = min(capital, U64_MAX - rin - victim)
    gain = n * n * (rin + victim) * (d * rin + n * victim) - d**3 * rin * rin
    if cap < 1 or gain <= 0:
        return none
    limit = limit_front_run(rin, rout, n, d, victim, min_out)
    if limit < 0:
        return none

    ddx = d * d * rin
    alpha = gain / (ddx * d * rin)
    beta = (n * n * (rin + victim) - ddx) / ddx
    gamma = (d - n) * ((d + n) * d * rin - n * n * victim) / (ddx * d)
    if gamma <= 0:
        f = inf  # profit only grows with the front-run
    else:
        root = sqrt(beta * beta + gamma * alpha)
        # The form without cancellation, by the sign of beta.
        f = alpha / (root - beta) if beta < 0 else (beta + root) / gamma

    # `limit` is rounded down, the real one may lie up to a unit higher.
    f_top = min(f, (limit + 1) / rin, cap / rin)
    epsilon = 1 + (n * n * (d * rin + n * victim)) / (ddx * d)
    real = rin * f_top * (alpha + beta * f_top) / (1 + f_top * (epsilon + f_top * (n / d) ** 2))
    ceiling = int(real * (1 + 1e-9) + 1e-9)

    target = min(limit + 1, cap)
    if f * rin < target:
        target = int(f * rin)
    best, best_in = None, 0
    for front_run in _candidates(target, limit + 1, cap, rin, rout, n, d):
        found = legs(front_run, rin, rout, n, d, victim, min_out)
        if found and (best is None or found.profit > best.profit):
            best, best_in = found, front_run
    if best is None or best.profit <= 0:
        return none._replace(ceiling=ceiling)
    return Best(best.profit, best_in, tolerance(best), ceiling)


def _candidates(target, limit, cap, rin, rout, n, d):
    """Front-runs worth trying around `target`, none above `cap`.

    Profit is a sawtooth: of all front-runs that buy the same amount `a`, the least is best, so only
    those edges are tried. Where a unit of output costs several units of input (rin >= rout) the
    neighbours are counted in `a`, else in the front-run itself.
    """
    top = min(limit, cap)
    if top <= EXHAUSTIVE:
        return range(1, top + 1)

    def edge(a):
        """The least front-run that buys `a`."""
        return -(-rin * d * a // (n * (rout - a)))

    if rout <= EXHAUSTIVE:
        return [e for e in map(edge, range(1, rout)) if e <= cap]
    if rin >= rout:
        a = swap_out(target, rin, rout, n, d)
        near = range(max(a - 2, 1), min(a + 3, rout))
        return [e for e in map(edge, near) if e <= cap]
    return range(max(target - 2, 1), min(target + 2, cap) + 1)
