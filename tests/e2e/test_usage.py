# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Wrong usage and wrong configuration: exit code 2 and exactly one line that says what is wrong."""

import os
import re
import shutil
import tempfile

import pytest

from lab import MEVNODE, SCRIPTS, run

POOL = "[pool a0b86991c6218b36c1d19d4a2e9eb0ce3606eb48]"
FEE = "fee = 3/1000"
RESERVES = "reserve0 = 1000\nreserve1 = 1000"
ADDRESS = "a0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"


def mevnode(*arguments, **environment):
    """The node on the loopback interface, which is not reached where the usage is wrong."""
    return run(MEVNODE, *arguments, check=False, env={**os.environ, **environment})


WRONG_OPTIONS = {
    "no interface": ["run"],
    "interface without a name": ["run", "-i"],
    "unknown option": ["run", "-i", "lo", "--nonsense"],
    "unknown short option": ["run", "-i", "lo", "-Z"],
    "argument too many": ["run", "-i", "lo", "eth0"],
    "unknown command": ["fly"],
    "backend": ["run", "-i", "lo", "--backend", "dpdk"],
    "mode": ["run", "-i", "lo", "--mode", "fast"],
    "empty mode": ["run", "-i", "lo", "--mode", ""],
    "poll": ["run", "-i", "lo", "--poll", "sometimes"],
    "queues: no number": ["run", "-i", "lo", "-q", "all"],
    "queues: empty": ["run", "-i", "lo", "-q", ""],
    "queues: open range": ["run", "-i", "lo", "-q", "0-"],
    "queues: backwards": ["run", "-i", "lo", "-q", "3-1"],
    "queues: twice": ["run", "-i", "lo", "-q", "0,0"],
    "queues: too large": ["run", "-i", "lo", "-q", "256"],
    "queues: huge": ["run", "-i", "lo", "-q", "0-18446744073709551615"],
    "queues: negative": ["run", "-i", "lo", "-q", "-1"],
    "cpus: trailing comma": ["run", "-i", "lo", "--cpus", "0,"],
    "cpus: not as many as queues": ["run", "-i", "lo", "-q", "0-1", "--cpus", "0"],
    "duration: zero": ["run", "-i", "lo", "--duration", "0"],
    "duration: unit": ["run", "-i", "lo", "--duration", "5s"],
    "duration: negative": ["run", "-i", "lo", "--duration", "-1"],
    "replies: zero": ["run", "-i", "lo", "--replies", "0"],
    "replies: more than 64 bits": ["run", "-i", "lo", "--replies", "18446744073709551616"],
    "configuration missing": ["run", "-i", "lo", "-c", "/nonexistent/mevnode.ini"],
    "configuration is a folder": ["run", "-i", "lo", "-c", "/"],
    "no such interface": ["run", "-i", "nosuch0"],
    "interface name too long": ["run", "-i", "x" * 300],
    "empty interface name": ["run", "-i", ""],
}


@pytest.mark.parametrize("arguments", WRONG_OPTIONS.values(), ids=WRONG_OPTIONS)
def test_wrong_options(arguments):
    """One line on stderr, nothing on stdout."""
    done = mevnode(*arguments)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr


def test_wrong_environment():
    """MEV_BACKEND is held to what --backend is."""
    done = mevnode("run", "-i", "lo", MEV_BACKEND="dpdk")
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1 and "dpdk" in done.stderr


def test_no_arguments():
    """The usage, on stderr."""
    done = mevnode()
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: mevnode")


@pytest.mark.parametrize("arguments", (["--help"], ["run", "--help"], ["--version"]), ids=" ".join)
def test_help(arguments):
    """What was asked for goes to stdout."""
    done = mevnode(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(("usage: mevnode", "mevnode "))


# name: (text, the line that is at fault, what the message must name)
WRONG_CONFIGURATIONS = {
    "unknown section": ("[node]\n[nodes]\n", 2, "nodes"),
    "unknown key": ("[node]\nmin_amount = 1\n", 2, "min_amount"),
    "key of another section": ("[node]\ncapital = 1\n", 2, "capital"),
    "key before any section": ("min_profit = 1\n[node]\n", 1, "min_profit"),
    "no number": ("[node]\nmin_profit = much\n", 2, "much"),
    "negative": ("[node]\nmin_amount_in = -1\n", 2, "-1"),
    "number and unit": ("[node]\nmin_amount_in = 1000k\n", 2, "1000k"),
    "hexadecimal": ("[node]\nmin_amount_in = 0x10\n", 2, "0x10"),
    "more than 64 bits": ("[node]\nmin_amount_in = 18446744073709551616\n", 2, "min_amount_in"),
    "empty value": ("[node]\nmin_profit =\n", 2, "min_profit"),
    "port zero": ("[node]\nswap_port = 0\n", 2, "swap_port"),
    "port too large": ("[node]\nswap_port = 65536\n", 2, "65536"),
    "one port for both": ("[node]\nswap_port = 9000\nupdate_port = 9000\n", None, "9000"),
    "duplicate key": ("[node]\nmin_profit = 1\nmin_profit = 1\n", 3, "min_profit"),
    "duplicate section": ("[node]\n[front_run]\n[node]\n", 3, "node"),
    "duplicate pool": (f"{POOL}\n{FEE}\n[pool {ADDRESS.upper()}]\n{FEE}\n", 3, "A0B8"),
    "missing fee": (f"[node]\n\n{POOL}\n{RESERVES}\n", 3, "fee"),
    "missing fee, another pool behind": (
        f"{POOL}\n{RESERVES}\n[pool {'1' * 40}]\n{FEE}\n", 1, "fee"),
    "one reserve": (f"{POOL}\n{FEE}\nreserve0 = 1000\n", 1, "reserve"),
    "zero reserve": (f"{POOL}\n{FEE}\nreserve0 = 0\nreserve1 = 5\n", 3, "reserve0"),
    "fee of all": (f"{POOL}\nfee = 1000/1000\n", 2, "1000/1000"),
    "fee of nothing": (f"{POOL}\nfee = 0/0\n", 2, "0/0"),
    "fee too fine": (f"{POOL}\nfee = 1/1000001\n", 2, "1/1000001"),
    "fee as a decimal": (f"{POOL}\nfee = 0.003\n", 2, "0.003"),
    "address too short": (f"[pool {ADDRESS[:-1]}]\n{FEE}\n", 1, ADDRESS[:-1]),
    "address too long": (f"[pool {ADDRESS}0]\n{FEE}\n", 1, ADDRESS),
    "address not hexadecimal": (f"[pool {ADDRESS[:-1]}g]\n{FEE}\n", 1, ADDRESS[:-1] + "g"),
    "strategy": ("[front_run]\nstrategy = greedy\n", 2, "greedy"),
    "capital zero": ("[front_run]\ncapital = 0\n", 2, "capital"),
    "section not closed": ("[node\nmin_profit = 1\n", 1, ""),
    "no key and value": ("[node]\nmin_profit\n", 2, ""),
    "line too long": ("[node]\n; " + "x" * 5000 + "\n", 2, ""),
    "comment lines count": ("; one\n\n# three\n[node]\n; five\nnonsense = 1\n", 6, "nonsense"),
}


@pytest.mark.parametrize("text, line, word", WRONG_CONFIGURATIONS.values(),
                         ids=WRONG_CONFIGURATIONS)
def test_wrong_configuration(tmp_path, text, line, word):
    """One line that names file and line; the interface is not touched."""
    path = tmp_path / "node.ini"
    path.write_text(text)
    done = mevnode("run", "-i", "lo", "-c", path)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    found = re.search(rf"{re.escape(str(path))}:(\d+): (.*)", done.stderr)
    assert found, done.stderr
    assert line is None or int(found[1]) == line, done.stderr
    assert word in found[2]


def test_missing_configuration_is_named():
    """As is the reason."""
    done = mevnode("run", "-i", "lo", "-c", "/nonexistent/mevnode.ini")
    assert "/nonexistent/mevnode.ini" in done.stderr and "No such file" in done.stderr


# --- the scripts --------------------------------------------------------------------------------

SCRIPT_NAMES = ("demo.sh", "run_tcpreplay_veth.sh", "compare.py")


@pytest.mark.parametrize("script", SCRIPT_NAMES)
def test_script_help(script):
    """Each says what it is for and what its exit codes mean."""
    done = run(SCRIPTS / script, "--help")
    assert done.stdout.startswith("usage: ") and "Exit codes:" in done.stdout


@pytest.mark.parametrize("command", (
    ("demo.sh", "--count"), ("demo.sh", "--count", "0"), ("demo.sh", "now"),
    ("run_tcpreplay_veth.sh",), ("run_tcpreplay_veth.sh", "/nonexistent.pcap"),
    ("run_tcpreplay_veth.sh", "--pps", "fast", "/dev/null"),
    ("run_tcpreplay_veth.sh", "--nonsense", "/dev/null"),
    ("run_tcpreplay_veth.sh", "/dev/null", "/dev/null"),
), ids=" ".join)
def test_script_wrong_usage(command):
    """One line, exit code 2."""
    done = run(SCRIPTS / command[0], *command[1:], check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1, done.stderr


def test_script_without_root():
    """One line, exit code 3."""
    command = [SCRIPTS / "run_tcpreplay_veth.sh", "/dev/null"]
    if os.geteuid() == 0:  # from where nobody may read: the project may lie below /root
        folder = tempfile.TemporaryDirectory()
        os.chmod(folder.name, 0o755)
        copy = shutil.copytree(SCRIPTS, f"{folder.name}/scripts")
        command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                   f"{copy}/run_tcpreplay_veth.sh", "/dev/null"]
    done = run(*command, check=False)
    assert (done.returncode, done.stdout) == (3, "")
    assert len(done.stderr.splitlines()) == 1 and "root" in done.stderr
