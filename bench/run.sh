#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The comparison: the node beside what one would use instead, over a veth pair, interleaved.
#
#	bench/run.sh [--quick] [--rounds N] [--groups LIST] [--keep] [--no-plots]
#
#	--quick     2 rounds of 0.3 s, fewer responders: under 2 minutes, good for a first look
#	--rounds    of every responder, default 5, and twice as many for round trips
#	--groups    default filter,engines,rate-native,rate-skb,rtt-native,rtt-skb,load-native
#	--keep      leave other groups' results of earlier runs for the report: a run in parts
#	--no-plots  leave docs/figures/ as it is
#
# Raw results are JSON under build/bench/raw/, one file a cell; build/bench/report.md has the tables;
# what they mean is in docs/benchmarks.md. Needs root, two CPUs and a quiet machine.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/netns.sh
. bench/responders.sh

B=${B:-build}
out=$B/bench/raw figures=docs/figures
world=mev-bench-$$
client_cpu=0 cpu=1 huge_pages=256
rounds=5 seconds=1 warmup=0.3 plots=1 keep=''
groups="filter,engines,rate-native,rate-skb,rtt-native,rtt-skb,load-native"
rates="100000 200000 300000 400000 500000 600000 700000 800000"
# Candidates among frames of another kind, and of how many.
shares="0/64 1/64 4/64 16/64 32/64 64/64"
huge_pages_before='' responder_pid='' round_apart=0

node="mevnode-spin mevnode-wait mevnode-kernel"
limits="echo-spin echo-wait reflect"
sockets="udp-wait udp-spin udp-batch-wait udp-batch-spin packet-wait packet-spin"
testpmd="testpmd-af_xdp testpmd-af_packet"

usage() {
	sed -n '3,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"
}

take_options() {
	while [ $# -gt 0 ]; do
		case $1 in
		--quick)
			rounds=2 seconds=0.3 warmup=0.1 plots='' shares=1/64
			groups="filter,engines,rate-native,rate-skb,rtt-native"
			sockets="udp-wait udp-spin udp-batch-wait packet-spin"
			limits="echo-spin echo-wait reflect" testpmd=testpmd-af_xdp
			;;
		--rounds) rounds=${2:?--rounds needs a number} && shift ;;
		--groups) groups=${2:?--groups needs a list} && shift ;;
		--keep) keep=1 ;;
		--no-plots) plots='' ;;
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
	awk '$1 > 0.5 { print "bench: load average " $1 ": this machine is not quiet, and numbers will show it" }' \
		/proc/loadavg >&2
	bpffs_mounted
	# For testpmd, and for everybody's packet memory, so that nobody is the better for them.
	huge_pages_before=$(cat /proc/sys/vm/nr_hugepages)
	[ "$huge_pages_before" -ge $huge_pages ] || echo $huge_pages >/proc/sys/vm/nr_hugepages ||
		echo "bench: cannot reserve $huge_pages huge pages" >&2
}

# shellcheck disable=SC2317 # the trap calls it
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
	engines) echo "mevnode-spin mevnode-kernel echo-spin" ;;
	rate-native) echo "$node $limits $sockets $testpmd" ;;
	rate-skb) echo "$node $limits $sockets" ;;
	rtt-native) echo "$node $limits $sockets $testpmd" ;;
	rtt-skb) echo "$node $limits udp-wait udp-spin packet-spin" ;;
	load-*) echo "mevnode-wait echo-wait packet-wait udp-batch-wait" ;;
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

# live RESPONDER SECONDS: replies to frames made in the driver, all of them candidates, so that the
# client costs next to nothing; beside the answers of the driver's own engine a bare reflector's.
live() {
	local programs=attached

	[ "$1" != mevnode-kernel ] || programs=reflect,attached
	timeout 60 nsenter --net="/var/run/netns/$world-node" "$B/bench/mevload" live -i veth1 \
		--peer "/var/run/netns/$world-host,veth0" --program "$programs" \
		--mix candidate=1 --rounds 1 --duration "$2" --cpu $client_cpu --json -
}

# client GROUP CELL FILE SECONDS: the load of one cell, its results to FILE.
client() {
	local mode=${1#*-} responder=${2%@*} load

	if [ "$1" = engines ]; then
		live "$responder" "$4" >"$3" 2>"$3.log"
		return
	fi
	case $1 in
	rate-*) load=(--load flood) ;;
	rtt-*) load=(--load closed) ;;
	load-*) load=(--load poisson --rate "${2#*@}") ;;
	esac
	[ "$mode" != skb ] || load+=(--skb)
	timeout 60 nsenter --net="/var/run/netns/$world-host" "$B/bench/mevload" run -i veth0 \
		--to 02:00:00:00:00:01,192.168.69.2:8080 --from 192.168.69.1:40000 \
		--expect "$(responder_expects "$responder")" --cpu $client_cpu "${load[@]}" \
		--warmup $warmup --duration "$4" --json - >"$3" 2>"$3.log"
}

# failed FILE KIND WHY: a result that says why there is none.
failed() {
	printf '{"%s": "%s"}\n' "$2" "$(tr -d '"\\\n' <<<"$3")" >"$1"
	printf '%s: %s\n' "$2" "$3"
}

# Of a result, what is worth a line while it runs.
gist() {
	sed -nE 's/.*"attached","frames".*"back_per_s":\{"median":([0-9]+).*/\1 replies\/s/p
		s/.*"received_per_s": ?([0-9]+).*"p50": ?([0-9]+).*"p99": ?([0-9]+).*/\1 replies\/s, p50 \2 ns, p99 \3 ns/p' "$1"
}

# How far apart the two CPUs are, in ns for a cache line there and back. Where a hypervisor moves them
# between cores with and without a common cache, a round trip takes 3.6 or 5.7 us by that alone.
apart() {
	"$B/bench/mevload" cores $client_cpu $cpu 2>/dev/null || echo 0
}

# near NS: as far apart as when the round began?
near() {
	[ $(($1 * 10)) -le $((round_apart * 14)) ] && [ $(($1 * 14)) -ge $((round_apart * 10)) ]
}

# Waits for that, but not for ever. Sets `before`.
settle() {
	local i

	for ((i = 0; i < 20; i++)); do
		before=$(apart)
		near "$before" && return
		sleep 0.1
	done
}

# One cell, again where the CPUs moved meanwhile. Beside its results lies how far apart they were.
measure() {
	local file=$out/$1/$2.$3.json before after try

	for try in 1 2 3; do
		settle
		measure_once "$@"
		after=$(apart)
		echo "$before $after" >"${file%.json}.cores"
		if near "$before" && near "$after"; then break; fi
		[ "$try" = 3 ] || printf '%60s' "CPUs $before, then $after ns apart; again: "
	done
}

measure_once() {
	local group=$1 cell=$2 round=$3 length=$4 responder=${2%@*} mode=${1#*-} file why
	file=$out/$group/$cell.$round.json

	why=$(responder_obstacle "$responder")
	if [ -n "$why" ]; then
		failed "$file" skipped "$why"
		return
	fi
	[ "$mode" = skb ] || mode=native
	if ! responder_start "$responder" "$mode" "${group%-*}" "$file.responder"; then
		failed "$file" failed "not ready: $(tail -1 "$file.responder")"
		return
	fi
	client "$group" "$cell" "$file" "$length" ||
		failed "$file" failed "mevload: $(tail -1 "$file.log")"
	responder_stop
	gist "$file"
	# A socket that was just closed holds its queue for a moment.
	sleep 0.3
}

# Everybody has his turn in every round, and nobody is always first.
run_group() {
	local group=$1 round i list n group_rounds=$rounds length=$seconds

	# A round trip needs less time to be known, and in less time CPUs are moved less often.
	case $group in
	rtt-*) group_rounds=$((2 * rounds)) length=$(awk "BEGIN { print $seconds / 2 }") ;;
	esac
	mapfile -t list < <(cells "$group")
	n=${#list[@]}
	mkdir -p "$out/$group"
	for ((round = 1; round <= group_rounds; round++)); do
		new_world
		round_apart=$(apart)
		for ((i = 0; i < n; i++)); do
			local cell=${list[(i + (round - 1) * 3) % n]}
			printf '%4d s  %-11s round %d/%d  %-22s ' "$SECONDS" "$group" "$round" \
				"$group_rounds" "$cell"
			measure "$group" "$cell" "$round" "$length"
		done
	done
}

# filter_cell KIND SHARE [RESPONDER]: what programs take when SHARE of the frames are candidates, the
# rest KIND. A node that sleeps is woken on the program's time, so there the cell is KIND-woken.
filter_cell() {
	local kind=$1 cand=${2%/*} of=${2#*/} responder=${3:-mevnode-spin} woken='' mix file
	[ "$responder" = mevnode-spin ] || woken=-woken
	file=$out/filter/$kind$woken@${2/\//_of_}.all.json
	mix=candidate=$cand,$kind=$((of - cand))
	[ "$cand" != 0 ] || mix=$kind=1
	[ "$cand" != "$of" ] || mix=candidate=1

	printf '%4d s  %-11s %d rounds   %-22s ' "$SECONDS" filter "$rounds" "$kind$woken@$2"
	new_world
	if ! responder_start "$responder" native rate "$file.responder"; then
		failed "$file" failed "not ready: $(tail -1 "$file.responder")"
		return
	fi
	if timeout 120 nsenter --net="/var/run/netns/$world-node" "$B/bench/mevload" live -i veth1 \
		--program drop,parse,filter_drop --mix "$mix" --rounds "$rounds" \
		--duration "$seconds" --clock cpu --cpu $client_cpu --json - >"$file" \
		2>"$file.log"; then
		sed -nE 's/.*"filter_drop".*"ratio_to_drop":\{"median":([0-9.]+).*/\1 of an empty XDP_DROP/p' \
			"$file"
	else
		failed "$file" failed "mevload live: $(tail -1 "$file.log")"
	fi
	responder_stop
}

run_filter() {
	local share

	mkdir -p "$out/filter"
	if ! "$B/bench/mevload" live --help >/dev/null 2>&1; then
		failed "$out/filter/foreign@1_of_64.all.json" skipped "this mevload has no \`live\`"
		return
	fi
	for share in $shares; do filter_cell foreign "$share"; done
	filter_cell break_even 1/64
	filter_cell foreign 1/64 mevnode-wait
}

take_options "$@"
host_has_it_all
trap finish EXIT
trap 'exit 130' INT TERM
rm -f "$B/bench/report.md"
for group in ${groups//,/ }; do rm -rf "${out:?}/$group"; done
[ -n "$keep" ] || rm -rf "$out"
mkdir -p "$out"
B=$B bench/machine.py "rounds=$rounds" "seconds a cell=$seconds" "warm-up, s=$warmup" \
	"client=CPU $client_cpu" "responder=CPU $cpu" \
	"swaps=4096, all profitable, two pools" >"$B/bench/machine.json"
for group in ${groups//,/ }; do
	case $group in
	filter) run_filter ;;
	*) run_group "$group" ;;
	esac
done
echo
code=0
bench/report.py "$B/bench" || code=$?
if [ -z "$plots" ]; then
	:
elif command -v gnuplot >/dev/null; then
	bench/plots.py "$B/bench" "$figures"
else
	echo "bench: no figures: gnuplot is not installed (scripts/setup.sh --bench)" >&2
fi
echo "bench: tables are in $B/bench/report.md, raw results under $out ($SECONDS s)" >&2
exit $code
