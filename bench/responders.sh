# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash disable=SC2154
#
# How each responder of bench/run.sh is started and stopped. Sourced.
#
# Names: mevnode-spin, mevnode-wait, mevnode-kernel (--engine kernel); mevpeer's: echo-*, udp-*, udp-batch-*, packet-* (spin or wait),
# reflect; testpmd-af_xdp, testpmd-af_packet: DPDK's forwarder, swapping addresses and doing no work.
# In skb mode XDP programs of node and peers hang on the kernel's generic hook; sockets know no mode.
#
# The caller sets B, world, client_cpu, cpu and huge_pages.

# responder_command NAME MODE KIND: sets `command`; KIND: rate or rtt.
responder_command() {
	local name=$1 mode=$2 kind=$3 poll=${1##*-} forward=macswap

	case $name in
	mevnode-kernel)
		[ "$mode" = skb ] || mode=copy
		command=("$B/mevnode" run -i veth1 -m "$mode" --engine kernel
			--pin-path "/sys/fs/bpf/mevnode/$world")
		;;
	mevnode-*)
		[ "$mode" = skb ] || mode=copy
		command=("$B/mevnode" run -i veth1 -m "$mode" --poll "$poll" --cpus "$cpu"
			--pin-path "/sys/fs/bpf/mevnode/$world")
		;;
	echo-*) command=("$B/bench/mevpeer" echo -i veth1 -m "$mode" --poll "$poll" --cpu "$cpu") ;;
	udp-* | packet-*)
		command=("$B/bench/mevpeer" "${name%-*}" -i veth1 --poll "$poll" --cpu "$cpu")
		;;
	reflect) command=("$B/bench/mevpeer" reflect -i veth1 -m "$mode") ;;
	testpmd-*)
		# macswap is its fastest, 5tswap what gives a client its address back.
		[ "$kind" = rate ] || forward=5tswap
		local vdev=net_af_xdp0,iface=veth1,start_queue=0,queue_count=1
		[ "$name" = testpmd-af_xdp ] || vdev=net_af_packet0,iface=veth1
		command=(stdbuf -oL dpdk-testpmd --no-pci --in-memory -m 384 -l "$client_cpu,$cpu"
			--main-lcore "$client_cpu" --vdev "$vdev" --
			--forward-mode="$forward" --nb-cores=1 --stats-period=3600)
		;;
	*)
		echo "bench: no responder $name" >&2
		return 2
		;;
	esac
}

# What it says when it takes traffic.
responder_ready() {
	case $1 in
	testpmd-*) grep -q 'packet forwarding - ports=1' "$2" ;;
	*) grep -q '^ready ' "$2" ;;
	esac
}

# What a responder without work sends back is the swap itself.
responder_expects() {
	case $1 in
	echo-* | reflect | testpmd-*) echo echo ;;
	*) echo reply ;;
	esac
}

# Why it cannot run here at all; nothing if it can.
responder_obstacle() {
	case $1 in
	testpmd-*)
		if ! command -v dpdk-testpmd >/dev/null; then
			echo "dpdk-testpmd is not installed (scripts/setup.sh --bench)"
		elif [ "$(cat /proc/sys/vm/nr_hugepages)" -lt "$huge_pages" ]; then
			echo "no $huge_pages huge pages to be had"
		fi
		;;
	esac
}

# responder_start NAME MODE KIND LOG: sets responder_pid once it is ready; 1: it ended, or never was.
responder_start() {
	local command i

	responder_command "$1" "$2" "$3" || return
	# testpmd's packet socket gets copies: without an address the kernel does not answer the originals.
	[ "$1" != testpmd-af_packet ] || ip -n "$world-node" address flush dev veth1
	: >"$4" # it is read at once
	# Its standard input is not the terminal's: testpmd would read it.
	nsenter --net="/var/run/netns/$world-node" "${command[@]}" >"$4" 2>&1 </dev/null &
	responder_pid=$!
	for ((i = 0; i < 200; i++)); do
		responder_ready "$1" "$4" && return
		kill -0 "$responder_pid" 2>/dev/null || break
		sleep 0.05
	done
	responder_stop
	return 1
}

responder_stop() {
	local i

	[ -n "${responder_pid:-}" ] || return 0
	kill -INT "$responder_pid" 2>/dev/null || true
	for ((i = 0; i < 100; i++)); do
		kill -0 "$responder_pid" 2>/dev/null || break
		sleep 0.05
	done
	kill -KILL "$responder_pid" 2>/dev/null || true
	wait "$responder_pid" 2>/dev/null || true
	responder_pid=
	ip -n "$world-node" address replace 192.168.69.2/24 dev veth1
}
