"""web3_, net_ and rpc_ methods: what the node is."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import version
from typing import Any

from eth_utils import keccak

from smartvm import __version__
from smartvm.node import params
from smartvm.node.formats import hex_bytes


def client_version(node: Any) -> str:
    """Name and version, py-evm's, the system, Python's."""
    python = platform.python_version()
    return f"SmartVM/v{__version__}/py-evm{version('py-evm')}/{sys.platform}/python{python}"


def sha3(node: Any, data: Any) -> str:
    """Keccak-256 of bytes."""
    return hex_bytes(keccak(params.data(data, "data")))


def network(node: Any) -> str:
    """The chain's id, in decimal."""
    return str(node.chain.chain_id)


def listening(node: Any) -> bool:
    """True: it has just answered."""
    return True


def peer_count(node: Any) -> str:
    """None: blocks come by smartvm_importBlock."""
    return "0x0"


def modules(node: Any) -> dict[str, str]:
    """The namespaces of methods."""
    return dict.fromkeys(sorted({name.partition("_")[0] for name in node.methods}), "1.0")


METHODS = {
    "net_listening": listening,
    "net_peerCount": peer_count,
    "net_version": network,
    "rpc_modules": modules,
    "web3_clientVersion": client_version,
    "web3_sha3": sha3,
}
