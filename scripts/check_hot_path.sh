#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Holds what the hot path's objects call against a list: no allocation, no lock, no log, and no
# syscall but the TX wakeup and what the poll modes do when there is nothing to do.
# Usage: check_hot_path.sh OBJECT.o...
set -euo pipefail

declare -A allowed=(
	[hot_path.o]="pool_table_find"
	[xsk_worker.o]="hot_path_candidate latency_clock_anchor clock_gettime memset memcpy
		sendto recvfrom poll write __errno_location stack_input frame_queue_awake"
)
rc=0
for object in "$@"; do
	name=$(basename "$object")
	while read -r symbol; do
		# shellcheck disable=SC2076 # a literal match is meant
		[[ " ${allowed[$name]//[$'\n\t']/ } " =~ " $symbol " ]] && continue
		echo "check_hot_path: $object calls $symbol, which is not on the list" >&2
		rc=1
	done < <(nm -u "$object" | awk '{print $2}' | grep -v '^__asan\|^__ubsan\|^_GLOBAL_OFFSET')
done
exit $rc
