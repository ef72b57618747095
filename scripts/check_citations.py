#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Fails unless every test that a document names is there, and every counter of docs/security.md.

A test is named `e2e/test_x.py::test_y`, `unit/test_x.c::name` (of a Criterion test, a fixture or a
function) below tests/; a counter stands in the third column of the threats.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CITED = re.compile(r"`([\w/.-]+\.(?:py|c|h))::(\w+)`")
COUNTERS = [ROOT / name for name in ("include/verdict.h", "user/stack.h",
                                     "user/backend_af_xdp_queues.c")]
DEFINED = {".py": r"^def {0}\(", ".c": r"^Test\(\w+, {0}[,)]|\b{0}\(", ".h": r'\{{ "{0}",'}


def missing_tests(text: str):
    """What is cited and not defined where it should be."""
    for path, name in CITED.findall(text):
        file = ROOT / "tests" / path
        if not file.exists():
            yield f"there is no tests/{path}"
        elif not re.search(DEFINED[file.suffix].format(name), file.read_text(), re.M):
            yield f"tests/{path} has no {name}"


def missing_counters(text: str):
    """What stands in the third column of a table of four and is counted nowhere."""
    rows = [line.split("|") for line in text.splitlines() if line.count("|") == 5]
    for name in {name for row in rows for name in re.findall(r"`(\w+)`", row[3])}:
        if not any(re.search(rf"\b{name}\b", file.read_text()) for file in COUNTERS):
            yield f"no counter {name} in {', '.join(file.name for file in COUNTERS)}"


def main() -> int:
    """0: all are there."""
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
    cited, wrong = 0, []
    for document in documents:
        text = document.read_text()
        cited += len(CITED.findall(text))
        wrong += [f"{document.relative_to(ROOT)}: {what}" for what in missing_tests(text)]
    security = ROOT / "docs" / "security.md"
    wrong += [f"docs/security.md: {what}" for what in missing_counters(security.read_text())]
    for line in wrong:
        print(f"check_citations: {line}", file=sys.stderr)
    if not cited:
        print("check_citations: no test is cited anywhere: has the form changed?", file=sys.stderr)
    return int(bool(wrong) or not cited)


if __name__ == "__main__":
    sys.exit(main())
