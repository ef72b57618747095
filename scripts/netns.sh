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
#	scripts/netns.sh down NAME            remove it, whatever is left of it
#
# Sourced, it only defines the functions below. Nothing here kills a process.

# netns_up NAME [QUEUES]: as above; leaves nothing behind where it fails.
netns_up() {
	local name=$1 queues=${2:-1}

	if [ -e "/var/run/netns/$name-host" ] || [ -e "/var/run/netns/$name-node" ]; then
		echo "netns: there is a world $name already: scripts/netns.sh down $name" >&2
		return 1
	fi
	if ! netns_make "$name" "$queues"; then
		netns_down "$name"
		echo "netns: cannot make the namespaces $name-host and $name-node" >&2
		return 1
	fi
}

netns_make() {
	local host=$1-host node=$1-node n=$2 side
	local queues=(numtxqueues "$n" numrxqueues "$n")

	for side in "$host" "$node"; do
		ip netns add "$side" || return
		# Before any link is up, so that none of it is ever said on the wire.
		nsenter --net="/var/run/netns/$side" sysctl -qew net.ipv6.conf.all.disable_ipv6=1 \
			net.ipv6.conf.default.disable_ipv6=1 net.ipv4.ip_forward=0 || return
	done
	ip link add veth0 "${queues[@]}" netns "$host" address 02:00:00:00:00:02 type veth \
		peer name veth1 "${queues[@]}" netns "$node" address 02:00:00:00:00:01 &&
		netns_side "$host" veth0 192.168.69.1 192.168.69.2 02:00:00:00:00:01 &&
		netns_side "$node" veth1 192.168.69.2 192.168.69.1 02:00:00:00:00:02
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
	"up 2" | "up 3")
		trap 'netns_down "$2"; exit 130' INT TERM
		netns_up "$2" "${3:-1}"
		;;
	"down 2") netns_down "$2" ;;
	*)
		echo "usage: netns.sh up NAME [QUEUES] | netns.sh down NAME" >&2
		exit 2
		;;
	esac
fi
