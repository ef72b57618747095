#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Makes a TAP device that a user may open, so that the node runs without root.
set -euo pipefail

usage() {
	cat <<'TEXT'
usage: setup_tap.sh [-u USER] [-m] [TAP] [ADDR/LEN]
       setup_tap.sh --down [TAP]

Makes the TAP device TAP (default: tap0), which stays until it is removed, gives it to USER, gives
its host's side the address ADDR/LEN (default: 192.168.69.1/24) and sets it up. From then on
`mevnode run -b tap -i TAP` needs no privileges. What is there already as it should be is left as
it is. Needs root.

  -u, --user USER     who may open the device (default: who called sudo, else who calls this)
  -m, --multi-queue   for a node with several workers (--queues 0-1); it then takes no other
      --down          remove the device

Where only root may open /dev/net/tun, that is changed to what udev does by default: everybody may,
which gives nobody more than the devices that are his.
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 the host lacks something.

examples:
  sudo scripts/setup_tap.sh -u alice
  mevnode run -b tap                                  as alice; ping 192.168.69.2
  sudo scripts/setup_tap.sh -u alice tap1 10.0.0.1/24
  mevnode run -b tap -i tap1 --own-ip 10.0.0.2/24
TEXT
}

fail() {
	echo "setup_tap: $2" >&2
	exit "$1"
}

user=${SUDO_USER:-$(id -un)} multi_queue='' down='' arguments=()
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help)
		usage
		exit 0
		;;
	-u | --user)
		[ -n "${2:-}" ] || fail 2 "$1 wants the name of a user; see --help"
		user=$2
		shift
		;;
	-m | --multi-queue) multi_queue=multi_queue ;;
	--down) down=1 ;;
	-*) fail 2 "no option $1; see --help" ;;
	*) arguments+=("$1") ;;
	esac
	shift
done

tap=tap0 address=192.168.69.1/24
[ ${#arguments[@]} -le "$((${#down} ? 1 : 2))" ] || fail 2 "too many arguments; see --help"
if [ ${#arguments[@]} = 2 ] || [[ ${arguments[0]:-} != */* ]]; then
	tap=${arguments[0]-$tap}
	arguments=("${arguments[@]:1}")
fi
address=${arguments[0]-$address}
[[ ${#tap} -le 15 && $tap =~ ^[A-Za-z0-9_.@-]+$ && ! $tap =~ ^[0-9.]+$ ]] ||
	fail 2 "TAP $tap: want at most 15 characters: letters, digits and _ . @ -"
octet='(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])'
[[ $address =~ ^$octet(\.$octet){3}/([1-9]|[12][0-9]|3[0-2])$ ]] ||
	fail 2 "$address: want an IPv4 address and prefix, such as 192.168.69.1/24"
id -u "$user" >/dev/null 2>&1 || fail 2 "there is no user $user: give another with -u"
uid=$(id -u "$user")

[ "$(id -u)" = 0 ] || fail 3 "making TAP devices needs root: run it with sudo"
for tool in ip setpriv; do
	command -v "$tool" >/dev/null || fail 3 "there is no $tool: apt-get install iproute2 util-linux"
done

# What the kernel says of the device: "" for none.
details() { ip -d link show dev "$tap" 2>/dev/null | tr -s ' \n' ' ' || true; }

found=$(details)
if [ -n "$found" ] && [[ $found != *" tun type tap "* ]]; then
	fail 1 "$tap is there and is no TAP device: give another name"
fi
if [ "$down" ]; then
	[ -n "$found" ] || fail 1 "there is no $tap"
	error=$(ip link delete dev "$tap" 2>&1) || fail 1 "cannot remove $tap: $error"
	exit 0
fi

[ -c /dev/net/tun ] || modprobe -q tun || true
[ -c /dev/net/tun ] || fail 3 "there is no /dev/net/tun: load the driver with modprobe tun, and in a \
container pass the device in (--device /dev/net/tun)"

made=''
if [ -n "$found" ]; then
	again="remove it first: setup_tap.sh --down $tap"
	[[ $found == *" user $(id -un "$uid") "* ]] ||
		fail 1 "$tap is there and is not $user's: $again"
	have=''
	[[ $found != *" multi_queue "* ]] || have=multi_queue
	[ "$have" = "$multi_queue" ] || fail 1 "$tap was made $(
		[ "$have" ] && echo with || echo without
	) --multi-queue: $again"
else
	# shellcheck disable=SC2086 # an empty word is none
	error=$(ip tuntap add dev "$tap" mode tap user "$uid" $multi_queue 2>&1) ||
		fail 1 "cannot make $tap: $error"
	made=1
fi

undo() {
	[ -z "$made" ] || ip link delete dev "$tap" 2>/dev/null || true
	fail 1 "$1"
}

if [[ " $(ip -o -4 address show dev "$tap") " != *" $address "* ]]; then
	error=$(ip address add "$address" dev "$tap" 2>&1) || undo "cannot give $tap $address: $error"
fi
error=$(ip link set "$tap" up 2>&1) || undo "cannot set $tap up: $error"

may_open() {
	setpriv --reuid="$uid" --regid="$(id -g "$user")" --init-groups \
		sh -c 'test -r /dev/net/tun && test -w /dev/net/tun'
}
if ! may_open; then
	chmod 0666 /dev/net/tun || undo "$user may not open /dev/net/tun"
	echo "setup_tap: everybody may open /dev/net/tun now, as udev has it" >&2
	may_open || undo "$user may not open /dev/net/tun: see the permissions of /dev and /dev/net"
fi
