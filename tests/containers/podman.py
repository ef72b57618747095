# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A container engine of the tests' own, with a base image made by debootstrap.

Everything that it makes lies in one folder under build/containers and goes with it: images,
containers, sockets, mounts, processes. What stays there is base-*.tar, the base image, so that the
next run need not make it again. A folder that a killed run has left is removed by the next run.
"""

import hashlib
import json
import os
import resource
import shutil
import subprocess
import threading
from pathlib import Path

from lab import ROOT, TIMEOUT, end_process, until

HOME = ROOT / "build" / "containers"
BASE_IMAGE = "docker.io/library/debian:bookworm-slim"  # what `FROM debian:bookworm-slim` means
TOOLS = ("podman", "runc", "docker-compose", "debootstrap")
WITH_US = ("setpriv", "--pdeathsig", "TERM")  # what is started does not outlive the tests
BUILD_TIMEOUT = 600  # seconds for what downloads packages

STORAGE = """\
[storage]
driver = "overlay"
graphroot = "{folder}/images"
runroot = "{folder}/run"
"""
# With limits beyond this process's own, which are Podman's default, no container starts. Locks and
# folders would else be everybody's.
ENGINE = """\
[containers]
default_ulimits = ["nofile={nofile}:{nofile}", "nproc={nproc}:{nproc}"]
pids_limit = 0
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
static_dir = "{folder}/images/libpod"
volume_path = "{folder}/images/volumes"
tmp_dir = "{folder}/tmp"
[network]
network_config_dir = "{folder}/networks"
"""


class Unable(Exception):
    """Podman does not work on this host; the message says why."""


def command(*args, timeout=4 * TIMEOUT, check=True, **options) -> subprocess.CompletedProcess:
    """A command to its end, both outputs as one text."""
    args = [*WITH_US, *(str(arg) for arg in args)]
    done = subprocess.run(args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=timeout, check=False,
                          **options)
    if check and done.returncode:
        raise AssertionError(f"{' '.join(args)} ended with {done.returncode}:\n{done.stdout}")
    return done


# --- the base image -----------------------------------------------------------------------------


# What Debian's image of that name has as well: documentation left out, no syncs, no caches.
SLIM = {
    "etc/dpkg/dpkg.cfg.d/slim": ("force-unsafe-io", "path-exclude /usr/share/doc/*",
                                 "path-exclude /usr/share/man/*"),
    "etc/apt/apt.conf.d/slim": ('APT::Keep-Downloaded-Packages "0";', 'Dir::Cache::pkgcache "";',
                                'Dir::Cache::srcpkgcache "";'),
}


def apt_files() -> dict:
    """This host's apt sources of Debian's, and its proxies and the like: path -> lines."""
    sources = command("apt-get", "indextargets", "--format", "deb $(SITE) $(RELEASE) $(COMPONENT)",
                      "Created-By: Packages", "Origin: Debian").stdout
    config = command("apt-config", "dump").stdout
    return {"etc/apt/sources.list": sources.splitlines(),
            "etc/apt/apt.conf.d/host": [line for line in config.splitlines()
                                        if line.startswith(("Acquire::Check-", "Acquire::http"))]}


def base_tar() -> Path:
    """A minimal Debian 12 with this host's mirrors, made if it is not there."""
    files = SLIM | apt_files()
    tar = HOME / f"base-{hashlib.sha256(json.dumps(files).encode()).hexdigest()[:12]}.tar"
    if tar.exists():
        return tar
    mirror = next(source.split()[1] for source in files["etc/apt/sources.list"]
                  if source.split()[2] == "bookworm")
    tree = HOME / "base"
    shutil.rmtree(tree, ignore_errors=True)
    command("debootstrap", "--variant=minbase", "bookworm", tree, mirror, timeout=BUILD_TIMEOUT)
    for name, lines in files.items():
        (tree / name).write_text("".join(f"{line}\n" for line in lines))
    for unneeded in ("var/cache/apt/archives", "var/lib/apt/lists", "usr/share/doc"):
        shutil.rmtree(tree / unneeded)
    command("tar", "-C", tree, "-cf", f"{tar}.new", ".")
    os.rename(f"{tar}.new", tar)
    shutil.rmtree(tree)
    return tar


# --- the engine ---------------------------------------------------------------------------------


class Podman:
    """Podman with its Docker-compatible socket. Needs root."""

    def __init__(self):
        self.folder = HOME / f"run-{os.getpid()}"
        self.env = self._environment(self.folder)
        self._service = self._pulse = None
        self._over = threading.Event()

    @staticmethod
    def _environment(folder: Path) -> dict:
        keep = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        return keep | {
            "HOME": str(folder),
            "TMPDIR": str(folder / "tmp"),
            "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
            "CONTAINERS_CONF": str(folder / "containers.conf"),
            "DOCKER_HOST": f"unix://{folder}/socket",
            "COMPOSE_DOCKER_CLI_BUILD": "0",  # by the socket: there need be no `docker`
        }

    def __enter__(self):
        HOME.mkdir(parents=True, exist_ok=True)
        for left in HOME.glob("run-*"):
            if not Path("/proc", left.name[4:]).exists():
                self._remove(left)
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self) -> None:
        (self.folder / "tmp").mkdir(parents=True)
        pid_max = int(Path("/proc/sys/kernel/pid_max").read_text(encoding="ascii"))
        limits = {"nofile": resource.getrlimit(resource.RLIMIT_NOFILE)[1],
                  "nproc": min(resource.getrlimit(resource.RLIMIT_NPROC)[1] % 2**64, pid_max)}
        for name, text in (("storage.conf", STORAGE), ("containers.conf", ENGINE)):
            (self.folder / name).write_text(text.format(folder=self.folder, **limits))
        done = self.podman("import", "--change", 'CMD ["bash"]', base_tar(), BASE_IMAGE, check=False)
        if done.returncode == 0:
            done = self.podman("run", "--rm", "--network", "none", BASE_IMAGE, "true", check=False)
        if done.returncode:
            raise Unable(f"podman does not work here: {done.stdout.strip()}")
        self._service = subprocess.Popen(
            [*WITH_US, "podman", "system", "service", "--time", "0", self.env["DOCKER_HOST"]],
            env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until((self.folder / "socket").exists, "podman has its socket")
        self._pulse = threading.Thread(target=self._feel_pulse)
        self._pulse.start()

    def _feel_pulse(self) -> None:
        """What systemd's timers would do: ask containers for their health."""
        while not self._over.wait(0.3):
            for name in self.podman("ps", "--format", "{{.Names}}", check=False).stdout.split():
                self.podman("healthcheck", "run", name, check=False)

    def __exit__(self, *_):
        self._over.set()
        if self._pulse:
            self._pulse.join()
        if self._service:
            end_process(self._service)
        self._remove(self.folder)

    def _remove(self, folder: Path) -> None:
        if (folder / "containers.conf").exists():
            environment = self._environment(folder)
            for what in (("rm", "--all", "--force", "--time", "0"),
                         ("volume", "prune", "--force")):
                command("podman", *what, env=environment, check=False)
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
        for mount in reversed([line.split()[1] for line in mounts]):
            if Path(mount).is_relative_to(folder):
                command("umount", "--lazy", mount)
        # What ends along with a container may still be writing.
        until(lambda: shutil.rmtree(folder, ignore_errors=True) or not folder.exists(),
              f"{folder} is removed")

    def podman(self, *args, **options) -> subprocess.CompletedProcess:
        """`podman ARGS`."""
        return command("podman", *args, env=self.env, **options)

    def inspect(self, container: str) -> dict:
        """What the engine knows of a container."""
        found, = json.loads(self.podman("container", "inspect", container).stdout)
        return found


class Compose:
    """docker-compose.yml with Debian's docker-compose, as a project of its own; gone at the end.

    settings: environment variables that the file asks for. changes: what a user might write into
    a docker-compose.override.yml.
    """

    def __init__(self, podman: Podman, name: str, settings: dict = None, changes: dict = None):
        self.podman, self.name = podman, name
        self._env = podman.env | {key: str(value) for key, value in (settings or {}).items()}
        self._files = ["--file", ROOT / "docker-compose.yml"]
        if changes:
            file = podman.folder / f"{name}.json"  # which is YAML
            file.write_text(json.dumps(changes))
            self._files += ["--file", file]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # The first may not get at all of it.
        if self("down", "--volumes", "--timeout", "0", check=False).returncode:
            self("down", "--volumes", "--timeout", "0")

    def __call__(self, *args, **options) -> subprocess.CompletedProcess:
        """`docker-compose ARGS`."""
        return command("docker-compose", "--project-name", self.name, "--ansi", "never",
                       *self._files, *args, env=self._env, **options)

    def container(self, service: str) -> str:
        """The name of a service's container."""
        return f"{self.name}_{service}_1"

    def state(self, service: str) -> dict:
        """Running or not, exit code, health."""
        return self.podman.inspect(self.container(service))["State"]

    def logs(self, service: str) -> str:
        """What it has said."""
        return self.podman.podman("logs", self.container(service)).stdout
