"""What verified proofs show: a contract and its weights, or inferences of a transaction."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from smartvm.chain.receipts import Log, MinedTransaction
from smartvm.compiler.abi import decode_uint256, encode_call, event_topic
from smartvm.compiler.artefact import Artefact
from smartvm.compiler.contract import names_model
from smartvm.compiler.contract_abi import INFERRED, MODEL_HASH
from smartvm.compiler.contract_code import OWNER_BITS
from smartvm.compiler.emit import WeightBlock
from smartvm.exceptions import ProofError
from smartvm.execution import execute
from smartvm.storage import Block, encode_block
from smartvm.storage.proofs import refusing, storage_root
from smartvm.vm import SmartVM

GETTER_GAS = 100_000
"""Far more than `modelHash()` takes, and what hostile code can make a verifier compute."""

_FROZEN_BIT = 255


@dataclass(frozen=True)
class ProvenModel:
    """A contract in the state after a block.

    Attributes:
        header: of the block.
        address: of the contract.
        code: of the contract.
        model_hash: what its `modelHash()` answers; None if it is no model contract.
        storage_root: of the contract.
        slot: the word in slot 0, 0 for nothing.
        blocks: the weight blocks that the proof was made for, None where there is none.
    """

    header: Any = field(repr=False)
    address: bytes
    code: bytes = field(repr=False)
    model_hash: bytes | None
    storage_root: bytes
    slot: int
    blocks: dict[int, Block | None] = field(repr=False)

    @property
    def owner(self) -> bytes:
        """Who may write the blocks of a model contract."""
        return (self.slot % (1 << OWNER_BITS)).to_bytes(OWNER_BITS // 8, "big")

    @property
    def version(self) -> int:
        """How many transactions have written blocks of a model contract."""
        return (self.slot % (1 << _FROZEN_BIT)) >> OWNER_BITS

    @property
    def is_frozen(self) -> bool:
        """Whether the blocks of a model contract can never be written again."""
        return bool(self.slot >> _FROZEN_BIT)

    @property
    def is_whole(self) -> bool:
        """Whether the model hash is that of the code and of the blocks, so that none is missing."""
        if self.model_hash is None:
            return False
        there = {number: block for number, block in self.blocks.items() if block}
        weights = {n: WeightBlock.of(block.items, block.item_bytes) for n, block in there.items()}
        return names_model(self.model_hash, self.code, weights)

    def check_artefact(self, artefact: Artefact) -> None:
        """Make sure that the contract is this model, to the last weight.

        The storage root of the artefact's blocks beside slot 0 must be the contract's, so that the
        proof needs none of the blocks.

        Raises:
            ProofError: it has other code, or other storage.
        """
        model = artefact.contract
        if self.code != model.runtime:
            raise ProofError(f"0x{self.address.hex()} has other code than {artefact.name}")
        blocks = {n: encode_block(b.tensor, b.item_bytes) for n, b in model.blocks.items()}
        if storage_root({0: self.slot}, blocks) != self.storage_root:
            raise ProofError(
                f"0x{self.address.hex()} has the code of {artefact.name} but not exactly its blocks"
            )


@dataclass(frozen=True)
class Inference:
    """What one `Inferred` log says.

    Attributes:
        caller: who called `infer`: an account or a contract.
        input_hash: keccak256 of the packed input.
        label: the answer.
    """

    caller: bytes
    input_hash: bytes
    label: int


@dataclass(frozen=True)
class ProvenInference:
    """A successful transaction of a block, and the inferences that a contract logged in it.

    Attributes:
        header: of the block.
        address: of the contract.
        code: of the contract, after the block.
        model_hash: what its `modelHash()` answers; None if it is no model contract.
        index: of the transaction in the block.
        transaction_hash: 32 bytes.
        sender: who signed the transaction.
        inferences: in the order of the logs, at least one.
    """

    header: Any = field(repr=False)
    address: bytes
    code: bytes = field(repr=False)
    model_hash: bytes | None
    index: int
    transaction_hash: bytes
    sender: bytes
    inferences: tuple[Inference, ...]


def model_hash_of(code: bytes) -> bytes | None:
    """What `modelHash()` of a contract answers with empty storage; None if that is no hash."""
    call = execute(code, calldata=encode_call(MODEL_HASH), gas=GETTER_GAS)
    return call.output if call.is_success and len(call.output) == 32 else None


def proven_inferences(
    header: Any, address: bytes, code: bytes, index: int, transaction: bytes, receipt: bytes
) -> ProvenInference:
    """What a proven transaction and its receipt, both encoded, show of a contract.

    Raises:
        ProofError: they are none, or the receipt is of a failed transaction or has no `Inferred`
            log of the contract.
    """
    with refusing("not a transaction and its receipt"):
        mined = MinedTransaction(
            SmartVM.get_transaction_builder().decode(transaction),
            SmartVM.get_receipt_builder().decode(receipt),
            header,
            index,
            gas_used=0,  # only the gas of all transactions so far is in a receipt
            first_log=0,
        )
        inferences = tuple(_inference(log) for log in inferred_logs(mined, [address]))
        sender = bytes(mined.sender)
    if not mined.is_success or not inferences:
        raise ProofError(f"the transaction has no inference by 0x{address.hex()} to show")
    return ProvenInference(
        header, address, code, model_hash_of(code), index, mined.hash, sender, inferences
    )


def inferred_logs(mined: MinedTransaction, addresses: Collection[bytes] = ()) -> list[Log]:
    """The `Inferred` logs of a transaction, of one of these contracts or of any."""
    topic = event_topic(INFERRED).to_bytes(32, "big")
    fitting = [log for log in mined.logs if log.fits(addresses, [topic])]
    return [log for log in fitting if len(log.topics) == 2 and len(log.data) == 64]


def _inference(log: Log) -> Inference:
    return Inference(log.topics[1][-20:], log.data[:32], decode_uint256(log.data[32:]))
