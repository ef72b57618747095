#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# A world to try the node in: two network namespaces joined by a veth pair.
#
#	NAME-host                             NAME-node
#	veth0  02:00:00:00:00:02  <------->   veth1  02:00:00:00:00:01
#	192.168.69.1/24                       192.168.69.2/24
#
# It is quiet: no IPv6 of the kernels' own, no forwarding, static neighbours. What the node counts
# is what somebody sent on purpose. Enter a side with `nsenter --net=/var/run/netns/NAME-node`;
# `ip netns exec` would hide /sys/fs/bpf and with it the pinned maps.
#
#	scripts/netns.sh up NAME [QUEUES]     make it, with so many queues a side (default 1)
#	scripts/netns.sh program NAME         a program on veth0 that passes everything: veth1 needs
#	                                      it to send what its own returns (XDP_TX)
#	scripts/netns.sh down NAME            remove it, whatever is left of it
#
# And a world for the node on a TAP device, whose ends are in one namespace with two names:
#
#	NAME-host = NAME-node
#	mev0  192.168.69.1/24  <------->  mevnode run -b tap -i mev0
#
#	scripts/netns.sh tap NAME [QUEUES]    make it, QUEUES above 1 as a device of many queues
#
# Not tap0, because tcpreplay would take a device whose name begins with tap for one to open itself.
#
# Sourced, it only defines the functions below. Nothing here kills a process.

# netns_up NAME [QUEUES], netns_tap_up NAME [QUEUES]: as above; they leave nothing behind where
# they fail.
netns_up() { netns_made netns_make "$@"; }
netns_tap_up() { netns_made netns_tap_make "$@"; }

netns_made() {
	local make=$1 name=$2 queues=${3:-1}

	if [ -e "/var/run/netns/$name-host" ] || [ -e "/var/run/netns/$name-node" ]; then
		echo "netns: there is a world $name already: scripts/netns.sh down $name" >&2
		return 1
	fi
	if ! "$make" "$name" "$queues"; then
		netns_down "$name"
		echo "netns: cannot make the namespaces $name-host and $name-node" >&2
		return 1
	fi
}

netns_make() {
	local host=$1-host node=$1-node n=$2 side
	local queues=(numtxqueues "$n" numrxqueues "$n")

	for side in "$host" "$node"; do
		netns_quiet "$side" || return
	done
	ip link add veth0 "${queues[@]}" netns "$host" address 02:00:00:00:00:02 type veth \
		peer name veth1 "${queues[@]}" netns "$node" address 02:00:00:00:00:01 &&
		netns_side "$host" veth0 192.168.69.1 192.168.69.2 02:00:00:00:00:01 &&
		netns_side "$node" veth1 192.168.69.2 192.168.69.1 02:00:00:00:00:02
}

netns_tap_make() {
	# shellcheck disable=SC2016 # the inner shell's own process id
	local attach=(sh -c 'ip netns attach "$0" $$' "$1-node") multi_queue=()

	[ "$2" = 1 ] || multi_queue=(multi_queue)
	netns_quiet "$1-host" &&
		nsenter --net="/var/run/netns/$1-host" "${attach[@]}" &&
		ip -n "$1-host" tuntap add dev mev0 mode tap "${multi_queue[@]}" &&
		ip -n "$1-host" address add 192.168.69.1/24 dev mev0 &&
		ip -n "$1-host" link set lo up &&
		# Frames that may wait for a node that is off its CPU for a moment.
		ip -n "$1-host" link set mev0 txqueuelen 10000 up
}

# netns_quiet NAMESPACE: makes one that says nothing of its own.
netns_quiet() {
	# Before any link is up, so that none of it is ever said on the wire.
	ip netns add "$1" &&
		nsenter --net="/var/run/netns/$1" sysctl -qew net.ipv6.conf.all.disable_ipv6=1 \
			net.ipv6.conf.default.disable_ipv6=1 net.ipv4.ip_forward=0
}

# netns_side NAMESPACE INTERFACE ADDRESS PEER_ADDRESS PEER_MAC
netns_side() {
	ip -n "$1" address add "$3/24" dev "$2" &&
		ip -n "$1" link set lo up &&
		ip -n "$1" link set "$2" up &&
		ip -n "$1" neighbour add "$4" lladdr "$5" dev "$2" nud permanent &&
		# veth leaves checksums to hardware that it has not: frames would carry none.
		nsenter --net="/var/run/netns/$1" ethtool -K "$2" tx off >/dev/null
}

# netns_program NAME: as above.
netns_program() {
	local built
	built=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../build/bpf/xdp_pass.bpf.o

	ip -n "$1-host" link set dev veth0 xdpdrv obj "$built" sec xdp
}

# netns_down NAME: the veth pair goes with its namespaces.
netns_down() {
	local side

	for side in "$1-host" "$1-node"; do
		[ ! -e "/var/run/netns/$side" ] || ip netns delete "$side" || true
	done
}

# bpffs_mounted: mounts a bpffs on /sys/fs/bpf unless there is one. Maps are pinned there.
bpffs_mounted() {
	[ "$(stat -f -c %T /sys/fs/bpf 2>/dev/null)" = bpf_fs ] ||
		mount -t bpf -o mode=0700 bpf /sys/fs/bpf
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
	set -euo pipefail
	case "${1:-} $#" in
	"up 2" | "up 3" | "tap 2" | "tap 3")
		trap 'netns_down "$2"; exit 130' INT TERM
		[ "$1" = tap ] && make=netns_tap_up || make=netns_up
		"$make" "$2" "${3:-1}"
		;;
	"program 2") netns_program "$2" ;;
	"down 2") netns_down "$2" ;;
	*)
		echo "usage: netns.sh up|tap NAME [QUEUES] | netns.sh program|down NAME" >&2
		exit 2
		;;
	esac
fi
