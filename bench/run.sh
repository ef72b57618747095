#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The comparison: the node beside what one would use instead, over a veth pair, interleaved.
#
#	bench/run.sh [--quick] [--rounds N] [--groups LIST] [--no-plots]
#
#	--quick     2 rounds of a few tenths of a second: under 2 minutes, good for a first look
#	--rounds    of every responder, default 5
#	--groups    default rate-native,rate-skb,rtt-native,rtt-skb,load-native"
#	--no-plots  leave docs/figures/ as it is
#
# Raw results are JSON under build/bench/raw/, one file a cell; build/bench/report.md has the tables;
# what they mean is in docs/benchmarks.md. Needs root, two CPUs and a quiet machine.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/netns.sh
. bench/responders.sh

B=${B:-build}
out=$B/bench/raw
world=mev-bench-$$
client_cpu=0 cpu=1 huge_pages=256
rounds=5 seconds=1 warmup=0.3 plots=1
groups="rate-native,rate-skb,rtt-native,rtt-skb,load-native"
rates="100000 200000 300000 400000 500000 600000 700000 800000"
huge_pages_before='' responder_pid=''

working="mevnode-spin mevnode-wait echo-spin echo-wait"
sockets="udp-wait udp-spin udp-batch-wait udp-batch-spin"

usage() {
	sed -n '3,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"
}

take_options() {
	while [ $# -gt 0 ]; do
		case $1 in
		--quick) rounds=2 seconds=0.3 warmup=0.1 rates="200000 400000 600000" ;;
		--rounds) rounds=${2:?--rounds needs a number} && shift ;;
		--groups) groups=${2:?--groups needs a list} && shift ;;
		--no-plots) plots= ;;
		-h | --help)
			usage
			exit
			;;
		*)
			echo "bench: no option $1: see bench/run.sh --help" >&2
			exit 2
			;;
		esac
		shift
	done
}

host_has_it_all() {
	[ "$(id -u)" = 0 ] || {
		echo "bench: run as root: network namespaces, XDP and AF_XDP are needed" >&2
		exit 3
	}
	[ "$(nproc)" -ge 2 ] || {
		echo "bench: two CPUs are needed, one for the client and one for the responder" >&2
		exit 3
	}
	bpffs_mounted
	# For testpmd, and for everybody's packet memory, so that nobody is the better for them.
	huge_pages_before=$(cat /proc/sys/vm/nr_hugepages)
	[ "$huge_pages_before" -ge $huge_pages ] || echo $huge_pages >/proc/sys/vm/nr_hugepages ||
		echo "bench: cannot reserve $huge_pages huge pages" >&2
}

finish() {
	responder_stop
	netns_down "$world"
	rmdir "/sys/fs/bpf/mevnode/$world" 2>/dev/null || true
	[ -z "$huge_pages_before" ] || echo "$huge_pages_before" >/proc/sys/vm/nr_hugepages || true
}

new_world() {
	netns_down "$world"
	netns_up "$world"
}

# The responders of a group, in the order of round 1.
responders_of() {
	case $1 in
	rate-*) echo "$working $sockets reflect" ;;
	rtt-*) echo "$working udp-wait udp-spin reflect" ;;
	load-*) echo "mevnode-spin echo-spin udp-batch-spin" ;;
	esac
}

# cells GROUP: RESPONDER or RESPONDER@RATE, one a line.
cells() {
	local responder rate

	for responder in $(responders_of "$1"); do
		case $1 in
		load-*) for rate in $rates; do echo "$responder@$rate"; done ;;
		*) echo "$responder" ;;
		esac
	done
}

# client GROUP CELL FILE: the load of one cell, its results to FILE.
client() {
	local mode=${1#*-} responder=${2%@*} load

	case $1 in
	rate-*) load=(--load flood) ;;
	rtt-*) load=(--load closed) ;;
	load-*) load=(--load poisson --rate "${2#*@}") ;;
	esac
	[ "$mode" = native ] || load+=(--skb)
	timeout 60 nsenter --net="/var/run/netns/$world-host" "$B/bench/mevload" run -i veth0 \
		--to 02:00:00:00:00:01,192.168.69.2:8080 --from 192.168.69.1:40000 \
		--expect "$(responder_expects "$responder")" --cpu $client_cpu "${load[@]}" \
		--warmup $warmup --duration $seconds --json - >"$3" 2>"$3.log"
}

# failed FILE KIND WHY: a result that says why there is none.
failed() {
	printf '{"%s": "%s"}\n' "$2" "$(tr -d '"\\\n' <<<"$3")" >"$1"
	printf '%s: %s\n' "$2" "$3"
}

# Of a result, what is worth a line while it runs.
gist() {
	sed -nE 's/.*"received_per_s": ?([0-9]+).*"p50": ?([0-9]+).*"p99": ?([0-9]+).*/\1 replies\/s, p50 \2 ns, p99 \3 ns/p' "$1"
}

measure() {
	local group=$1 cell=$2 round=$3 responder=${2%@*} file why
	file=$out/$group/$cell.$round.json

	why=$(responder_obstacle "$responder")
	if [ -n "$why" ]; then
		failed "$file" skipped "$why"
		return
	fi
	if ! responder_start "$responder" "${group#*-}" "${group%-*}" "$file.responder"; then
		failed "$file" failed "not ready: $(tail -1 "$file.responder")"
		return
	fi
	client "$group" "$cell" "$file" ||
		failed "$file" failed "mevload: $(tail -1 "$file.log")"
	responder_stop
	gist "$file"
	# A socket that was just closed holds its queue for a moment.
	sleep 0.3
}

# Everybody has his turn in every round, and nobody is always first.
run_group() {
	local group=$1 round i list n

	mapfile -t list < <(cells "$group")
	n=${#list[@]}
	mkdir -p "$out/$group"
	for ((round = 1; round <= rounds; round++)); do
		new_world
		for ((i = 0; i < n; i++)); do
			local cell=${list[(i + (round - 1) * 3) % n]}
			printf '%4d s  %-11s round %d/%d  %-22s ' "$SECONDS" "$group" "$round" \
				"$rounds" "$cell"
			measure "$group" "$cell" "$round"
		done
	done
}

take_options "$@"
host_has_it_all
trap finish EXIT
trap 'exit 130' INT TERM
rm -rf "$out"
mkdir -p "$out"
for group in ${groups//,/ }; do
	run_group "$group"
done
