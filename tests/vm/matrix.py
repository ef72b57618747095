# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Results by guest and check, and how they are shown."""

import threading
from typing import NamedTuple

PASSED, FAILED, SKIPPED, ABSENT = "passed", "failed", "skipped", "absent"
MARKS = {PASSED: "✓", FAILED: "✗", SKIPPED: "skip", ABSENT: "-"}


class Cell(NamedTuple):
    """How a check went in a guest, and what is to be said of it."""

    state: str
    note: str = ""


class Matrix:
    """Filled by several threads."""

    def __init__(self, guests: list, checks: list):
        self._guests, self._checks = guests, checks
        self._cells = {}
        self._lock = threading.Lock()

    def put(self, guest: str, check: str, cell: Cell, seconds: float = 0) -> None:
        """Also says so, as progress."""
        with self._lock:
            self._cells[guest, check] = cell
            if cell.state != ABSENT:
                print(f"{guest:18} {check:24} {cell.state} in {seconds:5.1f} s  {cell.note}"
                      .rstrip(), flush=True)

    def cell(self, guest: str, check: str) -> Cell:
        """What nobody has put is a failure: the guest's thread ended before it."""
        return self._cells.get((guest, check), Cell(FAILED, "not reached"))

    def count(self, state: str) -> int:
        """Cells of a state."""
        return sum(self.cell(g, c).state == state for g in self._guests for c in self._checks)

    def show(self) -> None:
        """The table, the notes under it, and the summary."""
        notes, wide = [], max(map(len, self._checks))

        def text(guest, check):
            cell = self.cell(guest, check)
            if not cell.note:
                return MARKS[cell.state]
            note = f"{guest}: {cell.note}" if cell.state == FAILED else cell.note
            if note not in notes:
                notes.append(note)
            return f"{MARKS[cell.state]} [{notes.index(note) + 1}]"

        columns = [max(8, len(guest)) for guest in self._guests]
        print("\n" + " " * wide + "".join(map("  {:>{}}".format, self._guests, columns)))
        for check in self._checks:
            print(f"{check:{wide}}" + "".join(
                f"  {text(guest, check):>{column}}" for guest, column in zip(self._guests, columns)))
        print()
        for i, note in enumerate(notes):
            print(f"[{i + 1}] {note}")
        print(f"\n{self.count(PASSED)} passed, {self.count(FAILED)} failed, "
              f"{self.count(SKIPPED)} skipped")
