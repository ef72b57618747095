# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A guest at work: QEMU without KVM, a shell in it, its NIC's cable, the node that runs there."""

import json
import os
import re
import shlex
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from wire import Wire
from wire_tap import TapWire

CPUS = 2
BOOT_LIMIT = 120
COMMAND_LIMIT = 30
ADDRESS = "192.168.69.2/24"
MAC = "02:00:00:00:00:01"  # the node's, as the traffic generator has it


class GuestDied(Exception):
    """It does not answer any more; the message has the end of its kernel's log."""


class Ended(NamedTuple):
    """How a node ended."""

    code: int
    err: list  # lines of stderr
    summary: dict


class Channel:
    """A Unix socket that QEMU listens at."""

    def __init__(self, path: Path, alive):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        end = time.monotonic() + 20
        while True:
            try:
                self._socket.connect(str(path))
                break
            except OSError:
                if not alive() or time.monotonic() > end:
                    raise
                time.sleep(0.02)
        self._buffer = b""

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def write(self, text: str) -> None:
        """Send it all."""
        self._socket.sendall(text.encode())

    def read_until(self, pattern: bytes, limit: float) -> re.Match:
        """Take what comes up to the pattern, which is in the match, as is what was before it."""
        end = time.monotonic() + limit
        while not (found := re.search(pattern, self._buffer, re.S)):
            self._socket.settimeout(max(0.01, end - time.monotonic()))
            data = self._socket.recv(65536)
            if not data:
                raise ConnectionResetError("closed")
            self._buffer += data
        self._buffer = self._buffer[found.end():]
        return found


class Guest:
    """`with Guest(...)`: booted, its NIC up with an address, until the end of the block."""

    def __init__(self, qemu: Path, kernel: Path, initrd: Path, hardware: tuple, queues: int = 1):
        self._dir = tempfile.TemporaryDirectory(prefix="mevnode-vm-")
        self._path = Path(self._dir.name)
        self._serial = 0
        self.wire = TapWire("n0", queues) if queues > 1 else Wire(self._path, "n0")
        libs = [qemu / "usr/lib/x86_64-linux-gnu", qemu / "lib/x86_64-linux-gnu"]
        share = qemu / "usr/share"
        self._console = open(self._path / "console", "w+b")
        self._process = subprocess.Popen(
            [*self.wire.prefix, qemu / "usr/bin/qemu-system-x86_64", "-L", share / "qemu", "-L", share / "seabios",
             "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", str(CPUS), "-m", "512",
             "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
             "-chardev", f"socket,id=ctl,path={self._path}/ctl,server=on,wait=off",
             "-qmp", f"unix:{self._path}/qmp,server=on,wait=off",
             "-serial", "stdio", "-serial", "chardev:ctl", "-netdev", self.wire.netdev, *hardware,
             "-kernel", kernel, "-initrd", initrd,
             "-append", "console=ttyS0 quiet panic=-1 mitigations=off"],
            stdin=subprocess.DEVNULL, stdout=self._console, stderr=subprocess.STDOUT,
            env={**os.environ, "LD_LIBRARY_PATH": ":".join(map(str, libs))})
        self._shell = None

    # --- life --------------------------------------------------------------------------------

    def __enter__(self):
        try:
            self._shell = Channel(self._path / "ctl", lambda: self._process.poll() is None)
            self._answer(rb"booted\r?\n", BOOT_LIMIT)
            self.sh(f"/t/ip link set eth0 up && /t/ip address add {ADDRESS} dev eth0")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self._shell:
            self._shell.close()
        self._process.kill()
        self._process.wait()
        self.wire.close()
        self._console.close()
        self._dir.cleanup()

    def kill(self) -> None:
        """For another thread: whoever works with this guest gets a GuestDied."""
        self._process.kill()

    def console(self) -> str:
        """What the kernel has said so far."""
        return (self._path / "console").read_text(errors="replace")

    def _answer(self, pattern: bytes, limit: float) -> re.Match:
        try:
            return self._shell.read_until(pattern, limit)
        except OSError as error:
            raise GuestDied(f"no answer ({error!r}); console: {self.console()[-2000:]}") from error

    # --- its shell -----------------------------------------------------------------------------

    def sh(self, command: str, check: bool = True, limit: float = COMMAND_LIMIT) -> str:
        """Output of a command line in the guest, stderr with it."""
        code, output = self.status(command, limit)
        if check and code:
            raise AssertionError(f"`{command}` ended with {code}: {output.strip()}")
        return output

    def status(self, command: str, limit: float = COMMAND_LIMIT) -> tuple:
        """Exit code and output."""
        self._serial += 1
        mark = f"=end={self._serial}="
        self._shell.write(f"{{ {command}\n}} </dev/null; echo {mark}$?\n")
        found = self._answer(rb"(.*?)" + mark.encode() + rb"(\d+)\r?\n", limit)
        return int(found.group(2)), found.group(1).decode(errors="replace")

    def write_file(self, path: str, text: str) -> None:
        """A small file."""
        self.sh(f"cat >{path} <<'=eof='\n{text}=eof=")

    # --- its hardware --------------------------------------------------------------------------

    def set_link(self, up: bool) -> None:
        """Plug or pull the cable."""
        channel = Channel(self._path / "qmp", lambda: True)
        try:
            for command in ({"execute": "qmp_capabilities"},
                            {"execute": "set_link", "arguments": {"name": "n0", "up": up}}):
                channel.write(json.dumps(command))
                channel.read_until(rb'"return": \{\}', 10)
        finally:
            channel.close()

    def await_carrier(self) -> None:
        """Drivers that rebuild their rings let the link go for a moment."""
        self.sh("n=0; until [ \"$(cat /sys/class/net/eth0/carrier 2>/dev/null)\" = 1 ]; do "
                "n=$((n + 1)); [ $n -lt 600 ] || exit 1; sleep 0.05; done")

    # --- the node ------------------------------------------------------------------------------

    def node(self, *options, config: str = "") -> "GuestNode":
        """`mevnode run -i eth0 OPTIONS`, started."""
        return GuestNode(self, options, config)

    def counters(self, folder: str = "/sys/fs/bpf/mevnode/eth0") -> dict:
        """Packets by verdict, over all CPUs."""
        dump = json.loads(self.sh(f"bpftool -j map dump pinned {folder}/mev_verdicts"))
        total = {}
        for cpu in dump[0]["formatted"]["values"]:
            for name, counter in cpu["value"].items():
                total[name] = total.get(name, 0) + counter["packets"]
        return total


class GuestNode:
    """A node in a guest. `with` waits until it is ready, and until frames reach it again."""

    def __init__(self, guest: Guest, options: tuple, config: str = ""):
        self._guest = guest
        if config:
            guest.write_file("/run/node.ini", config)
            options = (*options, "-c", "/run/node.ini")
        words = " ".join(map(shlex.quote, map(str, options)))
        self._command = f"mevnode run -i eth0 --json {words}"
        self.ready = ""
        self._over = False

    def start(self) -> "GuestNode":
        """Returns when it is ready or has ended: see .ready."""
        self._guest.sh("cd /run; rm -f out err; mkfifo fifo 2>/dev/null; "
                       f"{self._command} >fifo 2>err & echo $! >pid\n"
                       "exec 9<fifo; read -r line <&9; echo \"$line\" >out; "
                       "cat <&9 >>out & echo $! >catpid; exec 9<&-")
        self.ready = self._guest.sh("cat out").strip()
        return self

    def __enter__(self):
        self.start()
        if not self.ready.startswith("ready "):
            raise AssertionError(f"`{self._command}` did not get ready: {self.ended()}")
        self._guest.await_carrier()
        return self

    def __exit__(self, *_):
        if not self._over:
            self.kill("KILL")

    @property
    def queues(self) -> list:
        """Those that the ready line names."""
        return [int(q) for q in re.search(r"queues=(\S+)", self.ready).group(1).split(",")]

    def kill(self, signal: str) -> Ended:
        """Send it a signal, and wait for the end that it makes of it."""
        self._guest.sh(f"kill -{signal} $(cat pid)", check=False)
        return self.ended()

    def stop(self) -> Ended:
        """As a person would."""
        return self.kill("INT")

    def ended(self) -> Ended:
        """Its end, by itself or by a signal."""
        output = self._guest.sh("wait $(cat pid); code=$?; wait $(cat catpid); rm -f fifo; "
                                "cat err; echo =code=$code=; cat out")
        self._over = True
        err, code, out = re.fullmatch(r"(.*)=code=(\d+)=\r?\n(.*)", output, re.S).groups()
        last = out.splitlines()[-1] if out.strip() else ""
        return Ended(int(code), err.splitlines(),
                     json.loads(last) if last.startswith("{") else {})
