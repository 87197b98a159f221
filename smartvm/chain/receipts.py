"""What transactions and calls leave: receipts, logs, and the error of those that fail."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import rlp
from eth.abc import BlockAPI
from eth.exceptions import Revert, VMError
from eth_typing import Address
from eth_utils import ValidationError

from smartvm.compiler.abi import revert_reason
from smartvm.exceptions import SmartVMError


@dataclass(frozen=True)
class Log:
    """An event: topics are 32 bytes each."""

    address: Address
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True)
class Receipt:
    """What a mined transaction left.

    Attributes:
        transaction_hash: 32 bytes.
        block_number: the block that holds it.
        gas_used: by this transaction, its intrinsic gas included.
        contract: the address that it created, or None.
        logs: its events.
        output: what the contract returned or reverted with.
        error: what halted it, or None.
    """

    transaction_hash: bytes
    block_number: int
    gas_used: int
    contract: Address | None
    logs: tuple[Log, ...]
    output: bytes
    error: Exception | None

    @property
    def is_success(self) -> bool:
        """Whether it took effect."""
        return self.error is None


class ExecutionFailed(SmartVMError):
    """Raised when a transaction or a call reverts or halts.

    Attributes:
        error: py-evm's or SmartVM's error.
        output: the data of the revert.
        receipt: of the transaction, which is mined nevertheless; None for a call.
    """

    def __init__(self, error: Exception, output: bytes, receipt: Receipt | None = None) -> None:
        reverted = isinstance(error, Revert)
        super().__init__(
            f"reverted: {revert_reason(output)}" if reverted else f"{type(error).__name__}: {error}"
        )
        self.error = error
        self.output = output
        self.receipt = receipt


def receipts_of(
    block: BlockAPI,
    transactions: Sequence[Any],
    receipts: Sequence[Any],
    computations: Sequence[Any],
) -> Iterator[Receipt]:
    """One receipt a transaction; py-evm's hold the gas of all before it as well."""
    gas_before = 0
    for transaction, receipt, computation in zip(transactions, receipts, computations, strict=True):
        yield Receipt(
            transaction_hash=transaction.hash,
            block_number=block.number,
            gas_used=receipt.gas_used - gas_before,
            contract=computation.msg.storage_address if computation.msg.is_create else None,
            logs=tuple(_log(log) for log in receipt.logs),
            output=computation.output,
            error=computation._error,
        )
        gas_before = receipt.gas_used


def _log(log: Any) -> Log:
    return Log(log.address, tuple(topic.to_bytes(32, "big") for topic in log.topics), log.data)


@contextmanager
def refusing(what: str) -> Iterator[None]:
    """Turn what py-evm raises for input that it does not accept into a SmartVMError."""
    try:
        yield
    except (ValidationError, VMError, rlp.DecodingError, rlp.DeserializationError) as error:
        raise SmartVMError(f"{what}: {error}") from error
