#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Installs what is missing, builds everything, and runs every test. Options go to run_tests.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh
make -j"$(nproc)" --no-print-directory tests
exec scripts/run_tests.sh "$@"
