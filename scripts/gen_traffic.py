#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Write test traffic for mevnode and predict what the node makes of it. See --help."""

import sys

from trafficgen.cli import main

if __name__ == "__main__":
    sys.exit(main())
