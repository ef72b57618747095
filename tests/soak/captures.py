# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the soak sends: the generator's captures, and a fourth for kills under fire."""

import json
from itertools import zip_longest
from pathlib import Path

from lab import SCRIPTS, run
from trafficgen.model import VLAN_TPIDS
from trafficgen.pcap import PcapWriter, read_frames

COUNT = 40000  # frames a capture, which is replayed over and over
MODES = ("mixed", "market", "malformed")

# Swaps each of which pays, between malformed frames: one that is not answered was lost, so what a
# killed node takes with it can be told from what it found unprofitable.
SIEGE = "siege"

# Ethernet header, the rest of a tag, and two bytes more: what the kernel wants to take a tag off.
UNTAGGED_FROM = 20


def _generate(folder: Path, mode: str, seed: int, count: int) -> tuple:
    """Frames, and how many of them are to be candidates and not answered."""
    path = folder / f"{mode}.generated"
    run(SCRIPTS / "gen_traffic.py", "--mode", mode, "--count", count, "--seed", seed, "--out", path)
    verdicts = json.loads(Path(f"{path}.expected.json").read_text(encoding="ascii"))["verdicts"]
    frames = [frame for _, frame in read_frames(path) if not _cut_in_its_tag(frame)]
    return frames, verdicts["unprofitable"]


def _cut_in_its_tag(frame: bytes) -> bool:
    """Frames that the kernel drops before anybody who counts what it is given sees them."""
    return int.from_bytes(frame[12:14], "big") in VLAN_TPIDS and len(frame) < UNTAGGED_FROM


def _write(path: Path, frames) -> Path:
    with open(path, "wb") as out:
        writer = PcapWriter(out)
        for number, frame in enumerate(frames):
            writer.frame(number, frame)
    return path


def make(folder: Path, seed: int, count: int = COUNT) -> dict:
    """Name -> capture, in that folder."""
    made = {}
    for mode in MODES:
        frames, _ = _generate(folder, mode, seed, count)
        made[mode] = _write(folder / f"{mode}.pcap", frames)
    large, unprofitable = _generate(folder, "large", seed, count // 2)
    assert not unprofitable, "every swap of the generator's mode large pays"
    malformed, _ = _generate(folder, "malformed", seed + 1, count // 2)
    both = (frame for pair in zip_longest(large, malformed) for frame in pair if frame)
    made[SIEGE] = _write(folder / f"{SIEGE}.pcap", both)
    return made
