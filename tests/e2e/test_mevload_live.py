# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Live frames: each program gets what was meant for it, and what comes of it is counted."""

import json
import signal
import subprocess

import pytest

from lab import TIMEOUT, Node, end_process, run, until
from test_mevload import MEVLOAD

pytestmark = pytest.mark.root

SHORT = ("--rounds", 2, "--duration", 0.02)
KINDS = ("candidate", "foreign", "break_even", "below_min", "reverts", "unknown_pool", "malformed")


def command(world, *options) -> list:
    """The generator, where the node is."""
    return world.inside("node", MEVLOAD, "live", "-i", "veth1", *options)


def live(world, *options, code=0) -> dict:
    """A run to its end, its JSON; the programs by name."""
    done = run(*command(world, *SHORT, "--json", "-", *options), check=False)
    assert done.returncode == code, done.stderr + done.stdout
    found = json.loads(done.stdout)
    found["programs"] = {program["program"]: program for program in found["programs"]}
    return found


def peer(world) -> tuple:
    """Options that count what arrives on the host's side."""
    return ("--peer", f"/var/run/netns/{world.name}-host,veth0")


@pytest.fixture(name="bare")
def fixture_bare(world):
    """A world whose hosts say nothing: no swap that the kernel gets is answered by ICMP."""
    with world.udp("node", 8080):
        yield world


def test_each_verdict_is_the_predicted(bare):
    """All kinds at once; by the attached program itself, and by its text that drops what it passes."""
    mix = ",".join(f"{kind}=1" for kind in KINDS)
    with Node(bare, "--json") as node:
        found = live(bare, "--mix", mix, "--program", "drop,parse,attached,filter_drop",
                     "--clock", "cpu")
        counters = node.counters()
        node.stop()
    assert sum(found["mix"].values()) == 2048 and set(found["mix"]) == set(KINDS)
    assert (found["attached"], found["clock"]) == ("mev_filter", "cpu")
    total = {}
    for name in ("attached", "filter_drop"):
        program = found["programs"][name]
        assert program["frames"] >= 2 * 2 * 2**14  # two rounds, each with its warm-up
        verdicts, predicted = program["verdicts"], program["predicted"]
        assert verdicts["pass"] >= predicted["pass"] > 0
        assert {**verdicts, "pass": 0} == {**predicted, "pass": 0}
        assert set(verdicts) == {"pass", "malformed", "bad_checksum", "bad_length", "bad_field",
                                 "below_min", "unknown_pool", "below_break_even",
                                 "victim_reverts", "redirect"}
        assert sum(predicted.values()) == program["frames"]
        for verdict, frames in verdicts.items():
            total[verdict] = total.get(verdict, 0) + frames
    # One set of counters, the node's own; nothing else sends candidates.
    assert counters["redirect"] == total["redirect"]
    assert counters["below_break_even"] == total["below_break_even"]
    for name in ("drop", "parse", "attached", "filter_drop"):
        program = found["programs"][name]
        assert len(program["rounds"]) == 2
        assert program["frames_per_s"]["min"] == pytest.approx(min(program["rounds"]))
        assert program["verdicts"] is None or name in ("attached", "filter_drop")
    assert found["programs"]["drop"]["ratio_to_drop"] == {"median": 1, "min": 1, "max": 1}


def test_replies_are_counted_where_they_arrive(world):
    """Candidates reach the node's socket, and its answers the peer."""
    with Node(world, "--json") as node:
        found = live(world, "--mix", "candidate=1", "--program", "attached", *peer(world))
        verdicts = node.stop().summary["verdicts"]
    attached = found["programs"]["attached"]
    assert attached["replies"] == attached["back"] == verdicts["replied"] > 0
    assert attached["verdicts"]["redirect"] == attached["frames"] == verdicts["redirect"]
    assert attached["replies_per_s"]["min"] > 0
    assert "xdp" not in world.run("host", "ip", "link").stdout


def test_frames_are_written_anew_each_lap(world):
    """A page that comes back has been turned into a reply: sent again as it is, it would be dropped."""
    found = live(world, "--mix", "candidate=1", "--program", "reflect,drop", *peer(world))
    reflect, drop = (found["programs"][name] for name in ("reflect", "drop"))
    assert reflect["frames"] / 2 < reflect["back"] <= reflect["frames"]
    assert reflect["replies"] == drop["back"] == 0
    assert reflect["verdicts"] is None and found["attached"] is None


def test_share_of_candidates(bare):
    """Exact over whole laps; a node that does not come to its frames changes no verdict."""
    with Node(bare) as node:
        node.process.send_signal(signal.SIGSTOP)
        found = live(bare, "--mix", "candidate=1,foreign=7", "--program", "filter_drop")
        node.process.send_signal(signal.SIGCONT)
    program = found["programs"]["filter_drop"]
    assert found["mix"]["candidate"] == 256
    assert program["verdicts"]["redirect"] == program["frames"] / 8


def test_another_configuration_is_noticed(world, tmp_path):
    """Pools in which more pays than the node knows."""
    config = tmp_path / "other.ini"
    config.write_text("[pool a0b86991c6218b36c1d19d4a2e9eb0ce3606eb48]\nfee = 3/1000\n"
                      "reserve0 = 1000000000\nreserve1 = 500000000\n", encoding="ascii")
    with Node(world):
        found = live(world, "--mix", "candidate=1", "--program", "attached", "--config", config,
                     code=1)
    attached = found["programs"]["attached"]
    assert attached["verdicts"] != attached["predicted"]


def test_text_and_interrupt(world):
    """SIGINT: a report of the rounds so far."""
    with Node(world):
        before = world.counters()["below_break_even"]
        process = subprocess.Popen(
            command(world, "--mix", "break_even=1", "--program", "drop,attached", "--duration",
                    "0.05", "--rounds", "100", *peer(world)),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            until(lambda: world.counters()["below_break_even"] > before, "frames are judged")
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=TIMEOUT)
        finally:
            end_process(process)
        judged = world.counters()["below_break_even"] - before
    assert process.returncode == 0, err
    lines = out.splitlines()
    assert lines[0].startswith("mevload live: veth1 (program ") and "break_even 2048" in lines[0]
    assert [line.split()[0] for line in lines[2:4]] == ["drop", "attached"]
    verdict = next(line.split() for line in lines if line.startswith("  below_break_even"))
    assert int(verdict[1]) == int(verdict[3]) == judged
    assert "xdp" not in world.run("host", "ip", "link").stdout


@pytest.mark.parametrize("options, code, says", [
    (["--program", "attached"], 1, "no XDP program to measure"),
    (["--program", "reflect"], 2, "add --peer"),
    (["--program", "drop,drop"], 2, "each program once"),
    (["--program", "fast"], 2, "want drop, pass"),
    (["--mix", "candidate"], 2, "KIND=N"),
    (["--rounds", "0"], 2, "1 to 100"),
    (["--duration", "0"], 2, "want seconds"),
    (["--clock", "sun"], 2, "wall or cpu"),
    (["--from", "192.168.69.1:0"], 2, "not 0"),
    (["--to", "192.168.69.2"], 2, "want MAC,IP:PORT"),
    (["--config", "/nonexistent"], 2, "cannot open configuration"),
    (["--program", "drop", "--peer", "/nonexistent,veth0"], 1, "cannot open network namespace"),
    (["--program", "drop", "--peer", "nonexistent"], 1, "check --peer"),
    (["--peer", "x,"], 2, "[NETNS,]IFACE"),
    (["-i", "nonexistent"], 2, "interface nonexistent"),
    (["--cpu", "999"], 2, "--cpu 999"),
    (["surplus"], 2, "unexpected argument"),
])
def test_refusals(world, options, code, says):
    """One line that says what to do."""
    done = run(*command(world, *options), check=False)
    assert done.returncode == code, done.stderr
    assert says in done.stderr and len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("mevload: ") and not done.stdout


def test_a_peer_that_is_taken(world):
    """Somebody's program there is left alone."""
    with Node(world):
        done = run(*command(world, *SHORT, "--program", "drop", "--peer", "veth1"), check=False)
        assert done.returncode == 1 and "stop its owner" in done.stderr
        assert world.xdp_attached()


def test_help():
    """Every program and kind is explained."""
    text = run(MEVLOAD, "live", "--help").stdout
    for word in (*KINDS, "drop", "pass", "parse", "reflect", "attached", "filter_drop"):
        assert f" {word}: " in text
