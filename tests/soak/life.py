# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""One node from its start to its end, and where each frame and each candidate of it has gone."""

import json
import os
import re
import signal
from pathlib import Path
from typing import NamedTuple

from account import Life, Workers, handed_up
from configs import BAD, BASE, LARGEST, put
from lab import MEVNODE, ROOT, Node, until
from place import Place


def _defined(header: str, name: str) -> int:
    text = (ROOT / "user" / header).read_text(encoding="ascii")
    return int(re.search(rf"^#define {name} (\d+)u?\b", text, re.M)[1])


# Frames that may be in a socket's rings: all its chunks but those for the stack's own.
CHUNKS = _defined("umem.h", "UMEM_CHUNK_CNT") - _defined("xsk.h", "XSK_SPARE")

# A killed node's pins are found by the next; reloads, and a bad file.
EXPECTED = r"pins that an earlier run left in |: reloaded |; the node goes on as it was$"


class Way(NamedTuple):
    """How a node works."""

    engine: str
    poll: str

    def __str__(self):
        return f"engine {self.engine}, poll {self.poll}"


class Size(NamedTuple):
    """What a node takes up."""

    memory_kib: int
    fds: int


def workers(summary: dict, program: dict) -> Workers:
    """What a summary says, less what the program has counted of it."""
    verdicts, xsk = summary["verdicts"], summary["xsk"]
    return Workers(*(verdicts[name] - program[name] for name in Workers._fields[:-1]),
                   xsk["rx_ring_full"] + xsk["rx_dropped"])


def contradictions(summary: dict, program: dict) -> int:
    """Frames by which a summary and the program's own counters differ."""
    return sum(abs(summary["verdicts"][name] - count) for name, count in program.items()
               if name not in Workers._fields) + \
        abs(summary["in_driver"]["unprofitable"] - program["unprofitable"])


class Living:
    """A node at work. Its program's counters are pinned once more, so that they outlive it."""

    def __init__(self, place: Place, way: Way, config: Path):
        self._place, self._config = place, config
        self._kept = place.pins.with_name(f"{place.name}-life")
        self._begun = place.wire_counters()
        self._node = Node(place, "--json", "--mode", "copy", "--config", config, "--engine",
                          way.engine, "--poll", way.poll)
        self.bpf = set()

    def __enter__(self):
        self._node.__enter__()
        try:
            self._place.run("node", "bpftool", "map", "pin", "pinned",
                            self._place.pins / "mev_verdicts", self._kept)
            self.bpf = self._bpf_objects()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._node.close()
        self._kept.unlink(missing_ok=True)

    def _bpf_objects(self) -> set:
        """("map", 7), ("prog", 5), ... that it holds."""
        found = set()
        for info in Path(f"/proc/{self._node.pid}/fdinfo").iterdir():
            text = info.read_text(encoding="ascii")
            found.update((kind, int(number)) for kind, number in
                         re.findall(r"^(map|prog|link)_id:\s*(\d+)$", text, re.M))
        return found

    # What is done to it

    def follow(self, text: str) -> str:
        """SIGHUP with another configuration; what the node says of it."""
        put(self._config, text)
        line = self._node.reload()
        if text == BAD:
            assert line.endswith("; the node goes on as it was"), line
        else:
            assert line.startswith(f"mevnode: reloaded {self._config}: "), line
        return line

    def begin_to_follow(self, text: str) -> None:
        """The same without waiting for it."""
        put(self._config, text)
        self._node.process.send_signal(signal.SIGHUP)

    def stall(self, pause) -> None:
        """It stands still while pause() lasts, as on a busy machine."""
        self._node.process.send_signal(signal.SIGSTOP)
        try:
            pause()
        finally:
            self._node.process.send_signal(signal.SIGCONT)

    def size(self, reloads: int) -> Size:
        """After so many, there and back, to the largest configuration that it gets to know."""
        for _ in range(reloads):
            self.follow(LARGEST)
            self.follow(BASE)
        return Size(self._node.memory_kib(), len(os.listdir(f"/proc/{self._node.pid}/fd")))

    def said(self) -> list:
        """Lines on stderr that nobody has asked for."""
        return [line for line in self._node.said() if not re.search(EXPECTED, line)]

    def alive(self) -> bool:
        """It has not ended by itself."""
        return self._node.process.poll() is None

    # What it counts

    def _program(self) -> dict:
        return self._place.counters(self._kept)

    def at_rest(self) -> Workers:
        """What the workers have made of it all, once all is settled. Nobody may be sending."""
        self._place.all_arrived()
        program = self._program()

        def done():
            found = json.loads(self._place.run("node", MEVNODE, "stats", "--json", "-i",
                                               self._place.interface).stdout)
            counted = workers(found, program)
            same = not contradictions(found, program)
            return counted if same and sum(counted) == handed_up(program) else None

        return until(done, "every candidate is settled")

    # How it ends

    def terminate(self) -> Life:
        """SIGTERM."""
        ended = self._node.ended(signal.SIGTERM)
        assert ended.code == 0 and ended.summary, ended
        program = self._program()
        return self._life(program, workers(ended.summary, program),
                          chunks_missing=ended.summary["xsk"]["chunks_missing"],
                          contradictions=contradictions(ended.summary, program))

    def kill(self) -> Life:
        """SIGKILL when all is settled and has been read."""
        counted = self.at_rest()
        self._kill()
        return self._life(self._program(), counted)

    def kill_under_fire(self, before: Workers) -> Life:
        """SIGKILL. before: at_rest(), since when each candidate is worth a reply.

        What the workers did since then is what came of it: replies on the wire, frames that the
        driver could not hand over. The rest was in the rings and died with them.
        """
        self._kill()
        program, wire = self._program(), self._place.wire_counters()
        counted = before._replace(
            replied=wire.answered - self._begun.answered - program["replied_in_driver"],
            refused=wire.refused - self._begun.refused)
        return self._life(program, counted, died=handed_up(program) - sum(counted),
                          died_most=CHUNKS)

    def _kill(self):
        ended = self._node.ended(signal.SIGKILL)
        assert ended.code == -signal.SIGKILL, ended
        until(lambda: not self._place.xdp_attached(), "the program of a killed node is detached")

    def _life(self, program: dict, counted: Workers, **more) -> Life:
        answered = self._place.wire_counters().answered - self._begun.answered
        return Life(program, counted, answered, **more)
