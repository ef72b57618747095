# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""docs/bpftool.md, typed as it stands: every command works, prints what it is said to, and acts."""

import re
from typing import NamedTuple

import pytest

from lab import FILTER, HOST_IP, NODE_IP, PIN_ROOT, ROOT, LoaderWorld, Node, until
from trafficgen import wire

pytestmark = pytest.mark.root

POOLS = [bytes.fromhex("a0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"),
         bytes.fromhex("cbcdf9626bc03e24f779434178a73a0b4bad62ed")]


class Step(NamedTuple):
    """A command, and what the document shows of its output."""

    heading: str
    command: str
    shown: str


def read_steps() -> list:
    """All of the document, in order."""
    heading, fenced, steps = "", False, []
    for line in (ROOT / "docs" / "bpftool.md").read_text().splitlines():
        if line.startswith("```"):
            fenced = not fenced
        elif not fenced:
            heading = line[3:] if line.startswith("## ") else heading
        elif line.startswith("$ "):
            steps.append(Step(heading, line[2:], ""))
        elif steps[-1].command.endswith("\\"):
            steps[-1] = steps[-1]._replace(command=steps[-1].command[:-1] + line.strip())
        else:
            steps[-1] = steps[-1]._replace(shown=f"{steps[-1].shown}{line}\n")
    return steps


STEPS = read_steps()
HEADINGS = list(dict.fromkeys(step.heading for step in STEPS))


@pytest.fixture(name="world")
def fixture_world():
    """A world with a bpffs of its own."""
    with LoaderWorld() as made:
        yield made


def swap(pool=0, amount=2 * 10**10) -> bytes:
    """One worth a decision, unless a threshold says otherwise."""
    return wire.SWAP.pack(1, POOLS[pool], amount, 1, 0, bytes(3))


def update(seq) -> bytes:
    """Of the first pool, to what it holds anyway."""
    return wire.UPDATE.pack(POOLS[0], 10**12, 5 * 10**11, 1, seq, bytes(16))


def meets(world, payload, verdict, port=8080):
    """A datagram from the host's side meets this verdict, and no other."""
    before = world.counters()
    with world.udp("host") as client:
        client.sendto(payload, (NODE_IP, port))
        until(lambda: sum(world.counters().values()) > sum(before.values()), "it is judged")
    after = world.counters()
    assert {name: after[name] - before[name] for name in after if after[name] != before[name]} == \
        {verdict: 1}


# What must be so after the commands under a heading.
EFFECTS = {
    "Load": lambda world: meets(world, swap(), "pass"),
    "Configure": lambda world: meets(world, swap(), "no_socket"),
    "Change a threshold": lambda world: (meets(world, swap(), "below_min"),
                                         meets(world, swap(amount=4 * 10**10), "no_socket")),
    "Add a pool": lambda world: meets(world, swap(1, 4 * 10**10), "no_socket"),
    "Believe a feed": lambda world: meets(world, update(1), "update_applied", 8081),
    "Forbid it again": lambda world: meets(world, update(2), "update_forbidden", 8081),
    "Let the driver answer": lambda world: meets(world, swap(), "replied_in_driver"),
    "Counters": lambda world: None,
    "The sockets": lambda world: None,
    "Unload": lambda world: None,
}


def words(text) -> set:
    """Names of fields, and numbers, in what bpftool prints as JSON."""
    return set(re.findall(r'"\w+":', text))


def type_in(world, step):
    """In a shell in the folder of pins, once there is one."""
    command = step.command.replace("mev_filter.bpf.o", str(FILTER))
    done = world.run("node", "sh", "-ec", f"! cd {PIN_ROOT}/veth1 2>/dev/null || "
                     f"cd {PIN_ROOT}/veth1; {command}", check=False)
    assert done.returncode == 0, (step.command, done.stderr)
    assert words(step.shown) <= words(done.stdout), step.command
    for line in step.shown.splitlines():
        if re.fullmatch(r' +"\w+": \d+,?', line) and step.heading != "Counters":
            assert line.strip() in done.stdout, (step.command, line)


def test_every_command(world):
    """In order, on a program that xdp-loader attached and no node serves."""
    assert HEADINGS == list(EFFECTS)
    assert HOST_IP.startswith("192.168.69.")  # which the document allows
    world.pins = PIN_ROOT / "veth1"
    for heading in HEADINGS:
        for step in STEPS:
            if step.heading == heading:
                type_in(world, step)
        EFFECTS[heading](world)
    assert not world.xdp_attached() and not world.pinned(PIN_ROOT / "veth1")


def test_beside_a_running_node(world, tmp_path):
    """The same commands on the pins of a node that attached its own program."""
    config = tmp_path / "one.ini"
    config.write_text(f"[pool {POOLS[0].hex()}]\nfee = 3/1000\nreserve0 = {10**12}\n"
                      f"reserve1 = {5 * 10**11}\n")
    world.pins = PIN_ROOT / "veth1"

    def answers(pool, amount) -> bool:
        with world.udp("host") as client:
            client.sendto(swap(pool, amount), (NODE_IP, 8080))
            return len(client.recv(2048)) == 32

    with Node(world, "-c", config, pins=False):
        assert answers(0, 2 * 10**10)
        meets(world, swap(1), "unknown_pool")
        for step in STEPS:
            if step.heading in ("Change a threshold", "Add a pool"):
                type_in(world, step)
        meets(world, swap(0), "below_min")
        assert answers(0, 4 * 10**10) and answers(1, 4 * 10**10)
