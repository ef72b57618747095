#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Fails if a library that mevnode links has a known vulnerability for which Debian has a fix that is
# not installed. Asks Debian's security tracker through debsecan, so it needs the network.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v debsecan >/dev/null || apt-get install -y -qq --no-install-recommends debsecan >/dev/null
# shellcheck disable=SC1091 # the system's own
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
packages=$(ldd build/mevnode | awk '/=> \//{print $3}' | xargs -r readlink -f |
	xargs -r dpkg -S 2>/dev/null | cut -d: -f1 | sort -u)
found=$(debsecan --suite "$suite" --only-fixed --format simple |
	grep -wF -f <(printf '%s\n' "$packages") || true)
if [ -n "$found" ]; then
	echo "audit: fixed vulnerabilities in linked packages; apt-get upgrade:" >&2
	printf '%s\n' "$found" >&2
	exit 1
fi
echo "audit: $(wc -w <<<"$packages") linked packages, none with a fixed vulnerability"
