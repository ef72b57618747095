# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""QEMU, busybox and kernels as Debian packages, unpacked under a cache folder. Nothing is installed.

apt works on lists of its own there, by the mirror and with the keys that this host's apt has, so
what comes is signed. A kernel stays the one that was fetched first; remove its folder for a newer.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

CACHE = Path(os.environ.get("MEVNODE_VM_CACHE") or
             Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "mevnode-vm")
KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
# Debian 12's own, its backports for a newer QEMU and kernel, Debian 13's for the newest kernel.
SUITES = ("bookworm", "bookworm-backports", "trixie-backports")
SECURITY = "bookworm-security"
QEMU = ("qemu-system-x86", "qemu-system-data", "seabios", "busybox-static")
TIME_LIMIT = 300  # seconds that apt may take for one thing


class Unavailable(Exception):
    """The packages cannot be had; the message says why."""


class Kernel(NamedTuple):
    """An unpacked kernel."""

    root: Path
    image: Path

    @property
    def version(self) -> str:
        """As in 6.12."""
        release = next(self.root.glob("**/modules.dep")).parent.name
        return re.match(r"\d+\.\d+", release).group()

    def modules(self, names) -> list:
        """Files of these modules, as far as this kernel has them, each behind what it needs."""
        deps = {}
        for line in next(self.root.glob("**/modules.dep")).read_text().splitlines():
            path, needed = line.split(":")
            deps[Path(path).name.split(".")[0].replace("-", "_")] = (path, needed.split())
        base, wanted = next(self.root.glob("**/modules.dep")).parent, []
        for name in names:
            if name in deps:
                path, needed = deps[name]
                wanted += [*reversed(needed), path]
        return [base / path for path in dict.fromkeys(wanted)]


def _run(*command, **options) -> str:
    """Output of a command that may fail for reasons that are nobody's fault here."""
    try:
        done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=TIME_LIMIT,
                              stdin=subprocess.DEVNULL, check=False, **options)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{command[0]}: {error}") from error
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("E:")]
        raise Unavailable(f"`{' '.join(map(str, command))}`: "
                          f"{(lines or done.stderr.splitlines() or ['failed'])[0]}")
    return done.stdout


def _mirrors() -> tuple:
    """URIs of Debian and its security archive, as this host's apt has them."""
    sites = _run("apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages").split()
    main = next((s.rstrip("/") for s in sites if re.search(r"/debian/*$", s)), None)
    security = next((s.rstrip("/") for s in sites if re.search(r"/debian-security/*$", s)), None)
    if not main:
        raise Unavailable("this host's apt knows no Debian mirror")
    return main, security or f"{main}-security"


class Apt:
    """apt on lists and archives below the cache; they are fetched when first needed."""

    def __init__(self, say):
        self._say = say
        self._dir = CACHE / "apt"
        self._fresh = False

    def _environment(self) -> dict:
        return {**os.environ, "APT_CONFIG": str(self._dir / "apt.conf")}

    def _prepare(self) -> None:
        if self._fresh:
            return
        if not shutil.which("apt-get") or not os.path.exists(KEYS):
            raise Unavailable("this host is no Debian: apt-get and debian-archive-keyring needed")
        main, security = _mirrors()
        for folder in ("lists/partial", "archives/partial"):
            (self._dir / folder).mkdir(parents=True, exist_ok=True)
        lines = [f"deb [signed-by={KEYS}] {main} {suite} main" for suite in SUITES]
        lines.append(f"deb [signed-by={KEYS}] {security} {SECURITY} main")
        (self._dir / "sources.list").write_text("\n".join(lines) + "\n")
        (self._dir / "apt.conf").write_text(
            f'Dir::Etc::SourceList "{self._dir}/sources.list"; Dir::Etc::SourceParts "/dev/null";\n'
            f'Dir::State::Lists "{self._dir}/lists"; Dir::Cache "{self._dir}";\n'
            f'Dir::Cache::Archives "{self._dir}/archives"; APT::Sandbox::User "root";\n'
            'Debug::NoLocking "1"; Acquire::Languages "none";\n')
        self._say("reading package lists")
        _run("apt-get", "-qq", "-o", "APT::Update::Error-Mode=any", "update",
             env=self._environment())
        self._fresh = True

    def _call(self, *command, **options) -> str:
        self._prepare()
        return _run(*command, env=self._environment(), **options)

    def unpack_with_dependencies(self, packages: tuple, suite: str, root: Path) -> None:
        """Those packages and what of their dependencies this host has not got."""
        self._call("apt-get", "-qq", "-y", "--download-only", "--reinstall",
                   "--no-install-recommends", "-t", suite, "install", *packages)
        for package in (self._dir / "archives").glob("*.deb"):
            _run("dpkg", "-x", package, root)
            package.unlink()

    def unpack(self, packages: list, root: Path) -> None:
        """Those packages alone."""
        folder = root / "dl"
        folder.mkdir(parents=True, exist_ok=True)
        self._call("apt-get", "-qq", "download", *packages, cwd=folder)
        for package in folder.glob("*.deb"):
            _run("dpkg", "-x", package, root)
        shutil.rmtree(folder)

    def kernel_packages(self, flavour: str, suite: str) -> list:
        """What linux-image-FLAVOUR stands for: one package for 6.x, three for 7.x."""
        shown = self._call("apt-cache", "show", f"linux-image-{flavour}/{suite}")
        found = re.search(r"^Depends:.*?\b(linux-image-[0-9][^ ,]*)", shown, re.M)
        if not found:
            raise Unavailable(f"no kernel {flavour} in {suite}")
        depends = self._call("apt-cache", "depends", found.group(1))
        parts = re.findall(r"^ *Depends: (linux-(?:binary|modules)-[0-9]\S*)", depends, re.M)
        return [found.group(1), *parts]


def _once(root: Path, make) -> Path:
    """make(a new folder), which becomes `root`; nothing if that is there already."""
    if not root.exists():
        temporary = root.with_name(f"{root.name}.tmp{os.getpid()}")
        try:
            temporary.mkdir(parents=True)
            make(temporary)
            temporary.rename(root)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return root


def qemu(apt: Apt, say) -> Path:
    """The folder that QEMU and busybox are unpacked in."""
    def make(root):
        say("fetching QEMU (30 MB)")
        apt.unpack_with_dependencies(QEMU, "bookworm-backports", root)

    return _once(CACHE / "qemu", make)


def kernel(apt: Apt, flavour: str, suite: str, say) -> Kernel:
    """A kernel with its modules and their dependencies."""
    def make(root):
        say(f"fetching the kernel {flavour} of {suite}")
        apt.unpack(apt.kernel_packages(flavour, suite), root)
        modules = next(root.glob("**/lib/modules/*"))
        base = modules.parents[2]
        _run("/usr/sbin/depmod", "-b", base, modules.name)

    root = _once(CACHE / f"{suite}-{flavour}", make)
    return Kernel(root, next(p for p in root.glob("**/vmlinuz*") if p.is_file()))
