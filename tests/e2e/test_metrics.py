# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""`mevnode run --listen`: what scrapers get, and what clients that mean ill do not get."""

import json
import re
import socket
import subprocess
import tempfile
import time
import urllib.parse
from contextlib import ExitStack, contextmanager

import pytest

from lab import (NODE_IP, ROOT, TIMEOUT, LoaderWorld, Node, TapWorld, World, end_process, run, until)
from trafficgen import wire

pytestmark = pytest.mark.root

PORT = 9464
SWAP = wire.SWAP.pack(1, bytes.fromhex("a0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"), 2 * 10**10, 1,
                      0, bytes(3))
DASHBOARD = ROOT / "docs" / "grafana-dashboard.json"
CONNECTIONS = 32  # user/live/metrics.h


@pytest.fixture(name="world")
def fixture_world():
    """A world whose node's side has a loopback device."""
    with World() as made:
        with_loopback(made)
        yield made


def with_loopback(world) -> None:
    """The quiet worlds have none, and no IPv6."""
    world.run("node", "sysctl", "-qw", "net.ipv6.conf.lo.disable_ipv6=0")
    world.run("node", "ip", "link", "set", "lo", "up")


def connect(world, host="127.0.0.1", side="node") -> socket.socket:
    """A connection to the endpoint."""
    with world.entered(side):
        sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    sock.settimeout(TIMEOUT)
    try:
        sock.connect((host, PORT))
    except BaseException:
        sock.close()
        raise
    return sock


def ask(world, request: bytes, **where) -> tuple:
    """Status, head and body of the answer."""
    with connect(world, **where) as sock:
        sock.sendall(request)
        answer = b""
        while part := sock.recv(65536):
            answer += part
    head, body = answer.split(b"\r\n\r\n", 1)
    return int(head.split()[1]), head.decode(), body.decode()


def get(world, path="/metrics", method="GET", **where) -> tuple:
    """The same for a proper request."""
    return ask(world, f"{method} {path} HTTP/1.1\r\nHost: node\r\n\r\n".encode(), **where)


def scrape(world, **where) -> str:
    """The metrics."""
    status, head, body = get(world, **where)
    assert status == 200
    assert "Content-Type: text/plain; version=0.0.4; charset=utf-8" in head
    return body


def value(text: str, series: str) -> float:
    """Of one series, which is there once."""
    found, = [line.rsplit(" ", 1)[1] for line in text.splitlines()
              if line.rsplit(" ", 1)[0] == series]
    return float(found)


def check(text: str) -> None:
    """As promtool sees it: no error, no advice."""
    with tempfile.TemporaryFile("w+") as file:
        file.write(text)
        file.seek(0)
        done = run("promtool", "check", "metrics", check=False, stdin=file)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def swaps(world, count: int) -> None:
    """So many, answered."""
    with world.udp("host") as client:
        for _ in range(count):
            client.sendto(SWAP, (NODE_IP, 8080))
            assert len(client.recv(100)) == 32


# --- what there is --------------------------------------------------------------------------------


@pytest.mark.parametrize("make", (World, TapWorld), ids=("af_xdp", "tap"))
def test_counters(make, traffic):
    """promtool finds nothing; the numbers are those of the summary."""
    sent = traffic("mixed", 3000)
    with make() as world:
        with_loopback(world)
        with Node(world, "--listen", PORT, "--json") as node:
            frames = world.replay(sent.pcap, "--pps", "3000")

            def settled():
                text = scrape(world)
                judged = sum(value(text, f'mevnode_frames_total{{verdict="{name}"}}')
                             for name in sent.expected["verdicts"] if name != "redirect")
                return text if judged >= frames else None

            text = until(settled, f"{frames} frames in the metrics")
            summary = node.stop().summary
    check(text)
    for name, count in summary["verdicts"].items():
        assert value(text, f'mevnode_frames_total{{verdict="{name}"}}') == count
    assert value(text, "mevnode_replies_total") == summary["verdicts"]["replied"]
    assert value(text, "mevnode_candidates_total") == summary["verdicts"]["redirect"]
    assert value(text, "mevnode_bytes_total{verdict=\"redirect\"}") > 60 * frames / 10
    for name, found in summary["latency_ns"].items():
        assert value(text, f"mevnode_{name}_seconds_count") == found["count"]
        assert value(text, f'mevnode_{name}_seconds_bucket{{le="+Inf"}}') == found["count"]
        assert value(text, f"mevnode_{name}_max_seconds") == found["max"] / 1e9
    for pool in summary["pools"]:
        for what in ("swaps", "candidates", "replies", "updates", "gaps", "stale"):
            series = f'mevnode_pool_{what}_total{{pool="{pool["address"]}"}}'
            assert value(text, series) == pool[what]
    assert value(text, "mevnode_ready") == 1
    assert value(text, f'mevnode_info{{backend="{summary["backend"]}",mode="{summary["mode"]}",'
                 f'interface="{world.interface}"}}') == 1
    assert value(text, f'mevnode_build_info{{version="{summary["version"]}"}}') == 1
    section = "xsk" if "xsk" in summary else "tap"
    # The kernel looks into empty rings for as long as there are any.
    for name in set(summary[section]) - {"chunks_missing", "tx_ring_empty_descs"}:
        assert value(text, f"mevnode_{section}_{name}_total") == summary[section][name]


def test_paths_and_methods(world):
    """Nothing but GET and HEAD, of three paths."""
    with Node(world, "--listen", PORT) as node:
        assert get(world, "/healthz")[::2] == (200, "ok\n")
        status, _, body = get(world, "/")
        assert status == 200 and "/metrics" in body
        assert get(world, "/../etc/passwd")[0] == 404
        assert get(world, "/metrics?x=1")[0] == 200
        status, head, body = get(world, method="HEAD")
        assert (status, body) == (200, "")
        assert int(re.search(r"Content-Length: (\d+)", head).group(1)) > 1000
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "BREW"):
            status, head, _ = get(world, method=method)
            assert status == 405 and "Allow: GET, HEAD" in head
        ended = node.stop()
    assert ended.code == 0


def test_health_follows_the_filter(world):
    """Somebody has told it to pass every frame: 503, and mevnode_ready is 0."""
    with Node(world, "--listen", PORT):
        key = ("key", "0", "0", "0", "0")
        path = world.pins / "mev_config"
        dump = json.loads(world.run("node", "bpftool", "-j", "map", "lookup", "pinned", path,
                                    *key).stdout)
        world.run("node", "bpftool", "map", "update", "pinned", path, *key, "value", "0", "0", "0",
                  "0", *dump["value"][4:])
        until(lambda: get(world, "/healthz")[0] == 503, "503")
        assert value(scrape(world), "mevnode_ready") == 0


def test_adopted():
    """A loader's program behind it; as another user; with the stack's counters."""
    with LoaderWorld() as world:
        with_loopback(world)
        world.run("node", "mkdir", "-p", world.pins.parent)
        world.run("node", "xdp-loader", "load", "-m", "native", "-s", "xdp", "-p", world.pins,
                  "veth1", ROOT / "build" / "bpf" / "mev_filter.bpf.o")
        with Node(world, "--adopt", *world.owning, "--listen", PORT, pins=False):
            with world.tcp() as client:
                client.sendall(SWAP)
                assert len(client.recv(100)) == 32
                series = 'mevnode_stack_records_total{transport="tcp",verdict="replied"}'
                until(lambda: value(scrape(world), series) == 1, "a record in the metrics")
                assert value(scrape(world), "mevnode_stack_open") == 1
            check(scrape(world))


# --- where ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("listen, reachable, not_reachable", (
    (f"{PORT}", "127.0.0.1", NODE_IP),
    (f"{NODE_IP}:{PORT}", NODE_IP, "127.0.0.1"),
    (f"0.0.0.0:{PORT}", NODE_IP, "::1"),
    (f"[::1]:{PORT}", "::1", "127.0.0.1"),
    (f"[::]:{PORT}", "127.0.0.1", None),
))
def test_addresses(world, listen, reachable, not_reachable):
    """Loopback only, unless an address is given; of either family."""
    with Node(world, "--listen", listen):
        assert "mevnode_frames_total" in scrape(world, host=reachable)
        if not_reachable:
            with pytest.raises(ConnectionRefusedError):
                connect(world, host=not_reachable)
        if listen.startswith(("0", NODE_IP)):
            assert get(world, host=NODE_IP, side="host")[0] == 200


def test_off_by_default(world):
    """Nobody listens."""
    with Node(world):
        with pytest.raises(ConnectionRefusedError):
            connect(world)


@pytest.mark.parametrize("listen, reason", ((f"{PORT}", "in use"),
                                            (f"192.0.2.1:{PORT}", "address of this host")))
def test_cannot_listen(world, listen, reason):
    """One line, exit code 1, nothing left behind."""
    with world.entered("node"):
        taken = socket.create_server(("127.0.0.1", PORT))
    with taken:
        node = Node(world, "--listen", listen)
        ended = node.ended()
        node.close()
    assert (ended.code, ended.out) == (1, [])
    line = ended.err[-1]
    assert "--listen" in line and listen.split(":")[0] in line and reason in line
    until(lambda: not world.xdp_attached(), "the program is detached")


# --- clients that mean ill ------------------------------------------------------------------------


def test_silent_and_slow_clients(world):
    """They cannot keep the node from answering swaps, nor a scraper from its turn."""
    with Node(world, "--listen", PORT, "--json") as node, ExitStack() as held:
        trickling, silent = ([held.enter_context(connect(world)) for _ in range(CONNECTIONS // 2)]
                             for _ in range(2))
        swaps(world, 3)
        patient = held.enter_context(connect(world))
        patient.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")

        def cut_off(sock):
            try:
                sock.send(b"G")
                return False
            except OSError:
                return True

        def all_cut_off():
            time.sleep(0.3)  # often enough never to be silent
            trickling[:] = [sock for sock in trickling if not cut_off(sock)]
            return not trickling

        until(all_cut_off, "who trickles is cut off")
        assert patient.recv(100).startswith(b"HTTP/1.1 200")
        for sock in silent:
            assert sock.recv(1) == b""
        swaps(world, 3)
        ended = node.stop()
    assert (ended.code, ended.summary["verdicts"]["replied"]) == (0, 6)


@pytest.mark.parametrize("request_", (
    b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n",
    b"GET /metrics HTTP/1.1\r\n" + b"X: y\r\n" * 20000 + b"\r\n",
    b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n" + b"x" * 200000,
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffffff\r\n",
    b"\x00\xff\xfe\r\n\r\n" * 100,
    b"GET  HTTP/1.1\r\n\r\n",
    b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 1000,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
), ids=("uri", "headers", "body", "chunked", "garbage", "no-path", "pipelined", "tls"))
def test_malformed_requests(ill_treated, request_):
    """A refusal, or the end of the connection; the next scraper is served."""
    with connect(ill_treated) as sock:
        try:
            sock.sendall(request_)
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(65536):
                pass
        except OSError:
            pass
    assert "mevnode_frames_total" in scrape(ill_treated)


@pytest.fixture(name="ill_treated", scope="module")
def fixture_ill_treated():
    """A world with one node for all of these."""
    with World() as made:
        with_loopback(made)
        with Node(made, "--listen", PORT) as node:
            yield made
            assert node.stop().code == 0


def test_clients_that_do_not_read(ill_treated):
    """An answer that nobody takes is given up; memory does not grow."""
    with ExitStack() as held:
        for _ in range(CONNECTIONS):
            sock = held.enter_context(connect(ill_treated))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        assert "mevnode_frames_total" in scrape(ill_treated)


def test_a_snapshot_serves_all_scrapers(ill_treated):
    """However many ask, the counters are read once a second."""
    began, texts = time.monotonic(), set()
    for _ in range(200):
        texts.add(scrape(ill_treated))
    assert len(texts) <= time.monotonic() - began + 2


# --- the dashboard --------------------------------------------------------------------------------


def dashboard_queries() -> list:
    """Every expression in it, for any node, over ten seconds."""
    dashboard = json.loads(DASHBOARD.read_text())
    return [target["expr"].replace("$instance", ".*").replace("$__rate_interval", "10s")
            for panel in dashboard["panels"] for target in panel.get("targets", ())]


@contextmanager
def prometheus(world, folder):
    """A server on the node's side that scrapes it every second. query(EXPRESSION) asks it."""
    (folder / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s}\n"
        f"scrape_configs: [{{job_name: mevnode, static_configs: [{{targets: ['localhost:{PORT}']}}]}}]\n")
    server = subprocess.Popen(
        world.inside("node", "prometheus", f"--config.file={folder}/prometheus.yml",
                     f"--storage.tsdb.path={folder}/data", "--web.listen-address=127.0.0.1:9090",
                     "--log.level=error"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def query(expression: str) -> list:
        url = "http://127.0.0.1:9090/api/v1/query?query=" + urllib.parse.quote(expression)
        done = world.run("node", "curl", "-sf", "--max-time", TIMEOUT, url, check=False)
        if done.returncode:
            return []
        answer = json.loads(done.stdout)
        assert answer["status"] == "success", (expression, answer)
        return answer["data"]["result"]

    try:
        yield query
    finally:
        end_process(server)


def test_dashboard(world, tmp_path):
    """Prometheus answers each of its questions about a running node."""
    queries = dashboard_queries()
    assert len(queries) > 30
    with Node(world, *world.owning, "--listen", PORT), prometheus(world, tmp_path) as query:
        # Until a rate over what happens is known.
        def busy():
            swaps(world, 1)
            found = query("rate(mevnode_replies_total[10s])")
            return found and float(found[0]["value"][1]) > 0

        until(busy, "a rate of replies")
        swaps(world, 1)
        for expression in queries:
            if "mevnode_tap_" in expression or "> 0" in expression and "stack" in expression:
                query(expression)  # it is a question, without an answer here
            else:
                assert query(expression), expression


@pytest.mark.parametrize("make", (World, TapWorld), ids=("af_xdp", "tap"))
def test_dashboard_names(make):
    """What it asks of one back end or both is exported there."""
    named = set(re.findall(r"(?:mevnode|process)_\w+", " ".join(dashboard_queries())))
    with make() as world:
        with_loopback(world)
        with Node(world, *world.owning, "--listen", PORT):
            samples = re.findall(r"^(\w+)", scrape(world), re.M)
    other = "mevnode_tap_" if world.backend == "af_xdp" else "mevnode_xsk_"
    assert {name for name in named if not name.startswith(other)} <= set(samples)
