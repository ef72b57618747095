#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What run_tcpreplay.sh and run_tcpreplay_veth.sh have in common: a node in a world of its own,
# tcpreplay, a capture of what comes back, and the account at the end. Sourced by them, with these
# defined, and then called as `replay_main "$@"`:
#
#	about		what the front end does, for --help
#	extra		a last example of its own
#	tools		programs that it needs besides
#	link		the interface that tcpreplay sends on and replies come in by
#	node_link	arguments of `mevnode run` that name the node's end of it; $world is known
#	prepare		checks the host and calls lacks() where it will not do
#	world_up	makes the world, as netns.sh does
#	await_link	returns once what tcpreplay sends reaches the node, which is ready
#	judged		prints how many frames the node has judged so far
#
# Where the world is there already, as in a container, the front end replaces at_host, what enters
# the host's side, and any of check_host, start_node, await_frames and stop_node.
# shellcheck disable=SC2154 # those are assigned by the front ends

here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
mevnode=${MEVNODE:-$here/../build/mevnode}
# shellcheck source-path=SCRIPTDIR source=netns.sh
. "$here/netns.sh"

name=$(basename "$0" .sh)
world=mev-replay-$$
at_host=(nsenter --net="/var/run/netns/$world-host")
tmp='' node='' sniffer='' replay=''
pcap='' pace=() compare=() node_options=()

usage() {
	cat <<TEXT
usage: $name.sh [--pps N | --mbps N | --topspeed] [--json] PCAP [-- node options]

$about

  --pps N      frames a second (default: as the capture's time stamps have it)
  --mbps N     megabits a second
  --topspeed   as fast as it goes
  --json       one JSON object instead of the table

The binary is build/mevnode, or what the environment variable MEVNODE names.
Exit codes: 0 all as predicted, 1 something differs or failed, 2 wrong usage, 3 the host lacks
something.

examples:
  scripts/gen_traffic.py --mode mixed --count 100000 --out build/mixed.pcap
  scripts/$name.sh build/mixed.pcap --pps 50000
  $extra
TEXT
}

say() { echo "$name: $*" >&2; }

wrong_usage() {
	say "$*; see --help"
	exit 2
}

lacks() {
	say "$*"
	exit 3
}

take_options() {
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
}

check_host() {
	local tool

	[ "$(id -u)" = 0 ] || lacks "namespaces and network devices need root: run it with sudo"
	[ -x "$mevnode" ] || lacks "$mevnode is not there: run make"
	for tool in tcpreplay tcpdump python3 "${tools[@]}"; do
		command -v "$tool" >/dev/null || lacks "$tool is not installed: run scripts/setup.sh"
	done
	prepare
}

# --- what is built up here goes again, whatever happens -----------------------------------------

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

# --- capture, node, replay ----------------------------------------------------------------------

start_capture() {
	local line

	mkfifo "$tmp/sniffer" # where it says when it is ready
	"${at_host[@]}" tcpdump -i "$link" -Q in -B 65536 -s 256 -U \
		-Z root --time-stamp-precision=nano -w "$tmp/replies.pcap" 2>"$tmp/sniffer" &
	sniffer=$!
	exec {sniffer_says}<"$tmp/sniffer"
	IFS= read -r -t 20 line <&"$sniffer_says" || true
	if [[ $line != *listening* ]]; then
		say "tcpdump does not capture: ${line:-no answer}"
		exit 1
	fi
}

# The node as the prediction has it. It, too, says on a pipe when it is ready.
start_node() {
	local line config=() status=0

	if [ -r "$pcap.expected.json" ]; then
		compare+=(--expected "$pcap.expected.json")
		python3 "$here/node_config.py" "$pcap.expected.json" >"$tmp/node.ini"
		config=(-c "$tmp/node.ini")
	fi
	mkfifo "$tmp/node"
	nsenter --net="/var/run/netns/$world-node" "$mevnode" run "${config[@]}" \
		"${node_options[@]}" "${node_link[@]}" --json >"$tmp/node" 2>"$tmp/node.err" &
	node=$!
	exec {node_says}<"$tmp/node"
	if ! IFS= read -r -t 20 line <&"$node_says"; then
		cat "$tmp/node.err" >&2
		wait "$node" || status=$?
		node=''
		say "the node did not get ready"
		exit "$((status ? status : 1))"
	fi
	[[ ${compare[*]} == *--json* ]] || echo "$line"
}

# Sets `sent`, the number of frames that went out.
replay_capture() {
	local frames status=0

	frames=$(tcpdump --count -r "$pcap" 2>/dev/null) || lacks "tcpdump does not read $pcap"
	frames=${frames%% *}
	"${at_host[@]}" tcpreplay -i "$link" --preload-pcap \
		--no-flow-stats "${pace[@]}" "$pcap" >"$tmp/replay" 2>&1 &
	replay=$!
	until over "$replay" 1; do
		[ "$SECONDS" -lt 5 ] || say "$(judged) of $frames frames"
	done
	wait "$replay" || status=$?
	replay=''
	sent=$(awk '/Successful packets:/ { print $3 }' "$tmp/replay")
	if [ "$status" != 0 ] || [ -z "$sent" ]; then
		say "tcpreplay failed: $(grep -v '^Warning' "$tmp/replay" | tail -n 1)"
		exit 1
	fi
}

# The last frames may still be under way. What has not come after five seconds will not.
await_frames() {
	local tries=50

	while [ "$(judged)" -lt "$sent" ] && [ $((tries--)) -gt 0 ] && ! over "$node" 0.1; do
		:
	done
}

stop_node() {
	local status=0

	kill -INT "$node" 2>/dev/null || true
	timeout 30 cat <&"$node_says" >"$tmp/node.json" || {
		say "the node does not end"
		exit 1
	}
	wait "$node" || status=$?
	node=''
	if [ "$status" != 0 ]; then
		cat "$tmp/node.err" >&2
		say "the node ended with exit code $status"
		exit 1
	fi
}

replay_main() {
	take_options "$@"
	check_host
	tmp=$(mktemp -d)
	trap cleanup EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP

	world_up || exit 1
	# Nobody on the host's side waits for replies. Without an address its kernel drops them in
	# silence instead of telling the node with ICMP errors, which would be counted.
	"${at_host[@]}" ip address flush dev "$link"
	start_capture
	start_node
	await_link || {
		say "$link does not come up"
		exit 1
	}
	replay_capture
	await_frames
	stop_node
	[ ! -r "$pcap.replies.csv" ] || compare+=(--replies-csv "$pcap.replies.csv")
	python3 "$here/compare.py" --node "$tmp/node.json" --sent "$sent" \
		--replies "$tmp/replies.pcap" "${compare[@]}"
}
