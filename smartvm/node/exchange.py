"""smartvm_exportBlocks and smartvm_importBlock: how nodes come to the same chain."""

from __future__ import annotations

from typing import Any

from smartvm.node import params
from smartvm.node.blocks import header
from smartvm.node.formats import JSON, hex_bytes, hex_number


def export_blocks(node: Any, first: Any, last: Any = None) -> list[str]:
    """Blocks from a number to a tag, the newest by default, RLP-encoded, in order.

    The answer ends before the last where it grows too long: ask again for the rest.
    """
    start = params.quantity(first, "first block", 64)
    found: list[str] = []
    size = 0
    for block in node.chain.export_blocks(start, header(node, last).block_number):
        size += len(block)
        if found and size > node.limits.export_bytes:
            break
        found.append(hex_bytes(block))
    return found


def import_block(node: Any, block: Any) -> JSON:
    """Execute and add a block of another node; its number, hash and state root."""
    added = node.chain.import_block(params.data(block, "block"))
    node.pool.forget_mined()
    return {
        "number": hex_number(added.block_number),
        "hash": hex_bytes(added.hash),
        "stateRoot": hex_bytes(added.state_root),
    }


METHODS = {
    "smartvm_exportBlocks": export_blocks,
    "smartvm_importBlock": import_block,
}
