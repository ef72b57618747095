# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The flame graph script: what it folds, draws, and refuses; and the node under it."""

import os
import shutil
import stat
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest

from lab import MEVNODE, SCRIPTS, run
from test_mevload import MEVLOAD

SCRIPT, FLAMEGRAPH = SCRIPTS / "run_perf_flamegraph.sh", SCRIPTS / "flamegraph.py"
SAMPLE = """mevnode  1170
\t           22ef7 xsk_worker_loop (/work/build (x)/mevnode)
\tffffffffffffffff [unknown] ([unknown])

mevnode  1170
\tffffffff82195a9c __xsk_generic_xmit ([kernel.kallsyms])
\tffffffff81e2eb30 __x64_sys_sendto ([kernel.kallsyms])
\t          10ad0c __libc_sendto (/usr/lib/x86_64-linux-gnu/libc.so.6)
\t           22693 turn (/work/build (x)/mevnode)
\t           22ec4 xsk_worker_loop (/work/build (x)/mevnode)

mevnode  1171/1172
\t           22ef7 xsk_worker_loop (/work/build (x)/mevnode)

tcp ip  99
\t               1 malloc (/lib/libc.so.6)
\t               2 main (/bin/x)
"""
LOOP = "mevnode;start_thread;xsk_worker_loop"
SEND = f"{LOOP};turn;__libc_sendto;do_syscall_64_[k];__x64_sys_sendto_[k]"


def flamegraph(text, *options) -> subprocess.CompletedProcess:
    """The script on stdin."""
    return subprocess.run([sys.executable, FLAMEGRAPH, "-", *options], input=text, text=True,
                          capture_output=True, check=False)


def test_folded(tmp_path):
    """Callers first, equal stacks together, functions of the kernel marked, unknown ones left out."""
    folded = tmp_path / "folded"
    assert flamegraph(SAMPLE, "--folded", folded).returncode == 0
    assert folded.read_text(encoding="ascii").splitlines() == [
        "mevnode;xsk_worker_loop 2",
        "mevnode;xsk_worker_loop;turn;__libc_sendto;__x64_sys_sendto_[k];__xsk_generic_xmit_[k] 1",
        "tcp ip;main;malloc 1",
    ]
    again = tmp_path / "again"
    assert flamegraph(folded.read_text(encoding="ascii"), "--folded", again).returncode == 0
    assert again.read_text() == folded.read_text()


def test_drawn(tmp_path):
    """Widths are shares, and a callee lies on its caller."""
    drawn = tmp_path / "drawn.svg"
    done = flamegraph("a;b<int>&c 30\na;d 10\n", "--svg", drawn, "--title", "x & y")
    assert done.returncode == 0, done.stderr
    names = {"svg": "http://www.w3.org/2000/svg"}
    box = {}
    for group in ET.parse(drawn).getroot().findall("svg:g", names):
        rect = group.find("svg:rect", names).attrib
        box[group.find("svg:title", names).text.split(":")[0]] = \
            {key: float(rect[key]) for key in ("x", "y", "width")}
    assert set(box) == {"all", "a", "b<int>&c", "d"}
    assert box["all"]["width"] == box["a"]["width"] == 1180
    assert (box["b<int>&c"]["width"], box["d"]["width"]) == (885, 295)
    assert box["d"]["x"] == box["b<int>&c"]["x"] + 885
    assert box["all"]["y"] > box["a"]["y"] > box["d"]["y"] == box["b<int>&c"]["y"]


@pytest.mark.parametrize("stack, says", [
    (f"{LOOP};turn;malloc", "malloc below xsk_worker_loop in 1 of 101"),
    (f"{LOOP};turn;__libc_calloc;_int_malloc;sysmalloc", "calloc below"),
    (f"{LOOP};__GI___libc_free", "free below"),
    (f"{LOOP};turn;cfree@GLIBC_2.2.5", "cfree below"),
    (f"{LOOP};turn;mmap64;do_syscall_64_[k];__x64_sys_mmap_[k]", "mmap64 below"),
    (f"{LOOP};do_syscall_64_[k];__x64_sys_munmap_[k]", "syscall munmap below"),
    (f"{LOOP};turn;write;do_syscall_64_[k];__arm64_sys_write_[k]", "syscall write below"),
])
def test_forbidden(stack, says):
    """One sample among many is enough."""
    done = flamegraph(f"{SEND} 100\n{stack} 1\n", "--check", "xsk_worker_loop")
    assert done.returncode == 1
    assert says in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr
    assert stack in done.stderr


@pytest.mark.parametrize("text, options, code, says", [
    (f"{SEND} 100\nmevnode;main;malloc 9\n", (), 0, "100 samples below xsk_worker_loop"),
    (f"{SEND};kfree_[k];free_unref_page_[k] 1\n", (), 0, "1 samples"),  # the kernel's own affair
    (f"{SEND} 1\n", ("--allow", "poll"), 1, "syscall sendto"),
    ("mevnode;main;poll 9\n", (), 1, "no sample is below"),
    ("", (), 1, "no sample is below"),
    ("what is this\n", (), 1, "neither of"),
])
def test_checked(text, options, code, says):
    """What is not below the loop does not count; but nothing below it is a failure."""
    done = flamegraph(text, "--check", "xsk_worker_loop", *options)
    assert done.returncode == code
    assert says in done.stdout + done.stderr


def record(tmp_path, node=MEVNODE):
    """The whole script, for a second."""
    if not shutil.which("perf"):
        pytest.skip("no perf: the package linux-perf")
    return run(SCRIPT, "--seconds", 1, "--out", tmp_path, "--", "--poll", "wait", check=False,
               env={**os.environ, "MEVNODE": str(node), "MEVLOAD": str(MEVLOAD)})


@pytest.mark.root
def test_node_under_load(tmp_path):
    """Nothing forbidden; report and graph name what the worker does."""
    done = record(tmp_path)
    assert done.returncode == 0, done.stderr
    assert "no allocation, no syscall but poll, recvfrom, sendto" in done.stdout
    assert "xsk_worker_loop" in (tmp_path / "perf-report.txt").read_text(encoding="utf-8")
    assert "xsk_worker_loop" in (tmp_path / "perf.svg").read_text(encoding="utf-8")
    ET.parse(tmp_path / "perf.svg")
    assert not [name for name in os.listdir("/var/run/netns") if name.startswith("mev-perf-")]


@pytest.mark.root
def test_node_that_allocates(tmp_path):
    """A library that allocates in each wakeup is found out, function by function."""
    source, library, node = (tmp_path / name for name in ("wrap.c", "wrap.so", "mevnode"))
    source.write_text("""
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

ssize_t sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *to,
               socklen_t to_len)
{
	for (int i = 0; i < 20000; i++) {
		void *volatile memory = malloc(64);

		free(memory);
	}
	return syscall(SYS_sendto, fd, buf, len, flags, to, to_len);
}
""", encoding="ascii")
    run("gcc", "-O1", "-shared", "-fPIC", "-o", library, source)
    node.write_text(f'#!/bin/sh\nLD_PRELOAD={library} exec {MEVNODE} "$@"\n', encoding="ascii")
    node.chmod(node.stat().st_mode | stat.S_IXUSR)
    done = record(tmp_path, node)
    assert done.returncode == 1, done.stdout
    assert "malloc below xsk_worker_loop" in done.stderr


def test_usage():
    """Wrong usage is refused before anything is made."""
    for options in (("--seconds", "0"), ("--seconds", "x"), ("--out",), ("--fast",)):
        done = run(SCRIPT, *options, check=False)
        assert done.returncode == 2 and len(done.stderr.splitlines()) == 1, options
    assert "perf-report.txt" in run(SCRIPT, "--help").stdout
