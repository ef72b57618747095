#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Installs the Debian packages that building, testing and the demo need, and nothing else.
# Does nothing, quickly, where all are there already. `setup.sh --list` prints them, and
# `setup.sh --list build` those that building alone needs. `setup.sh --demo` installs no more than
# the demo needs; `setup.sh --bench` adds what `make bench` compares with and draws with: DPDK,
# gnuplot.
set -euo pipefail

build=(gcc libc6-dev make pkg-config clang bpftool libbpf-dev libxdp-dev libinih-dev libjansson-dev
	liblwip-dev libcap-ng-dev libseccomp-dev libmicrohttpd-dev)
replay=(python3 iproute2 ethtool tcpreplay tcpdump util-linux procps)
tests=(libcriterion-dev libclang-rt-14-dev llvm python3-pytest libcap2-bin xdp-tools iputils-ping
	netcat-openbsd socat strace kmod prometheus curl systemd)
containers=(podman runc netavark debootstrap docker-compose)
deb=(build-essential debhelper dpkg-dev fakeroot lintian git)
check=(clang-format clang-tidy cppcheck shellcheck mandoc valgrind gcovr)
bench=(g++ libbenchmark-dev libck-dev libprotobuf-c-dev protobuf-c-compiler libmsgpack-dev
	libsimdjson-dev linux-perf)
compare=(dpdk-dev librte-net-af-xdp23 librte-net-af-packet23 librte-mempool-ring23 gnuplot-nox)
packages=("${build[@]}" "${replay[@]}" "${tests[@]}" "${containers[@]}" "${check[@]}" "${deb[@]}"
	"${bench[@]}")
if [ "${1:-}" = --demo ]; then
	packages=("${build[@]}" "${replay[@]}")
	shift
fi
if [ "${1:-}" = --bench ]; then
	packages+=("${compare[@]}")
	shift
fi

if [ "${1:-}" = --list ]; then
	[ "${2:-}" != build ] || packages=("${build[@]}")
	printf '%s\n' "${packages[@]}"
	exit 0
fi

missing=()
for package in "${packages[@]}"; do
	# shellcheck disable=SC2016 # dpkg-query's own ${}
	status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || true
	[ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

echo "setup: installing ${missing[*]}" >&2
sudo=()
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null || {
		echo "setup: run as root: apt-get install ${missing[*]}" >&2
		exit 3
	}
	sudo=(sudo)
fi
export DEBIAN_FRONTEND=noninteractive
"${sudo[@]}" apt-get update -qq
"${sudo[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null

# It is there for promtool; a server that its package starts is not wanted.
case " ${missing[*]} " in
*" prometheus "*)
	[ ! -d /run/systemd/system ] || "${sudo[@]}" systemctl disable -q --now prometheus
	;;
esac
