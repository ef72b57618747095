# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a guest boots into: busybox, the modules of its NICs, our binary and the tools around it."""

import gzip
import lzma
import re
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
# What libxdp's dispatcher is made from, at a path that is compiled into xdp-loader.
LIBXDP_OBJECTS = Path("/usr/lib/x86_64-linux-gnu/bpf")
MODULES = ("virtio_pci", "virtio_net", "igb", "e1000e")
FOLDERS = ("bin", "sbin", "proc", "sys", "dev", "tmp", "run", "mod", "t")


def _libraries(binary: Path) -> list:
    """Shared objects that a binary loads."""
    done = subprocess.run(["ldd", binary], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True, check=False)
    return [Path(path) for path in re.findall(r"(?:=> |^\t)(/\S+)", done.stdout, re.M)]


def _add_module(path: Path, to: Path) -> None:
    data = path.read_bytes()
    to.write_bytes(lzma.decompress(data) if path.suffix == ".xz" else data)


def _add_binary(path: Path, root: Path) -> None:
    for library in _libraries(path):
        target = root / library.relative_to("/")
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, target)
    shutil.copy(path, root / "t" / path.name)


def build(root: Path, busybox: Path, modules: list, files: list) -> Path:
    """The initramfs, made in the empty folder `root`, which may go afterwards. Beside it."""
    for folder in FOLDERS:
        (root / folder).mkdir(parents=True)
    shutil.copy(busybox, root / "bin" / "busybox")
    (root / "bin" / "sh").symlink_to("busybox")
    for i, module in enumerate(modules):  # loaded in this order
        _add_module(module, root / "mod" / f"{i:02}-{module.name.split('.')[0]}.ko")
    for file in files:
        _add_binary(Path(file), root)
    if LIBXDP_OBJECTS.is_dir():
        shutil.copytree(LIBXDP_OBJECTS, root / LIBXDP_OBJECTS.relative_to("/"))
    shutil.copy(HERE / "init", root / "init")
    (root / "init").chmod(0o755)
    names = "\n".join(str(p.relative_to(root)) for p in sorted(root.rglob("*")))
    archive = subprocess.run([busybox, "cpio", "-o", "-H", "newc"], input=names.encode(),
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=root,
                             check=True).stdout
    image = root.with_suffix(".img")
    image.write_bytes(gzip.compress(archive, 1))
    return image
