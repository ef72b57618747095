#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Replays a capture to a node over a veth pair and holds its counters against the prediction.
set -euo pipefail

# shellcheck disable=SC2034 # what replay.sh asks for
{
	about="\
Makes two network namespaces joined by a veth pair, runs the node in one, replays PCAP with
tcpreplay in the other, captures what comes back, and prints what the node counted beside what
PCAP.expected.json predicts (scripts/gen_traffic.py writes it). The node is configured as the
prediction has it, unless the options for \`mevnode run\` behind -- say otherwise. Where there is a
PCAP.replies.csv (gen_traffic.py --replies-csv), each single reply is checked as well. Needs root."
	extra="scripts/run_tcpreplay_veth.sh build/mixed.pcap -- --poll spin --mode skb
  scripts/run_tcpreplay_veth.sh build/mixed.pcap -- --engine kernel"
	tools=(bpftool ethtool)
	link=veth0
}

# shellcheck source-path=SCRIPTDIR source=replay.sh
. "$(dirname "$(readlink -f "$0")")/replay.sh"

pins=/sys/fs/bpf/mevnode/$world
# shellcheck disable=SC2034
node_link=(-b af_xdp -i veth1 --pin-path "$pins")

prepare() {
	bpffs_mounted || lacks "cannot mount a bpffs on /sys/fs/bpf, where the node's counters are found"
}

world_up() {
	netns_up "$world" || return
	case "${node_options[*]}" in
	*--engine?kernel*) netns_program "$world" ;;
	esac
}

await_link() { :; }

# On all CPUs.
judged() {
	bpftool map dump pinned "$pins/mev_verdicts" 2>/dev/null |
		awk '/"packets":/ { gsub(/[^0-9]/, ""); n += $0 } END { print n + 0 }'
}

replay_main "$@"
