# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The checks in their order, and where each has its place."""

from typing import Callable, NamedTuple

import checks
import checks_beside
import checks_doctor
import checks_life
import checks_queues
from bench import Bench
from machines import Machine


def everywhere(_machine: Machine) -> str:
    """No reason not to."""
    return ""


def on_igb(machine: Machine) -> str:
    """RSS by the NIC itself."""
    return "" if machine.driver == "igb" else "RSS is seen on igb"


def with_queues(machine: Machine) -> str:
    """Several queues on the virtual wire."""
    return "" if machine.queues > 1 else "one queue"


def on_one_virtio(machine: Machine) -> str:
    """A dispatcher is the same on any driver."""
    return "" if machine.driver == "virtio_net" else "seen on virtio_net"


class Check(NamedTuple):
    """One row of the matrix."""

    run: Callable[[Bench], str]
    why_not: Callable[[Machine], str] = everywhere  # "" where it has its place


CHECKS = {
    "doctor": Check(checks_doctor.golden),
    "auto mode": Check(checks.auto_mode),
    "verifier": Check(checks.verifier),
    "mixed": Check(checks.traffic("mixed")),
    "malformed": Check(checks.traffic("malformed")),
    "market": Check(checks.traffic("market")),
    "noise": Check(checks.traffic("noise")),
    "mixed, engine kernel": Check(checks.traffic("mixed", "--engine", "kernel")),
    "market, engine kernel": Check(checks.traffic("market", "--engine", "kernel")),
    "XDP_STATISTICS zero": Check(checks.statistics),
    "restarts": Check(checks_life.restarts),
    "kill -9, rebind": Check(checks_life.kill_and_rebind),
    "link down, up": Check(checks_life.link_down_up),
    "two queues, RSS": Check(checks_queues.rss_on_ports, on_igb),
    "queues that grow": Check(checks_queues.growing, with_queues),
    "another program second": Check(checks_beside.ours_first, on_one_virtio),
    "another program first": Check(checks_beside.ours_second, on_one_virtio),
}
