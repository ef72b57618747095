# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The books of a soak: what was counted where, put side by side. Knows no node and no network."""

from typing import NamedTuple, Optional


class Workers(NamedTuple):
    """What became of candidates in userspace."""

    replied: int = 0
    unprofitable: int = 0
    rejected: int = 0  # no candidate after all, which a reload does not make of one
    pool_busy: int = 0
    refused: int = 0  # the socket's ring was full


class Life(NamedTuple):
    """A node from its start to its end."""

    program: dict  # frames by verdict, by the XDP program
    workers: Workers
    answered: int  # frames that the node's end of the wire was given to send
    died: int = 0  # candidates that ended with it, the difference
    died_most: int = 0  # which is no more than it had room for
    chunks_missing: Optional[int] = None  # None: a killed node cannot tell
    contradictions: int = 0  # frames by which its summary differs from the program's counters

    def difference(self) -> int:
        """Candidates that went up, against those whose fate is known."""
        return sum(self.workers) + self.died - handed_up(self.program)


def handed_up(program: dict) -> int:
    """Candidates that the program gave to a worker."""
    return program["redirect"] + program["handed_up"]


def candidates(program: dict) -> int:
    """All of them."""
    return handed_up(program) + program["replied_in_driver"] + program["unprofitable"]


class Line(NamedTuple):
    """A line of the table. difference: from what ought to be, 0; most: what `count` may come to."""

    name: str
    count: int
    difference: Optional[int] = None
    most: Optional[int] = None

    def ok(self) -> bool:
        """Whether it is as it ought to be."""
        if self.most is not None:
            return 0 <= self.count <= self.most
        return not self.difference

    def verdict(self) -> str:
        """For a person."""
        if self.difference is None and self.most is None:
            return ""
        return "ok" if self.ok() else "DIFFERS"


class Ends(NamedTuple):
    """What was counted outside of nodes."""

    sent: int  # by the sender's own word
    arrived: int  # by the driver of the node's end
    seen_by_kernel: int  # given to the kernel of the node's end
    redirected: int  # given to sockets, by that driver
    refused: int  # not taken by sockets, by that driver
    answers_lost: int  # of the frames that the node's end was given to send
    received: int  # by the host's end


class Left(NamedTuple):
    """What is still there when all is over."""

    bpf_objects: int = 0  # maps, programs and links that nodes had
    programs: int = 0  # on the interface
    pins: int = 0
    processes: int = 0


class Account:
    """All lives, added up."""

    def __init__(self):
        self.program, self.workers = {}, Workers()
        self.answered = self.died = self.died_most = self.contradictions = 0
        self.chunks_missing = self.ended = self.lives = self.off = 0

    def add(self, life: Life) -> None:
        """Another life is over."""
        for name, count in life.program.items():
            self.program[name] = self.program.get(name, 0) + count
        self.workers = Workers(*map(sum, zip(self.workers, life.workers)))
        self.answered += life.answered
        self.died += life.died
        self.died_most += life.died_most
        self.contradictions += life.contradictions
        self.lives += 1
        self.off += life.difference() != 0
        if life.chunks_missing is not None:
            self.ended += 1
            self.chunks_missing += abs(life.chunks_missing)

    def frames(self, ends: Ends) -> list:
        """Each frame has one verdict, or met no program."""
        passed = self.program.get("pass", 0) + self.program.get("no_socket", 0)
        unmet = ends.seen_by_kernel - passed
        found = sum(self.program.values()) + unmet
        return [Line("frames sent", ends.sent),
                *(Line(f"  {name}", count) for name, count in self.program.items() if count),
                Line("  no program (between two nodes)", unmet),
                Line("frames found", found, found - ends.sent),
                Line("frames arrived, by the driver", ends.arrived, ends.arrived - ends.sent)]

    def decisions(self, ends: Ends) -> list:
        """Each candidate is answered, unprofitable, refused for want of room, or died."""
        if not self.program:
            return []
        program, up = self.program, handed_up(self.program)
        workers = self.workers._replace(
            unprofitable=self.workers.unprofitable + program["unprofitable"])
        found = program["replied_in_driver"] + sum(workers) + self.died
        replies = program["replied_in_driver"] + workers.replied
        return [Line("candidates", candidates(program)),
                Line("  replied_in_driver", program["replied_in_driver"]),
                *(Line(f"  {name}", count, count if name == "rejected" else None)
                  for name, count in workers._asdict().items()),
                Line("  died with a killed node", self.died, most=self.died_most),
                Line("candidates found", found, found - candidates(program)),
                Line("given to sockets, by the driver", ends.redirected,
                     ends.redirected - (up - ends.refused)),
                Line("refused, by the driver", ends.refused, ends.refused - workers.refused),
                Line("replies sent, by the driver", self.answered, self.answered - replies),
                Line("  lost, as the host was too slow", ends.answers_lost),
                Line("replies received", ends.received,
                     ends.received - (self.answered - ends.answers_lost))]

    def upkeep(self, left: Left) -> list:
        """What nodes said of themselves, and what they left behind."""
        return [Line(f"nodes with a difference, of {self.lives}", self.off, self.off),
                Line(f"chunks missing, of {self.ended} nodes", self.chunks_missing,
                     self.chunks_missing),
                Line("summaries against the program", self.contradictions, self.contradictions),
                *(Line(f"{name.replace('_', ' ')} left", count, count)
                  for name, count in left._asdict().items())]


def table(lines: list) -> str:
    """Aligned, for a person."""
    rows = [f"{'':34}{'count':>18}{'difference':>14}"]
    for line in lines:
        difference = "" if line.difference is None else f"{line.difference:,}"
        if line.most is not None:
            difference = f"<= {line.most:,}"
        rows.append(f"{line.name:34}{line.count:>18,}{difference:>14}  {line.verdict()}".rstrip())
    return "\n".join(rows)
