// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a host without 128-bit integers or a 128/64 division runs: test_wide.c with neither. */
#define MEV_WIDE_PORTABLE 1
#define SUITE wide_portable
#include "test_wide.c"
