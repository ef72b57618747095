# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The guests: which kernel, which NIC, and the best mode that a node can get there."""

from typing import NamedTuple

from guest import MAC

CLOUD, FULL = "cloud-amd64", "amd64"  # the cloud kernel is smaller and has no igb
# Frames to other addresses and groups are part of the captures; tags are for the XDP program to see.
OPEN = "/t/ip link set eth0 promisc on"
NO_STRIPPING = "ethtool -K eth0 rxvlan off"
# Between queues an update may overtake the swap before it, which is not what a prediction is about.
ONE_QUEUE = "ethtool -L eth0 combined 1"


class Machine(NamedTuple):
    """One column of the matrix."""

    driver: str
    suite: str
    flavour: str
    hardware: tuple
    mode: str  # what --mode auto ends in
    prepare: tuple = (OPEN,)  # command lines before everything else
    padded: bool = True  # whether short frames arrive padded, as Ethernet does
    metadata_in_dispatcher: bool = False  # whether libxdp's takes a program that leaves metadata
    queues: int = 1  # of a virtio_net; more than one need a TAP device, and root
    only: tuple = ()  # checks, by name; () for all that have their place
    label: str = ""

    @property
    def key(self) -> str:
        """For file names."""
        return "-".join(filter(None, (self.suite, self.driver, self.label)))


def _virtio(*extra: str) -> tuple:
    return ("-device", ",".join((f"virtio-net-pci,netdev=n0,mac={MAC},romfile=", *extra)))


def _pcie(driver: str) -> tuple:
    return ("-machine", "q35", "-device", "pcie-root-port,id=r0,chassis=1,slot=1",
            "-device", f"{driver},bus=r0,netdev=n0,mac={MAC},romfile=")


# What zero-copy needs of the device: DMA addresses, in virtio's words VIRTIO_F_ACCESS_PLATFORM.
ACCESS_PLATFORM = ("disable-legacy=on", "iommu_platform=on")

MACHINES = (
    Machine("virtio_net", "bookworm-security", CLOUD, _virtio(*ACCESS_PLATFORM), "copy",
            padded=False, metadata_in_dispatcher=True),
    Machine("virtio_net", "bookworm-backports", CLOUD, _virtio(*ACCESS_PLATFORM), "copy",
            padded=False),
    Machine("virtio_net", "trixie-backports", CLOUD, _virtio(*ACCESS_PLATFORM), "zerocopy",
            padded=False),
    Machine("igb", "trixie-backports", FULL, _pcie("igb"), "zerocopy",
            (OPEN, NO_STRIPPING, ONE_QUEUE)),
    Machine("e1000e", "trixie-backports", FULL, _pcie("e1000e"), "skb", (OPEN, NO_STRIPPING)),
    # Twice as many queue pairs as CPUs: attaching XDP raises the number in use.
    Machine("virtio_net", "trixie-backports", CLOUD,
            _virtio("mq=on", "vectors=10", "rss=on", *ACCESS_PLATFORM), "zerocopy",
            queues=4, label="4 queues", only=("queues that grow", "doctor")),
)
