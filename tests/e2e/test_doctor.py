# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""mevnode doctor: what it says of a host, an interface and leftovers, and that its remedies work.

Each test that needs root builds a network namespace of its own and, where pins matter, a mount
namespace with a bpffs of its own, so that nothing of the host or of other tests shows up in it.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from lab import FILTER, MEVNODE

ROOT = Path(__file__).resolve().parents[2]
STATUSES = ("ok", "warning", "missing")
LINE = re.compile(r"(ok|warning|missing) {2,}(\S+) +(\S.*)")
CAPS = ("cap_net_admin", "cap_net_raw", "cap_bpf", "cap_perfmon")

os.environ["PATH"] += ":/usr/sbin:/sbin"


@pytest.fixture(scope="module", autouse=True)
def built():
    if not MEVNODE.exists():
        pytest.fail(f"{MEVNODE} is not there: run `make` first")


@pytest.fixture
def root():
    if os.geteuid() != 0:
        if os.environ.get("REQUIRE_PRIV") == "1":
            pytest.fail("needs root, and REQUIRE_PRIV=1")
        pytest.skip("needs root")


class World:
    """A network namespace with a veth pair, d0 and d1, of two queues each and both up."""

    def __init__(self):
        self.name = f"mevdoc{os.getpid()}"
        self.enter = ["nsenter", f"--net=/var/run/netns/{self.name}"]

    def __enter__(self):
        run(["ip", "netns", "add", self.name])
        try:
            self.ip("link add d0 numtxqueues 2 numrxqueues 2 type veth "
                    "peer name d1 numtxqueues 2 numrxqueues 2")
            self.ip("link set d0 up")
            self.ip("link set d1 up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        run(["ip", "netns", "del", self.name])

    def ip(self, args):
        run([*self.enter, "ip", *args.split()])

    def sh(self, script, **kwargs):
        return run([*self.enter, "sh", "-ec", script], **kwargs)

    def doctor(self, *args):
        return doctor(*args, prefix=self.enter)

    def with_bpffs(self, script):
        """Runs a script with a fresh bpffs; $MEVNODE and $FILTER are set."""
        inner = "mount --make-rprivate /; mount -t bpf bpf /sys/fs/bpf; " + script
        env = {**os.environ, "MEVNODE": str(MEVNODE), "FILTER": str(FILTER)}
        return run([*self.enter, "unshare", "-m", "sh", "-ec", inner], env=env).stdout


@pytest.fixture
def world(root):
    with World() as w:
        yield w


def run(command, check=True, **kwargs):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=60, check=False, **kwargs)
    assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done


class Report:
    """One run of the doctor, by its JSON."""

    def __init__(self, done):
        self.code, self.text = done.returncode, done.stdout
        data = json.loads(done.stdout)
        self.checks, self.summary = data["checks"], data["summary"]

    def all(self, name):
        return [c for c in self.checks if c["name"] == name]

    def one(self, name):
        found = self.all(name)
        assert len(found) == 1, f"{name}: {found}"
        return found[0]

    def status(self, name):
        return self.one(name)["status"]

    def command(self, name):
        """The command in a remedy's back quotes."""
        return re.search("`(.*?)`", self.one(name)["remedy"]).group(1)


def doctor(*args, prefix=()):
    return Report(run([*prefix, str(MEVNODE), "doctor", "--json", *args], check=False))


def check_shape(report):
    for check in report.checks:
        assert set(check) == {"group", "name", "status", "found", "remedy"}
        assert check["status"] in STATUSES
        assert check["found"]
        # What is not as it should be has a remedy.
        assert check["status"] == "ok" or check["remedy"], check
    assert report.summary == {s: sum(c["status"] == s for c in report.checks) for s in STATUSES}
    assert report.code == (3 if report.summary["missing"] else 0)


# Command line.


def test_help():
    done = run([str(MEVNODE), "doctor", "--help"])
    assert done.stdout.startswith("usage: mevnode doctor")
    assert "--json" in done.stdout and not done.stderr


@pytest.mark.parametrize("args", [["surplus"], ["--nonsense"], ["-i"]])
def test_wrong_usage(args):
    done = run([str(MEVNODE), "doctor", *args], check=False)
    assert done.returncode == 2
    assert not done.stdout and len(done.stderr.splitlines()) == 1


# Host.


def test_lines_say_what_json_says(world):
    text = run([*world.enter, str(MEVNODE), "doctor", "-i", "d1"]).stdout
    report = world.doctor("-i", "d1")
    lines = [LINE.fullmatch(line) for line in text.splitlines()]
    lines = [m.groups() for m in lines if m]
    expected = [(c["status"], c["name"], "; ".join(filter(None, (c["found"], c["remedy"]))))
                for c in report.checks]
    assert lines == expected
    # Aligned: what was found begins in one column.
    assert len({m.start(3) for m in map(LINE.fullmatch, text.splitlines()) if m}) == 1
    assert text.startswith("host:\n") and "\ninterface d1:\n" in text


def test_root_lacks_nothing(world):
    report = world.doctor("-i", "d1")
    check_shape(report)
    assert report.code == 0
    for name in ("kernel", "af_xdp", "bpf", "memlock", "jit", *CAPS):
        assert report.status(name) == "ok", report.one(name)
    for name in ("btf", "bpffs", "lockdown", "unprivileged_bpf", "dispatcher", "hugepages",
                 "clock", "cpus", "pins", "link", "mtu", "modes", "xdp", "queues", "rss", "lro",
                 "gro_hw", "rx_vlan", "checksums"):
        assert report.all(name), name


def test_interfaces_are_listed(world):
    report = world.doctor()
    check_shape(report)
    listed = {c["name"]: c["found"] for c in report.checks if c["group"] == "interfaces"}
    assert set(listed) == {"lo", "d0", "d1"}
    assert listed["d1"] == "veth, up, MTU 1500, 2 RX queues, no XDP program"


def test_nothing_changes(world):
    def state():
        return world.sh("ip -d -s link; ethtool -k d1; ethtool -l d1; bpftool net").stdout

    run([*world.enter, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1"])  # no chatter
    before = state()
    world.doctor("-i", "d1")
    world.doctor()
    assert state() == before


@pytest.fixture
def nobody():
    """How to run the doctor without privileges, and a copy of it that such a user can reach."""
    folder = Path(tempfile.mkdtemp(prefix="mevdoc"))
    folder.chmod(0o755)
    copy = folder / "mevnode"
    shutil.copy(MEVNODE, copy)
    copy.chmod(0o755)
    drop = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all",
            "--bounding-set=-all"]
    yield [*(drop if os.geteuid() == 0 else []), str(copy), "doctor", "--json"]
    shutil.rmtree(folder)


@pytest.mark.parametrize("args", [[], ["-i", "lo"]])
def test_without_privileges(nobody, args):
    report = Report(run([*nobody, *args], check=False))
    check_shape(report)
    assert report.code == 3
    for name in ("af_xdp", "bpf", *CAPS):
        assert report.status(name) == "missing"
        assert "run as root" in report.one(name)["remedy"]
    assert "run as root to see" in report.one("dispatcher")["remedy"]


def test_memlock_limit(nobody):
    short = Report(run(["prlimit", f"--memlock={1 << 16}:", *nobody], check=False))
    assert short.status("memlock") == "missing"
    assert "64 KiB" in short.one("memlock")["found"]


def test_privileges_are_named_one_by_one(world):
    drop = ["setpriv", "--bounding-set=-net_raw,-ipc_lock", "--inh-caps=-net_raw,-ipc_lock"]
    report = doctor(prefix=[*world.enter, *drop])
    assert report.status("cap_net_raw") == "missing"
    assert report.status("af_xdp") == "missing"
    assert report.status("cap_net_admin") == "ok"
    assert "CAP_IPC_LOCK" in report.one("memlock")["found"]


# An interface.


@pytest.mark.parametrize("name", ["nosuch0", "a-name-longer-than-any", "", "../d1"])
def test_no_such_interface(name):
    report = doctor("-i", name)
    check_shape(report)
    assert report.code == 3
    assert report.status("interface") == "missing"
    assert "ip -br link" in report.one("interface")["remedy"]


def test_healthy_veth(world):
    world.sh("ethtool -K d0 tx off txvlan off")
    report = world.doctor("-i", "d1")
    for name in ("link", "mtu", "xdp", "queues", "rss", "rx_vlan", "checksums"):
        assert report.status(name) == "ok", report.one(name)
    assert "driver veth" in report.one("link")["found"]
    modes = report.one("modes")["found"]
    assert modes.startswith("copy, skb") or "before Linux 6.3" in modes


@pytest.mark.parametrize("name, harm", [
    ("link", "ip link set d1 down"),
    ("link", "ip link set d0 down"),
    ("mtu", "ip link set d1 mtu 9000"),
    ("mtu", "ip link set d0 mtu 9000"),
    ("queues", "ethtool -L d0 tx 1; ethtool -L d1 tx 1"),
    ("peer_queues", "ethtool -L d1 rx 1 tx 1"),
    ("rx_vlan", "true"),
    ("checksums", "true"),
])
def test_remedies_for_a_veth(world, name, harm):
    world.sh(harm)
    report = world.doctor("-i", "d1")
    assert report.status(name) == "warning"
    assert report.code == 0
    world.sh(report.command(name))
    after = world.doctor("-i", "d1").all(name)
    assert all(c["status"] == "ok" for c in after)


def test_peer_out_of_sight(world):
    far = world.name + "far"
    run(["ip", "netns", "add", far])
    try:
        world.ip(f"link set d0 netns {far}")
        report = world.doctor("-i", "d1")
    finally:
        run(["ip", "netns", "del", far])
    assert report.status("link") == "warning"  # d0 went down when it moved
    assert "another network namespace" in report.one("link")["found"]
    assert "out of sight" in report.one("checksums")["found"]


def test_name_that_a_terminal_would_obey(world):
    name = "x\x1b[31m\xe4"
    run([*world.enter, "ip", "link", "add", name, "type", "veth", "peer", "name", "x1"])
    for args in ((), ("-i", name), ("-i", "x1")):
        report = world.doctor(*args)
        check_shape(report)
        assert "x?[31m?" in report.text and "\x1b" not in report.text


@pytest.mark.parametrize("hook", ["xdpdrv", "xdpgeneric"])
def test_program_left_on_an_interface(world, hook):
    out = world.with_bpffs(f"ip link set dev d1 {hook} obj $FILTER sec xdp; "
                           "$MEVNODE doctor --json -i d1; echo ---; $MEVNODE doctor --json")
    one, every = out.split("---")
    found = next(c for c in json.loads(one)["checks"] if c["name"] == "xdp")
    assert found["status"] == "warning" and "mev_filter" in found["found"]
    assert ("native" if hook == "xdpdrv" else "skb") in found["found"]
    listed = next(c for c in json.loads(every)["checks"] if c["name"] == "d1")
    assert listed["status"] == "warning" and "mev_filter" in listed["found"]
    # Pins of a program that somebody else's loader attached are in use, not leftovers.
    pins = [c for c in json.loads(one)["checks"] if c["name"] == "pins"]
    assert pins and all("in use by program" in c["found"] for c in pins)

    world.sh(re.search("`(.*?)`", found["remedy"]).group(1))
    assert world.doctor("-i", "d1").status("xdp") == "ok"


# Leftovers.

MAKE_PIN = """
d=/sys/fs/bpf/mevnode/d1; mkdir -p $d
bpftool map create $d/mev_config type array key 4 value 4 entries 1 name mev_config
"""


def test_no_leftovers(world):
    report = json.loads(world.with_bpffs("$MEVNODE doctor --json"))
    pins = [c for c in report["checks"] if c["name"] == "pins"]
    assert [c["status"] for c in pins] == ["ok"] and "no pins" in pins[0]["found"]


def test_pins_are_named_and_their_remedy_works(world):
    out = world.with_bpffs(MAKE_PIN + """
        $MEVNODE doctor --json; echo ---
        fix=$($MEVNODE doctor | sed -n 's/^warning *pins .*or `\\(rm [^`]*\\)`$/\\1/p')
        eval "$fix"; $MEVNODE doctor --json
        """)
    before, after = (next(c for c in json.loads(part)["checks"] if c["name"] == "pins")
                     for part in out.split("---"))
    assert before["status"] == "warning"
    assert "/sys/fs/bpf/mevnode/d1: 1 (mev_config)" in before["found"]
    assert "mevnode run -i d1" in before["remedy"]
    assert after["status"] == "ok"


def test_pins_of_a_running_node(world):
    out = world.with_bpffs(MAKE_PIN + "flock -x $d $MEVNODE doctor --json")
    pins = next(c for c in json.loads(out)["checks"] if c["name"] == "pins")
    assert pins["status"] == "ok" and "of a running node, process " in pins["found"]


def test_pins_elsewhere(world):
    out = world.with_bpffs("d=/sys/fs/bpf/my/own; mkdir -p $d; bpftool map create $d/mev_pools "
                           "type array key 4 value 4 entries 1 name mev_pools; "
                           "$MEVNODE doctor --json")
    pins = next(c for c in json.loads(out)["checks"] if c["name"] == "pins")
    assert pins["status"] == "warning" and "/sys/fs/bpf/my/own: 1 (mev_pools)" in pins["found"]


def test_no_bpffs(world):
    script = "mount --make-rprivate /; mount -t tmpfs none /sys/fs/bpf; exec $MEVNODE doctor --json"
    done = run([*world.enter, "unshare", "-m", "sh", "-ec", script],
               env={**os.environ, "MEVNODE": str(MEVNODE)})
    report = Report(done)
    assert report.status("bpffs") == "warning"
    assert report.command("bpffs") == "mount -t bpf bpf /sys/fs/bpf"


def test_killed_node(world, tmp_path):
    """A node killed by force leaves pins and nothing attached; the next one clears them away."""
    node = "$MEVNODE run -i d1"
    out = world.with_bpffs(f"""
        log={tmp_path}/log
        ready() {{ n=0; until grep -q '^ready' $log; do
            n=$((n + 1)); [ $n -lt 500 ] || {{ cat $log; exit 1; }}; sleep 0.02; done; }}
        {node} >$log 2>&1 & pid=$!
        ready; $MEVNODE doctor --json -i d1; echo ---
        kill -KILL $pid; wait $pid || true
        $MEVNODE doctor --json -i d1; echo ---
        {node} --duration 1 >$log 2>&1
        $MEVNODE doctor --json -i d1
        """)
    running, killed, after = ({c["name"]: c for c in json.loads(part)["checks"]}
                              for part in out.split("---"))
    assert running["pins"]["status"] == "ok" and "running node" in running["pins"]["found"]
    assert running["xdp"]["status"] == "ok" and "mev_filter" in running["xdp"]["found"]
    assert killed["pins"]["status"] == "warning" and "mevnode/d1" in killed["pins"]["found"]
    assert killed["xdp"]["found"] == "no XDP program"
    assert after["pins"]["status"] == "ok" and "no pins" in after["pins"]["found"]
