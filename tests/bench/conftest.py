# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Lets the tests import bench/*.py."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))
