#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Print the configuration of the node that a capture's prediction is about."""

import json
import sys


def node_config(parameters: dict) -> str:
    """`parameters` of an expected.json as a configuration file for `mevnode run -c`."""
    lines = [
        "[node]",
        f"swap_port = {parameters['dst_port']}",
        f"update_port = {parameters['update_port']}",
        f"min_amount_in = {parameters['min_amount_in']}",
        f"min_profit = {parameters['min_profit']}",
        "[front_run]",
        f"strategy = {parameters['strategy']}",
        f"capital = {parameters['capital']}",
    ]
    for pool in parameters["pools"]:
        lines += [f"[pool {pool['address']}]", f"fee = {pool['fee']}"]
        if pool["reserve0"] and pool["reserve1"]:  # else it waits for its first update
            lines += [f"reserve0 = {pool['reserve0']}", f"reserve1 = {pool['reserve1']}"]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Returns the exit code."""
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print("usage: node_config.py FILE.expected.json > node.ini", file=sys.stderr)
        return 2
    try:
        with open(sys.argv[1], encoding="utf-8") as file:
            print(node_config(json.load(file)["parameters"]), end="")
    except (OSError, ValueError, KeyError) as error:
        print(f"node_config.py: {sys.argv[1]}: {error!r}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
