"""eth_ methods that read: blocks, transactions, receipts, accounts, at any block."""

from __future__ import annotations

from typing import Any

from eth.abc import BlockHeaderAPI

from smartvm.chain.reading import BlockId
from smartvm.exceptions import NotFound
from smartvm.node import params
from smartvm.node.formats import (
    JSON,
    block_json,
    hex_bytes,
    hex_number,
    hex_word,
    receipt_json,
    transaction_json,
)

NEWEST = ("latest", "pending", "safe", "finalized")
"""Tags of the newest block: what is mined here is final, and nothing is ahead of it."""


def block_id(tag: Any) -> BlockId:
    """The block that a tag, a number, a hash or an EIP-1898 object names."""
    if isinstance(tag, dict):
        if tag.get("blockHash") is not None:
            return params.hash32(tag["blockHash"], "blockHash")
        tag = tag.get("blockNumber")
    if tag is None or tag in NEWEST:
        return None
    if tag == "earliest":
        return 0
    if isinstance(tag, str) and len(tag) == 2 + 2 * params.HASH_BYTES:
        return params.hash32(tag, "block")
    if isinstance(tag, str) and not tag.startswith("0x"):
        params.refuse("block", f"a number, a hash, earliest, {', '.join(NEWEST)}", tag)
    return params.quantity(tag, "block", 64)


def header(node: Any, tag: Any) -> BlockHeaderAPI:
    """The header of the block that a tag names.

    Raises:
        NotFound: the chain has no such block.
    """
    found: BlockHeaderAPI = node.chain.header(block_id(tag))
    return found


def state(node: Any, tag: Any) -> Any:
    """The state after the block that a tag names, for reading."""
    return node.chain.vm_at(block_id(tag)).state


def block_number(node: Any) -> str:
    """The number of the newest block."""
    return hex_number(node.chain.block_number)


def chain_id(node: Any) -> str:
    """EIP-695."""
    return hex_number(node.chain.chain_id)


def syncing(node: Any) -> bool:
    """False: the node has all there is."""
    return False


def block_by_number(node: Any, tag: Any, full: Any = False) -> JSON | None:
    """A block, or null."""
    whole = params.boolean(full, "full transactions")
    try:
        found = block_json(node.chain.block(block_id(tag)), whole)
    except NotFound:
        return None
    return found


def block_by_hash(node: Any, block_hash: Any, full: Any = False) -> JSON | None:
    """A block, or null."""
    params.hash32(block_hash, "block hash")
    return block_by_number(node, block_hash, full)


def transaction_count_by_block(node: Any, tag: Any) -> str | None:
    """How many transactions a block has, or null."""
    found = block_by_number(node, tag)
    return None if found is None else hex_number(len(found["transactions"]))


def uncle_count(node: Any, tag: Any) -> str | None:
    """No block has uncles; null where there is no block."""
    return None if block_by_number(node, tag) is None else "0x0"


def uncle(node: Any, tag: Any, index: Any) -> None:
    """No block has uncles."""
    block_id(tag)
    params.quantity(index, "index")


def transaction_by_hash(node: Any, transaction_hash: Any) -> JSON | None:
    """A transaction that is mined or waits, or null."""
    wanted = params.hash32(transaction_hash, "transaction hash")
    waiting = node.pool.waiting.get(wanted)
    if waiting is not None:
        return transaction_json(waiting, None, None)
    try:
        mined = node.chain.transaction(wanted)
    except NotFound:
        return None
    return transaction_json(mined.transaction, mined.header, mined.index)


def raw_transaction(node: Any, transaction_hash: Any) -> str | None:
    """A transaction that is mined or waits, as it was signed, or null."""
    wanted = params.hash32(transaction_hash, "transaction hash")
    waiting = node.pool.waiting.get(wanted)
    try:
        found = waiting or node.chain.transaction(wanted).transaction
    except NotFound:
        return None
    return hex_bytes(found.encode())


def transaction_by_index(node: Any, tag: Any, index: Any) -> JSON | None:
    """The transaction at a place in a block, or null."""
    place = params.quantity(index, "index")
    try:
        block = node.chain.block(block_id(tag))
    except NotFound:
        return None
    if place >= len(block.transactions):
        return None
    return transaction_json(block.transactions[place], block.header, place)


def transaction_receipt(node: Any, transaction_hash: Any) -> JSON | None:
    """The receipt of a mined transaction, or null."""
    wanted = params.hash32(transaction_hash, "transaction hash")
    try:
        mined = node.chain.transaction(wanted)
    except NotFound:
        return None
    return receipt_json(mined, _blob_base_fee(node, mined.header))


def block_receipts(node: Any, tag: Any) -> list[JSON] | None:
    """The receipts of a block, or null."""
    try:
        found = header(node, tag)
    except NotFound:
        return None
    fee = _blob_base_fee(node, found)
    return [receipt_json(mined, fee) for mined in node.chain.transactions(found.hash)]


def _blob_base_fee(node: Any, block: BlockHeaderAPI) -> int:
    return int(node.chain.vm_at(block.hash).state.blob_base_fee)


def balance(node: Any, address: Any, tag: Any = None) -> str:
    """Wei of an account."""
    return hex_number(state(node, tag).get_balance(params.address(address)))


def code(node: Any, address: Any, tag: Any = None) -> str:
    """Code of a contract."""
    return hex_bytes(state(node, tag).get_code(params.address(address)))


def storage_at(node: Any, address: Any, slot: Any, tag: Any = None) -> str:
    """A slot of a contract's storage."""
    account, number = params.address(address), params.slot(slot)
    return hex_word(state(node, tag).get_storage(account, number))


def transaction_count(node: Any, address: Any, tag: Any = None) -> str:
    """Transactions that an account has sent; with those that wait if the tag is pending."""
    account = params.address(address)
    waiting = node.pool.count(account) if tag == "pending" else 0
    return hex_number(state(node, tag).get_nonce(account) + waiting)


METHODS = {
    "eth_blockNumber": block_number,
    "eth_chainId": chain_id,
    "eth_getBalance": balance,
    "eth_getBlockByHash": block_by_hash,
    "eth_getBlockByNumber": block_by_number,
    "eth_getBlockReceipts": block_receipts,
    "eth_getBlockTransactionCountByHash": transaction_count_by_block,
    "eth_getBlockTransactionCountByNumber": transaction_count_by_block,
    "eth_getCode": code,
    "eth_getRawTransactionByHash": raw_transaction,
    "eth_getStorageAt": storage_at,
    "eth_getTransactionByBlockHashAndIndex": transaction_by_index,
    "eth_getTransactionByBlockNumberAndIndex": transaction_by_index,
    "eth_getTransactionByHash": transaction_by_hash,
    "eth_getTransactionCount": transaction_count,
    "eth_getTransactionReceipt": transaction_receipt,
    "eth_getUncleByBlockHashAndIndex": uncle,
    "eth_getUncleByBlockNumberAndIndex": uncle,
    "eth_getUncleCountByBlockHash": uncle_count,
    "eth_getUncleCountByBlockNumber": uncle_count,
    "eth_syncing": syncing,
}
