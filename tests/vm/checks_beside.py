# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Beside another XDP program under libxdp's dispatcher: in either order, and either one leaves."""

import json
import re

from bench import PINS, Bench
from checks_life import answers, ends_well

OURS = f"mkdir -p {PINS}; xdp-loader load -m native -s xdp -p {PINS} eth0"
OTHER = "-s xdp eth0 /t/bystander.bpf.o"


def _listed(bench: Bench) -> dict:
    """Name -> id of the programs that `xdp-loader status` shows on the NIC."""
    shown = bench.guest.sh("xdp-loader status eth0")
    return {name: int(number) for name, number in
            re.findall(r"^ => +\d+ +(\w+) +(\d+)", shown, re.M)}


def _seen(bench: Bench) -> int:
    """Frames that have come as far as the other program."""
    entry, = json.loads(bench.guest.sh("bpftool -j map dump name bystander_seen"))
    return entry["formatted"]["value"]


def _passes_on(bench: Bench) -> None:
    """What is not for us still comes to the other program, and through it to the kernel."""
    before = _seen(bench)
    bench.guest.wire.barrier()
    assert _seen(bench) > before


def _leaves(bench: Bench, name: str) -> None:
    bench.guest.sh(f"xdp-loader unload eth0 --id {_listed(bench)[name]}")
    assert name not in _listed(bench)


def _load_ours(bench: Bench) -> str:
    """The object with metadata where a dispatcher takes it, else the one without. Which it was."""
    code, said = bench.guest.status(f"{OURS} /t/mev_filter.bpf.o")
    if bench.machine.metadata_in_dispatcher:
        assert code == 0, said
        return "mev_filter.bpf.o"
    assert code and "Invalid argument(-22)" in said, (code, said)
    bench.guest.sh(f"{OURS} /t/mev_filter_chain.bpf.o")
    return "mev_filter_chain.bpf.o"


def _own_attach_is_refused(bench: Bench) -> None:
    """A node that is to attach by itself leaves everything as it is."""
    before = _listed(bench)
    refused = bench.guest.node().start().ended()
    assert refused.code == 1 and len(refused.err) == 1, refused
    assert "xdp_dispatcher" in refused.err[0] and "left alone" in refused.err[0], refused
    assert _listed(bench) == before


def ours_first(bench: Bench) -> str:
    """Ours, then the other's; the other leaves while the node serves."""
    guest = bench.guest
    taken = _load_ours(bench)
    guest.sh(f"xdp-loader load -m native {OTHER}")
    assert set(_listed(bench)) == {"mev_filter", "bystander"}
    _own_attach_is_refused(bench)
    with guest.node("--mode", bench.machine.mode, "--adopt") as node:
        answers(bench, 8)
        _passes_on(bench)
        _leaves(bench, "bystander")
        answers(bench, 8)
        ends_well(node)
    _leaves(bench, "mev_filter")
    guest.sh(f"rm -r {PINS}")
    return f"{taken}: both in `xdp-loader status`; the other left a serving node unharmed"


def ours_second(bench: Bench) -> str:
    """The other's, then ours; node and program leave, and the other goes on."""
    guest = bench.guest
    guest.sh(f"xdp-loader load -m native {OTHER}")
    _own_attach_is_refused(bench)
    taken = _load_ours(bench)
    assert set(_listed(bench)) == {"mev_filter", "bystander"}
    with guest.node("--mode", bench.machine.mode, "--adopt") as node:
        answers(bench, 8)
        _passes_on(bench)
        ends_well(node)
    assert set(_listed(bench)) == {"mev_filter", "bystander"}
    _leaves(bench, "mev_filter")
    _passes_on(bench)
    _leaves(bench, "bystander")
    guest.sh(f"rm -r {PINS}")
    return f"{taken}: both in `xdp-loader status`; ours left the other unharmed"
