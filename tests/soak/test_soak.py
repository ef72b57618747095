# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The soak's own books: what is missing anywhere, or there twice, they say. Needs no root."""

from random import Random

import pytest

import captures
import configs
import soak
from account import Account, Ends, Left, Life, Workers, table
from lab import run
from report import LIFE_KIB, WEAR_KIB, Capacity, Growth, Result
from trafficgen.pcap import read_frames

PROGRAM = {"pass": 50, "malformed": 20, "no_socket": 3, "redirect": 100, "handed_up": 7,
           "replied_in_driver": 40, "unprofitable": 5}
STOPPED = Life(PROGRAM, Workers(replied=90, unprofitable=10, pool_busy=1, refused=6), 130,
               chunks_missing=0)
# 4 of what went up were in the rings of a node that was killed.
KILLED = Life(PROGRAM, Workers(replied=95, refused=8), 135, died=4, died_most=4032)
# 11 frames came between the two; 2 replies did not get there.
ENDS = Ends(sent=461, arrived=461, seen_by_kernel=117, redirected=200, refused=14, answers_lost=2,
            received=263)


def books(lives=(STOPPED, KILLED), ends=ENDS, left=Left()) -> list:
    """All lines."""
    account = Account()
    for life in lives:
        account.add(life)
    return account.frames(ends) + account.decisions(ends) + account.upkeep(left)


def wrong(lines) -> set:
    """Names of those that are not as they ought to be."""
    return {line.name.strip() for line in lines if not line.ok()}


def test_books_that_balance():
    """Nothing differs, and each part is there."""
    lines = books()
    counts = {line.name.strip(): line.count for line in lines}
    assert wrong(lines) == set()
    assert counts["frames sent"] == counts["frames found"] == 461
    assert counts["no program (between two nodes)"] == 11
    assert counts["candidates"] == counts["candidates found"] == 304
    assert counts["replied"] == 185
    assert counts["died with a killed node"] == 4


@pytest.mark.parametrize("field, names", (
    ("sent", {"frames found", "frames arrived, by the driver"}),
    ("arrived", {"frames arrived, by the driver"}),
    ("seen_by_kernel", {"frames found"}),
    ("redirected", {"given to sockets, by the driver"}),
    ("refused", {"given to sockets, by the driver", "refused, by the driver"}),
    ("answers_lost", {"replies received"}),
    ("received", {"replies received"}),
))
@pytest.mark.parametrize("by", (1, -1))
def test_one_more_or_less_outside(field, names, by):
    """One frame that somebody else has counted, or has not."""
    assert wrong(books(ends=ENDS._replace(**{field: getattr(ENDS, field) + by}))) == names


@pytest.mark.parametrize("verdict", PROGRAM)
def test_one_frame_without_a_verdict(verdict):
    """The program has lost one: the sum of verdicts shows it, or what the kernel was given does."""
    program = {**PROGRAM, verdict: PROGRAM[verdict] - 1}
    found = wrong(books((STOPPED._replace(program=program), KILLED)))
    if verdict in ("pass", "no_socket"):  # then it is one that met no program
        assert found == set()
    else:
        assert "frames found" in found


@pytest.mark.parametrize("name", Workers._fields)
def test_one_candidate_lost(name):
    """A worker has lost one, or has decided one twice."""
    for by in (1, -1):
        counted = STOPPED.workers._replace(**{name: getattr(STOPPED.workers, name) + by})
        found = wrong(books((STOPPED._replace(workers=counted), KILLED)))
        assert {"candidates found", "nodes with a difference, of 2"} <= found


def test_differences_that_make_up_for_each_other():
    """One node has one too many, the next one too few."""
    less, more = (life._replace(workers=life.workers._replace(unprofitable=life.workers.unprofitable
                                                              + by))
                  for life, by in ((STOPPED, -1), (KILLED, 1)))
    assert wrong(books((less, more))) == {"nodes with a difference, of 2"}


@pytest.mark.parametrize("died", (-1, 4033))
def test_more_died_than_there_was_room_for(died):
    """Or less than nothing."""
    killed = KILLED._replace(died=died, workers=Workers(replied=95, refused=12 - died))
    assert "died with a killed node" in wrong(books((STOPPED, killed)))


def test_rejected_is_a_fault():
    """A reload must not turn a candidate into none."""
    counted = STOPPED.workers._replace(replied=89, rejected=1)
    assert "rejected" in wrong(books((STOPPED._replace(workers=counted, answered=129), KILLED),
                                     ENDS._replace(received=262)))


@pytest.mark.parametrize("what", Left._fields)
def test_something_is_left(what):
    """Of any kind."""
    assert len(wrong(books(left=Left(**{what: 1})))) == 1


@pytest.mark.parametrize("life, name", (
    (STOPPED._replace(chunks_missing=-1), "chunks missing, of 1 nodes"),
    (STOPPED._replace(contradictions=1), "summaries against the program"),
))
def test_what_a_node_says_of_itself(life, name):
    """Its summary counts against it."""
    assert wrong(books((life, KILLED))) == {name}


SIZES = (20000, 20000 + LIFE_KIB, 20000 + LIFE_KIB + WEAR_KIB)


def result(**more) -> Result:
    """Of a soak in which nothing differs."""
    growth = [Growth("engine user, poll wait", 9, SIZES, (34, 34, 34)),
              Growth("engine user, poll spin", 2, (20000, 30000), (34, 34))]
    return Result(**{"failures": [], "books": books(), "growth": growth, "capacity": [],
                     "said": [], "counts": {}, **more})


def test_a_whole_result():
    """It is good only as a whole."""
    grown = result().growth[0]
    assert result().ok()
    assert not result(failures=["x"]).ok()
    assert not result(said=["mevnode: error: x"]).ok()
    for worse in (grown._replace(memory_kib=(SIZES[0] - 1, *SIZES[1:])),
                  grown._replace(memory_kib=(*SIZES[:2], SIZES[2] + 1)),
                  grown._replace(fds=(34, 34, 35))):
        assert "DIFFERS" in table(result(growth=[worse]).lines())
        assert not result(growth=[worse]).ok()
    assert "DIFFERS" not in table(result().lines())


def test_pace():
    """Of several rounds."""
    class Sent:  # as of a sender
        frames, seconds = 300, 2.0

    assert Capacity("", "", 1000, 0).pace() == 0
    assert Capacity("", "", 1000, 0).sent(Sent).sent(Sent).pace() == 150


def test_captures(tmp_path):
    """The same frames from the same seed; none that a kernel drops before it counts."""
    made = {name: [frame for _, frame in read_frames(path)]
            for name, path in captures.make(tmp_path, 5, 2000).items()}
    again = captures.make(tmp_path, 5, 2000)
    assert set(made) == {*captures.MODES, captures.SIEGE}
    for name, frames in made.items():
        assert frames == [frame for _, frame in read_frames(again[name])]
        assert 1900 < len(frames) <= 2000
        assert not any(len(frame) < 20 and frame[12:14] in (b"\x81\x00", b"\x88\xa8")
                       for frame in frames)


@pytest.mark.parametrize("options", (("--minutes", "0"), ("--minutes", "x"), ("--seed", "-1"),
                                     ("--seed", "1.5"), ("--nosuch",)), ids=" ".join)
def test_usage(options):
    """One line, exit code 2."""
    done = run(soak.__file__, *options, check=False)
    assert done.returncode == 2 and done.stdout == ""
    assert len(done.stderr.splitlines()) == 1 and "--help" in done.stderr


def test_help():
    """With examples."""
    done = run(soak.__file__, "--help")
    assert "examples:" in done.stdout and "Exit codes" in done.stdout


def test_draws():
    """Many different ones, the same from the same seed."""
    drawn = [configs.draw(Random(seed)) for seed in range(50)]
    assert len(set(drawn)) == 50 and drawn[7] == configs.draw(Random(7))
    assert any("swap_port" in text for text in drawn) and any("allow" in text for text in drawn)
