"""A network as stock Ethereum bytecode for comparison (docs/plain-evm.md)."""

from smartvm.compiler.plain_evm.generator import PlainContract, generate, storage_slots
from smartvm.compiler.plain_evm.twin import LayerCost, TwinResult, run_twin

__all__ = [
    "LayerCost",
    "PlainContract",
    "TwinResult",
    "generate",
    "run_twin",
    "storage_slots",
]
