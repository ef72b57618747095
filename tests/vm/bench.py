# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A machine at work, and what its checks have in common."""

from contextlib import contextmanager
from itertools import count

from captures import Captures
from guest import Guest
from machines import Machine
from trafficgen import wire
from wire import ENDS

FRAMES = 2000  # of a capture; an AF_XDP ring has room for all of them
PINS = "/sys/fs/bpf/mevnode/eth0"
POOL = bytes.fromhex("a0b86991c6218b36c1d19d4a2e9eb0ce3606eb48")
XDP_STATISTICS = ("rx_dropped", "rx_invalid_descs", "tx_invalid_descs", "rx_ring_full",
                  "rx_fill_ring_empty_descs", "tx_ring_empty_descs")
_nonces = count(1)


def one_pool_swap(port: int = ENDS.src_port) -> bytes:
    """A frame that is answered, with a nonce of its own."""
    payload = wire.SWAP.pack(next(_nonces), POOL, 2 * 10**10, 1, 0, bytes(3))
    datagram = wire.udp(ENDS.src_ip, ENDS.dst_ip, port, ENDS.swap_port, payload)
    packet = wire.ipv4(ENDS.src_ip, ENDS.dst_ip, wire.PROTO_UDP, datagram)
    return wire.ethernet(ENDS.dst_mac, ENDS.src_mac, wire.ETH_IPV4, packet)


class Bench:
    """Kept over all checks of a guest."""

    def __init__(self, machine: Machine, guest: Guest, captures: Captures):
        self.machine, self.guest, self.captures = machine, guest, captures
        self.statistics = {}  # XDP_STATISTICS of all captures, added up
        self.explained = 0  # see empty_asks()
        if machine.mode == "zerocopy":
            guest.sh("mount -t tracefs tracefs /sys/kernel/tracing; cd /sys/kernel/tracing; "
                     "echo 'p:ask xp_alloc_batch max=%dx:u32' >kprobe_events; "
                     "echo 'max == 0' >events/kprobes/ask/filter; "
                     "echo 1 >events/kprobes/ask/enable; cd /run")

    def capture(self, mode: str, *options):
        """As this machine's NIC hands it over."""
        return self.captures.get(mode, FRAMES, *options, padded=self.machine.padded)

    def empty_asks(self) -> int:
        """How often a driver has asked the fill ring for no buffer, since this was last called.

        When a program is detached virtio_net refills rings that are full. The kernel counts this as
        rx_fill_ring_empty_descs, though the fill ring is not empty and nothing is lost.
        """
        if self.machine.mode != "zerocopy":
            return 0
        trace = "/sys/kernel/tracing/trace"
        found = int(self.guest.sh(f"grep -c ' ask: ' {trace}; echo >{trace}").split()[0])
        self.explained += found
        return found

    def account(self, xsk: dict) -> None:
        """Add to .statistics a summary's, less what empty_asks() explains."""
        xsk["rx_fill_ring_empty_descs"] -= self.empty_asks()
        for name in XDP_STATISTICS:
            self.statistics[name] = self.statistics.get(name, 0) + xsk[name]

    @contextmanager
    def loaded(self):
        """Our program attached by a loader, alone, for a node to adopt; gone afterwards."""
        hook = "skb" if self.machine.mode == "skb" else "native"
        self.guest.sh("mkdir -p /sys/fs/bpf/mevnode; LIBXDP_SKIP_DISPATCHER=1 xdp-loader load "
                      f"-m {hook} -s xdp -p {PINS} eth0 /t/mev_filter.bpf.o")
        try:
            yield
        finally:
            self.guest.sh(f"xdp-loader unload eth0 --all; rm -r {PINS}")
