# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the start needs, and that a node which serves has none of it left."""

import os
import pwd
import re
import shutil
import signal
import tempfile
from pathlib import Path

import pytest

from lab import MEVNODE, NODE_IP, ROOT, Node, TapWorld, run, until
from test_lifecycle import SWAP, answers, assert_nothing_left, errors, pinned

pytestmark = pytest.mark.root

NEEDED = ("net_admin", "net_raw", "bpf", "perfmon", "ipc_lock")
NOBODY = pwd.getpwnam("nobody")
CONFIG = ROOT / "docs" / "mevnode.ini"


def status(path) -> dict:
    """A /proc/.../status file."""
    return dict(line.split(":\t", 1) for line in path.read_text(encoding="ascii").splitlines())


def threads(pid) -> list:
    """The status of every thread."""
    return [status(task / "status") for task in Path(f"/proc/{pid}/task").iterdir()]


def child(pid) -> int:
    """The only child process."""
    only, = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return int(only)


def assert_harmless(task, bounds="0" * 16, sandbox="2"):
    """No capability in any set, none to be gained, and a filter for syscalls."""
    caps = {name: task[name] for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")}
    assert set(caps.values()) == {"0" * 16}, task
    assert (task["CapBnd"], task["NoNewPrivs"], task["Seccomp"]) == (bounds, "1", sandbox), task


# --- after the start ----------------------------------------------------------------------------


@pytest.mark.parametrize("options", (
    (), ("--own-ip", "192.168.69.3/24"), ("--poll", "spin"), ("--poll", "busy"),
    ("--mode", "skb"), ("--config", CONFIG)), ids=lambda options: " ".join(map(str, options)))
def test_nothing_kept(world2, options):
    """Every thread, those of two workers and of the stack too, and the broker."""
    with Node(world2, "--json", *options) as node:
        tasks = threads(node.pid)
        assert len(tasks) == (4 if "--own-ip" in options else 3)
        if "--config" in options:
            tasks += threads(child(node.pid))
        for task in tasks:
            assert_harmless(task)
        assert answers(world2)
        ended = node.stop()
    assert ended.code == 0 and errors(ended) == []
    assert_nothing_left(world2)


@pytest.mark.parametrize("user", ((), ("--user", "nobody")), ids=("root", "nobody"))
def test_nothing_kept_on_tap(user):
    """The other back end."""
    with TapWorld() as tap, Node(tap, "--json", *user) as node:
        for task in threads(node.pid):
            assert_harmless(task)
        ended = node.stop()
    assert ended.code == 0 and errors(ended) == []


def test_without_sandbox(world):
    """For debuggers: the filter is left out, and nothing else."""
    with Node(world, "--no-sandbox", "--json") as node:
        for task in threads(node.pid):
            assert_harmless(task, sandbox="0")
        assert answers(world)
        assert node.stop().code == 0


@pytest.mark.parametrize("end", (signal.SIGTERM, signal.SIGKILL))
def test_broker_ends_with_the_node(world, end):
    """However that ends."""
    with Node(world, "--config", CONFIG) as node:
        broker = child(node.pid)
        os.kill(broker, signal.SIGTERM)  # not by a signal that is meant for all
        assert answers(world)
        node.ended(end)
    until(lambda: not Path(f"/proc/{broker}").exists(), "the broker is gone")


@pytest.mark.parametrize("removed", (False, True), ids=("there", "removed"))
def test_link_news_get_lost(world, removed):
    """The node asks after its interface then, which was removed meanwhile, or was not."""
    with Node(world, "--json") as node:
        node.pause()
        world.run("node", "sh", "-ec", "for n in $(seq 400); do echo link set lo mtu 60000; "
                  "echo link set lo mtu 65536; done | ip -batch -")
        if removed:
            world.run("node", "ip", "link", "delete", "veth1")
        node.go_on()
        if removed:
            ended = node.ended()
        else:
            assert answers(world)
            ended = node.stop()
    assert ended.code == int(removed) and len(errors(ended)) == int(removed)
    assert "veth1 was removed" in "".join(errors(ended)) or not removed


# --- as a user ----------------------------------------------------------------------------------


@pytest.mark.parametrize("options", ((), ("--own-ip", "192.168.69.3/24"), ("--config", CONFIG)),
                         ids=lambda options: " ".join(map(str, options)))
def test_user(world2, options):
    """It is that user everywhere, its pins belong to it, and it removes them without privileges."""
    with Node(world2, "--user", "nobody", "--json", *options) as node:
        for task in threads(node.pid):
            assert_harmless(task)
            assert task["Uid"].split() == [str(NOBODY.pw_uid)] * 4
            assert task["Gid"].split() == [str(NOBODY.pw_gid)] * 4
            assert task["Groups"].split() == [str(NOBODY.pw_gid)]
        assert {path.stat().st_uid for path in (world2.pins, *world2.pins.iterdir())} == \
            {NOBODY.pw_uid}
        assert answers(world2)
        ended = node.stop()
    assert ended.code == 0 and errors(ended) == []
    assert ended.summary["verdicts"]["replied"] == 1
    until(lambda: not world2.xdp_attached(), "the program is detached")
    assert pinned(world2.pins) == set()  # the folder itself may stay, in one that is root's


def test_user_takes_over(world):
    """What a killed node of root's has left does not stand in the way, nor the other way round."""
    for options in ((), ("--user", "nobody"), ()):
        with Node(world, *options) as node:
            assert answers(world)
            node.ended(signal.SIGKILL)
        until(lambda: not world.xdp_attached(), "the program is detached")
        assert pinned(world.pins)
    with Node(world, "--user", "nobody") as node:
        assert node.stop().code == 0
    assert pinned(world.pins) == set()


def test_no_such_user(world):
    """Usage."""
    node = Node(world, "--user", "no-such-user")
    ended = node.ended()
    node.close()
    assert (ended.code, ended.out) == (2, [])
    assert len(ended.err) == 1 and "no-such-user" in ended.err[0]


def test_may_not_become_user(world, as_nobody):
    """CAP_SETUID is wanted for it, by name; not to become who one is already."""
    node = Node(world, "--user", "daemon", prefix=as_nobody(NEEDED))
    ended = node.ended()
    node.close()
    assert (ended.code, ended.out) == (3, [])
    assert len(ended.err) == 1 and "CAP_SETUID" in ended.err[0] and "daemon" in ended.err[0]
    with Node(world, "--user", "nobody", prefix=as_nobody(NEEDED)) as node:
        assert node.stop().code == 0


def test_unreadable_later(world, tmp_path):
    """A configuration that only the start may read: said at once, in one line."""
    config = tmp_path / "secret.ini"
    shutil.copy(CONFIG, config)
    config.chmod(0o600)
    with Node(world, "--mode", "copy", "--user", "nobody", "--config", config) as node:
        ended = node.stop()
    assert ended.code == 0
    assert len(ended.err) == 1 and str(config) in ended.err[0] and "SIGHUP" in ended.err[0]


# --- what the start needs -----------------------------------------------------------------------


@pytest.fixture
def as_nobody(world):
    """as_nobody(caps): what goes before the node so that it starts as nobody with these alone.

    In a mount namespace with a bpffs that anybody may write in, and with little memory to lock.
    """
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        binary = shutil.copy(MEVNODE, folder)

        def prefix(caps, by="ambient"):
            sets = ",".join(["-all", *(f"+{cap}" for cap in caps)])
            give = f"--inh-caps={sets} --ambient-caps={sets}"
            if by.startswith("="):
                run("setcap", ",".join(f"cap_{cap}" for cap in caps) + by, binary)
                give = "--inh-caps=-all"
            script = ("mount -t bpf -o mode=1777 bpf /sys/fs/bpf; shift; "
                      "exec prlimit --memlock=65536:65536 setpriv --reuid=nobody "
                      f"--regid=nogroup --clear-groups {give} --bounding-set={sets} "
                      'env "$0" "$@"')  # by somebody who had nothing before
            return ("unshare", "-m", "sh", "-ec", script, binary)

        yield prefix


@pytest.mark.parametrize("given_by", ("ambient", "=ep", "=p"))
def test_minimal_set(world, as_nobody, given_by):
    """An unprivileged user with these and no other, ambient or its file's; then it has none."""
    with Node(world, "--mode", "copy", "--json", prefix=as_nobody(NEEDED, given_by)) as node:
        for task in threads(node.pid):
            # Without CAP_SETPCAP the bounding set stays; no_new_privs makes it meaningless.
            assert_harmless(task, bounds=task["CapBnd"])
            assert task["Uid"].split() == [str(NOBODY.pw_uid)] * 4
        assert answers(world)
        ended = node.stop()
    assert (ended.code, ended.err) == (0, [])
    assert ended.summary["verdicts"]["replied"] == 1
    until(lambda: not world.xdp_attached(), "the program is detached")


def may_trace(pid: int) -> bool:
    """Whether a process of nobody's may read and write the memory of that one, as ptrace(2) does."""
    done = run("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "sh", "-c",
               f"ls /proc/{pid}/fd && exec 3<>/proc/{pid}/mem", check=False)
    return done.returncode == 0


@pytest.mark.parametrize("visible", ((), ("--visible",)), ids=("hidden", "visible"))
@pytest.mark.parametrize("by", ("user", "=p"))
def test_hidden_from_its_user(world, as_nobody, by, visible):
    """Whoever may run a node with its file's capabilities, or as whom root runs one, does not get
    hold of what it got by its privileges, unless that is asked for.
    """
    how = {"prefix": as_nobody(NEEDED, by)} if by == "=p" else {}
    with Node(world, "--config", CONFIG, *visible, *(("--user", "nobody") if not how else ()),
              **how) as node:
        assert may_trace(node.pid) == bool(visible)
        assert not may_trace(child(node.pid))
        assert answers(world)
        assert node.stop().code == 0


@pytest.mark.parametrize("lacking", NEEDED)
def test_each_is_needed(world, as_nobody, lacking):
    """Without any one of them: exit code 3 and a line that names this one and no other."""
    node = Node(world, "--mode", "copy",
                prefix=as_nobody([cap for cap in NEEDED if cap != lacking]))
    ended = node.ended()
    node.close()
    assert (ended.code, ended.out, len(ended.err)) == (3, [], 1), ended.err
    assert re.findall(r"CAP_\w+", ended.err[0]) == [f"CAP_{lacking.upper()}"]
    assert not world.xdp_attached()


# --- what a dropped node cannot do --------------------------------------------------------------


@pytest.fixture(scope="module")
def attempts(tmp_path_factory):
    """The library of attempts.c."""
    folder = tmp_path_factory.mktemp("attempts")
    folder.chmod(0o755)
    library = folder / "attempts.so"
    run("gcc", "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", library,
        Path(__file__).with_name("attempts.c"))
    return library


def results(ended) -> dict:
    """What attempts.c says of each."""
    return dict(re.fullmatch(r"attempt (\w+): (.*)", line).groups()
                for line in ended.err if line.startswith("attempt "))


ALL = {"open", "create", "fork", "exec", "bpf_prog_load", "bpf_map_create", "bpf_find",
       "xdp_socket", "inet_socket", "become_root", "code_memory"}


@pytest.mark.parametrize("user", ((), ("--user", "nobody")), ids=("root", "nobody"))
def test_sandbox(world, attempts, user):
    """A worker cannot open, fork, load BPF or more of the kind, by the filter; it serves on."""
    with Node(world, "--mode", "copy", "--json", *user,
              prefix=("env", f"LD_PRELOAD={attempts}")) as node:
        assert answers(world)  # which makes the worker try
        assert answers(world)
        ended = node.stop()
    assert results(ended) == dict.fromkeys(ALL, "forbidden")
    named = {re.search(r"forbids the syscall (\w+)", line).group(1) for line in errors(ended)}
    assert named == {"openat", "clone", "execve", "bpf", "socket", "setresuid", "mmap"}
    assert ended.code == 0
    assert ended.summary["verdicts"]["replied"] == 2


def test_capabilities_alone(world, attempts):
    """Without the filter it is the missing privileges that stop what needs any."""
    with Node(world, "--mode", "copy", "--json", "--no-sandbox", "--user", "nobody",
              prefix=("env", f"LD_PRELOAD={attempts}")) as node:
        assert answers(world)
        assert answers(world)
        ended = node.stop()
    Path("/tmp/mevnode-attempt").unlink()
    eperm = "errno 1"
    assert results(ended) == dict.fromkeys(ALL, "done") | {"exec": "errno 2"} | dict.fromkeys(
        ("bpf_prog_load", "bpf_map_create", "bpf_find", "xdp_socket", "become_root"), eperm)
    assert ended.code == 0


def test_forbidden_call_ends_it(world, attempts):
    """As it is without a test in between: one line, exit code 1, nothing attached."""
    with Node(world, "--mode", "copy",
              prefix=("env", f"LD_PRELOAD={attempts}", "ATTEMPTS=die")) as node:
        with world.udp("host") as client:
            client.sendto(SWAP, (NODE_IP, 8080))
        ended = node.ended()
    assert ended.code == 1
    assert len(ended.err) == 1 and "openat" in ended.err[0] and "--no-sandbox" in ended.err[0]
    until(lambda: not world.xdp_attached(), "the program is detached")
