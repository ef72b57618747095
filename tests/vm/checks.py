# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What is to hold in a guest. A check raises AssertionError, or returns what is worth a note."""

import re

import compare
import replies
from bench import Bench
from wire import is_swap_reply


def auto_mode(bench: Bench) -> str:
    """The best mode there is; each lesser one than zero-copy with its reason."""
    want = bench.machine.mode
    with bench.guest.node() as node:
        assert f"mode={want} " in node.ready, node.ready
        ended = node.stop()
    assert (ended.code, ended.summary["mode"]) == (0, want), ended
    fallbacks = {"zerocopy": 0, "copy": 1, "skb": 1}[want]  # skb: AF_XDP there is never asked for zc
    assert len(ended.err) == fallbacks, ended.err
    for line in ended.err:
        assert re.search(rf"eth0 \({bench.machine.driver}\).*; trying {want}", line), line
    if want != "zerocopy":
        refused = bench.guest.node("--mode", "zerocopy").start().ended()
        assert refused.code == 3 and len(refused.err) == 1, refused
    return f"{want}: {ended.err[0].removeprefix('mevnode: ')}" if ended.err else want


def verifier(bench: Bench) -> str:
    """The kernel takes the program; how much work that was."""
    with bench.guest.node() as node:
        told = bench.guest.sh("cat /proc/$(cat pid)/fdinfo/*")
        node.stop()
    processed = max(map(int, re.findall(r"verified_insns:\s*(\d+)", told)), default=0)
    assert processed, told
    return f"{processed:,} instructions processed by the verifier"


def _mode_of_engine(bench: Bench) -> str:
    """virtio_net in zero-copy loses what a program sends: the node refuses, and takes copy."""
    if (bench.machine.driver, bench.machine.mode) != ("virtio_net", "zerocopy"):
        return bench.machine.mode
    refused = bench.guest.node("--mode", "zerocopy", "--engine", "kernel").start().ended()
    assert refused.code == 3 and len(refused.err) == 1 and "XDP_TX" in refused.err[0], refused
    return "copy"


def traffic(mode: str, *node_options):
    """A check: a capture, each verdict as predicted, each reply taken apart."""
    def check(bench: Bench) -> str:
        sent, wire = bench.capture(mode), bench.guest.wire
        bound = _mode_of_engine(bench) if node_options else bench.machine.mode
        with bench.guest.node("--mode", bound, *node_options, config=sent.config) as node:
            bench.empty_asks()  # of earlier checks
            wire.barrier()
            wire.take()
            barriers = 1 + wire.replay(sent.frames)
            wire.await_frames(is_swap_reply, sent.expected["replies"], f"{mode}: replies")
            ended = node.stop()
        expected = {**sent.expected, "verdicts": {**sent.expected["verdicts"]}}
        expected["verdicts"]["pass"] += barriers
        if not node_options:  # those of the rings are the user engine's
            bench.account(ended.summary["xsk"])
        found = replies.check(wire.take(), expected=sent.replies)
        different = compare.differences(ended.summary, expected, len(sent.frames) + barriers, found)
        said = [line for line in ended.err if "is unknown before Linux 6.3" not in line]
        assert (ended.code, said, different, found.faults) == (0, [], [], []), \
            (ended.code, said, different, found.faults[:3])
        driver = ended.summary["in_driver"]["replied"]
        return f"{len(sent.frames):,} frames, {found.replies:,} replies" + \
            (f", {driver:,} of them from the driver" if driver else "")

    return check


def statistics(bench: Bench) -> str:
    """XDP_STATISTICS of all captures before are zero."""
    assert bench.statistics, "no capture went before"
    counted = {name: count for name, count in bench.statistics.items() if count}
    # In copy mode the kernel finds the TX ring empty when it has sent all there was.
    ends = counted.pop("tx_ring_empty_descs", 0) if bench.machine.mode != "zerocopy" else 0
    assert not counted, counted
    notes = [f"tx_ring_empty_descs {ends}: the end of each batch in copy mode"] if ends else []
    if bench.explained:
        notes.append(f"rx_fill_ring_empty_descs {bench.explained}, all of them virtio_net asking "
                     "for 0 buffers at detach (kprobe)")
    return "; ".join(notes)
