# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Streams of swaps for TCP clients, and the replies that are due, by exact integer economics."""

import random
import select
import socket
import time
from typing import NamedTuple

import lab
import replies
from trafficgen import economics, wire

POOL = bytes.fromhex("a0b86991c6218b36c1d19d4a2e9eb0ce3606eb48")
RESERVES, FEE_N, FEE_D = (10**12, 5 * 10**11), 997, 1000  # the built-in configuration
CAPITAL, MIN_AMOUNT = 10**11, 10**6


def swap(nonce: int, amount: int = 2 * 10**10, min_out: int = 1, direction: int = 0,
         pool: bytes = POOL, reserved: bytes = bytes(3)) -> bytes:
    """A record."""
    return wire.SWAP.pack(nonce, pool, amount, min_out, direction, reserved)


class Stream(NamedTuple):
    """Records one behind the other, and what must come back for them: nonces in order."""

    data: bytes
    due: list  # (nonce, profit at least, profit at most)
    verdicts: dict  # how many records of each


# Swaps that pay, each with its best: a thousand kinds are enough, and Python is slow.
def _paying(rng: random.Random, kinds: int) -> list:
    found = []
    while len(found) < kinds:
        direction = rng.randint(0, 1)
        rin, rout = RESERVES[::-1] if direction else RESERVES
        amount = rng.randrange(rin // 100, rin // 20)
        out = economics.swap_out(amount, rin, rout, FEE_N, FEE_D)
        min_out = int(out * rng.uniform(0.3, 0.95))
        best = economics.best_front_run(rin, rout, FEE_N, FEE_D, amount, min_out, CAPITAL)
        if best.profit - best.tol >= 1:
            found.append((amount, min_out, direction, best))
    return found


def stream(count: int, seed: int = 1, kinds: int = 200) -> Stream:
    """`count` records: half of them pay, the rest are refused for every reason there is."""
    rng = random.Random(seed)
    paying = _paying(rng, kinds)
    refused = {
        "bad_field": lambda n: swap(n, direction=2),
        "below_min": lambda n: swap(n, MIN_AMOUNT - 1),
        "unknown_pool": lambda n: swap(n, pool=bytes(20)),
        "below_break_even": lambda n: swap(n, 10**9),
        "victim_reverts": lambda n: swap(n, min_out=RESERVES[1]),
    }
    records, due, verdicts = [], [], {}
    for nonce in range(1, count + 1):
        if rng.random() < 0.5:
            amount, min_out, direction, best = rng.choice(paying)
            records.append(swap(nonce, amount, min_out, direction))
            due.append((nonce, best.profit - best.tol, best.ceiling))
            verdict = "replied"
        else:
            verdict = rng.choice(tuple(refused))
            records.append(refused[verdict](nonce))
        verdicts[verdict] = verdicts.get(verdict, 0) + 1
    return Stream(b"".join(records), due, verdicts)


def assert_replies(data: bytes, due: list) -> None:
    """Every reply that is due, none else, in order, each as good as it must be."""
    found = list(replies.REPLY.iter_unpack(data))
    assert [reply[0] for reply in found] == [nonce for nonce, _, _ in due]
    for (nonce, profit, _, slot), (_, least, most) in zip(found, due):
        assert least <= profit <= most and slot == 0, nonce


def converse(sock: socket.socket, data: bytes, chunk: int = 1 << 16, at_once: bool = True,
             timeout: float = lab.TIMEOUT) -> bytes:
    """Send all, read meanwhile, close this direction, and read to the end.

    at_once=False: one piece a turn of `chunk` bytes, whatever the other side is at.
    """
    end, sent, back, closing = time.monotonic() + timeout, 0, bytearray(), False
    sock.setblocking(False)
    if not at_once:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while True:
        want_write = [] if closing else [sock]
        readable, writable, _ = select.select([sock], want_write, [], 1)
        assert time.monotonic() < end, f"{sent} of {len(data)} sent, {len(back)} came back"
        if writable:
            if sent < len(data):
                try:
                    sent += sock.send(data[sent:sent + chunk])
                except BlockingIOError:
                    pass
            else:
                sock.shutdown(socket.SHUT_WR)
                closing = True
        if readable:
            piece = sock.recv(1 << 18)
            if not piece:
                return bytes(back)
            back += piece


def tcp_counts(summary) -> dict:
    """Records over TCP by verdict, those that there were."""
    return {name: count for name, count in summary["stack"]["tcp"].items() if count}
