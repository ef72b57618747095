#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Whether the node in this network namespace takes traffic: it counts, and frames get to it. The XDP
# program is attached last of all, and the kernel detaches it with the node's process; a TAP device
# has a carrier while the node holds it.
set -e
mevnode stats --json >/dev/null
ip -d link show dev veth1 2>/dev/null | grep -q 'prog/xdp id' ||
	ip link show dev mev0 2>/dev/null | grep -q LOWER_UP
