#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Runs every test that is built (`make test` builds them) and ends with one line:
#   N passed, N failed, N skipped
# Privileged tests are skipped, visibly, without root; REQUIRE_PRIV=1 turns a skip into a failure.
# Usage: run_tests.sh [SUITE...]   suites: unit bpf fuzz traffic econ bench e2e containers
#   (default: all)
set -uo pipefail
cd "$(dirname "$0")/.." || exit

B=${B:-build}
export MEV_TEST_BPF_DIR=$B/bpf MEVNODE=${MEVNODE:-$B/mevnode}
suites=("$@")
[ ${#suites[@]} -gt 0 ] || suites=(unit bpf fuzz traffic econ bench e2e containers)
logs=$B/test-logs
mkdir -p "$logs"
counts=$(mktemp) beside=''
trap 'rm -f "$counts"; [ -z "$beside" ] || pkill -INT -P "$beside"' EXIT
trap 'exit 130' INT TERM

# Counts from Criterion's last line and from the tests it reports as skipped.
run_criterion() {
	local name=$1 log=$logs/$1.log line
	shift
	"$@" --verbose >"$log" 2>&1
	local rc=$?
	line=$(grep -a 'Synthesis:' "$log" | tail -1 | sed 's/\x1b\[[0-9;]*m//g')
	local ok bad crash skip
	ok=$(sed -n 's/.*Passing: \([0-9]*\).*/\1/p' <<<"$line")
	bad=$(sed -n 's/.*Failing: \([0-9]*\).*/\1/p' <<<"$line")
	crash=$(sed -n 's/.*Crashing: \([0-9]*\).*/\1/p' <<<"$line")
	skip=$(grep -ac '\[SKIP\]' "$log")
	report "$name" "$rc" "${ok:-0}" "$((${bad:-0} + ${crash:-0}))" "${skip:-0}" "$log"
}

run_pytest() {
	local name=$1 log=$logs/$1.log line
	shift
	# In the background a shell's children ignore what ends them in good order.
	env --default-signal=INT /usr/bin/python3 -m pytest -q -rs "$@" >"$log" 2>&1
	local rc=$?
	line=$(grep -aE '^[0-9].*(passed|failed|skipped|error).* in ' "$log" | tail -1)
	local ok bad err skip
	ok=$(grep -oE '[0-9]+ passed' <<<"$line" | cut -d' ' -f1)
	bad=$(grep -oE '[0-9]+ failed' <<<"$line" | cut -d' ' -f1)
	err=$(grep -oE '[0-9]+ error' <<<"$line" | cut -d' ' -f1)
	skip=$(grep -oE '[0-9]+ skipped' <<<"$line" | cut -d' ' -f1)
	[ "$rc" != 5 ] || rc=1 # no tests collected
	report "$name" "$rc" "${ok:-0}" "$((${bad:-0} + ${err:-0}))" "${skip:-0}" "$log"
}

# Every target of tests/fuzz over its kept corpus.
run_fuzz() {
	local log=$logs/fuzz.log line targets=()
	for target in tests/fuzz/fuzz_*.c; do
		targets+=("$(basename "$target" .c | sed 's/^fuzz_//')")
	done
	tests/fuzz/fuzz.py replay "${targets[@]}" >"$log" 2>&1
	local rc=$?
	line=$(grep -aE '^fuzz replay: ' "$log" | grep -oE '[0-9]+' | tr '\n' ' ')
	local ok bad skip
	read -r ok bad skip <<<"$line"
	report fuzz "$rc" "${ok:-0}" "${bad:-0}" "${skip:-0}" "$log"
}

report() {
	local name=$1 rc=$2 ok=$3 bad=$4 skip=$5 log=$6
	[ "$rc" = 0 ] || [ "$bad" -gt 0 ] || bad=1 # it ended badly without naming a test
	echo "$ok $bad $skip" >>"$counts"
	printf '%-10s %5d passed %3d failed %3d skipped  %4d s\n' "$name" "$ok" "$bad" "$skip" \
		"$((SECONDS - started))"
	[ "$skip" = 0 ] || grep -aE '\[SKIP\]|^SKIPPED' "$log" | sort | uniq -c | head -20
	[ "$bad" = 0 ] || {
		echo "--- $log"
		tail -60 "$log"
	}
}

run_suite() {
	local started=$SECONDS
	case $1 in
	unit) run_criterion unit "$B/unit-tests" ;;
	bpf) run_criterion bpf "$B/bpf-tests" -j1 ;;
	fuzz) run_fuzz ;;
	traffic | econ | bench | e2e | containers) run_pytest "$1" "tests/$1" ;;
	esac
}

finish_beside() {
	[ -n "$beside" ] || return 0
	wait "$beside"
	beside=
	cat "$logs/containers.report"
}

for suite in "${suites[@]}"; do
	case $suite in
	unit | bpf | fuzz | traffic | econ | bench | e2e | containers) ;;
	*)
		echo "run_tests.sh: no suite $suite" >&2
		exit 2
		;;
	esac
done

# Images are built, mostly on one CPU, beside suites that mind no company; e2e wants to be alone.
case " ${suites[*]} " in
*" containers "*)
	run_suite containers >"$logs/containers.report" &
	beside=$!
	;;
esac
for suite in "${suites[@]}"; do
	case $suite in
	containers) continue ;;
	e2e) finish_beside ;;
	esac
	run_suite "$suite"
done
finish_beside

read -r passed failed skipped < <(awk '{ p += $1; f += $2; s += $3 } END { print p+0, f+0, s+0 }' "$counts")
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
