#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Run the built node on real drivers and other kernels, in QEMU guests. See --help."""

import argparse
import os
import platform
import signal
import sys
import tempfile
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

# pylint: disable=wrong-import-position
import image  # noqa: E402
import packages  # noqa: E402
from bench import Bench  # noqa: E402
from captures import Captures  # noqa: E402
from catalogue import CHECKS  # noqa: E402
from guest import Guest, GuestDied  # noqa: E402
from machines import MACHINES  # noqa: E402
from matrix import ABSENT, FAILED, PASSED, SKIPPED, Cell, Matrix  # noqa: E402

BUILD = Path(os.environ.get("B", ROOT / "build")).resolve()
FILES = (BUILD / "mevnode", BUILD / "bpf" / "mev_filter.bpf.o",
         BUILD / "bpf" / "mev_filter_chain.bpf.o", BUILD / "bpf" / "bystander.bpf.o",
         "/usr/sbin/bpftool", "/usr/sbin/xdp-loader", "/sbin/ethtool", "/bin/ip")
JOBS = 2  # guests at a time: each has two CPUs of its own, emulated

DESCRIPTION = """\
Boot guests with other kernels and real drivers under QEMU, without KVM, run the built node there,
and print a matrix of what held. Nothing is installed: QEMU and kernels come as Debian packages, once,
into MEVNODE_VM_CACHE (default: ~/.cache/mevnode-vm).
"""


def options(argv) -> argparse.Namespace:
    """The command line."""
    p = argparse.ArgumentParser(description=DESCRIPTION, allow_abbrev=False)
    p.add_argument("--guest", action="append", metavar="TEXT", default=[],
                   help="only guests whose name contains TEXT; repeatable")
    p.add_argument("--check", action="append", metavar="TEXT", default=[],
                   help="only checks whose name contains TEXT; repeatable")
    p.add_argument("--traceback", action="store_true", help="show where a check failed")
    return p.parse_args(argv)


def chosen(names, wanted: list) -> list:
    """Those that contain one of the wanted texts; all if none is."""
    return [name for name in names if not wanted or any(text in name for text in wanted)]


def say(text: str) -> None:
    """Progress."""
    print(f"vm: {text}", flush=True)


def skip(why: str) -> int:
    """The whole matrix; visibly, and not a failure."""
    print(f"skipped: no guests: {why}\n0 passed, 0 failed, 1 skipped")
    return 0


class Run:
    """One run: packages, guests, checks, matrix."""

    def __init__(self, args, folder: Path):
        self._args, self._folder = args, folder
        self._captures, self._lock = Captures(folder), threading.Lock()
        self._apt = packages.Apt(say)
        self._checks = chosen(CHECKS, args.check)
        self._running = set()

    def _fetched(self) -> dict:
        """Guest's name -> machine and kernel."""
        self._qemu = packages.qemu(self._apt, say)
        found = {}
        for machine in MACHINES:
            kernel = packages.kernel(self._apt, machine.flavour, machine.suite, say)
            name = f"{kernel.version} {machine.driver} {machine.label}".strip()
            found[name] = (machine, kernel)
        return found

    def _one(self, bench: Bench, check: str) -> Cell:
        why_not = CHECKS[check].why_not(bench.machine)
        if bench.machine.only and check not in bench.machine.only:
            why_not = "seen in the guest with one queue"
        if why_not:
            return Cell(ABSENT, why_not)
        try:
            return Cell(PASSED, CHECKS[check].run(bench) or "")
        except AssertionError as error:
            if self._args.traceback:
                traceback.print_exc()
            return Cell(FAILED, str(error))

    def _guest(self, name: str, machine, kernel) -> None:
        root = self._folder / machine.key
        root.mkdir()
        busybox = next(self._qemu.glob("**/bin/busybox"))
        initrd = image.build(root, busybox, kernel.modules(image.MODULES), FILES)
        if machine.queues > 1 and os.geteuid() != 0:
            for check in self._checks:
                self._matrix.put(name, check, Cell(SKIPPED, "TAP devices need root"))
            return
        left, start = list(self._checks), time.monotonic()
        try:
            with Guest(self._qemu, kernel.image, initrd, machine.hardware,
                       machine.queues) as guest:
                self._running.add(guest)
                for command in machine.prepare:
                    guest.sh(command)
                guest.await_carrier()
                say(f"{name} is up after {time.monotonic() - start:.1f} s")
                bench = Bench(machine, guest, self._captures)
                while left:
                    begun = time.monotonic()
                    cell = self._one(bench, left[0])
                    self._matrix.put(name, left.pop(0), cell, time.monotonic() - begun)
        except (GuestDied, OSError, AssertionError) as error:
            for check in left:
                self._matrix.put(name, check, Cell(FAILED, f"guest lost: {error}"))

    def run(self) -> int:
        """Returns the exit code."""
        try:
            guests = self._fetched()
        except packages.Unavailable as error:
            return skip(f"packages cannot be had: {error}")
        names = chosen(guests, self._args.guest)
        self._matrix = Matrix(names, self._checks)
        longest_first = sorted(names, key=lambda name: guests[name][0].mode != "zerocopy")
        with ThreadPoolExecutor(JOBS) as pool:
            futures = [pool.submit(self._guest, name, *guests[name]) for name in longest_first]
            try:
                for future in futures:
                    future.result()
            except KeyboardInterrupt:
                pool.shutdown(wait=False, cancel_futures=True)
                for guest in list(self._running):
                    guest.kill()  # its thread notices and cleans up
                raise
        self._matrix.show()
        unprivileged = self._matrix.count(SKIPPED) and os.environ.get("REQUIRE_PRIV") == "1"
        return 1 if self._matrix.count(FAILED) or unprivileged else 0


def main(argv=None) -> int:
    """Returns the exit code."""
    args = options(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    missing = [str(file) for file in FILES if not Path(file).exists()]
    if missing:
        print(f"vm: {', '.join(missing)}: not there; `make` and scripts/setup.sh",
              file=sys.stderr)
        return 3
    if platform.machine() != "x86_64":
        return skip(f"the guests are x86-64, this host is {platform.machine()}")
    with tempfile.TemporaryDirectory(prefix="mevnode-vm-") as folder:
        try:
            return Run(args, Path(folder)).run()
        except KeyboardInterrupt:
            print("vm: interrupted", file=sys.stderr)
            return 130


if __name__ == "__main__":
    sys.exit(main())
