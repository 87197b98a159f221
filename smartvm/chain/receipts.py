"""What transactions and calls leave: receipts, logs, and the error of those that fail."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from eth._utils.address import generate_contract_address
from eth.abc import BlockHeaderAPI, ReceiptAPI, SignedTransactionAPI
from eth.exceptions import PyEVMError, Revert
from eth_keys.exceptions import BadSignature
from eth_typing import Address
from eth_utils import ValidationError
from rlp.exceptions import RLPException

from smartvm.compiler.abi import revert_reason
from smartvm.exceptions import SmartVMError

STATUS_SUCCESS = b"\x01"
"""What a receipt has in the place of a state root if its transaction took effect (EIP-658)."""


Topics = Sequence[bytes | Collection[bytes] | None]
"""What the topics of a log must be, one by one: this one, one of these, or anything (None)."""


@dataclass(frozen=True)
class Log:
    """An event: topics are 32 bytes each."""

    address: Address
    topics: tuple[bytes, ...]
    data: bytes

    def fits(self, addresses: Collection[bytes] = (), topics: Topics = ()) -> bool:
        """Whether one of `addresses` (any, if there are none) logged it, with these topics."""
        if (addresses and self.address not in addresses) or len(topics) > len(self.topics):
            return False
        pairs = zip(topics, self.topics, strict=False)
        return all(wanted is None or found in choices(wanted) for wanted, found in pairs)


def choices(wanted: bytes | Collection[bytes]) -> Collection[bytes]:
    """What a topic may be."""
    return (wanted,) if isinstance(wanted, bytes) else wanted


@dataclass(frozen=True)
class LoggedEvent:
    """A log where it lies: in a transaction, at a position among the logs of the block."""

    log: Log
    transaction: MinedTransaction
    index: int


@dataclass(frozen=True)
class MinedTransaction:
    """A transaction of a block and what it left, as the chain keeps both.

    What the chain does not keep, its output and its error, `Chain.replay` finds again.

    Attributes:
        transaction: as py-evm has it.
        receipt: as py-evm has it: status, bloom, gas of all transactions so far.
        header: of the block.
        index: its position in the block.
        gas_used: by this transaction, its intrinsic gas included.
        first_log: position of its first log among those of the block.
    """

    transaction: SignedTransactionAPI = field(repr=False)
    receipt: ReceiptAPI = field(repr=False)
    header: BlockHeaderAPI = field(repr=False)
    index: int
    gas_used: int
    first_log: int

    @property
    def hash(self) -> bytes:
        """The transaction's hash."""
        return bytes(self.transaction.hash)

    @property
    def sender(self) -> Address:
        """Who signed it."""
        return self.transaction.sender

    @property
    def contract(self) -> Address | None:
        """The address of the contract that it was to create, or None."""
        if self.transaction.to:
            return None
        return generate_contract_address(self.sender, self.transaction.nonce)

    @property
    def is_success(self) -> bool:
        """Whether it took effect."""
        return bool(self.receipt.state_root == STATUS_SUCCESS)

    @property
    def logs(self) -> tuple[Log, ...]:
        """Its events."""
        return tuple(map(_log, self.receipt.logs))

    @property
    def events(self) -> tuple[LoggedEvent, ...]:
        """Its events where they lie."""
        logs = enumerate(self.logs, self.first_log)
        return tuple(LoggedEvent(log, self, index) for index, log in logs)


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


def mined_transactions(
    header: BlockHeaderAPI,
    transactions: Sequence[SignedTransactionAPI],
    receipts: Sequence[ReceiptAPI],
) -> Iterator[MinedTransaction]:
    """The transactions of a block; py-evm's receipts hold the gas of all before as well."""
    gas_before = logs_before = 0
    for index, (transaction, receipt) in enumerate(zip(transactions, receipts, strict=True)):
        gas = receipt.gas_used - gas_before
        yield MinedTransaction(transaction, receipt, header, index, gas, logs_before)
        gas_before = receipt.gas_used
        logs_before += len(receipt.logs)


def executed(mined: MinedTransaction, computation: Any) -> Receipt:
    """The receipt of a transaction that has just run, with what the chain does not keep."""
    return Receipt(
        transaction_hash=mined.hash,
        block_number=mined.header.block_number,
        gas_used=mined.gas_used,
        contract=mined.contract,
        logs=mined.logs,
        output=computation.output,
        error=computation._error,
    )


def _log(log: Any) -> Log:
    return Log(log.address, tuple(topic.to_bytes(32, "big") for topic in log.topics), log.data)


@contextmanager
def refusing(what: str) -> Iterator[None]:
    """Turn what py-evm raises for input that it does not accept into a SmartVMError."""
    try:
        yield
    except (ValidationError, PyEVMError, BadSignature, RLPException) as error:
        raise SmartVMError(f"{what}: {error}") from error
