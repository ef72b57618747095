# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""scripts/setup_tap.sh: once by an administrator, and the node runs without root."""

import base64
import os
import shutil
import tempfile
from contextlib import contextmanager

import pytest

from lab import MEVNODE, NODE_IP, SCRIPTS
from swapstream import swap

pytestmark = pytest.mark.root

NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")


@contextmanager
def readable_binary():
    """A copy of the node where nobody may read it."""
    with tempfile.TemporaryDirectory(prefix="mev-test-") as folder:
        os.chmod(folder, 0o755)
        yield shutil.copy(MEVNODE, folder)


@pytest.fixture
def own_tun(tmp_path):
    """A command prefix under which /dev/net/tun is a node of our own that only root may open."""
    script = ('mount -t tmpfs -o mode=755 none "$0" && mknod -m 0600 "$0/tun" c 10 200 && '
              'mount --bind "$0/tun" /dev/net/tun && exec "$@"')
    return ("unshare", "--mount", "sh", "-c", script, str(tmp_path))


@pytest.fixture
def setup_tap(world, own_tun):
    """scripts/setup_tap.sh on the node's side."""
    def call(*arguments, check=True):
        return world.run("node", *own_tun, SCRIPTS / "setup_tap.sh", *arguments, check=check)

    return call


def test_without_root(world, own_tun, setup_tap):
    """setup_tap.sh once, then the node runs as nobody: it answers, and the device stays."""
    world.run("node", "ip", "address", "flush", "dev", "veth1")
    with readable_binary() as binary:
        script = (f'set -e; "$1" -u nobody; "$1" -u nobody; shift; trap "kill %1" EXIT;'
                  f'{" ".join(NOBODY)} "$@" run --backend tap --json & '
                  f'i=0; until ping -c 1 -W 1 {NODE_IP} >/dev/null; do '
                  f'[ $((i += 1)) -lt 20 ]; done;'
                  f'printf %s "$SWAP" | base64 -d | timeout 5 nc -u -W 1 {NODE_IP} 8080 | wc -c;'
                  f'kill -INT %1; trap - EXIT; wait %1; ip -o link show tap0')
        environment = {**os.environ, "SWAP": base64.b64encode(swap(1)).decode()}
        done = world.run("node", *own_tun, "bash", "-c", script, "-", SCRIPTS / "setup_tap.sh",
                         binary, env=environment)
    assert "ready backend=tap mode=tap iface=tap0 " in done.stdout
    assert '"replied":1,' in done.stdout and "\n32\n" in done.stdout
    assert "tap0: " in done.stdout.splitlines()[-1]
    assert done.stderr.splitlines() == [
        "setup_tap: everybody may open /dev/net/tun now, as udev has it"]
    setup_tap("--down")
    assert world.run("node", "ip", "link", "show", "tap0", check=False).returncode == 1


def test_nobody_without_setup(world, own_tun):
    """Exit code 3, and one line that names the remedy."""
    with readable_binary() as binary:
        done = world.run("node", *own_tun, *NOBODY, binary, "run", "-b", "tap", check=False)
    assert (done.returncode, done.stdout) == (3, "")
    assert len(done.stderr.splitlines()) == 1 and "setup_tap.sh" in done.stderr


def test_setup_tap_devices(world, setup_tap):
    """Owner, address, queues as asked for; what is there already is told from what is not."""
    setup_tap("-u", "nobody", "-m", "tap5", "10.9.8.7/30")
    shown = world.run("node", "ip", "-d", "address", "show", "tap5").stdout
    assert "user nobody" in shown and "multi_queue" in shown and "10.9.8.7/30" in shown
    assert "UP" in shown
    for arguments, what in ((("-u", "nobody", "tap5"), "multi-queue"),
                            (("-u", "daemon", "-m", "tap5"), "daemon"),
                            (("-u", "nobody", "veth1"), "veth1"), (("--down", "veth1"), "veth1"),
                            (("--down", "tap6"), "tap6")):
        done = setup_tap(*arguments, check=False)
        assert done.returncode == 1, arguments
        assert len(done.stderr.splitlines()) == 1 and what in done.stderr
    setup_tap("--down", "tap5")
    assert "tap5" not in world.run("node", "ip", "-br", "link").stdout


@pytest.mark.parametrize("arguments", (
    ("-u", "no-such-user"), ("-u",), ("-Z",), ("tap0", "192.168.69.1"), ("tap0", "300.1.1.1/24"),
    ("tap0", "10.0.0.1/0"), ("tap 0",), ("x" * 16,), ("",), ("tap0", "10.0.0.1/24", "more"),
    ("--down", "tap0", "10.0.0.1/24"),
), ids=" ".join)
def test_setup_tap_usage(world, setup_tap, arguments):
    """Exit code 2, one line, nothing made."""
    done = setup_tap(*arguments, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith("setup_tap: ")
    assert "tap" not in world.run("node", "ip", "-br", "link").stdout
