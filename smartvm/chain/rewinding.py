"""Taking a chain's history back to an earlier block."""

from __future__ import annotations

from typing import TYPE_CHECKING

import rlp
from eth.abc import BlockHeaderAPI
from eth.db.schema import SchemaV1
from eth.rlp.sedes import chain_gaps
from eth_typing import BlockNumber

from smartvm.exceptions import NotFound

if TYPE_CHECKING:
    from smartvm.chain.reading import ChainReader


def rewind(chain: ChainReader, header: BlockHeaderAPI) -> None:
    """Make a block of the history the newest.

    The blocks after it stay in the database under their hashes, as those of a branch do.

    Raises:
        NotFound: the block is not part of the history.
    """
    if not chain.is_canonical(header):
        raise NotFound(f"block 0x{header.hash.hex()}: the chain's history does not hold it")
    chaindb = chain._chain.chaindb
    later = [BlockNumber(n) for n in range(header.block_number + 1, chain.block_number + 1)]
    with chaindb.db.atomic_batch() as batch:
        chaindb._decanonicalize_old_headers(batch, later)
        for number in later:
            del batch[SchemaV1.make_block_number_to_hash_lookup_key(number)]
        batch[SchemaV1.make_canonical_head_hash_lookup_key()] = header.hash
        gaps = rlp.encode(((), header.block_number + 1), sedes=chain_gaps)
        batch[SchemaV1.make_chain_gaps_lookup_key()] = gaps
        batch[SchemaV1.make_header_chain_gaps_lookup_key()] = gaps
