# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""One soak: nodes one after the other, traffic, and what chance does to both."""

import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import NamedTuple

import captures
from account import Account, Ends, Left, Life
from configs import BAD, BASE, draw, put
from lab import run
from life import Living, Way
from place import Place, Sender, Sent
from report import Capacity, Growth, Progress, Result

WAYS = tuple(Way(engine, poll)
             for engine in ("user", "kernel") for poll in ("wait", "spin", "busy"))
SHARE = 0.8  # of what a flood has shown to be possible
FLOOD_S, ROUND_S = 1, (2, 3, 4)
ROUNDS = (1, 2, 3, 4)  # of a node, of which the last may end with it
FREED_S = 10  # that the kernel may take to free what nobody holds any more

# Pairs of reloads. A heap gets to its size within ten, to the last page within a hundred; then so
# many that 60 bytes lost with each are more than report.WEAR_KIB.
SHORT_WARM_UP, WARM_UP, WEAR = 8, 60, 300

LONG = 1 / 3  # of the time, after as much again, for the node that is to live long


class End(NamedTuple):
    """How a node is to end."""

    kill: bool
    under_fire: bool

    def __str__(self):
        return ("SIGKILL" if self.kill else "SIGTERM") + " under fire" * self.under_fire


ENDS = tuple(End(kill, under_fire) for kill in (False, True) for under_fire in (False, True))


class Run:
    """What one soak is up to."""

    def __init__(self, folder: Path, seconds: float, seed: int):
        self._seconds, self._folder, self._seed = seconds, folder, seed
        self._account, self._progress = Account(), Progress(seconds)
        self._interrupted = self._lived_long = False
        self._orphaned = False  # pins of a killed node wait for the next
        self._capacity, self._growth, self._said, self._bpf = {}, [], [], set()
        self._sent, self._sender, self._stack = 0, None, ExitStack()

    def interrupt(self, *_):
        """A signal: end soon."""
        self._interrupted = True

    def over(self) -> bool:
        """No more time."""
        return self._interrupted or self._progress.elapsed() >= self._seconds

    def _chance(self, *where) -> Random:
        """A generator for one place, so that how far others get does not change what it gives."""
        return Random("/".join(str(part) for part in (self._seed, self._account.lives, *where)))

    # Traffic

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self._interrupted:
            self._progress.tick(self._place)
            time.sleep(min(0.05, max(end - time.monotonic(), 0)))

    def _send(self, capture: str, seconds: int, pace: int = None) -> None:
        self._finish_sending()
        self._progress.traffic = f"{capture} {pace:,}/s" if pace else f"{capture} flood"
        self._sender = self._stack.enter_context(
            Sender(self._place, self._captures[capture], seconds, pace))

    def _finish_sending(self) -> Sent:
        """What was sent by whoever is sending, once that is through; nothing if nobody is."""
        if not self._sender:
            return Sent(0, 0)
        while self._sender.running():
            self._progress.tick(self._place)
            time.sleep(0.05)
        sent, self._sender = self._sender.sent(), None
        self._stack.close()
        self._sent += sent.frames
        return sent

    def _flood(self, way: Way, capture: str) -> None:
        """Finds out how much of this a node takes that works this way."""
        before = self._place.wire_counters()
        self._send(capture, FLOOD_S)
        sent = self._finish_sending()
        lost = self._place.all_arrived().refused - before.refused
        self._capacity[way, capture] = Capacity(
            str(way), capture, int((sent.frames - lost) / sent.seconds), lost)

    def _send_paced(self, way: Way, capture: str, seconds: int) -> None:
        """At the pace at which a soak goes on. Somebody else's sender is waited for."""
        self._finish_sending()
        if (way, capture) not in self._capacity:
            self._flood(way, capture)
        self._send(capture, seconds,
                   max(int(self._capacity[way, capture].frames_per_s * SHARE), 1))

    # A node's life

    def _disturb(self, living: Living, rng: Random) -> None:
        """What may happen to a node while it works."""
        what = rng.random()
        if what < 0.1:
            living.stall(lambda: self._wait(rng.uniform(0.02, 0.2)))
            self._progress.stalls += 1
        else:
            living.follow(BAD if what < 0.2 else draw(rng))
            self._progress.reloads += 1

    def _round(self, living: Living, way: Way, number: int) -> None:
        rng = self._chance(number)
        capture, seconds = rng.choice(list(self._captures)), rng.choice(ROUND_S)
        self._send_paced(way, capture, seconds)
        while self._sender.running() and not self._interrupted:
            self._wait(rng.uniform(0.05, 1.2))
            if not living.alive():
                raise AssertionError(f"a node has ended by itself: {living.said()}")
            self._disturb(living, rng)
        self._progress.rounds += 1
        paced = self._finish_sending()
        self._capacity[way, capture] = self._capacity[way, capture].sent(paced)

    def _end(self, living: Living, way: Way, how: End) -> Life:
        """The books of the life that ends. Under fire the sender goes on without a node."""
        if not how.under_fire:
            return living.kill() if how.kill else living.terminate()
        rng = self._chance("end")
        capture = captures.SIEGE if how.kill else rng.choice(list(self._captures))
        before = living.at_rest() if how.kill else None
        self._send_paced(way, capture, rng.choice(ROUND_S))
        self._wait(rng.uniform(0.3, 1.5))
        if rng.random() < 0.5:
            living.begin_to_follow(draw(rng))
            time.sleep(rng.uniform(0, 0.01))  # in the midst of it
        return living.kill_under_fire(before) if how.kill else living.terminate()

    def _live(self, way: Way, how: End, rounds: int, until_s: float) -> None:
        self._progress.node = str(way)
        put(self._folder / "node.ini", BASE)
        with Living(self._place, way, self._folder / "node.ini") as living:
            self._wait(self._chance("start").uniform(0, 0.5))  # under what its predecessor left
            done, sizes = 0, []
            while not done or not self.over() and \
                    (done < rounds or self._progress.elapsed() < until_s):
                self._round(living, way, done)
                sizes = sizes or [living.size(WARM_UP if until_s else SHORT_WARM_UP)]
                done += 1
            if until_s and not self._interrupted:
                sizes += living.size(WARM_UP), living.size(WEAR)
            elif done > 1:
                sizes.append(living.size(SHORT_WARM_UP))
            if len(sizes) > 1:
                self._growth.append(Growth.of(str(way), done, sizes))
            if self.over():
                how = End(False, how.under_fire)
            life = self._end(living, way, how)
            self._said += living.said()
        if life.difference():
            print(f"soak: {way}, {how}: candidates differ by {life.difference()}: {life}",
                  file=sys.stderr)
        self._account.add(life)
        self._bpf |= living.bpf
        self._still_there()
        self._progress.restarts += 1
        self._progress.kills += how.kill
        self._orphaned = how.kill

    def _turns(self, choices):
        """All of them in some order, then all again in another."""
        while True:
            yield from self._chance(*choices).sample(choices, len(choices))

    def _next(self, ways, ends) -> None:
        """A node's whole life, as chance will have it."""
        rounds, long = self._chance().choice(ROUNDS), LONG * self._seconds
        last = not self._lived_long and self._progress.elapsed() >= long
        self._lived_long |= last
        self._live(next(ways), next(ends), rounds, 2 * long if last else 0)

    # All of it

    def _ends(self) -> Ends:
        wire = self._place.all_arrived()
        return Ends(self._sent, wire.arrived, self._place.seen_by_kernel(), wire.redirected,
                    wire.refused, wire.answers_lost, wire.received)

    def _still_there(self) -> set:
        """BPF objects of nodes that have ended; asked after each, since lists are everybody's."""
        self._bpf = {thing for thing in self._bpf if exists(*thing)}
        return self._bpf

    def _left(self) -> Left:
        """What is there at the end; what the kernel frees at its leisure gets the time to."""
        end = time.monotonic() + FREED_S
        while self._still_there() and time.monotonic() < end:
            time.sleep(0.1)
        pins = self._place.pins
        return Left(len(self._bpf), int(bool(self._place.xdp_attached())),
                    len(list(pins.parent.glob(f"{pins.name}*"))), len(self._place.processes()))

    def _books(self) -> list:
        self._finish_sending()
        ends = self._ends()
        return [*self._account.frames(ends), *self._account.decisions(ends),
                *self._account.upkeep(self._left())]

    def run(self) -> Result:
        """All of it, in a place of its own."""
        ways, ends, failures, books = self._turns(WAYS), self._turns(ENDS), [], []
        self._captures = captures.make(self._folder, self._seed)
        with Place() as self._place, self._stack:
            self._progress.begin()
            try:
                while not self.over() or self._orphaned:
                    self._next(ways, ends)
            except (AssertionError, subprocess.TimeoutExpired) as error:
                failures.append(str(error))
            try:
                books = self._books()
                self._progress.show(self._place)
            except (AssertionError, subprocess.TimeoutExpired) as error:
                failures.append(str(error))
        return Result(failures, books, self._growth, list(self._capacity.values()), self._said,
                      self._progress.counts())


def exists(kind: str, number: int) -> bool:
    """Whether there still is that map, prog or link."""
    shown = run("bpftool", "-j", kind, "show", "id", number, check=False)
    return "No such file" not in shown.stdout + shown.stderr
