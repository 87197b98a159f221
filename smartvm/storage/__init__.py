"""Weight blocks: their format, the database that holds them, the resident cache, proofs."""

from smartvm.storage.blocks import MAX_BLOCK_BYTES, Block, block_key, decode_block, encode_block
from smartvm.storage.cache import BlockCache, gather, resident
from smartvm.storage.database import SmartVMAccountDB, SmartVMStorageDB
from smartvm.storage.lookup import LookAhead
from smartvm.storage.prefetch import Ahead, Run
from smartvm.storage.proofs import (
    BlockProof,
    prove_block,
    prove_blocks,
    storage_root,
    verify_block,
    verify_blocks,
)

__all__ = [
    "MAX_BLOCK_BYTES",
    "Ahead",
    "Block",
    "BlockCache",
    "BlockProof",
    "LookAhead",
    "Run",
    "SmartVMAccountDB",
    "SmartVMStorageDB",
    "block_key",
    "decode_block",
    "encode_block",
    "gather",
    "prove_block",
    "prove_blocks",
    "resident",
    "storage_root",
    "verify_block",
    "verify_blocks",
]
