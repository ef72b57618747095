#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Replays a capture to a node over a veth pair and holds its counters against the prediction.
set -euo pipefail

usage() {
	cat <<'TEXT'
usage: run_tcpreplay_veth.sh [--pps N | --mbps N | --topspeed] [--json] PCAP [-- node options]

Makes two network namespaces joined by a veth pair, runs the node in one, replays PCAP with
tcpreplay in the other, captures what comes back, and prints what the node counted beside what
PCAP.expected.json predicts (scripts/gen_traffic.py writes it). The node is configured as the
prediction has it, unless the options for `mevnode run` behind -- say otherwise. Where there is a
PCAP.replies.csv (gen_traffic.py --replies-csv), each single reply is checked as well. Needs root.

  --pps N      frames a second (default: as the capture's time stamps have it)
  --mbps N     megabits a second
  --topspeed   as fast as it goes
  --json       one JSON object instead of the table

The binary is build/mevnode, or what the environment variable MEVNODE names.
Exit codes: 0 all as predicted, 1 something differs or failed, 2 wrong usage, 3 the host lacks
something.

examples:
  scripts/gen_traffic.py --mode mixed --count 100000 --out build/mixed.pcap
  scripts/run_tcpreplay_veth.sh build/mixed.pcap --pps 50000
  scripts/run_tcpreplay_veth.sh build/mixed.pcap -- --poll spin --mode skb
TEXT
}

say() { echo "run_tcpreplay_veth: $*" >&2; }

wrong_usage() {
	say "$*; see --help"
	exit 2
}

here=$(dirname "$(readlink -f "$0")")
mevnode=${MEVNODE:-$here/../build/mevnode}
# shellcheck source-path=SCRIPTDIR source=netns.sh
. "$here/netns.sh"

pcap='' pace=() compare=() node_options=()
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help)
		usage
		exit 0
		;;
	--pps | --mbps)
		[[ ${2:-} =~ ^[0-9]+$ ]] || wrong_usage "$1 wants a whole number"
		pace=("$1=$2")
		shift
		;;
	--topspeed) pace=(--topspeed) ;;
	--json) compare=(--json) ;;
	--)
		shift
		node_options=("$@")
		break
		;;
	-*) wrong_usage "no option $1" ;;
	*)
		[ -z "$pcap" ] || wrong_usage "one capture, not $pcap and $1"
		pcap=$1
		;;
	esac
	shift
done
[ -n "$pcap" ] || wrong_usage "which capture?"
[ -r "$pcap" ] || wrong_usage "cannot read $pcap"

lacks() {
	say "$*"
	exit 3
}

[ "$(id -u)" = 0 ] || lacks "namespaces and XDP need root: run it with sudo"
[ -x "$mevnode" ] || lacks "$mevnode is not there: run make"
for tool in tcpreplay tcpdump bpftool ethtool python3; do
	command -v "$tool" >/dev/null || lacks "$tool is not installed: run scripts/setup.sh"
done
bpffs_mounted || lacks "cannot mount a bpffs on /sys/fs/bpf, where the node's counters are found"

# --- what is built up here goes again, whatever happens -----------------------------------------

world=mev-replay-$$
pins=/sys/fs/bpf/mevnode/$world
tmp=$(mktemp -d)
node='' sniffer='' replay=''

# over PID SECONDS: whether the process is over, within this time. tail would end early, too, if
# its output were a pipe that nobody reads any more.
over() { timeout "$2" tail --pid="$1" -s 0.05 -f /dev/null >/dev/null; }

# stop PID: asks, then insists.
stop() {
	[ -n "$1" ] && kill -TERM "$1" 2>/dev/null || return 0
	over "$1" 10 || kill -KILL "$1" 2>/dev/null || true
}

cleanup() {
	trap - EXIT
	trap '' INT TERM HUP
	stop "$replay"
	stop "$node"
	stop "$sniffer"
	netns_down "$world"
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

on_host=(nsenter --net="/var/run/netns/$world-host")
on_node=(nsenter --net="/var/run/netns/$world-node")

netns_up "$world" || exit 1
# Nobody on the host's side waits for replies. Without an address its kernel drops them in silence
# instead of telling the node with ICMP errors, which would be counted.
ip -n "$world-host" address flush dev veth0

# --- capture, node, replay ----------------------------------------------------------------------

# Both say on a pipe when they are ready.
mkfifo "$tmp/sniffer" "$tmp/node"
"${on_host[@]}" tcpdump -i veth0 -Q in -B 65536 -s 256 -U -Z root --time-stamp-precision=nano \
	-w "$tmp/replies.pcap" 2>"$tmp/sniffer" &
sniffer=$!
exec {sniffer_says}<"$tmp/sniffer"
IFS= read -r -t 20 line <&"$sniffer_says" || true
if [[ $line != *listening* ]]; then
	say "tcpdump does not capture: ${line:-no answer}"
	exit 1
fi

expected=() config=()
if [ -r "$pcap.expected.json" ]; then
	expected=(--expected "$pcap.expected.json")
	python3 "$here/node_config.py" "$pcap.expected.json" >"$tmp/node.ini"
	config=(-c "$tmp/node.ini")
fi
"${on_node[@]}" "$mevnode" run "${config[@]}" "${node_options[@]}" -i veth1 --json \
	--pin-path "$pins" >"$tmp/node" 2>"$tmp/node.err" &
node=$!
exec {node_says}<"$tmp/node"
if ! IFS= read -r -t 20 line <&"$node_says"; then
	cat "$tmp/node.err" >&2
	status=0
	wait "$node" || status=$?
	node=''
	say "the node did not get ready"
	exit "$((status ? status : 1))"
fi
[ ${#compare[@]} -gt 0 ] || echo "$line"

# Frames that the XDP program has judged so far, on all CPUs.
judged() {
	bpftool map dump pinned "$pins/mev_verdicts" 2>/dev/null |
		awk '/"packets":/ { gsub(/[^0-9]/, ""); n += $0 } END { print n + 0 }'
}

frames=$(tcpdump --count -r "$pcap" 2>/dev/null) || lacks "tcpdump does not read $pcap"
frames=${frames%% *}
"${on_host[@]}" tcpreplay -i veth0 --preload-pcap --no-flow-stats "${pace[@]}" "$pcap" \
	>"$tmp/replay" 2>&1 &
replay=$!
until over "$replay" 1; do
	[ "$SECONDS" -lt 5 ] || say "$(judged) of $frames frames"
done
status=0
wait "$replay" || status=$?
replay=''
sent=$(awk '/Successful packets:/ { print $3 }' "$tmp/replay")
if [ "$status" != 0 ] || [ -z "$sent" ]; then
	say "tcpreplay failed: $(grep -v '^Warning' "$tmp/replay" | tail -n 1)"
	exit 1
fi

# The last frames may still be under way. What has not come after five seconds will not.
tries=50
while [ "$(judged)" -lt "$sent" ] && [ $((tries--)) -gt 0 ] && ! over "$node" 0.1; do
	:
done

# --- the account --------------------------------------------------------------------------------

kill -INT "$node" 2>/dev/null || true
timeout 30 cat <&"$node_says" >"$tmp/node.json" || {
	say "the node does not end"
	exit 1
}
status=0
wait "$node" || status=$?
node=''
if [ "$status" != 0 ]; then
	cat "$tmp/node.err" >&2
	say "the node ended with exit code $status"
	exit 1
fi
[ ! -r "$pcap.replies.csv" ] || expected+=(--replies-csv "$pcap.replies.csv")
python3 "$here/compare.py" --node "$tmp/node.json" "${expected[@]}" --sent "$sent" \
	--replies "$tmp/replies.pcap" "${compare[@]}"
