"""Blocks, transactions, receipts and logs as Ethereum's JSON-RPC writes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import rlp
from eth.abc import BlockAPI, BlockHeaderAPI, SignedTransactionAPI
from eth.constants import CREATE_CONTRACT_ADDRESS
from eth.vm.forks.cancun.constants import BLOB_TX_TYPE, GAS_PER_BLOB
from eth.vm.forks.london.constants import DYNAMIC_FEE_TRANSACTION_TYPE
from eth.vm.forks.prague.constants import SET_CODE_TRANSACTION_TYPE

from smartvm.chain.receipts import LoggedEvent, MinedTransaction

JSON = dict[str, Any]


def hex_bytes(value: bytes) -> str:
    """Bytes: 0x and two digits each."""
    return "0x" + value.hex()


def hex_number(value: int) -> str:
    """A quantity: 0x and digits without leading zeros."""
    return f"{value:#x}"


def hex_word(value: int) -> str:
    """A number as its 32 bytes."""
    return f"{value:#066x}"


def hex_bloom(value: int) -> str:
    """A bloom filter as its 256 bytes."""
    return f"{value:#0514x}"


def header_json(header: BlockHeaderAPI) -> JSON:
    """What a header says, without the block's size and transactions."""
    fields: Any = header
    return {
        "number": hex_number(header.block_number),
        "hash": hex_bytes(header.hash),
        "parentHash": hex_bytes(header.parent_hash),
        "nonce": hex_bytes(header.nonce),
        "sha3Uncles": hex_bytes(header.uncles_hash),
        "logsBloom": hex_bloom(header.bloom),
        "transactionsRoot": hex_bytes(header.transaction_root),
        "stateRoot": hex_bytes(header.state_root),
        "receiptsRoot": hex_bytes(header.receipt_root),
        "miner": hex_bytes(header.coinbase),
        "difficulty": hex_number(header.difficulty),
        "totalDifficulty": hex_number(header.difficulty),
        "extraData": hex_bytes(header.extra_data),
        "gasLimit": hex_number(header.gas_limit),
        "gasUsed": hex_number(header.gas_used),
        "timestamp": hex_number(header.timestamp),
        "mixHash": hex_bytes(header.mix_hash),
        "baseFeePerGas": hex_number(fields.base_fee_per_gas),
        "withdrawalsRoot": hex_bytes(fields.withdrawals_root),
        "blobGasUsed": hex_number(fields.blob_gas_used),
        "excessBlobGas": hex_number(fields.excess_blob_gas),
        "parentBeaconBlockRoot": hex_bytes(fields.parent_beacon_block_root),
        "requestsHash": hex_bytes(fields.requests_hash),
    }


def block_json(block: BlockAPI, full: bool) -> JSON:
    """A block with its transactions, or with their hashes."""
    header, transactions = block.header, block.transactions
    listed: list[Any] = [hex_bytes(transaction.hash) for transaction in transactions]
    if full:
        listed = [transaction_json(t, header, index) for index, t in enumerate(transactions)]
    return {
        **header_json(header),
        "size": hex_number(len(rlp.encode(block))),
        "transactions": listed,
        "uncles": [],
        "withdrawals": [withdrawal_json(w) for w in block.withdrawals],
    }


def withdrawal_json(withdrawal: Any) -> JSON:
    """EIP-4895."""
    return {
        "index": hex_number(withdrawal.index),
        "validatorIndex": hex_number(withdrawal.validator_index),
        "address": hex_bytes(withdrawal.address),
        "amount": hex_number(withdrawal.amount),
    }


def transaction_json(
    transaction: SignedTransactionAPI, header: BlockHeaderAPI | None, index: int | None
) -> JSON:
    """A transaction and its place; of one that waits, `header` and `index` are None."""
    kind = transaction_type(transaction)
    return {
        "type": hex_number(kind),
        "hash": hex_bytes(transaction.hash),
        "blockHash": hex_bytes(header.hash) if header else None,
        "blockNumber": hex_number(header.block_number) if header else None,
        "transactionIndex": None if index is None else hex_number(index),
        "from": hex_bytes(transaction.sender),
        "to": _recipient(transaction),
        "nonce": hex_number(transaction.nonce),
        "gas": hex_number(transaction.gas),
        "value": hex_number(transaction.value),
        "input": hex_bytes(transaction.data),
        **_fees(transaction, kind, header),
        **_extras(transaction, kind),
        **_signature(transaction, kind),
    }


def transaction_type(transaction: SignedTransactionAPI) -> int:
    """0 for a legacy transaction, else its EIP-2718 type."""
    return transaction.type_id or 0


def _recipient(transaction: SignedTransactionAPI) -> str | None:
    created = transaction.to == CREATE_CONTRACT_ADDRESS
    return None if created else hex_bytes(transaction.to)


def _fees(transaction: Any, kind: int, header: BlockHeaderAPI | None) -> JSON:
    if kind < DYNAMIC_FEE_TRANSACTION_TYPE:
        return {"gasPrice": hex_number(transaction.gas_price)}
    price = effective_price(transaction, header) if header else transaction.max_fee_per_gas
    return {
        "gasPrice": hex_number(price),
        "maxFeePerGas": hex_number(transaction.max_fee_per_gas),
        "maxPriorityFeePerGas": hex_number(transaction.max_priority_fee_per_gas),
    }


def effective_price(transaction: SignedTransactionAPI, header: Any) -> int:
    """Wei that a gas has cost in a block. A legacy transaction has its price as both fees."""
    wanted = transaction.max_priority_fee_per_gas + header.base_fee_per_gas
    return int(min(transaction.max_fee_per_gas, wanted))


def _extras(transaction: Any, kind: int) -> JSON:
    """What came with the types: chain and access list, blobs, authorizations."""
    if kind == 0:
        chain_id = transaction.chain_id
        return {} if chain_id is None else {"chainId": hex_number(chain_id)}
    found: JSON = {
        "chainId": hex_number(transaction.chain_id),
        "accessList": access_list_json(transaction.access_list),
    }
    if kind == BLOB_TX_TYPE:
        found["maxFeePerBlobGas"] = hex_number(transaction.max_fee_per_blob_gas)
        found["blobVersionedHashes"] = [hex_bytes(h) for h in transaction.blob_versioned_hashes]
    if kind == SET_CODE_TRANSACTION_TYPE:
        found["authorizationList"] = [_authorization(a) for a in transaction.authorization_list]
    return found


def access_list_json(entries: Iterable[Any]) -> list[JSON]:
    """EIP-2930, from pairs of an address and slots."""
    return [
        {"address": hex_bytes(address), "storageKeys": [hex_word(slot) for slot in slots]}
        for address, slots in entries
    ]


def _authorization(entry: Any) -> JSON:
    return {
        "chainId": hex_number(entry.chain_id),
        "address": hex_bytes(entry.address),
        "nonce": hex_number(entry.nonce),
        "yParity": hex_number(entry.y_parity),
        "r": hex_number(entry.r),
        "s": hex_number(entry.s),
    }


def _signature(transaction: Any, kind: int) -> JSON:
    signed = {"r": hex_number(transaction.r), "s": hex_number(transaction.s)}
    if kind == 0:
        return {"v": hex_number(transaction.v), **signed}
    parity = hex_number(transaction.y_parity)
    return {"v": parity, "yParity": parity, **signed}


def receipt_json(mined: MinedTransaction, blob_base_fee: int) -> JSON:
    """The receipt of a transaction; `blob_base_fee` is that of its block, in wei."""
    transaction, receipt, header = mined.transaction, mined.receipt, mined.header
    kind = transaction_type(transaction)
    fields: JSON = {
        "type": hex_number(kind),
        "status": hex_number(mined.is_success),
        "transactionHash": hex_bytes(mined.hash),
        "transactionIndex": hex_number(mined.index),
        "blockHash": hex_bytes(header.hash),
        "blockNumber": hex_number(header.block_number),
        "from": hex_bytes(mined.sender),
        "to": _recipient(transaction),
        "contractAddress": hex_bytes(mined.contract) if mined.contract else None,
        "gasUsed": hex_number(mined.gas_used),
        "cumulativeGasUsed": hex_number(receipt.gas_used),
        "effectiveGasPrice": hex_number(effective_price(transaction, header)),
        "logsBloom": hex_bloom(receipt.bloom),
        "logs": [log_json(event) for event in mined.events],
    }
    if kind == BLOB_TX_TYPE:
        blobs = len(transaction.blob_versioned_hashes)
        fields["blobGasUsed"] = hex_number(GAS_PER_BLOB * blobs)
        fields["blobGasPrice"] = hex_number(blob_base_fee)
    return fields


def log_json(event: LoggedEvent) -> JSON:
    """A log and its place."""
    log, mined, header = event.log, event.transaction, event.transaction.header
    return {
        "address": hex_bytes(log.address),
        "topics": [hex_bytes(topic) for topic in log.topics],
        "data": hex_bytes(log.data),
        "blockNumber": hex_number(header.block_number),
        "blockHash": hex_bytes(header.hash),
        "blockTimestamp": hex_number(header.timestamp),
        "transactionHash": hex_bytes(mined.hash),
        "transactionIndex": hex_number(mined.index),
        "logIndex": hex_number(event.index),
        "removed": False,
    }
