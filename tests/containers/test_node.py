# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The node's container: privileges, health, start, stop and kill."""

import json
from pathlib import Path

import pytest

from lab import run, until
from test_compose import AS_IN_DOCKER

# CAP_NET_ADMIN, CAP_NET_RAW, CAP_IPC_LOCK, CAP_PERFMON, CAP_BPF
BOUNDS = f"{1 << 12 | 1 << 13 | 1 << 14 | 1 << 38 | 1 << 39:016x}"


def await_health(services) -> int:
    """The process of the node, once it is healthy."""
    until(lambda: services.state("node")["Health"]["Status"] == "healthy", "the node is healthy")
    return services.state("node")["Pid"]


def status(task: Path) -> dict:
    """A thread's /proc/.../status."""
    return dict(line.split(":\t", 1)
                for line in (task / "status").read_text(encoding="ascii").splitlines())


def program(pid: int) -> dict:
    """The XDP program on the node's side, with the ids of its maps; {} for none."""
    links = json.loads(run("nsenter", f"--net=/proc/{pid}/ns/net", "ip", "-j", "-d", "link").stdout)
    found = [link["xdp"]["prog"]["id"] for link in links if "xdp" in link]
    return json.loads(run("bpftool", "-j", "prog", "show", "id", found[0]).stdout) if found else {}


def known(kind: str, number: int) -> bool:
    """Whether the kernel has this program or map."""
    return run("bpftool", kind, "show", "id", number, check=False).returncode == 0


def mounted(podman) -> list:
    """What bpffs there are of these containers'."""
    mounts = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    return [line for line in mounts if line.split()[2] == "bpf" and str(podman.folder) in line]


def summary(services) -> dict:
    """What the last node that was stopped has said at its end."""
    return json.loads([line for line in services.logs("node").splitlines() if line[0] == "{"][-1])


def assert_harmless(pid: int) -> None:
    """Not root's, and given up what the container was given."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        found = status(task)
        assert "0" not in found["Uid"].split() + found["Gid"].split() + found["Groups"].split()
        assert {found[name] for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {"0" * 16}
        assert (found["CapBnd"], found["NoNewPrivs"], found["Seccomp"]) == (BOUNDS, "1", "2")


@pytest.mark.parametrize("backend, changes", (("af_xdp", AS_IN_DOCKER), ("tap", {})))
def test_life(compose, podman, backend, changes):
    """Started, killed, started, restarted, stopped: it serves each time, and nothing stays."""
    services = compose({"MEV_BACKEND": backend}, changes)
    services("up", "-d", "node")
    pid = await_health(services)
    assert_harmless(pid)
    attached = program(pid)
    assert bool(attached) == (backend == "af_xdp")
    services("kill", "node")
    assert services.state("node")["ExitCode"] == 137
    assert not mounted(podman)  # so there are no pins
    if attached:
        until(lambda: not known("prog", attached["id"]), "the program is gone")
        until(lambda: not [number for number in attached["map_ids"] if known("map", number)],
              "its maps are gone, which the kernel frees behind it")

    services("start", "node")
    first = await_health(services)
    assert first != pid
    services("restart", "node")
    assert summary(services)["backend"] == backend  # asked to end, not killed after 10 s
    assert await_health(services) != first
    services("stop", "node")
    assert services.state("node")["ExitCode"] == 0
    assert not mounted(podman)


def test_ill(podman):
    """The check of its health fails where no node runs."""
    done = podman.podman("run", "--rm", "--network", "none", "--entrypoint",
                         "/usr/lib/mevnode/health.sh", "mevnode", check=False)
    assert done.returncode == 1, done.stdout


@pytest.mark.parametrize("options, code, says", (
    (("--cap-drop", "all", "mevnode", "run", "-i", "lo", "-b", "af_xdp"), 3, "CAP_NET_ADMIN"),
    (("--cap-add", "net_admin", "--env", "MEV_BACKEND=tap", "mevnode"), 3, "/dev/net/tun"),
    (("--cap-drop", "all", "mevnode"), 3, "NET_ADMIN"),
    (("--env", "MEV_BACKEND=pigeon", "mevnode"), 2, "MEV_BACKEND pigeon"),
    (("mevnode", "--version"), 0, "mevnode 0"),
), ids=lambda value: " ".join(value) if isinstance(value, tuple) else "")
def test_usage(podman, options, code, says):
    """What the container was not given is named, in one line, the last."""
    done = podman.podman("run", "--rm", "--network", "none", *options, check=False)
    assert (done.returncode, says in done.stdout.splitlines()[-1]) == (code, True), done.stdout
