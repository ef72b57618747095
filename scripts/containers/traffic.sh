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

counters() { mevnode stats --json; }

# Of every frame there is one verdict, of a redirected one a second.
judged() {
	counters | python3 -c 'import json, sys
verdicts = json.load(sys.stdin)["verdicts"]
print(sum(verdicts.values()) - verdicts["redirect"])'
}

# The prediction is about a node that has seen nothing yet.
start_node() {
	local tries=100 seen

	until "$scripts/containers/health.sh"; do
		[ $((tries--)) -gt 0 ] || lacks "no node takes traffic in this network namespace"
		sleep 0.1
	done
	seen=$(judged)
	[ "$seen" = 0 ] || lacks "the node has judged $seen frames before: restart it"
	node=$$
	compare+=(--expected "$pcap.expected.json")
}

stop_node() {
	node=''
	counters >"$tmp/node.json"
}

# --------------------------------------------------------------------------------------------------

# The first process of a container has only the signals that it asks for; bash takes them while it
# waits, not while a command runs in front.
trap 'kill "$!" 2>/dev/null; exit 143' TERM INT
capture=$(mktemp -d)/traffic.pcap
"$scripts/gen_traffic.py" --mode "${PCAP_MODE:-mixed}" --count "${PCAP_COUNT:-100000}" \
	--seed "${PCAP_SEED:-1}" --out "$capture" --replies-csv "$capture.replies.csv" "$@" &
wait "$!"
replay_main --mbps "${REPLAY_MBPS:-20}" "$capture"
