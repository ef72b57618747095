#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Replays a capture into a TAP device of the node's and holds its counters against the prediction.
set -euo pipefail

# shellcheck disable=SC2034 # what replay.sh asks for
{
	about="\
Makes a network namespace with a TAP device, runs the node on it (\`mevnode run -b tap\`), replays
PCAP into the device with tcpreplay, captures what comes back, and prints what the node counted
beside what PCAP.expected.json predicts (scripts/gen_traffic.py writes it), as
run_tcpreplay_veth.sh does on AF_XDP. The node is configured as the prediction has it, unless the
options for \`mevnode run\` behind -- say otherwise. Where there is a PCAP.replies.csv
(gen_traffic.py --replies-csv), each single reply is checked as well. Needs root.

The device is called mev0: one whose name begins with tap, tcpreplay would open from the node's end."
	extra="scripts/run_tcpreplay.sh build/mixed.pcap -- --poll spin"
	tools=()
	link=mev0
	node_link=(-b tap -i mev0)
}

# shellcheck source-path=SCRIPTDIR source=replay.sh
. "$(dirname "$(readlink -f "$0")")/replay.sh"

prepare() {
	[ -c /dev/net/tun ] || lacks "there is no /dev/net/tun: modprobe tun"
}

world_up() { netns_tap_up "$world"; }

# The kernel notices at its leisure that the node has opened the device, and drops till then.
await_link() {
	local tries=100

	while [[ $(ip -n "$world-host" link show "$link") == *" state DOWN "* ]]; do
		[ $((tries--)) -gt 0 ] || return 1
		sleep 0.05
	done
}

# Sent by the host is what the node has read.
judged() {
	ip -n "$world-host" -j -s link show "$link" |
		sed -n 's/.*"tx":{"bytes":[0-9]*,"packets":\([0-9]*\).*/\1/p'
}

replay_main "$@"
