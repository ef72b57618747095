#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The node's container. With arguments it is `mevnode ARGUMENTS`. Without, it makes a link for
# MEV_BACKEND in its network namespace, which the traffic's container shares, and runs the node:
#
#	af_xdp	veth0 <-> veth1, the node's
#	tap	mev0, the node's; a name that begins with tap, tcpreplay would take for its own device
#
# Nothing of it speaks by itself: no address, and so no answer of the kernel's.
set -euo pipefail

[ $# = 0 ] || exec mevnode "$@"

backend=${MEV_BACKEND:-af_xdp}
run=(mevnode run -b "$backend" -c "${MEV_CONFIG:-/etc/mevnode/mevnode.ini}" --json)

# ip gives up what its file may do; it keeps what it inherits.
link() {
	setpriv --inh-caps=+net_admin --ambient-caps=+net_admin ip link "$@"
}

# made NAME: whether a container that is started again still has it.
made() { [ -e "/sys/class/net/$1" ]; }

case $backend in
af_xdp)
	made veth0 || link add veth0 address 02:00:00:00:00:02 type veth \
		peer name veth1 address 02:00:00:00:00:01
	for end in veth0 veth1; do
		link set "$end" addrgenmode none
		link set "$end" up
	done
	run+=(-i veth1)
	;;
tap)
	if [ ! -c /dev/net/tun ]; then
		echo "node.sh: there is no /dev/net/tun: give it to the container (devices:)" >&2
		exit 3
	fi
	made mev0 || setpriv --inh-caps=+net_admin --ambient-caps=+net_admin \
		ip tuntap add dev mev0 mode tap user "$(id -u)"
	link set mev0 addrgenmode none
	link set mev0 txqueuelen 10000 up
	run+=(-i mev0)
	;;
*)
	echo "node.sh: MEV_BACKEND $backend: want af_xdp or tap" >&2
	exit 2
	;;
esac
exec "${run[@]}"
