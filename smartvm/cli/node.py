"""`smartvm node`."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING

from smartvm.cli.command import Command, count

if TYPE_CHECKING:
    from smartvm.node.node import Node

_EXAMPLES = """\
JSON-RPC is at POST /, a page for people at GET /, GET /health tells whether the node lives. Its
accounts are unlocked and their keys public: keep it on this machine. Ctrl-C stops it, a second one
without waiting for what it has begun; a chain under --db is kept. Exit codes: 0; 2 if it cannot
start; 3 if the database cannot be opened.

examples:
  smartvm node                                 a chain in memory, on port 8545
  smartvm node --db chain                      one on disk
  smartvm node --db chain --block-time 12      a block every 12 seconds
  smartvm node --port 8600 --json 2> node.log  one line of JSON a request"""


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--db", metavar="PATH", help="the chain's directory (default: in memory)")
    parser.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="(127.0.0.1)")
    parser.add_argument(
        "--port", type=_whole(0, 65_535), default=8545, metavar="N", help="0 for any (8545)"
    )
    parser.add_argument(
        "--accounts", type=_whole(1, 1_000), metavar="N", help="funded accounts of a new chain (10)"
    )
    parser.add_argument(
        "--chain-id", type=_whole(1, 2**53 - 1), metavar="N", help="of a new chain (1337)"
    )
    parser.add_argument(
        "--block-time",
        type=_whole(1, 86_400),
        metavar="SECONDS",
        help="mine as often (default: a block for each transaction, at once)",
    )
    parser.add_argument(
        "--gas-cap",
        type=_whole(21_000, 2**63 - 1),
        metavar="GAS",
        help="gas of a call, an estimate or a trace at most (500,000,000)",
    )
    parser.add_argument(
        "--time-limit",
        type=_whole(1, 86_400),
        metavar="SECONDS",
        help="how long a request may take; then it is stopped (60)",
    )
    parser.add_argument("--backend", metavar="NAME", help="what computes (see smartvm info)")
    parser.add_argument(
        "--allow-origin",
        action="append",
        default=[],
        metavar="URL",
        help="let web pages of this origin use the node (default: those of this machine)",
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="answer to this name in the Host header, * for any (default: this machine's)",
    )
    parser.add_argument("--quiet", action="store_true", help="log nothing but what goes wrong")
    parser.add_argument("--json", action="store_true", help="log lines of JSON")


def _whole(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        digits = text.replace(",", "").replace("_", "")
        if not digits.isascii() or not digits.isdigit() or not least <= int(digits) <= most:
            raise ArgumentTypeError(f"expected a number from {least} to {most}, found {text!r}")
        return int(digits)

    return parse


def _run(arguments: Namespace) -> int:
    from smartvm.node.app import require_extra
    from smartvm.node.server import Settings, configure_log, serve

    require_extra()
    settings = Settings(
        host=arguments.host,
        port=arguments.port,
        hosts=arguments.allow_host,
        origins=arguments.allow_origin,
        block_seconds=arguments.block_time,
    )
    node = _node(arguments)
    configure_log(quiet=arguments.quiet, as_json=arguments.json)
    try:
        serve(node, settings, started=lambda url: _announce(node, url, arguments))
    finally:
        node.close()
    return 0


def _node(arguments: Namespace) -> Node:
    from smartvm.chain import Chain
    from smartvm.node.limits import Limits
    from smartvm.node.node import Node
    from smartvm.vm import SmartVM

    chain = Chain(
        arguments.db,
        vm=SmartVM.with_backend(arguments.backend) if arguments.backend else SmartVM,
        accounts=arguments.accounts,
        chain_id=arguments.chain_id,
    )
    asked = {"gas_cap": arguments.gas_cap, "seconds": arguments.time_limit}
    limits = Limits(**{name: value for name, value in asked.items() if value is not None})
    return Node(chain, automine=arguments.block_time is None, limits=limits)


def _announce(node: Node, url: str, arguments: Namespace) -> None:
    """Say where the node is, once it answers."""
    chain = node.chain
    print(f"{url}  chain {chain.chain_id}, {arguments.db or 'in memory'}, block {node.newest}")
    if not arguments.quiet:
        first = f"0x{chain.accounts[0].address.hex()}"
        print(f"{count(len(chain.accounts), 'account')}, unlocked, the first {first}")
    sys.stdout.flush()
    if arguments.host not in ("127.0.0.1", "localhost", "::1"):
        print(
            "smartvm node: others can reach this node and spend from its accounts",
            file=sys.stderr,
        )


NODE = Command("node", "serve a chain to web3 clients and to people", _EXAMPLES, _arguments, _run)
