# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The command as people type it: errors, exit codes, files left behind."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "gen_traffic.py"
POOL = "a0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"


def run(*options, cwd):
    return subprocess.run([sys.executable, str(SCRIPT), *options], cwd=cwd, capture_output=True,
                          text=True, timeout=60, check=False)


@pytest.mark.parametrize("options", (
    ("--out",), ("--count", "10"), ("--count", "0"), ("--count", "-1"), ("--count", "1e3"),
    ("--count", "1_000"), ("--mode", "huge"), ("--seed", "x"), ("--rate", "0"),
    ("--capital", str(2**64)), ("--strategy", "best"), ("--unknown",), ("extra",),
    ("--src-mac", "01:00:00:00:00:01"), ("--dst-mac", "02-00-00-00-00-01"),
    ("--src-ip", "fd00::1"), ("--dst-ip", "224.0.0.1"), ("--dst-ip", "192.168.69.1"),
    ("--src-ip6", "10.0.0.1"), ("--dst-port", "0"), ("--dst-port", "8081"),
    ("--update-port", "65536"), ("--pool", "x"), ("--pool", f"{POOL}:1:1:3"),
    ("--pool", f"{POOL}:1:1:3/3"), ("--pool", f"{POOL}:1:1:1/1000001"),
    ("--pool", f"{POOL}:{2**64}:1:3/1000"), ("--pool", f"{POOL[1:]}:1:1:3/1000"),
    ("--pool", f"{POOL}:1:1:3/1000", "--pool", f"{POOL.upper()}:2:2:3/1000"),
    ("--pool", f"{POOL}:0:0:3/1000"), ("--mode", "small", "--min-amount-in", "0"),
    ("--replies-csv", "x.pcap"),
), ids=" ".join)
def test_wrong_usage(tmp_path, options):
    out = () if options in (("--out",), ("--count", "10")) else ("--out", "x.pcap")
    done = run(*out, *options, cwd=tmp_path)
    assert done.returncode == 2, done
    assert done.stdout == "" and done.stderr.count("\n") == 1
    assert done.stderr.startswith("gen_traffic.py: ")
    assert not os.listdir(tmp_path)


def test_runtime_failures(tmp_path):
    done = run("--out", "missing/x.pcap", cwd=tmp_path)
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "missing/x.pcap" in done.stderr
    done = run("--out", "x.pcap", "--mode", "large", "--capital", "0", cwd=tmp_path)
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "--capital" in done.stderr
    done = run("--out", "x.pcap", "--replies-csv", "missing/r.csv", cwd=tmp_path)
    assert done.returncode == 1 and "missing/r.csv" in done.stderr
    assert not os.listdir(tmp_path)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_full_disk_leaves_nothing(tmp_path):
    """Writing fails at the last flush, and closing fails again."""
    code = (f"import os, sys; sys.path.insert(0, {str(SCRIPT.parent)!r})\n"
            "from trafficgen import capture\n"
            "with capture.Replacing() as output:\n"
            "    file = output.open('x.pcap', 'wb')\n"
            "    os.dup2(os.open('/dev/full', os.O_WRONLY), file.fileno())\n"
            "    file.write(b'x')\n"
            "    output.commit()\n")
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True,
                          text=True, timeout=20, check=False)
    assert "No space left" in done.stderr and not os.listdir(tmp_path)


def test_files_and_determinism(tmp_path):
    for name in ("a", "b"):
        done = run("--out", f"{name}.pcap", "--count", "500", "--replies-csv", f"{name}.csv",
                   cwd=tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert sorted(os.listdir(tmp_path)) == ["a.csv", "a.pcap", "a.pcap.expected.json", "b.csv",
                                            "b.pcap", "b.pcap.expected.json"]
    for suffix in ("pcap", "csv", "pcap.expected.json"):
        assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()
    parameters = json.loads((tmp_path / "a.pcap.expected.json").read_text())["parameters"]
    assert parameters["pools"][0] == {"address": POOL, "reserve0": 10**12,
                                      "reserve1": 5 * 10**11, "fee": "3/1000"}
    assert run("--out", "a.pcap", "--seed", "2", "--count", "500", cwd=tmp_path).returncode == 0
    assert (tmp_path / "a.pcap").read_bytes() != (tmp_path / "b.pcap").read_bytes()


@pytest.mark.parametrize("number", (signal.SIGINT, signal.SIGTERM))
def test_interrupted_leaves_nothing(tmp_path, number):
    (tmp_path / "x.pcap").write_text("kept")
    # What is started by `... &` ignores SIGINT, and all that it starts.
    with subprocess.Popen(["env", "--default-signal=INT", sys.executable, str(SCRIPT), "--out",
                           "x.pcap", "--count", "100000000"],
                          cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 20
        while len(os.listdir(tmp_path)) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(number)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 130 and errors.count("\n") == 1, errors
    assert os.listdir(tmp_path) == ["x.pcap"] and (tmp_path / "x.pcap").read_text() == "kept"


def test_help(tmp_path):
    done = run("--help", cwd=tmp_path)
    assert done.returncode == 0 and "examples:" in done.stdout and "--replies-csv" in done.stdout


def test_addresses_and_ports(tmp_path):
    done = run("--out", "x.pcap", "--mode", "large", "--count", "1", "--src-ip", "10.1.2.3",
               "--dst-ip", "10.1.2.4", "--src-mac", "0a:0b:0c:0d:0e:0f", "--dst-mac",
               "02:11:22:33:44:55", "--src-port", "1234", "--dst-port", "9000", cwd=tmp_path)
    assert done.returncode == 0
    frame = (tmp_path / "x.pcap").read_bytes()[40:]
    assert frame[:12].hex() == "021122334455" "0a0b0c0d0e0f"
    assert frame[26:38].hex() == "0a010203" "0a010204" "04d2" "2328"
