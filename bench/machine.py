#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a benchmark ran on and with, as JSON: machine.py NAME=VALUE... adds the configuration."""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _said(*command) -> str:
    """First line of what a command prints; empty where there is no such command."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return (done.stdout or done.stderr).strip().partition("\n")[0]


def _cpuinfo(key: str) -> str:
    return next((line.split(":", 1)[1].strip() for line in _read("/proc/cpuinfo").splitlines()
                 if line.startswith(key) and ":" in line), "")


# On the kernel's command line, what bears on latency; the rest is the machine's own business.
TELLING = ("mitigations", "isolcpus", "nohz_full", "rcu_nocbs", "idle", "processor.max_cstate",
           "intel_idle.max_cstate", "cpuidle_haltpoll.force", "transparent_hugepage")


def _parameters() -> str:
    return " ".join(word for word in _read("/proc/cmdline").split()
                    if word.partition("=")[0] in TELLING)


def _mitigations() -> str:
    """What the kernel does about the CPU's faults, as far as it has any."""
    folder = Path("/sys/devices/system/cpu/vulnerabilities")
    found = {path.name: _read(str(path)) for path in sorted(folder.glob("*"))}
    affected = [f"{name}: {text}" for name, text in found.items() if text != "Not affected"]
    return "; ".join(affected) if affected else "none needed" if found else "unknown"


def _package(name: str) -> str:
    return _said("dpkg-query", "-W", "-f", "${Version}", name) or "not installed"


def describe() -> dict:
    """Name to value, in the order a reader wants them."""
    hypervisor = _said("systemd-detect-virt", "--vm") or \
        ("yes" if " hypervisor" in _cpuinfo("flags") else "none")
    return {
        "CPU": f"{_cpuinfo('model name')}, {os.cpu_count()} CPUs, {_cpuinfo('cache size')} cache",
        "hypervisor": hypervisor,
        "clock source": _read("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
        "governor": _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") or
        "not visible (the hypervisor's)",
        "kernel": f"{platform.release()} {platform.version()}",
        "kernel parameters": _parameters(),
        "mitigations": _mitigations(),
        "BPF JIT": _read("/proc/sys/net/core/bpf_jit_enable"),
        "huge pages": _read("/proc/sys/vm/nr_hugepages"),
        "system": next((line.partition("=")[2].strip('"') for line in
                        _read("/etc/os-release").splitlines()
                        if line.startswith("PRETTY_NAME=")), ""),
        "gcc": _said("gcc", "--version"),
        "clang": _said("clang", "--version"),
        "libxdp": _package("libxdp1"),
        "libbpf": _package("libbpf1"),
        "DPDK": _package("dpdk-dev"),
        "mevnode": f"{_said(os.environ.get('B', 'build') + '/mevnode', '--version')}, commit "
                   f"{_said('git', 'describe', '--always', '--dirty') or 'unknown'}",
        "load before": _read("/proc/loadavg"),
        "date": _said("date", "-u", "+%Y-%m-%d %H:%M UTC"),
    }


def main() -> int:
    """Prints it."""
    configuration = dict(argument.split("=", 1) for argument in sys.argv[1:])
    json.dump({"machine": describe(), "configuration": configuration}, sys.stdout, indent=1)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
