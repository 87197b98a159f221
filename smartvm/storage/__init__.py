"""Weight blocks: their format, the database that holds them, the resident cache, proofs."""

from smartvm.storage.blocks import MAX_BLOCK_BYTES, Block, block_key, decode_block, encode_block
from smartvm.storage.cache import BlockCache, gather, resident
from smartvm.storage.database import SmartVMAccountDB, SmartVMStorageDB
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
    "Block",
    "BlockCache",
    "BlockProof",
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
