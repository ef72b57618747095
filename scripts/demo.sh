#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Shows the node at work on a fresh Debian 12, from nothing.
set -euo pipefail

usage() {
	cat <<'TEXT'
usage: demo.sh [--count N]

Installs what is missing, builds, generates a capture of N frames (default 100000) of mixed
traffic under build/, runs the node in one network namespace and replays the capture from another
with tcpreplay. Then shows what became of the frames beside what the generator predicted, and how
long the node took. Uses sudo where it is not run by root.

Exit codes: 0 all as predicted, 1 something differs or failed, 2 wrong usage, 3 the host lacks
something.
TEXT
}

count=100000
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help)
		usage
		exit 0
		;;
	--count)
		count=${2:-}
		[[ $count =~ ^[1-9][0-9]{0,8}$ ]] || {
			echo "demo: --count wants a whole number; see --help" >&2
			exit 2
		}
		shift
		;;
	*)
		echo "demo: no option $1; see --help" >&2
		exit 2
		;;
	esac
	shift
done

cd "$(dirname "$(readlink -f "$0")")/.."
as_root=()
[ "$(id -u)" = 0 ] || ! command -v sudo >/dev/null || as_root=(sudo)
pcap=build/demo.pcap

echo "1/4 install   Debian packages that are missing"
scripts/setup.sh --demo
echo "2/4 build     the XDP program and build/mevnode"
make -j"$(nproc)" >/dev/null || {
	echo "demo: the build failed" >&2
	exit 1
}
echo "3/4 generate  $count frames: swaps in every dress, broken ones, updates, others' traffic"
scripts/gen_traffic.py --mode mixed --count "$count" --rate 20000 --out "$pcap" \
	--replies-csv "$pcap.replies.csv"
echo "4/4 replay    over a veth pair at 20,000 frames/s, to a node in a namespace of its own"
echo
"${as_root[@]}" scripts/run_tcpreplay_veth.sh "$pcap"
echo
echo "Every frame met the fate that was predicted, every reply was right."
