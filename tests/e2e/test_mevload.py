# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The load generator against the node, and against responders that are known to misbehave."""

import json
import os
import re
import signal
import struct
import subprocess
import threading
from pathlib import Path

import pytest

from lab import HOST_IP, NODE_IP, OWN_IP, ROOT, TIMEOUT, Node, end_process, run, until

pytestmark = pytest.mark.root

MEVLOAD = Path(os.environ.get("MEVLOAD", ROOT / "build" / "bench" / "mevload"))
TO = f"02:00:00:00:00:01,{NODE_IP}:8080"
FROM = f"{HOST_IP}:40000"
TRANSPORTS = ("af_xdp", "udp", "tcp")
WAYS = {"af_xdp": ("-i", "veth0", "--to", TO, "--from", FROM),
        "udp": ("-i", "veth0", "--transport", "udp", "--to", TO, "--from", f"{HOST_IP}:0"),
        "tcp": ("--transport", "tcp", "--to", f"{OWN_IP}:8080", "--from", f"{HOST_IP}:0")}
SHORT = ("--warmup", "0.1", "--duration", "0.4")


def load(world, transport, *options, code=0) -> dict:
    """A run of the generator to its end, its JSON."""
    done = world.run("host", MEVLOAD, "run", *WAYS[transport], "--json", "-", *options,
                     check=False)
    assert done.returncode == code, done.stderr + done.stdout
    return json.loads(done.stdout)


def assert_account(found: dict):
    """What holds of every account, whatever the responder did."""
    assert found["lost"] == found["due"] - found["received"] >= 0
    assert found["due"] <= found["sent"]
    latency = found["latency_ns"]
    assert latency["count"] == found["received"]
    order = [latency[name] for name in ("min", "p50", "p90", "p99", "p999", "max")]
    assert order == sorted(order)
    percentiles = found["percentiles"]
    assert percentiles == sorted(percentiles)
    assert percentiles[-1:] == ([[100.0, latency["max"]]] if latency["count"] else [])


def assert_flawless(found: dict):
    """Every reply came, once, and right."""
    assert_account(found)
    assert found["sent"] == found["due"] == found["received"] > 0
    for phase in (found, found["warmup"]):
        assert phase["lost"] == phase["duplicated"] == phase["wrong"] == 0
    assert found["unexpected"] == found["reordered"] == found["send_errors"] == 0


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_closed_loop(world, transport):
    """What the generator counts is what the node counts."""
    with Node(world, *world.owning, "--json") as node:
        found = load(world, transport, *SHORT, "--outstanding", 4, "--strict")
        summary = node.stop().summary
    assert_flawless(found)
    assert (found["transport"], found["load"], found["outstanding"], found["rate"]) == \
        (transport, "closed", 4, None)
    replied = summary["verdicts"]["replied"] + \
        summary.get("stack", {}).get("tcp", {}).get("replied", 0)
    assert replied == found["received"] + found["warmup"]["received"]


def test_skb_mode_and_many_ports(world):
    """The generic hook on both sides, replies to a range of ports."""
    with Node(world, "-m", "skb") as node:
        found = load(world, "af_xdp", *SHORT, "--skb", "--from", f"{HOST_IP}:40000-40063")
        node.stop()
    assert_flawless(found)
    assert found["mode"] == "skb"


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_open_loop_sends_what_is_intended(world, transport):
    """Not one more or less than the rate says, however late."""
    with Node(world, *world.owning):
        found = load(world, transport, *SHORT, "--load", "open", "--rate", 2000)
    assert_flawless(found)
    assert found["sent"] + found["unsent"] == 800
    assert found["warmup"]["sent"] == 200
    assert found["latency_from"] == "intended"


def test_poisson_and_flood(world):
    """The two other loads; a flood may lose frames, and answers stay right."""
    with Node(world):
        found = load(world, "af_xdp", *SHORT, "--load", "poisson", "--rate", 2000)
        assert_flawless(found)
        assert 600 < found["sent"] + found["unsent"] < 1000  # 7 standard deviations
        found = load(world, "af_xdp", *SHORT, "--load", "flood")
        assert_account(found)
        assert found["received"] > 0
        assert found["wrong"] == found["duplicated"] == found["unexpected"] == 0


@pytest.mark.parametrize("mode", ["large", "tight", "malformed"])
def test_captures(world, traffic, mode):
    """The generator knows what each frame of a capture deserves, as the traffic model does."""
    capture = traffic(mode, 2000)
    with Node(world):
        found = load(world, "af_xdp", "--pcap", capture.pcap, "--load", "open", "--rate", 20000,
                     "--warmup", "0", "--duration", "0.1")
    assert_account(found)
    assert found["sent"] == found["frames"] == 2000
    assert found["due"] == capture.expected["verdicts"].get("replied", 0)
    assert found["lost"] == found["wrong"] == found["duplicated"] == found["unexpected"] == 0


def test_a_capture_with_updates(world, traffic):
    """What is due cannot be known then, and that is said."""
    capture = traffic("mixed", 2000)
    with Node(world):
        found = load(world, "af_xdp", "--pcap", capture.pcap, "--load", "open", "--rate", 20000,
                     "--warmup", "0", "--duration", "0.1")
    assert found["due"] is None and found["lost"] is None
    assert found["received"] > 0
    assert found["wrong"] == found["duplicated"] == found["unexpected"] == 0


def test_a_node_that_decides_by_other_pools(world, tmp_path):
    """Each reply has the right form and the wrong numbers."""
    config = tmp_path / "other.ini"
    config.write_text("[pool a0b86991c6218b36c1d19d4a2e9eb0ce3606eb48]\nfee = 3/1000\n"
                      "reserve0 = 1010000000000\nreserve1 = 500000000000\n"
                      "[pool cbcdf9626bc03e24f779434178a73a0b4bad62ed]\nfee = 3/1000\n"
                      "reserve0 = 1010000000000\nreserve1 = 500000000000\n", encoding="ascii")
    with Node(world):
        right = load(world, "udp", *SHORT)
        wrong = load(world, "udp", *SHORT, "--config", config, code=1)
    assert_flawless(right)
    assert_account(wrong)
    assert wrong["wrong"] > wrong["received"] * 0.9 > 0


class Echo:
    """A UDP echo that does to the i-th datagram what faults(i) says; counts what it did."""

    def __init__(self, world, faults):
        self._sock, self._faults, self.did, self._end = world.udp("node", 8080), faults, {}, False
        self._sock.settimeout(0.1)
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end = True
        self._thread.join()
        self._sock.close()

    def _serve(self):
        i = 0
        while not self._end:
            try:
                data, sender = self._sock.recvfrom(2048)
            except TimeoutError:
                continue
            fault = self._faults(i)
            self.did[fault] = self.did.get(fault, 0) + 1
            i += 1
            for answer in self._answers(fault, data):
                self._sock.sendto(answer, sender)

    @staticmethod
    def _answers(fault, data) -> list:
        nonce, rest = struct.unpack("<Q40s", data)
        return {None: [data], "lost": [], "duplicated": [data, data],
                "wrong": [data[:47] + b"\1"],
                "short": [data[:32]],
                "unexpected": [data, struct.pack("<Q40s", nonce ^ 1 << 63, rest)],
                "runt": [data, data[:6]]}[fault]


@pytest.mark.parametrize("transport", ["af_xdp", "udp"])
def test_every_fault_is_counted_and_fails(world, transport):
    """A responder that drops, repeats, garbles, cuts and invents."""
    faults = {3: "lost", 5: "duplicated", 7: "wrong", 11: "unexpected", 13: "short", 17: "runt"}
    with Echo(world, lambda i: faults.get(i % 20)) as echo:
        found = load(world, transport, "--expect", "echo", "--load", "open", "--rate", 1000,
                     "--warmup", "0", "--duration", "0.5", code=1)
    assert_account(found)
    did = echo.did
    assert found["sent"] == sum(did.values()) == 500
    assert found["lost"] == did["lost"]
    assert found["duplicated"] == did["duplicated"]
    assert found["wrong"] == did["wrong"] + did["short"]
    assert found["unexpected"] == did["unexpected"] + did["runt"]


def test_each_fault_fails_alone(world):
    """Exit codes: a lost reply only where --strict asks for it."""
    for fault, code in (("lost", 0), ("duplicated", 1), ("wrong", 1), ("unexpected", 1)):
        with Echo(world, lambda i, fault=fault: fault if i == 5 else None):
            found = load(world, "udp", "--expect", "echo", "--load", "open", "--rate", 1000,
                         "--warmup", "0", "--duration", "0.05", code=code)
            assert found[fault] == 1
    with Echo(world, lambda i: "lost" if i == 5 else None):
        load(world, "udp", "--expect", "echo", "--load", "open", "--rate", 1000, "--warmup", "0",
             "--duration", "0.05", "--strict", code=1)


def test_nobody_answers(world):
    """A closed loop does not wait for ever, and an open one goes on."""
    with Echo(world, lambda i: "lost"):
        found = load(world, "udp", "--expect", "echo", "--warmup", "0", "--duration", "0.5")
        assert found["received"] == 0 and 1 < found["sent"] == found["lost"] < 10
        assert found["latency_ns"]["max"] == 0 and found["percentiles"] == []
    found = load(world, "udp", "--load", "open", "--rate", 1000, *SHORT)  # port unreachable
    assert found["received"] == 0 and found["lost"] == found["sent"] > 0


def test_a_stall_is_paid_for_by_all_that_waited(world):
    """Open loop: 50 frames are due while the responder sleeps 50 ms, and each shows how long it
    waited; a closed loop would show one."""
    stalled = []

    def stall(i):
        if i == 100:
            stalled.append(threading.Event().wait(0.05))

    with Echo(world, stall):
        found = load(world, "udp", "--expect", "echo", "--load", "open", "--rate", 1000,
                     "--warmup", "0", "--duration", "0.3")
    assert stalled
    assert_flawless(found)
    assert found["latency_ns"]["max"] >= 50_000_000
    # Of 300, those due within the stall's first 30 ms waited for at least 20.
    assert next(ns for percent, ns in found["percentiles"] if percent >= 91) >= 20_000_000


def test_interrupted(world, tmp_path):
    """SIGINT: results so far, in every form asked for."""
    js, hdr = tmp_path / "out.json", tmp_path / "out.hdr"
    with Node(world):
        process = subprocess.Popen(
            world.inside("host", MEVLOAD, "run", *WAYS["af_xdp"], "--warmup", "0", "--duration",
                         "600", "--load", "open", "--rate", "1000", "--json", js, "--hdr", hdr),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            until(lambda: sent_some(world), "the generator sends")
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=TIMEOUT)
        finally:
            end_process(process)
    assert process.returncode == 0, err
    found = json.loads(js.read_text(encoding="ascii"))
    assert_flawless(found)
    assert found["duration_s"] < 600
    assert re.search(rf"^  received +{found['received']}$", out, re.M), out
    rows = [line.split() for line in hdr.read_text(encoding="ascii").splitlines()
            if re.match(r" +\d", line)]
    assert int(rows[-1][2]) == found["received"]
    assert float(rows[-1][0]) * 1000 == pytest.approx(found["latency_ns"]["max"], abs=1)
    assert world.xdp_attached() == "" and "xdp" not in world.run("host", "ip", "link").stdout


def sent_some(world) -> bool:
    """Whether some hundred frames have gone to the node."""
    return world.sent_to_node() > 100


@pytest.mark.parametrize("options, code, says", [
    (["--rate", "5"], 2, "--rate is for"),
    (["--load", "open"], 2, "need a --rate"),
    (["--load", "flood", "--outstanding", "3"], 2, "--outstanding is for"),
    (["--load", "fast"], 2, "want open, poisson, closed or flood"),
    (["--duration", "0"], 2, "want seconds"),
    (["--duration", "1.5.5"], 2, "want seconds"),
    (["--to", "02:00:00:00:00:01,192.168.69.2"], 2, "want MAC,IP:PORT"),
    (["--to", "192.168.69.2:8080"], 2, "MAC address"),
    (["--from", "192.168.69.1:9-8"], 2, "want IP:PORT"),
    (["--transport", "udp", "--from", "192.168.69.1:1-8"], 2, "one port"),
    (["--transport", "udp", "--skb"], 2, "--skb is for"),
    (["--pcap", "/nonexistent"], 2, "cannot read capture"),
    (["--config", "/nonexistent"], 2, "cannot open configuration"),
    (["-i", "nonexistent"], 2, "interface nonexistent"),
    (["--cpu", "999"], 2, "--cpu 999"),
    (["surplus"], 2, "unexpected argument"),
    (["--transport", "tcp"], 1, "is the responder there?"),
    (["--from", "192.168.70.1:5", "--transport", "udp"], 1, "check --from"),
])
def test_refusals(world, options, code, says):
    """One line that says what to do."""
    done = world.run("host", MEVLOAD, "run", *WAYS["af_xdp"], *options, check=False)
    assert done.returncode == code, done.stderr
    assert says in done.stderr and len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("mevload: ")


def test_help():
    """Both levels of it."""
    assert "run" in run(MEVLOAD, "--help").stdout
    assert "--transport" in run(MEVLOAD, "run", "--help").stdout
    assert run(MEVLOAD, check=False).returncode == 2
    assert run(MEVLOAD, "walk", check=False).returncode == 2


def test_cores():
    """A time for a cache line between two CPUs; what are none is said."""
    done = run(MEVLOAD, "cores", 0, 1)
    assert done.stderr == "" and 5 < int(done.stdout) < 10**7
    for wrong in ((), (0,), (0, 0), (0, 1, 2), ("a", 1)):
        done = run(MEVLOAD, "cores", *wrong, check=False)
        assert done.returncode == 2 and "two different CPUs" in done.stderr
    done = run(MEVLOAD, "cores", 0, 1000, check=False)
    assert done.returncode == 1 and "1000" in done.stderr
