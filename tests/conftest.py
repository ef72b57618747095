# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What holds for the tests of every suite."""

import os

import pytest


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """REQUIRE_PRIV=1: a skip is a failure."""
    outcome = yield
    report = outcome.get_result()
    if report.skipped and os.environ.get("REQUIRE_PRIV") == "1":
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, but REQUIRE_PRIV=1: {call.excinfo.value}"
