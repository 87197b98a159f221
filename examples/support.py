"""What the examples share: a chain to run on, and contracts on it.

A chain in memory by default (eth-tester on SmartVM); a node with --rpc URL, with an account that
is unlocked there. (`pip install '.[node]'`, and solc as docs/solidity.md says.)
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from web3 import EthereumTesterProvider, HTTPProvider, Web3
from web3.logs import DISCARD

from smartvm import SmartVM
from smartvm.compiler.solidity import Compilation, ImportPaths, SolidityContract, compile_files

GAS = 25_000_000
"""Limit of every transaction, within a block of 30 million."""


class Reverted(Exception):
    """Raised when a transaction was mined and had no effect."""


def connect(url: str | None = None) -> Web3:
    """A node, or a chain in memory."""
    if url:
        return Web3(HTTPProvider(url))
    from eth_tester import EthereumTester, PyEVMBackend

    backend = PyEVMBackend(vm_configuration=((0, SmartVM),))
    return Web3(EthereumTesterProvider(EthereumTester(backend)))


def connect_as_told(arguments: Sequence[str] | None, description: str | None) -> Web3:
    """The chain that the command line names."""
    parser = ArgumentParser(description=(description or "").partition("\n")[0])
    parser.add_argument("--rpc", metavar="URL", help="a node (default: a chain in memory)")
    return connect(parser.parse_args(arguments).rpc)


@cache
def compiled(file: Path) -> Compilation:
    """The contracts of a Solidity file beside an example's script."""
    return compile_files([file], ImportPaths(file.parent))


def deploy(
    web3: Web3, contract: SolidityContract, *arguments: Any, sender: int = 0, value: int = 0
) -> Any:
    """Deploy a contract; `sender` is the number of an account of the chain."""
    factory = web3.eth.contract(abi=contract.abi, bytecode=contract.init_code())
    receipt = send(web3, factory.constructor(*arguments), sender=sender, value=value)
    return web3.eth.contract(address=receipt["contractAddress"], abi=contract.abi)


def send(web3: Web3, call: Any, *, sender: int = 0, value: int = 0) -> Any:
    """The receipt of a transaction.

    Raises:
        Reverted: it had no effect.
    """
    fields = {"from": web3.eth.accounts[sender], "gas": GAS, "value": value}
    receipt = web3.eth.wait_for_transaction_receipt(call.transact(fields))
    if receipt["status"] != 1:
        raise Reverted(f"{call.fn_name}: the transaction was reverted")
    return receipt


def events(event: Any, receipt: Any) -> list[Any]:
    """The arguments of each event of a kind in a receipt."""
    return [log["args"] for log in event.process_receipt(receipt, errors=DISCARD)]


def ask(call: Any) -> Any:
    """The answer of a view function."""
    return call.call({"gas": GAS})
