# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Captures of scripts/gen_traffic.py, and what a node must make of them once a NIC has had them."""

import json
import subprocess
from pathlib import Path
from typing import NamedTuple

import node_config
from trafficgen import capture, cli
from trafficgen.model import Node, Settings
from trafficgen.pcap import read_frames

GENERATOR = Path(cli.__file__).resolve().parents[1] / "gen_traffic.py"
ETHERNET_MIN = 60  # bytes, without FCS; a NIC that emulates Ethernet never sees less


class Capture(NamedTuple):
    """Frames, the node's configuration, and the prediction."""

    mode: str
    frames: list
    config: str
    expected: dict
    replies: dict  # nonce -> (profit, tolerance)


def _model(parameters: dict) -> Node:
    """The node that a prediction is about, at its start."""
    pools = [cli.pool(f"{p['address']}:{p['reserve0']}:{p['reserve1']}:{p['fee']}")
             for p in parameters["pools"]]
    return Node(Settings(bytes.fromhex(parameters["dst_mac"].replace(":", "")),
                         parameters["dst_port"], parameters["update_port"],
                         parameters["min_amount_in"], parameters["min_profit"],
                         parameters["strategy"], parameters["capital"]), pools)


def _judged(frames: list, parameters: dict) -> tuple:
    """Prediction and replies, by the generator's model."""
    node, tally, due = _model(parameters), capture.Tally(), {}
    for frame in frames:
        outcome = node.judge(frame)
        node.apply(outcome)
        tally.add(outcome)
        if outcome.verdict == "replied":
            due[outcome.nonce] = (outcome.profit, outcome.tol)
    return {**tally.as_dict(), "parameters": parameters}, due


class Captures:
    """Generated once for the same arguments, in a folder that is the caller's."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._made = {}

    def get(self, mode: str, count: int, *options, padded: bool = False) -> Capture:
        """padded: as Ethernet pads them, which makes something else of the shortest frames."""
        key = (mode, count, padded, *options)
        if key not in self._made:
            pcap = self._folder / f"{len(self._made)}.pcap"
            subprocess.run([GENERATOR, "--mode", mode, "--count", str(count), "--out", pcap,
                            *map(str, options)], check=True)
            frames = [frame for _, frame in read_frames(pcap)]
            said = json.loads(Path(f"{pcap}.expected.json").read_text())
            parameters = said["parameters"]
            expected, due = _judged(frames, parameters)
            assert expected == said, "judged again, the generator's frames are what it said"
            if padded:
                frames = [frame.ljust(ETHERNET_MIN, b"\0") for frame in frames]
                expected, due = _judged(frames, parameters)
            self._made[key] = Capture(mode, frames, node_config.node_config(parameters), expected,
                                      due)
        return self._made[key]
