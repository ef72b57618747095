# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Images built once a session, from Dockerfile and docker-compose.yml as they are."""

import os
import shutil
import signal
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e"), str(HERE.parents[1] / "scripts")]

import podman as engine  # noqa: E402  pylint: disable=wrong-import-position


def pytest_configure():
    """Asked to end, clean up as for Ctrl-C."""
    def interrupt(*_):
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)


@pytest.fixture(scope="session")
def podman():
    """Podman with the images mevnode and mevnode-traffic."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    missing = [tool for tool in engine.TOOLS if not shutil.which(tool)]
    if missing:
        pytest.skip(f"not installed: {' '.join(missing)}; scripts/setup.sh installs it")
    try:
        with engine.Podman() as made:
            # The host's network, so that the build makes no bridge and no firewall rules.
            host = {name: {"build": {"network": "host"}} for name in ("node", "traffic")}
            build = engine.Compose(made, "build", changes={"services": host})
            build("build", timeout=engine.BUILD_TIMEOUT)
            yield made
    except engine.Unable as reason:
        pytest.skip(str(reason))


@pytest.fixture
def compose(podman):
    """compose(settings, changes): the services, down again at the end."""
    with ExitStack() as stack:
        def made(settings=None, changes=None):
            return stack.enter_context(engine.Compose(podman, "mevnode", settings, changes))

        yield made
