#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The node's container. With arguments it is `mevnode ARGUMENTS`. Without, it makes a link for
# MEV_BACKEND in its network namespace, which the traffic's container shares, and runs the node:
#
#	af_xdp	veth0 <-> veth1, the node's
#	tap	mev0, the node's; a name that begins with tap, tcpreplay would take for its own device
#
# Nothing of it speaks by itself: no address, and so no answer of the kernel's. --visible is for the
# check of its health and for the traffic's container, whose user is the node's and nobody else.
set -euo pipefail

[ $# = 0 ] || exec mevnode "$@"

backend=${MEV_BACKEND:-af_xdp}
run=(mevnode run -b "$backend" -c /etc/mevnode/mevnode.ini --json --visible)

fail() {
	echo "node.sh: $2" >&2
	exit "$1"
}

# as_admin ip ...: which gives up what a file may do, and keeps what it inherits.
as_admin() {
	setpriv --inh-caps=+net_admin --ambient-caps=+net_admin "$@"
}

# made NAME: whether a container that is started again still has it.
made() { [ -e "/sys/class/net/$1" ]; }

[[ $backend =~ ^(af_xdp|tap)$ ]] || fail 2 "MEV_BACKEND $backend: want af_xdp or tap"
as_admin true 2>/dev/null || fail 3 "to make a link it needs NET_ADMIN: --cap-add NET_ADMIN"
case $backend in
af_xdp)
	made veth0 || as_admin ip link add veth0 address 02:00:00:00:00:02 type veth \
		peer name veth1 address 02:00:00:00:00:01
	for end in veth0 veth1; do
		as_admin ip link set "$end" addrgenmode none
		as_admin ip link set "$end" up
	done
	run+=(-i veth1)
	;;
tap)
	[ -c /dev/net/tun ] || fail 3 "there is no /dev/net/tun: --device /dev/net/tun"
	made mev0 || as_admin ip tuntap add dev mev0 mode tap user "$(id -u)"
	as_admin ip link set mev0 addrgenmode none
	as_admin ip link set mev0 txqueuelen 10000 up
	run+=(-i mev0)
	;;
esac
exec "${run[@]}"
