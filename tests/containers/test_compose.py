# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""docker-compose.yml as its user runs it: traffic to the node, exit code by the prediction."""

import json
import re

import pytest

from lab import ROOT, until

COUNT = 20000

# Docker gives a user other than root none of the capabilities that Podman does. The image's own
# setpriv makes it so: it hands down nothing of what its file may do.
_PLAIN = ["setpriv", "--inh-caps=-all", "--ambient-caps=-all"]
AS_IN_DOCKER = {"services": {
    "node": {"entrypoint": [*_PLAIN, "/usr/lib/mevnode/node.sh"]},
    "traffic": {"entrypoint": [*_PLAIN, "/usr/lib/mevnode/scripts/containers/traffic.sh"]}}}


def table(services) -> dict:
    """What the traffic service has printed: name -> (predicted, counted, whether it agrees)."""
    rows = re.findall(r"^(\w[\w ]*?) {2,}([\d,]+) +([\d,]+) +(ok|DIFFERS)$",
                      services.logs("traffic"), re.MULTILINE)
    return {name: (int(predicted.replace(",", "")), int(counted.replace(",", "")), verdict == "ok")
            for name, predicted, counted, verdict in rows}


@pytest.mark.parametrize("backend, changes", (("af_xdp", {}), ("tap", AS_IN_DOCKER)))
def test_as_predicted(compose, backend, changes):
    """Up, the capture, the comparison, and down: exit code 0, and nothing differs."""
    services = compose({"MEV_BACKEND": backend, "PCAP_COUNT": COUNT, "PCAP_SEED": 7}, changes)
    done = services("up", "--exit-code-from", "traffic", check=False)
    assert done.returncode == 0, done.stdout
    rows = table(services)
    assert rows["frames judged"] == (COUNT, COUNT, True)
    assert rows["replies on the wire"][0] > COUNT / 10
    assert all(agrees for _, _, agrees in rows.values())
    # It was stopped, not killed, and has its say.
    assert services.state("node")["ExitCode"] == 0
    said = json.loads(services.logs("node").splitlines()[-1])
    assert said["backend"] == backend
    assert said["verdicts"]["replied"] == rows["replies on the wire"][1]


def test_not_as_predicted(compose, podman):
    """A node with other pools than the prediction's: exit code 1, and what differs is named."""
    text = (ROOT / "docs" / "mevnode.ini").read_text(encoding="utf-8")
    other = podman.folder / "other.ini"
    other.write_text(text.replace("reserve1 = 500000000000", "reserve1 = 490000000000"))
    services = compose({"PCAP_COUNT": COUNT, "PCAP_MODE": "large"}, {"services": {"node": {
        "volumes": [f"{other}:/etc/mevnode/mevnode.ini:ro"]}}})
    done = services("up", "--exit-code-from", "traffic", check=False)
    assert done.returncode == 1, done.stdout
    assert not table(services)["profit claimed"][2]


def ended(services) -> int:
    """How the traffic service has ended."""
    until(lambda: services.state("traffic")["Status"] == "exited", "traffic has ended")
    return services.state("traffic")["ExitCode"]


def test_twice(compose):
    """The prediction is about a node that has seen nothing; of another it is not held up."""
    services = compose({"PCAP_COUNT": 9, "PCAP_MODE": "noise"})
    services("up", "-d")
    assert ended(services) == 0
    services("start", "traffic")
    assert ended(services) == 3
    assert "has judged 9 frames before" in services.logs("traffic")
