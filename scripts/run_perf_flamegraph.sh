#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Where the node spends its time under load, as a report and a flame graph; fails where its worker's
# loop allocates, or makes a syscall that it should not.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
build=${B:-$here/../build}
mevnode=${MEVNODE:-$build/mevnode} mevload=${MEVLOAD:-$build/bench/mevload}
# shellcheck source-path=SCRIPTDIR source=netns.sh
. "$here/netns.sh"

world=mev-perf-$$ node='' tmp=''
seconds=5 out=$build/perf
options=(--poll spin) load=(--load closed --outstanding 64)

usage() {
	cat <<'TEXT'
usage: run_perf_flamegraph.sh [--seconds N] [--out DIR] [-- node options]

Makes two network namespaces joined by a veth pair, runs the node in one (with --poll spin, or the
options for `mevnode run` behind --), sends swaps from the other with mevload, 64 under way at any
time, and records the node with `perf record -e cpu-clock -g`. Writes into DIR (default: build/perf)

  perf-report.txt   functions by their share of samples, with their callers
  perf.folded       stacks and their samples, for other tools
  perf.svg          the flame graph; a browser shows names and shares of what the mouse is on

and fails if malloc, free, mmap and the like, or a syscall but sendto, recvfrom and poll, is in a
sample below xsk_worker_loop. Samples see what takes time; tests/e2e/test_hot_path.py counts each
call. Needs root and the package linux-perf. Binaries: build/mevnode and build/bench/mevload, or what
the environment variables MEVNODE and MEVLOAD name.

Exit codes: 0 nothing forbidden, 1 something is, or failed, 2 wrong usage, 3 the host lacks something.
TEXT
}

say() { echo "run_perf_flamegraph: $*" >&2; }

wrong_usage() {
	say "$*; see --help"
	exit 2
}

lacks() {
	say "$*"
	exit 3
}

clean_up() {
	[ -z "$node" ] || kill "$node" 2>/dev/null || true
	[ -z "$node" ] || wait "$node" 2>/dev/null || true
	netns_down "$world"
	[ -z "$tmp" ] || rm -rf "$tmp"
}

while [ $# -gt 0 ]; do
	case $1 in
	-h | --help)
		usage
		exit 0
		;;
	--seconds)
		seconds=${2:-}
		[[ $seconds =~ ^[1-9][0-9]{0,3}$ ]] || wrong_usage "--seconds wants a whole number, 1 to 9999"
		shift
		;;
	--out)
		out=${2:-}
		[ -n "$out" ] || wrong_usage "--out wants a folder"
		shift
		;;
	--)
		shift
		options=("$@")
		break
		;;
	*) wrong_usage "no option $1" ;;
	esac
	shift
done

[ "$(id -u)" = 0 ] || lacks "needs root: BPF, network namespaces, perf"
for tool in perf ip ethtool nsenter python3; do
	command -v "$tool" >/dev/null || lacks "there is no $tool: scripts/setup.sh installs it"
done
[ -x "$mevnode" ] || lacks "there is no $mevnode: make"
[ -x "$mevload" ] || lacks "there is no $mevload: make bench-build"
mkdir -p "$out"

trap clean_up EXIT
trap 'exit 130' INT TERM
tmp=$(mktemp -d)
bpffs_mounted || lacks "cannot mount a bpffs on /sys/fs/bpf"
netns_up "$world"

inside() { nsenter --net="/var/run/netns/$world-$1" "${@:2}"; }

mkfifo "$tmp/ready"
nsenter --net="/var/run/netns/$world-node" "$mevnode" run -b af_xdp -i veth1 \
	--pin-path "/sys/fs/bpf/mevnode/$world" "${options[@]}" \
	>"$tmp/ready" 2>"$tmp/node.err" &
node=$!
exec 3<"$tmp/ready"
if ! read -r -t 30 line <&3 || [[ $line != ready* ]]; then
	say "the node is not ready: $(tail -n 1 "$tmp/node.err")"
	exit 1
fi
# What it says at its end must not block it.
cat <&3 >"$tmp/summary" &

inside host "$mevload" run -i veth0 --to 02:00:00:00:00:01,192.168.69.2:8080 \
	--from 192.168.69.1:40000-40063 "${load[@]}" --warmup 0.2 --duration "$((seconds + 1))" \
	--json "$out/mevload.json" >"$tmp/load" 2>&1 &
generator=$!
sleep 0.5 # into the load
# The node's stacks have no frame pointers; the kernel's need none.
if ! perf record -q -e cpu-clock -F 999 -g --call-graph dwarf,4096 -p "$node" -o "$tmp/perf.data" \
	-- sleep "$seconds" >"$tmp/record" 2>&1; then
	say "perf record: $(tail -n 1 "$tmp/record")"
	exit 1
fi
if ! wait "$generator"; then
	say "the load failed: $(tail -n 1 "$tmp/load")"
	exit 1
fi
kill -INT "$node"
wait "$node" || say "the node ended with $?: $(tail -n 1 "$tmp/node.err")"
node=''

perf report --stdio --no-inline -g caller,0.5 -i "$tmp/perf.data" >"$out/perf-report.txt" 2>"$tmp/report"
perf script --no-inline -F comm,tid,ip,sym,dso -i "$tmp/perf.data" 2>>"$tmp/report" |
	"$here/flamegraph.py" - --folded "$out/perf.folded" --svg "$out/perf.svg" \
		--title "mevnode ${options[*]}, 64 swaps under way, $seconds s of cpu-clock" \
		--check xsk_worker_loop
echo "written: $out/perf-report.txt, perf.folded, perf.svg"
