# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Configurations that a node is told to follow: random ones, a bad one, those to measure it by."""

from pathlib import Path
from random import Random

POOLS = ("a0b86991c6218b36c1d19d4a2e9eb0ce3606eb48", "cbcdf9626bc03e24f779434178a73a0b4bad62ed")
RESERVES = "reserve0 = 1000000000000\nreserve1 = 500000000000\n"
BAD = "[node]\nmin_profit = many\n"


def _pool(address: str, fee: int) -> str:
    return f"[pool {address}]\nfee = {fee}/1000\n{RESERVES}"


BASE = "".join(_pool(address, 3) for address in POOLS)

# As many as a node gets to know at most, so that it has the memory for them when it is measured.
MOST_OTHERS = 300
LARGEST = "[feed]\nallow = 10.0.0.0/8\n" + BASE + \
    "".join(_pool(f"{number:040x}", 3) for number in range(MOST_OTHERS))


def draw(rng: Random) -> str:
    """Any of these keeps every swap of the siege worth a reply, or drops it in the driver."""
    node = [f"min_amount_in = {rng.choice((0, 10**6, 10**9))}",
            f"min_profit = {rng.choice((1, 5, 1000))}"]
    if rng.random() < 0.1:  # all that comes is somebody else's meanwhile
        node += ["swap_port = 9000", "update_port = 9001"]
    text = "[node]\n" + "\n".join(node) + "\n"
    text += f"[front_run]\ncapital = {rng.choice((10**10, 10**11))}\n"
    if rng.random() < 0.2:
        text += "[feed]\nallow = 10.0.0.0/8\n"
    configured = POOLS if rng.random() < 0.8 else rng.sample(POOLS, 1)
    others = [f"{rng.getrandbits(160):040x}" for _ in range(rng.choice((0, 1, 30, MOST_OTHERS)))]
    addresses = [*configured, *others]
    rng.shuffle(addresses)
    return text + "".join(_pool(address, rng.randint(1, 5)) for address in addresses)


def put(path: Path, text: str) -> None:
    """The whole file at once, as editors do: another in the old one's place."""
    new = path.with_suffix(".new")
    new.write_text(text, encoding="ascii")
    new.rename(path)
