# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Lets the tests import the soak, and what the soak imports."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e"), str(HERE.parents[1] / "scripts")]
