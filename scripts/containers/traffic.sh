#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The traffic's container: generates a capture, replays it to the node whose network namespace it is
# in, and holds the replies and the node's counters against the prediction. Ends with the result.
set -euo pipefail

# shellcheck disable=SC2034 # what replay.sh asks for
{
	about="Replays PCAP to the node that runs in this network namespace."
	extra=
	tools=()
	case ${MEV_BACKEND:-af_xdp} in
	tap) link=mev0 ;;
	*) link=veth0 ;;
	esac
	node_link=()
}

scripts=$(dirname "$(readlink -f "$0")")/..
# shellcheck source-path=SCRIPTDIR source=../replay.sh
. "$scripts/replay.sh"
at_host=()

# --- what is there already ------------------------------------------------------------------------

check_host() { :; }
world_up() { :; }
await_link() { :; }

# verdicts EXPRESSION: of v, how often there was which, up to the node's last second.
verdicts() {
	mevnode stats --json >"$tmp/node.json" &&
		python3 -c "import json, sys
v = json.load(open(sys.argv[1]))['verdicts']
print($1)" "$tmp/node.json"
}

# Of every frame there is one, of a redirected one a second in userspace.
judged() { verdicts 'sum(v.values()) - v["redirect"]'; }

# The prediction is about a node that has seen nothing yet.
start_node() {
	local tries=100 seen

	until "$scripts/containers/health.sh"; do
		[ $((tries--)) -gt 0 ] || lacks "no node takes traffic in this network namespace"
		sleep 0.1
	done
	seen=$(judged)
	[ "$seen" = 0 ] || lacks "the node has judged $seen frames before: restart it"
	compare+=(--expected "$pcap.expected.json")
}

# Until a second has changed nothing any more.
await_frames() {
	local tries=10 before='' now

	while [ $((tries--)) -gt 0 ]; do
		sleep 1.1
		now=$(verdicts v)
		[ "$now" != "$before" ] || break
		before=$now
	done
}

stop_node() { :; }

# --------------------------------------------------------------------------------------------------

# The first process of a container has only the signals that it asks for; bash takes them while it
# waits, not while a command runs in front.
trap 'kill "$!" 2>/dev/null; exit 143' TERM INT
capture=$(mktemp -d)/traffic.pcap
"$scripts/gen_traffic.py" --mode "${PCAP_MODE:-mixed}" --count "${PCAP_COUNT:-100000}" \
	--seed "${PCAP_SEED:-1}" --out "$capture" --replies-csv "$capture.replies.csv" "$@" &
wait "$!"
replay_main --mbps "${REPLAY_MBPS:-20}" "$capture"
