# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The command line of gen_traffic.py."""

import argparse
import ipaddress
import re
import signal
import sys

from . import capture
from .economics import U64_MAX
from .model import Node, Pool, Settings
from .modes import MODES
from .traffic import Traffic
from .wire import Endpoints

FEE_DEN_MAX = 1_000_000
DEFAULT_POOLS = (
    "a0b86991c6218b36c1d19d4a2e9eb0ce3606eb48:1000000000000:500000000000:3/1000",
    "cbcdf9626bc03e24f779434178a73a0b4bad62ed:1000000000000:500000000000:3/1000",
)
# Modes that say nothing about swaps on a state.
STATELESS_MODES = ("small", "updates")

DESCRIPTION = """\
Write a capture of DEX-swap traffic for mevnode, and beside it FILE.expected.json: what a right
node makes of it, as counts by verdict, replies and their total profit.

The prediction holds for a node that is configured with the same pools and options and takes the
frames in order. No swap in the capture depends on rounding: each either pays by more than the
tolerance that an exact search may differ by, or not at all.
"""
EPILOG = """\
modes:
  mixed      all of the below but market, in every legal dress (VLAN, IPv6, options, padding)
  large      swaps that pay: 1 to 5 % of a reserve, generous limits
  small      swaps below --min-amount-in
  tight      large swaps with 0.1 % slack
  malformed  every way of being wrong that a verdict names
  noise      other people's traffic; all of it is passed
  updates    a feed of pool states: gaps, stale, restarted, wrapping, invalid, unknown
  market     updates and swaps on a random walk of the pools

examples:
  gen_traffic.py --count 100000 --mode market --out market.pcap
  gen_traffic.py --mode large --strategy fixed --capital 5000000000 --out fixed.pcap
  gen_traffic.py --pool a0b86991c6218b36c1d19d4a2e9eb0ce3606eb48:90000000:70000000:1/400 \\
                 --min-amount-in 1000 --out small-pool.pcap --replies-csv replies.csv

Same options, same bytes. Exit codes: 0 done, 1 failed at run time, 2 wrong usage.
"""


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message):
        self.exit(2, f"{self.prog}: {message} (see --help)\n")


class Formatter(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Shows the defaults there are, leaves examples as they are."""

    def _get_help_string(self, action):
        return action.help if action.default is None else super()._get_help_string(action)


def integer(low: int, high: int):
    """A parser of plain decimal integers in [low, high]."""
    def parse(text):
        if not re.fullmatch(r"[0-9]{1,20}", text) or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"'{text}' is not an integer from {low} to {high}")
        return int(text)
    return parse


def mac(text: str) -> bytes:
    """A unicast MAC address."""
    if not re.fullmatch(r"[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}", text):
        raise argparse.ArgumentTypeError(f"'{text}' is not a MAC address such as 02:00:00:00:00:01")
    address = bytes.fromhex(text.replace(":", ""))
    if address[0] & 1 or not any(address):
        raise argparse.ArgumentTypeError(f"'{text}' is not a unicast MAC address")
    return address


def ip(version: int):
    """A parser of unicast addresses of an IP version."""
    def parse(text):
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            address = None
        if address is None or address.version != version or address.is_multicast \
                or address.is_unspecified or text == "255.255.255.255":
            raise argparse.ArgumentTypeError(f"'{text}' is not a unicast IPv{version} address")
        return address.packed
    return parse


def pool(text: str) -> Pool:
    """ADDR:R0:R1:FEE, e.g. a0b8...:1000:500:3/1000. Reserves of zero: no state yet."""
    match = re.fullmatch(r"([0-9a-fA-F]{40}):([0-9]{1,20}):([0-9]{1,20}):([0-9]{1,7})/([0-9]{1,7})",
                         text)
    if not match:
        raise argparse.ArgumentTypeError(
            f"'{text}' is not ADDR:R0:R1:FEE (40 hex digits, two integers, a fee such as 3/1000)")
    reserve0, reserve1, num, den = (int(group) for group in match.groups()[1:])
    if max(reserve0, reserve1) > U64_MAX:
        raise argparse.ArgumentTypeError(f"'{text}': a reserve exceeds 64 bits")
    if not num < den <= FEE_DEN_MAX:
        raise argparse.ArgumentTypeError(
            f"'{text}': a fee needs 0 <= numerator < denominator <= {FEE_DEN_MAX}")
    return Pool(bytes.fromhex(match[1]), reserve0, reserve1, num, den)


def parser() -> Parser:
    """All options."""
    p = Parser(prog="gen_traffic.py", description=DESCRIPTION, epilog=EPILOG,
               formatter_class=Formatter, allow_abbrev=False)
    u64, port = integer(0, U64_MAX), integer(1, 65535)
    p.add_argument("--out", metavar="FILE.pcap", required=True, help="the capture")
    p.add_argument("--count", type=integer(1, 10**9), default=10000, metavar="N", help="frames")
    p.add_argument("--mode", choices=MODES, default="mixed", help="what to send, see below")
    p.add_argument("--seed", type=u64, default=1, metavar="S", help="of everything random")
    p.add_argument("--rate", type=integer(1, 10**9), default=10000, metavar="PPS",
                   help="frames a second, as time stamps")
    p.add_argument("--update-pause", type=integer(0, 10**7), default=0, metavar="USEC",
                   help="idle time before each update, so that userspace has settled the swaps "
                        "before it when the state changes")
    p.add_argument("--replies-csv", metavar="FILE",
                   help="also write nonce,profit_ref,tol of every expected reply; a right reply "
                        "claims profit_ref - tol at least")

    node = p.add_argument_group("the node that is to be predicted")
    node.add_argument("--pool", type=pool, action="append", metavar="ADDR:R0:R1:FEE",
                      help="a configured pool, repeatable; reserves of 0: no state yet (default: "
                           "the two test pools, 1000000000000:500000000000:3/1000)")
    node.add_argument("--strategy", choices=("optimal", "fixed"), default="optimal",
                      help="how it chooses the front-run")
    node.add_argument("--capital", type=u64, default=Settings.capital, metavar="N",
                      help="largest (fixed: the) front-run")
    node.add_argument("--min-amount-in", type=u64, default=Settings.min_amount_in, metavar="N",
                      help="smaller swaps are dropped")
    node.add_argument("--min-profit", type=u64, default=Settings.min_profit, metavar="N",
                      help="smaller profits are not worth a reply")

    wire = p.add_argument_group("addresses")
    ends = Endpoints()
    # Defaults as text: argparse parses them, and --help can show them.
    for side, mac_text, ip4, ip6 in (("src", "02:00:00:00:00:02", "192.168.69.1", "fd00:69::1"),
                                     ("dst", "02:00:00:00:00:01", "192.168.69.2", "fd00:69::2")):
        who = "the sender" if side == "src" else "the node"
        wire.add_argument(f"--{side}-mac", type=mac, default=mac_text, metavar="MAC", help=who)
        wire.add_argument(f"--{side}-ip", type=ip(4), default=ip4, metavar="ADDR", help=who)
        wire.add_argument(f"--{side}-ip6", type=ip(6), default=ip6, metavar="ADDR", help=who)
    wire.add_argument("--src-port", type=port, default=ends.src_port, metavar="PORT",
                      help="replies go there")
    wire.add_argument("--dst-port", type=port, default=ends.swap_port, metavar="PORT",
                      help="swaps")
    wire.add_argument("--update-port", type=port, default=ends.update_port, metavar="PORT",
                      help="pool updates")
    return p


def check(p: Parser, args: argparse.Namespace) -> None:
    """What options mean only together."""
    addresses = [each.address for each in args.pool]
    if len(set(addresses)) < len(addresses):
        p.error("argument --pool: the same address twice")
    if args.dst_port == args.update_port:
        p.error("--dst-port and --update-port must differ")
    if args.src_mac == args.dst_mac:
        p.error("--src-mac and --dst-mac must differ")
    if args.src_ip == args.dst_ip or args.src_ip6 == args.dst_ip6:
        p.error("source and destination IP addresses must differ")
    if args.replies_csv in (args.out, f"{args.out}.expected.json"):
        p.error("--replies-csv names another output's file")
    if args.mode == "small" and args.min_amount_in == 0:
        p.error("--mode small needs a --min-amount-in above 0")
    if args.mode not in STATELESS_MODES and not any(each.live() for each in args.pool):
        p.error(f"--mode {args.mode} needs a --pool with reserves")


def parameters(args: argparse.Namespace) -> dict:
    """Everything that the capture and its prediction depend on, for the JSON file."""
    names = ("mode", "count", "seed", "rate", "update_pause", "strategy", "capital",
             "min_amount_in", "min_profit", "src_port", "dst_port", "update_port")
    found = {name: getattr(args, name) for name in names}
    for side in ("src", "dst"):
        found[f"{side}_mac"] = getattr(args, f"{side}_mac").hex(":")
        for name in (f"{side}_ip", f"{side}_ip6"):
            found[name] = str(ipaddress.ip_address(getattr(args, name)))
    found["pools"] = [{"address": each.address.hex(), "reserve0": each.reserve0,
                       "reserve1": each.reserve1, "fee": f"{each.fee_num}/{each.fee_den}"}
                      for each in args.pool]
    return found


def build(args: argparse.Namespace) -> Traffic:
    """The model node and the traffic towards it."""
    ends = Endpoints(args.src_mac, args.dst_mac, args.src_ip, args.dst_ip, args.src_ip6,
                     args.dst_ip6, args.src_port, args.dst_port, args.update_port)
    settings = Settings(args.dst_mac, args.dst_port, args.update_port, args.min_amount_in,
                        args.min_profit, args.strategy, args.capital)
    return Traffic(Node(settings, args.pool), ends, args.seed)


def _interrupt(*_):
    raise KeyboardInterrupt


def main(argv=None) -> int:
    """Returns the exit code."""
    p = parser()
    args = p.parse_args(argv)
    args.pool = args.pool or [pool(text) for text in DEFAULT_POOLS]
    check(p, args)
    signal.signal(signal.SIGTERM, _interrupt)
    paths = capture.Paths(args.out, args.replies_csv)
    start_state = parameters(args)  # before updates move the pools
    traffic = build(args)
    try:
        capture.write(paths, MODES[args.mode](traffic), traffic, args.count, args.rate,
                      args.update_pause * 1000, start_state)
    except KeyboardInterrupt:
        print(f"{p.prog}: interrupted, nothing written", file=sys.stderr)
        return 130
    except capture.GiveUp as error:
        print(f"{p.prog}: mode {args.mode}: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{p.prog}: cannot write {args.out}: {error}", file=sys.stderr)
        return 1
    return 0
