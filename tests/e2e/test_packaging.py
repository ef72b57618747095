# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What `make install` and `make deb` put where: units, user, completion, configuration."""

import os
import re
import shutil
from pathlib import Path

import pytest

from lab import MEVNODE, ROOT, run

CONFIG = "etc/mevnode/mevnode.ini"
UNITS = ("mevnode@.service", "mevnode-tap@.service", "mevnode-pins.service")
COMMON = {"sbin/mevnode", "lib/bpf/mev_filter.bpf.o", "lib/bpf/mev_filter_chain.bpf.o",
          "lib/bpf/xdp_pass.bpf.o",
          "lib/sysusers.d/mevnode.conf",
          "share/bash-completion/completions/mevnode", "share/doc/mevnode/examples/mevnode.ini"}


def make(*words, **options):
    """make, as a person would call it, not as part of the make that runs the tests."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return run("make", "-C", ROOT, "--no-print-directory", *words, env=env, **options)


def files(folder: Path) -> set:
    """Paths of all that lies in it."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


@pytest.fixture(name="installed", scope="module")
def fixture_installed(tmp_path_factory):
    """The root of an installation with PREFIX=/usr."""
    folder = tmp_path_factory.mktemp("installed")
    make("install", f"DESTDIR={folder}", "PREFIX=/usr")
    return folder


# --- make install ---------------------------------------------------------------------------------


def test_install_and_uninstall(tmp_path):
    """Every file in its place; a configuration that is there is nobody's to replace or remove."""
    config = tmp_path / CONFIG
    config.parent.mkdir(parents=True)
    config.write_text("; mine\n")
    make("install", f"DESTDIR={tmp_path}")
    local = {f"usr/local/{path}" for path in
             (*COMMON, "share/man/man8/mevnode.8", *(f"lib/systemd/system/{unit}" for unit in UNITS))}
    assert files(tmp_path) == local | {CONFIG}
    assert config.read_text() == "; mine\n"
    assert run(tmp_path / "usr/local/sbin/mevnode", "--version").stdout.startswith("mevnode ")
    make("uninstall", f"DESTDIR={tmp_path}")
    assert files(tmp_path) == {CONFIG}
    config.unlink()
    make("install", f"DESTDIR={tmp_path}", "PREFIX=/opt/mev", "SYSCONFDIR=/opt/etc",
         "UNITDIR=/units")
    assert "opt/etc/mevnode/mevnode.ini" in files(tmp_path)
    unit = (tmp_path / "units" / UNITS[0]).read_text()
    assert "ExecStart=/opt/mev/sbin/mevnode run " in unit and "=/opt/etc/mevnode/mevnode.ini" in unit
    assert "@" not in re.sub(r"^#.*$|@\w+|mevnode(-tap)?@", "", unit, flags=re.M)


# --- the units ------------------------------------------------------------------------------------


@pytest.mark.parametrize("unit", UNITS)
def test_unit_is_confined(installed, unit):
    """`systemd-analyze security` at 2.0 or less."""
    path = installed / "usr/lib/systemd/system" / unit
    done = run("systemd-analyze", "security", "--offline=true", "--threshold=20", path, check=False,
               env={**os.environ, "SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": ""})
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("unit", UNITS)
def test_unit_has_no_mistake(installed, unit):
    """systemd reads it without a word: no unknown or misspelt key."""
    instance = unit.replace("@", "@lo")
    done = run("systemd-analyze", "verify", "--man=no", f"--root={installed}", instance, check=False)
    said = [line for line in done.stderr.splitlines() if "mevnode" in line]
    # Of what a bare root lacks: the other units that these name, and the commands of coreutils.
    assert [line for line in said if "not found" not in line and "not executable" not in line] == []


def test_unit_grants_what_the_start_needs(installed):
    """The capabilities that tests/e2e/test_privileges.py finds to be needed, or a limit for one."""
    unit = (installed / "usr/lib/systemd/system" / UNITS[0]).read_text()
    granted = re.search("^AmbientCapabilities=(.*)$", unit, re.M).group(1).split()
    assert set(granted) == {"CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_BPF", "CAP_PERFMON"}
    assert "LimitMEMLOCK=infinity" in unit  # instead of CAP_IPC_LOCK
    assert re.search("^CapabilityBoundingSet=(.*)$", unit, re.M).group(1).split() == granted


def test_user(installed, tmp_path):
    """systemd-sysusers makes of the file a system user who cannot log in."""
    shutil.copytree(installed / "usr/lib/sysusers.d", tmp_path / "usr/lib/sysusers.d")
    (tmp_path / "etc").mkdir()
    run("systemd-sysusers", f"--root={tmp_path}")
    name, _, uid, *_, shell = (tmp_path / "etc/passwd").read_text().split("\n")[0].split(":")
    assert name == "mevnode" and 0 < int(uid) < 1000 and shell.endswith("nologin")
    assert (tmp_path / "etc/group").read_text().startswith("mevnode:")


# --- completion -----------------------------------------------------------------------------------


def completions(installed, *words, files_in=None) -> set:
    """What bash offers for the last word."""
    script = ('. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); compopt() { :; }; '
              '_mevnode "$1"; printf "%s\\n" "${COMPREPLY[@]}"')
    done = run("bash", "-uc", script, "bash",
               installed / "usr/share/bash-completion/completions/mevnode", MEVNODE.resolve(), *words,
               cwd=files_in)
    assert done.stderr == ""
    return set(done.stdout.split())


def test_completion(installed, tmp_path):
    """Commands, each option of each command's --help and no other, and values."""
    commands = set(re.findall("^  ([a-z]+)", run(MEVNODE, "--help").stdout, re.M))
    assert {"run", "doctor", "quote"} <= commands
    assert completions(installed, "") >= commands | {"--version", "--help"}
    assert completions(installed, "do") == {"doctor"}
    for command in commands:
        text = run(MEVNODE, command, "--help").stdout
        options = set(re.findall("^ {2,6}(?:-[a-z], )?(--[a-z-]+)", text, re.M))
        assert options and completions(installed, command, "--") >= options, command
    assert completions(installed, "run", "--host") == {"--host-ip"}
    assert completions(installed, "run", "-m", "z") == {"zerocopy"}
    assert completions(installed, "run", "--mode", "") == {"auto", "zerocopy", "copy", "skb"}
    assert completions(installed, "run", "--poll", "s") == {"spin"}
    assert completions(installed, "run", "-i", "l") >= {"lo"}
    assert completions(installed, "run", "--user", "nob") == {"nobody"}
    assert completions(installed, "run", "--duration", "") == set()
    assert completions(installed, "quote", "--strategy", "f") == {"fixed"}
    (tmp_path / "pools.ini").touch()
    (tmp_path / "pins").mkdir()
    assert completions(installed, "run", "-c", "poo", files_in=tmp_path) == {"pools.ini"}
    assert completions(installed, "run", "--pin-path", "p", files_in=tmp_path) == {"pins"}


def test_completion_is_registered(installed):
    """As bash-completion does it when the command is completed for the first time."""
    done = run("bash", "-c", '. "$1"; complete -p mevnode', "bash",
               installed / "usr/share/bash-completion/completions/mevnode")
    assert done.stdout == "complete -F _mevnode mevnode\n"


# --- make deb -------------------------------------------------------------------------------------


def test_package(tmp_path):
    """Builds, satisfies lintian to its warnings, and unpacks to a node that runs."""
    make("deb", f"DEB_OUT={tmp_path}")
    package, = tmp_path.glob("mevnode_*.deb")
    changes, = tmp_path.glob("mevnode_*.changes")
    done = run("lintian", "--allow-root", "--fail-on", "error,warning", changes, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    root = tmp_path / "root"
    run("dpkg-deb", "-x", package, root)
    assert {f"usr/{path}" for path in COMMON} | {CONFIG, "usr/share/man/man8/mevnode.8.gz"} | \
        {f"lib/systemd/system/{unit}" for unit in UNITS} <= files(root)
    run("dpkg-deb", "-e", package, tmp_path / "control")
    assert (tmp_path / "control/conffiles").read_text() == f"/{CONFIG}\n"
    assert "sysusers" in (tmp_path / "control/postinst").read_text()
    depends = run("dpkg-deb", "-f", package, "Depends").stdout
    for library in ("libxdp1", "libbpf1", "libcap-ng0", "libseccomp2"):
        assert library in depends
    node = root / "usr/sbin/mevnode"
    assert run(node, "--version").stdout == run(MEVNODE, "--version").stdout
    # Built with the distribution's hardening, and stripped of what the other package holds.
    assert "BIND_NOW" in run("readelf", "-d", node).stdout
    assert ".symtab" not in run("readelf", "-SW", node).stdout
    # ip link and xdp-loader need the BTF.
    assert ".BTF" in run("readelf", "-SW", root / "usr/lib/bpf/mev_filter.bpf.o").stdout
