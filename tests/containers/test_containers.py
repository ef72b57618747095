# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The compose environment, built and run for real."""


def test_health(compose):
    """The node gets healthy."""
    services = compose()
    services("up", "-d", "node")
    from lab import until
    until(lambda: services.state("node")["Health"]["Status"] == "healthy", "healthy", 15)
    print(services.logs("node"))
