#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Put what a node counted beside what the traffic generator predicted."""

import argparse
import json
import sys
import time

import replies

DESCRIPTION = """\
Put what a node counted beside what the traffic generator predicted: its `--json` summary, the
capture's FILE.expected.json, and what came back on the wire. Knows nothing of how the frames got
to the node, so any backend and any engine can be held against it.
"""
EPILOG = "Exit codes: 0 all as predicted, 1 something differs, 2 wrong usage or unreadable input."

# Userspace's part of what the kernel redirected; pool_busy may be counted by either.
USER_VERDICTS = ("replied", "unprofitable", "rejected")

# Frames that sockets or devices lost, or should not have been given, by section of the summary. The
# other counters under "xsk" are about the rings' rhythm, not about losses.
LOSSES = {"xsk": ("rx_dropped", "rx_invalid_descs", "tx_invalid_descs", "rx_ring_full",
                  "rx_fill_ring_empty_descs", "tx_kick_errors", "chunks_missing",
                  "xdp_tx_lost"),
          "tap": ("write_again", "write_errors", "read_errors")}

REPORTED_FAULTS = 5


class Line:
    """One line of the table: a name, what was predicted (None: nothing was), what was counted."""

    def __init__(self, name, predicted, counted, ok=None):
        self.name, self.predicted, self.counted = name, predicted, counted
        self.ok = predicted is None or predicted == counted if ok is None else ok

    def as_dict(self) -> dict:
        """For --json."""
        return vars(self)


def as_by_userspace(node: dict) -> dict:
    """Verdicts as if userspace had decided it all: predictions know nothing of engines."""
    verdicts, driver = dict(node["verdicts"]), node.get("in_driver", {})
    replied = verdicts.pop("replied_in_driver", 0)
    verdicts["redirect"] += verdicts.pop("handed_up", 0) + replied + driver.get("unprofitable", 0)
    verdicts["replied"] += replied
    return verdicts


def engine_lines(node: dict) -> list:
    """What the driver did by itself, for a person to see."""
    driver = node.get("in_driver", {})
    return [Line(f"{name.replace('_', ' ')} in driver" if name != "handed_up" else "handed up",
                 None, driver[name]) for name in driver if any(driver.values())]


def verdict_lines(counted: dict, predicted: dict) -> list:
    """One line a verdict that was predicted or counted. Not predicted means none."""
    return [Line(name, predicted.get(name, 0) if predicted else None, count)
            for name, count in counted.items() if count or predicted.get(name)]


def account_lines(node: dict, sent: int) -> list:
    """The counters among themselves: nothing lost, nothing counted twice."""
    verdicts, lines = as_by_userspace(node), []
    if sent is not None:
        # Every frame has one verdict, and a candidate gets a second when it is decided.
        judged = sum(verdicts.values()) - verdicts["redirect"]
        lines.append(Line("frames judged", sent, judged))
    settled = sum(verdicts[name] for name in USER_VERDICTS)
    lines.append(Line("candidates settled", verdicts["redirect"], settled,
                      0 <= verdicts["redirect"] - settled <= verdicts["pool_busy"]))
    lines += [Line(f"{section} {name}", 0, node[section][name])
              for section, names in LOSSES.items() for name in names
              if node.get(section, {}).get(name, 0)]
    return lines


def reply_lines(node: dict, expected: dict, found: replies.Check) -> list:
    """What came back on the wire."""
    lines = [Line("replies on the wire", as_by_userspace(node)["replied"], found.replies),
             Line("of them wrong", 0, len(found.faults))]
    if expected:
        low, high = expected["total_profit_min"], expected["total_profit_max"]
        lines.append(Line("profit claimed", expected["total_profit"], found.total_profit,
                          low <= found.total_profit <= high))
    return lines


def compare(node: dict, expected: dict, sent: int = None, found: replies.Check = None) -> list:
    """All lines. expected: {} where there is no prediction."""
    lines = verdict_lines(as_by_userspace(node), expected.get("verdicts", {}))
    lines += engine_lines(node) + account_lines(node, sent)
    if found:
        lines += reply_lines(node, expected, found)
    return lines


def differences(*args, **kwargs) -> list:
    """As compare(), but what differs only, as text: what a test asserts to be empty."""
    return [f"{line.name}: predicted {line.predicted}, counted {line.counted}"
            for line in compare(*args, **kwargs) if not line.ok]


def show(lines: list, node: dict, found: replies.Check) -> None:
    """For a person."""
    print(f"{'':22}{'predicted':>22}{'counted':>22}")
    for line in lines:
        predicted = "" if line.predicted is None else f"{line.predicted:,}"
        mark = "" if line.predicted is None else "ok" if line.ok else "DIFFERS"
        print(f"{line.name:22}{predicted:>22}{line.counted:>22,}  {mark}".rstrip())
    for fault in found.faults[:REPORTED_FAULTS] if found else []:
        print(f"  wrong reply: {fault}")
    if found and found.others:
        print(f"  {found.others:,} other frames came from the node's side")
    print(f"\n{'latency, ns':16}" + "".join(f"{name:>12}"
                                            for name in ("p50", "p90", "p99", "p99.9", "max")))
    for key, name in (("hot_path", "hot path"), ("in_node", "in node"), ("decision", "decision")):
        latency = node["latency_ns"].get(key)
        if not latency or not latency["count"]:
            continue
        print(f"{name:16}" + "".join(f"{latency[q]:>12,}"
                                     for q in ("p50", "p90", "p99", "p999", "max")))


def check_capture(path: str, at_least: int, wait_s: float, *args) -> replies.Check:
    """replies.check() of a capture that may still grow, once it has so many, or time is up."""
    end = time.monotonic() + wait_s
    while True:
        frames = replies.read_capture(path)
        late = time.monotonic() > end
        if len(frames) >= at_least or late:
            found = replies.check(frames, *args)
            if found.replies >= at_least or late:
                return found
        time.sleep(0.1)


def load(path: str) -> dict:
    """A JSON object; other lines in front of it, such as the node's `ready`, are skipped."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    start = text.find("{")
    if start < 0:
        raise ValueError(f"{path} holds no JSON object")
    return json.loads(text[start:])


def options(argv) -> argparse.Namespace:
    """The command line."""
    p = argparse.ArgumentParser(description=DESCRIPTION, epilog=EPILOG, allow_abbrev=False)
    p.add_argument("--node", metavar="FILE", required=True, help="output of `mevnode run --json`")
    p.add_argument("--expected", metavar="FILE", help="the generator's prediction")
    p.add_argument("--sent", type=int, metavar="N", help="frames that were sent")
    p.add_argument("--replies", metavar="FILE.pcap", help="what came back, by tcpdump "
                   "--time-stamp-precision=nano")
    p.add_argument("--replies-csv", metavar="FILE", help="the generator's predicted replies")
    p.add_argument("--wait", type=float, default=5, metavar="S",
                   help="how long --replies may take to be complete (default: %(default)s)")
    p.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    return p.parse_args(argv)


def main(argv=None) -> int:
    """Returns the exit code."""
    args = options(argv)
    try:
        node = load(args.node)
        expected = load(args.expected) if args.expected else {}
        found = None
        if args.replies:
            predicted = replies.read_expected(args.replies_csv) if args.replies_csv else None
            port = expected.get("parameters", {}).get("dst_port", 8080)
            found = check_capture(args.replies, as_by_userspace(node)["replied"], args.wait, port,
                                  predicted)
        lines = compare(node, expected, args.sent, found)
    except (OSError, ValueError, KeyError) as error:
        print(f"compare.py: {error!r}", file=sys.stderr)
        return 2
    ok = all(line.ok for line in lines)
    if args.json:
        print(json.dumps({"ok": ok, "lines": [line.as_dict() for line in lines],
                          "faults": found.faults if found else [], "node": node}))
    else:
        show(lines, node, found)
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
