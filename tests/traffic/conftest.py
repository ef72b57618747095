# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Lets the tests import scripts/trafficgen."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
