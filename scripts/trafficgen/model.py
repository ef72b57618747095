# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The node as its specification has it: bytes of a frame in, verdict out.

Verdicts are tried in their order; the first that applies names the frame's fate.
"""

from dataclasses import dataclass, field
from typing import NamedTuple, Optional

from . import economics, wire

# What takes a frame in the kernel. Each frame counts once here...
KERNEL_VERDICTS = (
    "pass", "malformed", "bad_checksum", "bad_length", "bad_field", "below_min", "unknown_pool",
    "no_state", "below_break_even", "victim_reverts", "redirect",
    "update_applied", "update_stale", "update_invalid", "update_unknown_pool",
)
# ...and each redirected one once more here.
USER_VERDICTS = ("unprofitable", "replied")

VLAN_TPIDS = (wire.ETH_VLAN, wire.ETH_QINQ)


class Outcome(NamedTuple):
    """What becomes of one frame. verdict is final: never "redirect" but what follows it."""

    verdict: str
    certain: bool = True  # False: within the tolerance, two right nodes may differ
    nonce: int = 0
    profit: int = 0  # in units of the victim's input token
    tol: int = 0  # a right reply claims at least profit - tol
    ceiling: int = 0  # and never more than this
    state: Optional[tuple] = None  # what an applied update brings: pool, reserve0, reserve1, seq
    gap: bool = False


@dataclass
class Pool:
    """A configured pool and its present state. last_seq is None before the first update."""

    address: bytes
    reserve0: int
    reserve1: int
    fee_num: int
    fee_den: int
    last_seq: Optional[int] = None
    n: int = field(init=False)
    d: int = field(init=False)
    kappa_q64: int = field(init=False)

    def __post_init__(self):
        self.d = self.fee_den
        self.n = self.fee_den - self.fee_num
        self.kappa_q64 = economics.kappa_q64(self.n, self.d)

    def live(self) -> bool:
        """Whether the pool has a state to trade on."""
        return self.reserve0 > 0 and self.reserve1 > 0

    def reserves(self, direction: int) -> tuple:
        """(reserve_in, reserve_out) for a swap of this direction."""
        return (self.reserve1, self.reserve0) if direction else (self.reserve0, self.reserve1)

    def break_even(self, rin: int) -> int:
        """Amounts below this cannot be front-run at a gain."""
        return rin * self.kappa_q64 >> 64


@dataclass(frozen=True)
class Settings:
    """The node's configuration, pools aside. Amounts in token units."""

    mac: bytes
    swap_port: int = 8080
    update_port: int = 8081
    min_amount_in: int = 1_000_000
    min_profit: int = 1
    strategy: str = "optimal"
    capital: int = 100_000_000_000


PASS = Outcome("pass")
MALFORMED = Outcome("malformed")
BAD_CHECKSUM = Outcome("bad_checksum")
BAD_LENGTH = Outcome("bad_length")
BAD_FIELD = Outcome("bad_field")
BELOW_MIN = Outcome("below_min")
UNKNOWN_POOL = Outcome("unknown_pool")
NO_STATE = Outcome("no_state")
BELOW_BREAK_EVEN = Outcome("below_break_even")
VICTIM_REVERTS = Outcome("victim_reverts")
UPDATE_STALE = Outcome("update_stale")
UPDATE_INVALID = Outcome("update_invalid")
UPDATE_UNKNOWN_POOL = Outcome("update_unknown_pool")


class Node:
    """A configured node: judges frames and keeps the pools' states."""

    def __init__(self, settings: Settings, pools: list):
        self.settings = settings
        self.pools = {pool.address: pool for pool in pools}

    def judge(self, frame: bytes) -> Outcome:
        """Verdict of a frame in the present state, which stays as it is: see apply()."""
        size = len(frame)
        if size < 14:
            return PASS
        group_mac = (frame[0] | frame[6]) & 1  # to or from a group
        if not frame[0] & 1 and frame[:6] != self.settings.mac:
            return PASS
        ethertype, ip = frame[12] << 8 | frame[13], 14
        if ethertype in VLAN_TPIDS:
            if size < 18:
                return PASS
            ethertype, ip = frame[16] << 8 | frame[17], 18
        if ethertype == wire.ETH_IPV4:
            return self._ipv4(frame, ip, group_mac)
        if ethertype == wire.ETH_IPV6:
            return self._ipv6(frame, ip, group_mac)
        return PASS

    def apply(self, outcome: Outcome) -> None:
        """Take over what an applied update brings; other outcomes change nothing."""
        if outcome.state:
            pool, pool.reserve0, pool.reserve1, pool.last_seq = outcome.state

    def _ipv4(self, frame, ip, group_mac):
        behind = len(frame) - ip
        if behind < 20 or frame[ip] >> 4 != 4:
            return PASS
        head = (frame[ip] & 15) * 4
        if head < 20 or behind < head + 8 or frame[ip + 9] != wire.PROTO_UDP:
            return PASS
        if (frame[ip + 6] << 8 | frame[ip + 7]) & 0x3FFF:  # more fragments, or an offset
            return PASS
        dst = frame[ip + 16:ip + 20]
        src = frame[ip + 12:ip + 16]
        group = (group_mac or any(a[0] & 0xF0 == 0xE0 or a == b"\xff\xff\xff\xff"
                                  for a in (src, dst))
                 or src[0] == 127 or src == bytes(4))  # nobody that a reply would reach
        total = frame[ip + 2] << 8 | frame[ip + 3]
        return self._udp(frame, ip + head, group, total - head, behind - head,
                         frame[ip:ip + head])

    def _ipv6(self, frame, ip, group_mac):
        behind = len(frame) - ip
        if behind < 48 or frame[ip] >> 4 != 6 or frame[ip + 6] != wire.PROTO_UDP:
            return PASS
        if frame[ip + 8:ip + 20] == bytes(10) + b"\xff\xff":  # an IPv4 address in disguise
            return PASS
        group = (group_mac or 0xFF in (frame[ip + 8], frame[ip + 24])
                 or frame[ip + 8:ip + 23] == bytes(15) and frame[ip + 23] <= 1)  # :: and ::1
        length = frame[ip + 4] << 8 | frame[ip + 5]
        return self._udp(frame, ip + 40, group, length, behind - 40, None)

    def _udp(self, frame, off, group, ip_payload, present, ipv4_head):
        """ip_payload: what the IP header says it carries; present: what the frame holds of it."""
        sport, dport, length, _ = wire.UDP.unpack_from(frame, off)
        is_swap = dport == self.settings.swap_port
        if not is_swap and dport != self.settings.update_port:
            return PASS
        if is_swap and (group or sport == 0):  # nobody that a reply would reach
            return PASS
        if ip_payload > present or ip_payload < 8 or length != ip_payload:
            return MALFORMED
        if ipv4_head is not None and not wire.checksum_ok(ipv4_head):
            return BAD_CHECKSUM
        if length - 8 != (wire.SWAP_LEN if is_swap else wire.UPDATE_LEN):
            return BAD_LENGTH
        return self._swap(frame, off + 8) if is_swap else self._update(frame, off + 8)

    def _update(self, frame, off):
        address, reserve0, reserve1, _, seq, _ = wire.UPDATE.unpack_from(frame, off)
        pool = self.pools.get(address)
        if pool is None:
            return UPDATE_UNKNOWN_POOL
        if reserve0 == 0 or reserve1 == 0:
            return UPDATE_INVALID
        state = (pool, reserve0, reserve1, seq)
        if pool.last_seq is None or seq == 0:
            return Outcome("update_applied", state=state)
        ahead = (seq - pool.last_seq) % 2**32  # RFC 1982; 2^31 apart is undefined there: stale
        if 0 < ahead < 2**31:
            return Outcome("update_applied", state=state, gap=ahead != 1)
        return UPDATE_STALE

    def _swap(self, frame, off):
        nonce, address, amount, min_out, direction, reserved = wire.SWAP.unpack_from(frame, off)
        if direction > 1 or reserved != b"\0\0\0":
            return BAD_FIELD
        if amount < self.settings.min_amount_in:
            return BELOW_MIN
        pool = self.pools.get(address)
        if pool is None:
            return UNKNOWN_POOL
        if not pool.live():
            return NO_STATE
        rin, rout = pool.reserves(direction)
        if amount < pool.break_even(rin):
            return BELOW_BREAK_EVEN
        min_out = max(min_out, 1)
        if economics.swap_out(amount, rin, rout, pool.n, pool.d) < min_out:
            return VICTIM_REVERTS
        return self._candidate(nonce, pool, rin, rout, amount, min_out)

    def _candidate(self, nonce, pool, rin, rout, amount, min_out):
        """What userspace makes of a redirected swap."""
        settings = self.settings
        least = max(settings.min_profit, 1)
        if settings.strategy == "fixed":
            found = economics.legs(settings.capital, rin, rout, pool.n, pool.d, amount, min_out)
            if found is None or found.profit < least:
                return Outcome("unprofitable", nonce=nonce)
            return Outcome("replied", nonce=nonce, profit=found.profit,
                           ceiling=found.profit)
        best = economics.best_front_run(rin, rout, pool.n, pool.d, amount, min_out,
                                        settings.capital)
        if best.profit >= least:
            return Outcome("replied", best.profit - best.tol >= least, nonce, best.profit,
                           best.tol, best.ceiling)
        return Outcome("unprofitable", best.ceiling < least, nonce)
