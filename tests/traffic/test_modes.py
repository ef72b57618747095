# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What each mode promises, judged again from the finished capture by a fresh model."""

import csv
import json
from collections import Counter
from itertools import islice

import pytest

from trafficgen import cli, malformed, pcap, wire
from trafficgen.capture import Tally, settle
from trafficgen.model import KERNEL_VERDICTS, USER_VERDICTS

COUNT = 3000


class Capture:
    """A capture made by the command line's main(), and everything that came with it."""

    def __init__(self, folder, mode, *options, count=COUNT):
        path = folder / "out.pcap"
        replies = folder / "out.csv"
        argv = ["--mode", mode, "--count", str(count), "--out", str(path), "--replies-csv",
                str(replies), *options]
        assert cli.main(argv) == 0
        self.bytes = path.read_bytes()
        self.stamped = list(pcap.read_frames(path))
        self.frames = [frame for _, frame in self.stamped]
        self.expected = json.loads((folder / "out.pcap.expected.json").read_text())
        self.verdicts = self.expected["verdicts"]
        with open(replies, newline="", encoding="ascii") as file:
            self.replies = [{k: int(v) for k, v in row.items()} for row in csv.DictReader(file)]
        args = cli.parser().parse_args(argv)
        args.pool = args.pool or [cli.pool(text) for text in cli.DEFAULT_POOLS]
        self.traffic = cli.build(args)
        self.node = self.traffic.node

    def outcomes(self):
        """The frames' outcomes, judged anew in order."""
        for frame in self.frames:
            outcome = self.node.judge(frame)
            self.node.apply(outcome)
            yield outcome


STATELESS = ("--pool", "a0b86991c6218b36c1d19d4a2e9eb0ce3606eb48:1000000000000:500000000000:3/1000",
             "--pool", "cbcdf9626bc03e24f779434178a73a0b4bad62ed:0:0:3/1000")
SMALL_POOL = ("--pool", "a0b86991c6218b36c1d19d4a2e9eb0ce3606eb48:900000:700000:1/400",
              "--min-amount-in", "10", "--capital", "100000")
HUGE_POOL = ("--pool", "a0b86991c6218b36c1d19d4a2e9eb0ce3606eb48:"
             "9000000000000000000:17000000000000000000:1/10000", "--capital", "10000000000000000")
FREE_POOL = ("--pool", "a0b86991c6218b36c1d19d4a2e9eb0ce3606eb48:1000000000000:500000000000:0/1")


@pytest.mark.parametrize("options", ((), ("--strategy", "fixed"), STATELESS, SMALL_POOL, HUGE_POOL,
                                     FREE_POOL, ("--min-profit", "10000000")),
                         ids=("default", "fixed", "stateless", "small", "huge", "free", "profit"))
@pytest.mark.parametrize("mode", cli.MODES)
def test_prediction_holds(tmp_path, mode, options):
    """Counts, profits and replies are those of the bytes in the file."""
    made = Capture(tmp_path, mode, *options, count=1000)
    tally, nonces, replies = Tally(), Counter(), []
    for outcome in made.outcomes():
        assert outcome.certain
        tally.add(outcome)
        if outcome.verdict == "replied":
            nonces[outcome.nonce] += 1
            replies.append({"nonce": outcome.nonce, "profit_ref": outcome.profit,
                            "tol": outcome.tol})
    parameters = made.expected.pop("parameters")
    assert tally.as_dict() == made.expected
    assert replies == made.replies
    assert max(nonces.values(), default=1) == 1
    assert tuple(made.verdicts) == KERNEL_VERDICTS + USER_VERDICTS
    assert sum(made.verdicts[v] for v in KERNEL_VERDICTS) == made.expected["frames"] == 1000
    assert made.verdicts["redirect"] == sum(made.verdicts[v] for v in USER_VERDICTS)
    assert made.expected["replies"] == len(replies)
    assert made.expected["total_profit"] == sum(r["profit_ref"] for r in replies)
    assert made.expected["total_profit_min"] == sum(r["profit_ref"] - r["tol"] for r in replies)
    assert parameters["mode"] == mode and parameters["seed"] == 1
    assert made.expected["total_profit"] <= made.expected["total_profit_max"] \
        <= made.expected["total_profit"] * 1.01 + 1000
    assert all(15 <= len(frame) <= 1514 for frame in made.frames)


def only(verdicts, *names):
    return {v for v, count in verdicts.items() if count} == set(names)


def test_large_pays_under_both_strategies(tmp_path):
    made = [Capture(tmp_path, "large", "--strategy", s) for s in ("optimal", "fixed")]
    assert made[0].bytes == made[1].bytes
    for each in made:
        assert only(each.verdicts, "redirect", "replied")
    swaps = [wire.SWAP.unpack(frame[-48:]) for frame in made[0].frames]
    assert {(pool, direction) for _, pool, _, _, direction, _ in swaps} == {
        (pool, direction) for pool in made[0].node.pools for direction in (0, 1)}


def test_small(tmp_path):
    assert only(Capture(tmp_path, "small").verdicts, "below_min")


def test_noise_is_passed(tmp_path):
    made = Capture(tmp_path, "noise")
    assert only(made.verdicts, "pass")
    ends = made.traffic.ends
    kinds = Counter(frame[12:14].hex() for frame in made.frames)
    assert set(kinds) >= {"0800", "0806", "86dd", "8100", "88a8", "88cc"}
    for frame in made.frames:  # third parties only, as far as a kernel would answer or learn
        if frame[12:14] == b"\x08\x06":
            assert ends.src_ip not in frame and ends.dst_ip not in frame
        if frame[:6] == ends.dst_mac and frame[12:14] == b"\x08\x00":
            assert frame[30:34] != ends.dst_ip


def test_tight_is_decided_by_the_limit(tmp_path):
    made = Capture(tmp_path, "tight")
    assert only(made.verdicts, "redirect", "replied")
    for frame in made.frames:
        _, address, amount, min_out, direction, _ = wire.SWAP.unpack(frame[-48:])
        pool = made.node.pools[address]
        rin, rout = pool.reserves(direction)
        out = rout * amount * pool.n // (rin * pool.d + amount * pool.n)
        assert out * 0.9989 <= min_out <= out * 0.999


@pytest.mark.parametrize("maker", malformed.MAKERS, ids=lambda maker: maker[0])
def test_malformed_maker(tmp_path, maker):
    """Each is what it says at the first or second draw, not by luck among thousands."""
    made = Capture(tmp_path, "small", count=1)
    name, want, make = maker
    verdicts = Counter(made.node.judge(make(made.traffic)).verdict for _ in range(200))
    assert verdicts[want] >= 190, f"{name}: {verdicts}"


def test_malformed_names_its_verdicts(tmp_path):
    made = Capture(tmp_path, "malformed", *STATELESS)
    assert only(made.verdicts, "pass", "malformed", "bad_checksum", "bad_length", "bad_field",
                "unknown_pool", "no_state", "victim_reverts", "update_invalid",
                "update_unknown_pool")


def test_mixed_has_everything_and_leaves_the_pools_alone(tmp_path):
    made = Capture(tmp_path, "mixed", *STATELESS)
    assert all(made.verdicts.values()), made.verdicts
    assert made.expected["update_gaps"] > 0
    before = {a: (p.reserve0, p.reserve1) for a, p in made.node.pools.items()}
    dresses = Counter()
    for frame, outcome in zip(made.frames, made.outcomes()):
        if outcome.verdict == "replied":
            ip = 18 if frame[12:14] in (b"\x81\x00", b"\x88\xa8") else 14
            dresses["tag"] += ip == 18
            dresses["ipv6"] += frame[ip] >> 4 == 6
            dresses["options"] += frame[ip] >> 4 == 4 and frame[ip] & 15 > 5
            dresses["padding"] += len(frame) - ip not in (76, 80, 88, 96)
    assert min(dresses[d] for d in ("tag", "ipv6", "options", "padding")) > 50
    assert before == {a: (p.reserve0, p.reserve1) for a, p in made.node.pools.items()}


def test_updates_meet_every_accident(tmp_path):
    made = Capture(tmp_path, "updates")
    assert only(made.verdicts, "update_applied", "update_stale", "update_invalid",
                "update_unknown_pool")
    assert made.expected["update_gaps"] > 100
    wraps = restarts = 0
    for frame in made.frames:
        last = {a: p.last_seq for a, p in made.node.pools.items()}
        outcome = made.node.judge(frame)
        if outcome.state and last[outcome.state[0].address] is not None:
            seq, before = outcome.state[3], last[outcome.state[0].address]
            restarts += seq == 0
            wraps += 0 < seq < before
        made.node.apply(outcome)
    assert wraps and restarts


@pytest.mark.parametrize("strategy", ("optimal", "fixed"))
def test_market(tmp_path, strategy):
    made = Capture(tmp_path, "market", "--strategy", strategy, count=20000)
    v = made.verdicts
    assert min(v[name] for name in ("below_min", "below_break_even", "victim_reverts",
                                    "update_applied", "update_stale", "unprofitable")) > 0
    assert v["redirect"] > 0.4 * 20000
    assert v["replied"] >= 0.99 * v["redirect"]
    for _ in made.outcomes():
        pass
    for pool in made.node.pools.values():  # the walk stays near its home
        assert 0.8 < pool.reserve0 / 10**12 < 1.25 and 0.8 < pool.reserve1 / (5 * 10**11) < 1.25


def test_stamps(tmp_path):
    made = Capture(tmp_path, "noise", "--rate", "3000000", count=30)
    assert [t - made.stamped[0][0] for t, _ in made.stamped] == [i * 1000 // 3 for i in range(30)]
    made = Capture(tmp_path, "updates", "--update-pause", "7", count=3)
    assert [t - made.stamped[0][0] for t, _ in made.stamped] == [0, 107_000, 214_000]


def test_stream_is_endless_and_seeded(tmp_path):
    def start(seed):
        made = Capture(tmp_path, "small", "--seed", str(seed), count=1)
        items = cli.MODES["mixed"](made.traffic)
        return [settle(item, made.node)[0] for item in islice(items, 100)]

    assert start(5) == start(5) != start(6)
