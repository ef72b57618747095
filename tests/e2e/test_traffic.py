# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Whole captures: what a node makes of every kind of traffic is exactly what was predicted."""

import json
import os
import signal
import subprocess

import pytest

import compare
import replies
from lab import NODE_IP, PIN_ROOT, SCRIPTS, TIMEOUT, Capture, Node, Replay, run
from node_config import node_config

pytestmark = pytest.mark.root

MODES = {"mixed": 20000, "large": 10000, "small": 5000, "tight": 10000, "malformed": 10000,
         "noise": 10000, "updates": 10000, "market": 20000}


def replay_script(pcap, *options):
    """Exit code and findings of scripts/run_tcpreplay_veth.sh."""
    done = run(SCRIPTS / "run_tcpreplay_veth.sh", pcap, "--json", *options, check=False)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def wrong_lines(result):
    """What differs, for the assertion to show."""
    return [line for line in result["lines"] if not line["ok"]] + result["faults"][:3]


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_as_predicted(traffic, mode):
    """Verdicts, single replies, total profit; the script's own exit code agrees."""
    sent = traffic(mode, MODES[mode])
    code, result = replay_script(sent.pcap, "--pps", "20000")
    assert wrong_lines(result) == []
    assert (code, result["ok"]) == (0, True)
    assert result["node"]["verdicts"]["replied"] == sent.expected["replies"]


@pytest.mark.parametrize("mode", ("mixed", "market"))
@pytest.mark.parametrize("strategy", (
    ("--strategy", "fixed", "--capital", "5000000000"),
    ("--capital", "300000000", "--min-profit", "1000000", "--min-amount-in", "5000000000"),
))
def test_other_strategies_and_thresholds(traffic, mode, strategy):
    """The script configures the node as the prediction has it."""
    code, result = replay_script(traffic(mode, 10000, *strategy).pcap, "--pps", "20000")
    assert wrong_lines(result) == []
    assert code == 0


@pytest.mark.parametrize("options", (
    ("--poll", "spin"), ("--poll", "busy"), ("--mode", "skb"), ("--verify-checksum",),
    ("--cpus", "1"),
), ids=" ".join)
def test_options_change_no_verdict(traffic, options):
    """However the node waits, attaches or checks: all of this traffic's checksums are right."""
    code, result = replay_script(traffic("mixed", MODES["mixed"]).pcap, "--pps", "20000", "--",
                                 *options)
    assert wrong_lines(result) == []
    assert code == 0


def test_many_small_pools(traffic, tmp_path):
    """Pools of all sizes and fees from a configuration file, one that waits for its state."""
    pools = [f"{i + 1:040x}:{10**(6 + i % 12)}:{3 * 10**(5 + i % 13)}:{1 + i}/{1000 + 97 * i}"
             for i in range(24)] + [f"{0xdead:040x}:0:0:3/1000"]
    options = [part for pool in pools for part in ("--pool", pool)]
    sent = traffic("mixed", 10000, "--min-amount-in", "1000", *options)
    assert "no_state" in sent.expected["verdicts"]
    code, result = replay_script(sent.pcap, "--pps", "20000")
    assert wrong_lines(result) == []
    assert code == 0


def test_built_in_configuration(world, traffic):
    """Without -c the node is what the generator predicts by default."""
    sent = traffic("mixed", MODES["mixed"])
    with world.udp("host", 40000), Capture(world) as capture, Node(world, "--json") as node:
        frames = world.replay(sent.pcap, "--pps", "20000")
        node.judged(frames)
        ended = node.stop()
        replied = ended.summary["verdicts"]["replied"]
        found = replies.check(capture.frames(replied),
                              expected=replies.read_expected(sent.replies_csv))
    assert compare.differences(ended.summary, sent.expected, frames, found) == []
    assert found.faults == []


def test_a_wrong_prediction_is_noticed(traffic, tmp_path):
    """The script fails where a count, or a single reply, is not what the prediction says."""
    sent = traffic("large", 1000)
    copy = tmp_path / "copy.pcap"
    copy.write_bytes(sent.pcap.read_bytes())
    expected = json.loads(json.dumps(sent.expected))
    expected["verdicts"]["replied"] -= 1
    expected["verdicts"]["unprofitable"] += 1
    (tmp_path / "copy.pcap.expected.json").write_text(json.dumps(expected))
    code, result = replay_script(copy, "--pps", "20000")
    assert code == 1
    assert {line["name"] for line in result["lines"] if not line["ok"]} == \
        {"replied", "unprofitable"}

    (tmp_path / "copy.pcap.expected.json").write_text(json.dumps(sent.expected))
    rows = (sent.pcap.parent / f"{sent.pcap.name}.replies.csv").read_text().splitlines()
    nonce, profit, tol = rows[1].split(",")
    rows[1] = f"{nonce},{int(profit) + 1000000},{tol}"
    (tmp_path / "copy.pcap.replies.csv").write_text("\n".join(rows) + "\n")
    code, result = replay_script(copy, "--pps", "20000")
    assert code == 1
    assert len(result["faults"]) == 1 and nonce in result["faults"][0]


@pytest.mark.parametrize("by, code", ((signal.SIGINT, 130), (signal.SIGTERM, 143)))
def test_script_interrupted(traffic, by, code):
    """In the middle of a replay: the world goes, and what ran in it."""
    sent = traffic("large", 10000)
    # A shell cannot trap what it was told to ignore, as everything started by `... &` is.
    with subprocess.Popen(["env", "--default-signal=INT", SCRIPTS / "run_tcpreplay_veth.sh",
                           sent.pcap, "--pps", "100"], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as script:
        world = f"mev-replay-{script.pid}"
        pins = PIN_ROOT / world
        try:
            assert script.stdout.readline().startswith(b"ready ")
            assert pins.exists() and f"{world}-host" in os.listdir("/var/run/netns")
            script.send_signal(by)
            assert script.wait(TIMEOUT) == code
        finally:
            script.terminate()
            script.wait(TIMEOUT)
    assert not pins.exists()
    assert [name for name in os.listdir("/var/run/netns") if name.startswith(world)] == []


def test_prediction_becomes_configuration(traffic):
    """The printed configuration holds every pool and threshold of the prediction."""
    text = node_config(traffic("large", 1000).expected["parameters"])
    assert text.count("[pool ") == 2
    assert "capital = 100000000000\n" in text and "min_amount_in = 1000000\n" in text


def assert_ping_through(world, sent, pings, *pace):
    """Verdicts as predicted, and as many echo requests passed and answered meanwhile."""
    with Node(world, "--json") as node:
        with Replay(world, sent.pcap, *pace) as replay:
            ping = world.run("host", "ping", "-n", "-i", "0.05", "-c", pings, "-W", "10", NODE_IP)
            frames = replay.sent() + pings
        assert f" {pings} received" in ping.stdout
        node.judged(frames)
        ended = node.stop()
    expected = {**sent.expected["verdicts"], "pass": sent.expected["verdicts"]["pass"] + pings}
    assert compare.differences(ended.summary, {"verdicts": expected}, frames) == []


@pytest.mark.parametrize("mode", ("malformed", "noise"))
def test_ping_through_garbage(world, traffic, mode):
    """Broken and foreign frames neither reach the worker nor hold up the kernel's own traffic."""
    assert_ping_through(world, traffic(mode, MODES[mode]), 20, "--pps", "10000")


@pytest.mark.big
def test_big_large(traffic):
    """100,000 profitable swaps at 50,000/s: as many replies, no drop anywhere."""
    code, result = replay_script(traffic("large", 100000).pcap, "--pps", "50000")
    assert wrong_lines(result) == []
    assert code == 0
    assert result["node"]["verdicts"]["replied"] == 100000


@pytest.mark.big
@pytest.mark.parametrize("mode", ("malformed", "noise"))
def test_big_garbage(world, traffic, mode):
    """500,000 frames of each kind, `ping` all the while."""
    assert_ping_through(world, traffic(mode, 500000), 90, "--pps", "100000")
