"""What gas costs: the next base fee, suggestions, and the history of fees."""

from __future__ import annotations

from typing import Any

from eth.abc import BlockHeaderAPI
from eth.vm.forks.cancun.constants import MAX_BLOB_GAS_PER_BLOCK
from eth.vm.forks.london.headers import calculate_expected_base_fee_per_gas

from smartvm.chain.mining import PRIORITY_FEE
from smartvm.node import params
from smartvm.node.blocks import header
from smartvm.node.formats import JSON, effective_price, hex_number

MOST_BLOCKS = 1_024
"""Blocks of one fee history, as geth has it."""
MOST_PERCENTILES = 100


def next_base_fee(node: Any) -> int:
    """Wei a gas that the next block burns (EIP-1559)."""
    return calculate_expected_base_fee_per_gas(node.chain.header())


def gas_price(node: Any) -> str:
    """Wei a gas with which a legacy transaction is mined next."""
    return hex_number(next_base_fee(node) + PRIORITY_FEE)


def priority_fee(node: Any) -> str:
    """Wei a gas for the miner that a transaction should offer."""
    return hex_number(PRIORITY_FEE)


def blob_base_fee(node: Any) -> str:
    """Wei a gas of blobs (EIP-7516)."""
    return hex_number(node.chain.state.blob_base_fee)


def fee_history(node: Any, count: Any, newest: Any, percentiles: Any = None) -> JSON:
    """Base fees, how full blocks were, and what was paid to the miner, by percentile."""
    wanted = _percentiles(percentiles)
    last = header(node, newest).block_number
    first = max(0, last + 1 - min(params.quantity(count, "blockCount"), MOST_BLOCKS))
    blocks = [node.chain.header(number) for number in range(first, last + 1)]
    fees = [block.base_fee_per_gas for block in blocks]
    after = calculate_expected_base_fee_per_gas(blocks[-1]) if blocks else 0
    found = {
        "oldestBlock": hex_number(first),
        "baseFeePerGas": [hex_number(fee) for fee in [*fees, after]],
        "gasUsedRatio": [block.gas_used / block.gas_limit for block in blocks],
        "baseFeePerBlobGas": [hex_number(1)] * (len(blocks) + 1),
        "blobGasUsedRatio": [block.blob_gas_used / MAX_BLOB_GAS_PER_BLOCK for block in blocks],
    }
    if wanted:
        found["reward"] = [_rewards(node, block, wanted) for block in blocks]
    return found


def _percentiles(value: Any) -> list[float]:
    found = params.array(value, "rewardPercentiles", MOST_PERCENTILES)
    for entry in found:
        if isinstance(entry, bool) or not isinstance(entry, int | float) or not 0 <= entry <= 100:
            params.refuse("rewardPercentiles", "numbers from 0 to 100", entry)
    if found != sorted(found):
        params.refuse("rewardPercentiles", "rising numbers", value)
    return found


def _rewards(node: Any, block: BlockHeaderAPI, percentiles: list[float]) -> list[str]:
    """Wei a gas for the miner, at shares of the block's gas sorted by what was paid."""
    fee: Any = block
    paid = sorted(
        (effective_price(mined.transaction, block) - fee.base_fee_per_gas, mined.gas_used)
        for mined in node.chain.transactions(block.hash)
    )
    return [hex_number(_at(paid, block.gas_used * share / 100)) for share in percentiles]


def _at(paid: list[tuple[int, int]], threshold: float) -> int:
    total = 0
    for price, gas in paid:
        total += gas
        if total >= threshold:
            return price
    return 0


METHODS = {
    "eth_blobBaseFee": blob_base_fee,
    "eth_feeHistory": fee_history,
    "eth_gasPrice": gas_price,
    "eth_maxPriorityFeePerGas": priority_fee,
}
