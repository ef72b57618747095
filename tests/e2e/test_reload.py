# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""SIGHUP: another configuration under traffic, and not one reply lost for it."""

import json
import os
import signal
import subprocess
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

import replies
from lab import (HOST_IP, HOST_MAC, MEVNODE, NODE_IP, NODE_MAC, OWN_IP, ROOT, Capture, EngineWorld,
                 LoaderWorld, Node, Replay, TapWorld, World, end_process, run, until)
from test_adopt import LOADERS
from trafficgen import wire
from trafficgen.pcap import PcapWriter

pytestmark = pytest.mark.root

MEVLOAD = Path(os.environ.get("MEVLOAD", ROOT / "build" / "bench" / "mevload"))
ENDS = wire.Endpoints()
X, Y = "a0b86991c6218b36c1d19d4a2e9eb0ce3606eb48", "cbcdf9626bc03e24f779434178a73a0b4bad62ed"
Z = X[:24] + "0" * 16  # the same in the part of the address that a pool's line has room for
AMOUNT = 10**11
FIRST = ("nice", "-n", "-20")  # before whatever else this machine is at
RESERVES = (10**12, 5 * 10**11)


def pool(address: str, fee: int = 3, reserves: tuple = RESERVES, of: int = 1000) -> str:
    """Its section; fee in thousandths, written as a fraction of `of`; reserves may be ()."""
    lines = [f"[pool {address}]", f"fee = {fee * of // 1000}/{of}"]
    lines += [f"reserve{i} = {reserve}" for i, reserve in enumerate(reserves)]
    return "\n".join(lines) + "\n"


def extra(cnt: int, first: int = 0) -> str:
    """So many other pools."""
    return "".join(pool(f"{first + i:040x}") for i in range(cnt))


BASE = pool(X) + pool(Y)


class File:
    """A configuration as an editor leaves it: another file in the old one's place."""

    def __init__(self, folder: Path, text: str = BASE):
        self.path = folder / "node.ini"
        self.write(text)

    def write(self, text: str) -> None:
        """The whole of it, at once."""
        new = self.path.with_suffix(".new")
        new.write_text(text)
        new.rename(self.path)


@pytest.fixture
def file(tmp_path):
    """Two pools, to be rewritten."""
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    return File(tmp_path)


@pytest.fixture(params=(World, TapWorld), ids=("af_xdp", "tap"))
def place(request):
    """A world for either back end."""
    with request.param() as made:
        yield made


def follow(node, file, text) -> str:
    """Another configuration; what the node says of it."""
    file.write(text)
    line = node.reload()
    assert line.startswith(f"mevnode: reloaded {file.path}: "), line
    return line.split(": ", 2)[2]


def request(nonce=1, address=X, amount=AMOUNT, min_out=1) -> bytes:
    """A swap."""
    return wire.SWAP.pack(nonce, bytes.fromhex(address), amount, min_out, 0, bytes(3))


def ask(client, nonce=1, port=8080, **swap):
    """The reply to a swap; None if there is none."""
    client.settimeout(0.3)
    client.sendto(request(nonce, **swap), (NODE_IP, port))
    try:
        reply = replies.Reply(*replies.REPLY.unpack(client.recv(64)), b"")
    except TimeoutError:
        return None
    assert reply.nonce == nonce
    return reply


def profit(fee=3, reserves=RESERVES, capital=10**11, strategy="optimal") -> int:
    """What the node earns with AMOUNT, by `mevnode quote`, which other tests hold against a model."""
    out = run(MEVNODE, "quote", "--reserve-in", reserves[0], "--reserve-out", reserves[1], "--fee",
              f"{fee}/1000", "--amount-in", AMOUNT, "--min-amount-out", 1, "--capital", capital,
              "--strategy", strategy).stdout
    return int(dict(line.split("=", 1) for line in out.splitlines())["profit"])


def verdict(summary, name) -> int:
    """A verdict's frames, which a summary may leave out."""
    return summary["verdicts"].get(name, 0)


@contextmanager
def reloading(node, file, *texts):
    """Meanwhile the node follows these configurations over and over; yields the lines it says."""
    said, over, failed = [], threading.Event(), []

    def work():
        try:
            while not over.is_set() or len(said) % len(texts):  # ends with the last one
                said.append(follow(node, file, texts[len(said) % len(texts)]))
        except BaseException as error:  # pylint: disable=broad-except
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield said
    finally:
        over.set()
        thread.join()
    assert not failed, failed


@contextmanager
def load(world, file, *options, to=f"{NODE_MAC.hex(':')},{NODE_IP}:8080", transport="af_xdp",
         prefix=()):
    """The load generator with the pools of BASE; yields what wait() its result comes from."""
    base = file.path.with_name("base.ini")
    base.write_text(BASE)
    way = ("--transport", transport, "--to", to, "--from",
           f"{HOST_IP}:{40000 if transport == 'af_xdp' else 0}")
    process = subprocess.Popen(
        world.inside("host", *prefix, MEVLOAD, "run", *(("-i", world.link) if transport != "tcp" else ()),
                     *way, "-c", base, "--json", "-", "--warmup", "0", *options),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def result():
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, out + err
        return json.loads(out)

    try:
        yield result
    finally:
        end_process(process)
        process.stdout.close()
        process.stderr.close()


CHURN = (BASE + extra(40, 1) + "[node]\nmin_amount_in = 5\n", extra(40, 100) + BASE,
         extra(3, 50) + BASE + "[feed]\nallow = 10.0.0.0/8\n", BASE)


# --- nothing is lost ------------------------------------------------------------------------------


WAYS = {
    "copy": (World, ("--mode", "copy"), {}),
    "spin": (World, ("--mode", "copy", "--poll", "spin"), {}),
    "skb": (World, ("--mode", "skb"), {}),
    "engine in the driver": (World, ("--mode", "copy", "--engine", "kernel"), {}),
    "tcp": (World, ("--own-ip", f"{OWN_IP}/24"), {"transport": "tcp", "to": f"{OWN_IP}:8080"}),
    "tap": (TapWorld, (), {"transport": "udp", "to": f"{NODE_IP}:8080"}),
    "tap tcp": (TapWorld, (), {"transport": "tcp", "to": f"{NODE_IP}:8080"}),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_every_reply_comes(file, way):
    """64 swaps under way at any time, reloads back to back: each is answered, rightly, and once."""
    world, options, how = way
    with world() as place, Node(place, "--json", "--config", file.path, *options) as node:
        with load(place, file, "--outstanding", "64", "--duration", "1.5", "--strict",
                  **how) as result, reloading(node, file, *CHURN) as said:
            found = result()
        summary = node.stop().summary
    assert len(said) > 4
    assert found["sent"] == found["received"] > 0
    assert found["lost"] == found["wrong"] == found["duplicated"] == found["unexpected"] == 0
    for name in ("unknown_pool", "rejected", "pool_busy", "no_state"):
        assert verdict(summary, name) == 0, name


def test_hundred_thousand_a_second(world, file):
    """Evenly sent, whatever the node does. A machine too busy for the load itself is given another try.

    What the node took is answered in any case: its account is exact each time.
    """
    for _ in range(20):
        with Node(world, "--mode", "copy", "--json", "--config", file.path, prefix=FIRST) as node:
            with load(world, file, "--load", "open", "--rate", "100000", "--duration", "1",
                      prefix=FIRST) as result, reloading(node, file, *CHURN) as said:
                found = result()
            summary = node.stop().summary
        full = summary["xsk"]["rx_ring_full"] + summary["xsk"]["rx_dropped"]
        assert len(said) > 4
        assert verdict(summary, "redirect") == verdict(summary, "replied") + full
        assert {name for name, count in summary["verdicts"].items() if count} <= \
            {"redirect", "replied", "pass"}
        assert found["wrong"] == found["duplicated"] == found["unexpected"] == 0
        if not found["lost"] and found["sent"] == 100000:
            return
    raise AssertionError(f"{found['lost']} replies lost of {found['sent']}, {full} for a full ring")


# --- no pool is ever half another -----------------------------------------------------------------


def capture_of(folder: Path, payloads: list, port: int = 8080) -> Path:
    """A capture of swaps."""
    path = folder / "swaps.pcap"
    with open(path, "wb") as out:
        writer = PcapWriter(out)
        for i, payload in enumerate(payloads):
            packet = wire.ipv4(ENDS.src_ip, ENDS.dst_ip, 17, wire.udp(
                ENDS.src_ip, ENDS.dst_ip, 40000, port, payload))
            writer.frame(i, wire.ethernet(NODE_MAC, HOST_MAC, wire.ETH_IPV4, packet))
    return path


def test_slots_change_hands(place, file):
    """Three pools take turns in one slot, with different fees and reserves, and under load.

    A worker that took the slot of one for another's would answer with its numbers.
    """
    pools = {X: (3, (10**12, 5 * 10**11)), Y: (10, (2 * 10**12, 10**12)),
             Z: (30, (5 * 10**11, 10**12))}
    addresses = list(pools)
    swaps = [request(nonce, addresses[nonce % 3]) for nonce in range(3000)]
    turns = [pool(address, *pools[address]) for address in addresses]
    file.write(turns[2])
    with place.udp("host", 40000), Node(place, "--json", "--config", file.path) as node, \
            Capture(place) as capture:
        with reloading(node, file, *turns) as said, \
                Replay(place, capture_of(file.path.parent, swaps), "--pps", "50000",
                       "--loop", "20") as replay:
            sent = replay.sent()
        until(lambda: place.sent_to_node() >= sent, "all frames are on their way")
        summary = node.stop().summary
        found = [replies.parse(frame) for frame in capture.frames(1)]
    due = {address: profit(*pools[address]) for address in addresses}
    wrong = [reply for reply in found if reply.profit != due[addresses[reply.nonce % 3]]]
    assert wrong == []
    assert {reply.nonce % 3 for reply in found} == {0, 1, 2}
    assert len(said) > 3 and set(said) == {"1 pool added, 1 removed"}
    lost = sum(summary.get("xsk", {}).get(name, 0) for name in ("rx_ring_full", "rx_dropped"))
    assert verdict(summary, "redirect") == verdict(summary, "replied") + \
        verdict(summary, "rejected") + lost
    if place.backend == "af_xdp":  # on TAP judging and deciding go by one view
        assert verdict(summary, "replied") + verdict(summary, "unknown_pool") + lost == \
            sent - verdict(summary, "rejected")
    assert verdict(summary, "rejected") == verdict(summary, "pool_busy") == 0


@pytest.mark.parametrize("kind", (World, EngineWorld, TapWorld), ids=("af_xdp", "engine", "tap"))
def test_fee_changes(kind, file):
    """Under load: each reply is right by the one fee or by the other, and none is missing."""
    with kind() as place:
        fee_changes(place, file)


def fee_changes(place, file):
    """In one place."""
    swaps = [request(nonce) for nonce in range(3000)]
    with place.udp("host", 40000), Node(place, "--json", "--config", file.path) as node, \
            Capture(place) as capture:
        with reloading(node, file, pool(X, 10, of=1000000), pool(X)) as said, \
                Replay(place, capture_of(file.path.parent, swaps), "--pps", "50000",
                       "--loop", "20") as replay:
            replay.sent()
        summary = node.stop().summary
        found = {replies.parse(frame).profit for frame in capture.frames(1)}
    assert found == {profit(3), profit(10)}
    assert said[1:] == ["1 pool changed"] * (len(said) - 1)
    assert {name for name, count in summary["verdicts"].items() if count} <= \
        {"redirect", "replied", "replied_in_driver", "pass"}


def test_ports_change(world, file):
    """What came to the old port in time is answered, the rest goes to the kernel: nothing between."""
    swaps = [request(nonce) for nonce in range(3000)]
    file.write(BASE)
    with world.udp("host", 40000), Node(world, "--json", "--config", file.path) as node:
        with reloading(node, file, "[node]\nswap_port = 9000\nupdate_port = 9001\n" + BASE,
                       BASE) as said, \
                Replay(world, capture_of(file.path.parent, swaps), "--pps", "50000",
                       "--loop", "20") as replay:
            sent = replay.sent()
        with world.udp("host") as client:
            assert ask(client)
        summary = node.stop().summary
    assert len(said) > 3
    assert said[0] == "swap_port 8080 -> 9000, update_port 8081 -> 9001"
    lost = summary["xsk"]["rx_ring_full"] + summary["xsk"]["rx_dropped"]
    assert verdict(summary, "replied") + lost == verdict(summary, "redirect")
    assert verdict(summary, "redirect") + verdict(summary, "pass") >= sent
    assert verdict(summary, "pass") > 0 and verdict(summary, "rejected") == 0


# --- what a reload changes ------------------------------------------------------------------------


def test_thresholds(place, file):
    """Each takes effect, and the line says from what to what."""
    with Node(place, "--json", "--config", file.path) as node, place.udp("host") as client:
        assert ask(client).profit == profit()
        for section, says, after in (
                (f"[node]\nmin_amount_in = {AMOUNT + 1}\n",
                 f"min_amount_in 1000000 -> {AMOUNT + 1}", None),
                (f"[node]\nmin_profit = {profit() + 1}\n",
                 f"min_amount_in {AMOUNT + 1} -> 1000000, min_profit 1 -> {profit() + 1}", None),
                ("[front_run]\ncapital = 1000000000\n",
                 f"min_profit {profit() + 1} -> 1, capital 100000000000 -> 1000000000",
                 profit(capital=10**9)),
                ("[front_run]\nstrategy = fixed\ncapital = 1000000\n",
                 "strategy optimal -> fixed, capital 1000000000 -> 1000000",
                 profit(capital=10**6, strategy="fixed")),
                ("", "strategy fixed -> optimal, capital 1000000 -> 100000000000", profit())):
            assert follow(node, file, section + BASE) == says
            reply = ask(client, nonce=7)
            assert (reply and reply.profit) == after, section
        assert follow(node, file, BASE) == "nothing changed"
        summary = node.stop().summary
    assert verdict(summary, "below_min") == verdict(summary, "unprofitable") == 1


def test_live_state_stays(place, file):
    """What the feed has brought outlives a reload, with another fee too, but not its pool."""
    fed = (3 * 10**12, 10**12)
    changed = "[node]\nmin_profit = 2\n" + pool(X, 10, (10**13, 10**13)) + pool(Y, 3, (10**13, 10**12))
    with Node(place, "--json", "--config", file.path) as node, place.udp("host") as client:
        client.sendto(wire.UPDATE.pack(bytes.fromhex(X), *fed, 99, 7, bytes(16)), (NODE_IP, 8081))
        assert ask(client)[1:4:2] == (profit(3, fed), 99)
        assert follow(node, file, changed) == "2 pools changed, min_profit 1 -> 2"
        assert ask(client)[1:4:2] == (profit(10, fed), 99)
        assert ask(client, address=Y)[1:4:2] == (profit(3, (10**13, 10**12)), 0)  # was not fed
        # Nor does its stream start over: an older update is stale.
        client.sendto(wire.UPDATE.pack(bytes.fromhex(X), 1, 1, 5, 6, bytes(16)), (NODE_IP, 8081))
        assert ask(client).profit == profit(10, fed)
        follow(node, file, pool(Y))
        assert ask(client) is None
        follow(node, file, pool(Y) + pool(X))
        assert ask(client)[1:4:2] == (profit(), 0)
        # Without reserves it waits; those that it got are gone with the section's.
        follow(node, file, pool(X, 3, ()))
        assert ask(client) is None
        summary = node.stop().summary
    assert verdict(summary, "no_state") == 1 and verdict(summary, "update_stale") == 1


def test_feeds(place, file):
    """Sources come and go."""
    def feed(client, reserve, seq):
        client.sendto(wire.UPDATE.pack(bytes.fromhex(X), reserve, 10**12, seq, seq, bytes(16)),
                      (NODE_IP, 8081))
        return ask(client).slot == seq

    with Node(place, "--json", "--config", file.path) as node, place.udp("host") as client:
        assert feed(client, 10**12, 1)
        for networks, says, allowed in (
                ("10.0.0.0/8", "1 network allowed to feed", False),
                (f"10.0.0.0/8, {HOST_IP}/32, 2001:db8::/32", "3 networks allowed to feed", True),
                ("2001:db8::/32", "1 network allowed to feed", False),
                ("0.0.0.0/0", "1 network allowed to feed", True)):
            assert follow(node, file, f"[feed]\nallow = {networks}\n{BASE}") == says
            seq = len(node.said()) + 1
            assert feed(client, 10**12 + seq, seq) == allowed, networks
        assert follow(node, file, BASE) == "anybody allowed to feed"
        assert feed(client, 10**12, 100)
        summary = node.stop().summary
    assert verdict(summary, "update_forbidden") == 2


def test_every_feed_replaced(world, file):
    """As many as there is room for, by as many others."""
    def networks(first):
        return "[feed]\n" + "".join(f"allow = {first}.{i // 256}.{i % 256}.0/24\n"
                                    for i in range(1024)) + BASE

    file.write(networks(10))
    with Node(world, "--mode", "copy", "--config", file.path) as node:
        assert follow(node, file, networks(11)) == "1024 networks allowed to feed"
        dump = json.loads(world.run("node", "bpftool", "-j", "map", "dump", "pinned",
                                    world.pins / "mev_feed_allow").stdout)
        assert len(dump) == 1024
        assert {entry["key"][16] for entry in dump} == {"0x0b"}


def test_own_stack_follows_the_port(place, file):
    """TCP and reassembled UDP; connections to the old port are reset."""
    with Node(place, "--json", "--config", file.path, *place.owning) as node:
        with place.tcp() as old:
            old.sendall(request(5))
            assert replies.REPLY.unpack(old.recv(32, 0x100))[0] == 5
            follow(node, file, "[node]\nswap_port = 9000\n" + BASE)
            with pytest.raises(ConnectionResetError):
                old.recv(1)
        with pytest.raises(ConnectionRefusedError):
            place.tcp()
        with place.tcp(port=9000) as new:
            new.sendall(request(6))
            assert replies.REPLY.unpack(new.recv(32, 0x100))[0] == 6
        with place.udp("host") as client:
            assert ask(client, port=9000) and not ask(client, port=8080)
        assert node.stop().code == 0


def test_counters_begin_with_their_pool(place, file):
    """A slot's next pool does not inherit what the last one counted."""
    with Node(place, "--json", "--config", file.path) as node, place.udp("host") as client:
        for nonce in range(3):
            assert ask(client, nonce)
        follow(node, file, pool(Y) + pool(Z))  # which gets X's slot
        assert ask(client, address=Z)
        summary = node.stop().summary
    found = {entry["address"]: entry for entry in summary["pools"]}
    assert set(found) == {Z}
    assert (found[Z]["swaps"], found[Z]["replies"]) == (1, 1)
    assert verdict(summary, "replied") == 4


def test_every_pool_replaced(place, file):
    """As many as there is room for, by as many others: slots are given away at once, but cleared."""
    first, second = extra(65535, 1) + pool(X), extra(65535, 100000) + pool(Y)
    file.write(first)
    with Node(place, "--json", "--config", file.path) as node, place.udp("host") as client:
        assert ask(client) and not ask(client, address=Y)
        assert follow(node, file, second) == "65536 pools added, 65536 removed"
        assert ask(client, address=Y) and not ask(client)
        assert ask(client, address=f"{100000 + 65534:040x}")
        assert follow(node, file, BASE) == "1 pool added, 65535 removed"
        assert ask(client) and ask(client, address=Y)
        assert node.stop().code == 0


def test_what_bpftool_did_is_undone(world, file):
    """A reload makes the maps what the file says: pools that came, went, or were altered by hand."""
    def bpftool(*command):
        world.run("node", "bpftool", "map", *command)

    def key(address):
        return " ".join(str(byte) for byte in bytes.fromhex(address)).split()

    index, lines = world.pins / "mev_pool_index", world.pins / "mev_pools"
    with Node(world, "--mode", "copy", "--json", "--config", file.path) as node, \
            world.udp("host") as client:
        bpftool("update", "pinned", index, "key", *key(Z), "value", *"9 0 0 0".split())
        bpftool("update", "pinned", index, "key", *key("11" * 20), "value", *"1 0 0 0".split())
        bpftool("delete", "pinned", index, "key", *key(X))
        bpftool("update", "pinned", lines, "key", *"1 0 0 0".split(), "value", "hex",
                *("00 " * 8 + "01 00 00 00 00 00 00 00 " * 2 + "00 " * 40).split())  # Y's
        assert ask(client) is None
        # X comes, Z goes, Y is as it was; the stray entry in Y's slot is of no account.
        assert follow(node, file, BASE) == "1 pool added, 1 removed, 1 changed"
        assert ask(client) and ask(client, address=Y).profit == profit()
        found = world.run("node", "bpftool", "-j", "map", "dump", "pinned", index).stdout
        assert len(json.loads(found)) == 2
        assert node.stop().code == 0


# --- what a reload refuses ------------------------------------------------------------------------


BAD = {
    "fee": ("[pool " + X + "]\nfee = 5/3\n", ":2: fee = 5/3"),
    "unknown key": (BASE + "color = red\n", ":9: no key color"),
    "twice": (BASE + pool(X), ":9: [pool"),
    "no section": ("min_profit = 1\n", ":1: min_profit"),
    "ports": ("[node]\nswap_port = 8081\n" + BASE, "swap_port and update_port"),
    "number": ("[node]\nmin_profit = many\n" + BASE, ":2: min_profit = many"),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_bad_file(place, file, bad):
    """One line with file and line; the old configuration goes on, and a mended file is taken."""
    text, says = bad
    with Node(place, "--json", "--config", file.path) as node, place.udp("host") as client:
        file.write(text)
        line = node.reload()
        assert line.startswith(f"mevnode: error: {file.path}:") and says in line, line
        assert line.endswith("; the node goes on as it was")
        assert ask(client).profit == profit() and ask(client, address=Y)
        assert follow(node, file, BASE) == "nothing changed"
        file.path.unlink()
        line = node.reload()
        assert "No such file" in line and str(file.path) in line
        assert line.endswith("the node goes on as it was")
        assert ask(client) and ask(client, address=Y)
        assert node.stop().code == 0


def test_nothing_to_reload(place):
    """Without --config SIGHUP changes nothing, least of all that the node runs."""
    with Node(place, "--json") as node, place.udp("host") as client:
        assert "nothing to reload" in node.reload()
        assert ask(client)
        assert node.stop().code == 0


# --- with less, and with more ---------------------------------------------------------------------


def test_user(world, file):
    """A user who may read the file but not the maps' folder above."""
    with Node(world, "--mode", "copy", "--user", "nobody", "--json", "--config", file.path) as node, \
            world.udp("host") as client:
        assert follow(node, file, BASE + pool(Z)) == "1 pool added"
        assert ask(client, address=Z)
        file.path.chmod(0o600)
        line = node.reload()
        assert "Permission denied" in line and line.endswith("the node goes on as it was")
        assert ask(client, address=Z)
        ended = node.stop()
    assert ended.code == 0


@pytest.mark.parametrize("loader", LOADERS.values(), ids=LOADERS)
def test_adopted(file, loader):
    """Maps that a loader made are changed in the same way, and stay when the node has gone."""
    with LoaderWorld() as world:
        loader(world)
        with Node(world, "--adopt", "--json", "--config", file.path, pins=False) as node:
            with load(world, file, "--outstanding", "16", "--duration", "0.5", "--strict") as result, \
                    reloading(node, file, *CHURN) as said:
                found = result()
            with world.udp("host") as client:
                assert follow(node, file, pool(Z)) == "1 pool added, 2 removed"
                assert ask(client, address=Z) and not ask(client)
            ended = node.stop()
    assert len(said) > 3 and found["sent"] == found["received"] > 0
    assert ended.code == 0
