# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""`mevnode doctor` in a guest is what it was when somebody last read it: doctor/*.txt."""

import difflib
import os
import re
from pathlib import Path

from bench import Bench

GOLDEN = Path(__file__).resolve().parent / "doctor"
# What differs from one host, or Debian update, to the next.
VOLATILE = (
    (r"Linux \d+\.\d+\S* on", "Linux VERSION on"),
    (r"^\w+ +(clock +).*", r"ANY      \1..."),
    (r"^\d+ ok, \d+ warnings?, ", ""),  # the clock's is one of them
)


def _normal(text: str) -> str:
    for pattern, instead in VOLATILE:
        text = re.sub(pattern, instead, text, flags=re.M)
    return text.replace("\r", "")


def golden(bench: Bench) -> None:
    """UPDATE_GOLDEN=1 writes the file instead."""
    code, told = bench.guest.status("mevnode doctor -i eth0")
    path, told = GOLDEN / f"{bench.machine.key.replace(' ', '-')}.txt", _normal(told)
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.parent.mkdir(exist_ok=True)
        path.write_text(told)
    diff = difflib.unified_diff(path.read_text().splitlines(), told.splitlines(), path.name, "now",
                                n=0, lineterm="")
    assert code == 0 and not (different := list(diff)), "\n".join(different)
