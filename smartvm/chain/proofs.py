"""Proofs for whoever trusts a block hash and has nothing else of the chain (docs/proofs.md).

    proof = prove_model(chain, address, numbers=[1, 2])
    read_proof(proof.to_bytes()).verify(block_hash).blocks[1]

    proof = prove_inference(chain, transaction_hash)
    proof.verify(block_hash).inferences

A proof carries the header, whose hash must be the block's, and trie nodes from its roots. It is
verified by hashing and by running the contract's own `modelHash()`, bounded by its size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import rlp
from eth.rlp.accounts import Account
from eth.vm.forks.prague.blocks import PragueBlockHeader
from eth_hash.auto import keccak
from eth_typing import Address
from rlp.sedes import CountableList, List, big_endian_int, binary

from smartvm.chain.proven import (
    ProvenInference,
    ProvenModel,
    inferred_logs,
    model_hash_of,
    proven_inferences,
)
from smartvm.chain.reading import BlockId, ChainReader
from smartvm.exceptions import ProofError
from smartvm.storage.proofs import (
    MAX_PROOF_BYTES,
    BlockProof,
    Nodes,
    prove_blocks,
    prove_keys,
    refusing,
    verify_account,
    verify_blocks,
    verify_keys,
)

FORMAT = b"smartvm-proof"
VERSION = 1
OWNER_SLOT = 0
"""The only slot of a model contract: owner, version, whether it is frozen."""

_HASH_BYTES = 32
_NODES = CountableList(binary)
_START = [binary, big_endian_int, big_endian_int]


@dataclass(frozen=True)
class ModelProof:
    """What a contract is in the state after a block: its code, slot 0 and some weight blocks.

    Attributes:
        header: RLP of the block's header.
        address: of the contract.
        code: of the contract.
        numbers: of the blocks, ascending; none shows code, slot 0 and storage root alone.
        state: trie nodes from the header's state root.
    """

    KIND: ClassVar[int] = 1
    SEDES: ClassVar[List] = List(
        [*_START, binary, binary, binary, CountableList(big_endian_int), _NODES, _NODES]
    )

    header: bytes
    address: bytes
    code: bytes
    numbers: tuple[int, ...]
    state: BlockProof

    def to_bytes(self) -> bytes:
        """The encoding of docs/proofs.md."""
        state = (self.state.account_proof, self.state.storage_proof)
        return _encode(self, self.header, self.address, self.code, self.numbers, *state)

    @classmethod
    def from_fields(cls, fields: Sequence[Any]) -> ModelProof:
        """The proof of the decoded fields behind format, version and kind."""
        header, address, code, numbers, account_proof, storage_proof = fields
        if list(numbers) != sorted({n for n in numbers if n < 1 << 256}):
            raise ProofError("block numbers: expected numbers below 2^256, ascending")
        return cls(header, address, code, numbers, BlockProof(account_proof, storage_proof))

    def verify(self, block_hash: bytes) -> ProvenModel:
        """What the proof shows of the block with this hash.

        Raises:
            ProofError: it shows nothing.
        """
        header = _verified_header(self.header, block_hash)
        proven = verify_blocks(
            header.state_root, Address(self.address), self.numbers, self.state, [OWNER_SLOT]
        )
        account = _with_code(proven.account, self.address, self.code)
        return ProvenModel(
            header=header,
            address=self.address,
            code=self.code,
            model_hash=model_hash_of(self.code),
            storage_root=bytes(account.storage_root),
            slot=proven.slots[OWNER_SLOT],
            blocks=proven.blocks,
        )


@dataclass(frozen=True)
class InferenceProof:
    """What a transaction of a block was and left: its receipt, and the contract that answered.

    Attributes:
        header: RLP of the block's header.
        address: of the contract that logged the answer.
        code: of the contract, after the block.
        index: of the transaction in the block.
        account_proof: trie nodes from the header's state root to the contract.
        transaction_proof: trie nodes from its transactions root to the transaction.
        receipt_proof: trie nodes from its receipts root to the receipt.
    """

    KIND: ClassVar[int] = 2
    SEDES: ClassVar[List] = List(
        [*_START, binary, binary, binary, big_endian_int, _NODES, _NODES, _NODES]
    )

    header: bytes
    address: bytes
    code: bytes
    index: int
    account_proof: Nodes
    transaction_proof: Nodes
    receipt_proof: Nodes

    def to_bytes(self) -> bytes:
        """The encoding of docs/proofs.md."""
        paths = (self.account_proof, self.transaction_proof, self.receipt_proof)
        return _encode(self, self.header, self.address, self.code, self.index, *paths)

    @classmethod
    def from_fields(cls, fields: Sequence[Any]) -> InferenceProof:
        """The proof of the decoded fields behind format, version and kind."""
        return cls(*fields)

    def verify(self, block_hash: bytes) -> ProvenInference:
        """What the proof shows of the block with this hash.

        Raises:
            ProofError: it shows nothing, or no successful inference by the contract.
        """
        header = _verified_header(self.header, block_hash)
        account = verify_account(header.state_root, Address(self.address), self.account_proof)
        _with_code(account, self.address, self.code)
        key = _index_key(self.index)
        (transaction,) = verify_keys(header.transaction_root, [key], self.transaction_proof)
        (receipt,) = verify_keys(header.receipt_root, [key], self.receipt_proof)
        return proven_inferences(
            header=header,
            address=self.address,
            code=self.code,
            index=self.index,
            transaction=transaction,
            receipt=receipt,
        )


Proof = ModelProof | InferenceProof


def prove_model(
    chain: ChainReader,
    address: bytes,
    numbers: Sequence[int] = (),
    *,
    block: BlockId = None,
    max_bytes: int = MAX_PROOF_BYTES,
) -> ModelProof:
    """Prove what a contract is after a block, and the weight blocks of these numbers.

    Args:
        chain: a chain that has the block.
        address: of the contract.
        numbers: of the weight blocks to prove, each there or not.
        block: the block; the newest by default.
        max_bytes: of the weights and their paths, at most.

    Raises:
        NotFound: the chain has no such block.
        ProofError: there is no contract, the chain lacks the state after the block, or the proof
            would be too large.
    """
    header = chain.header(block)
    code = _contract_code(chain, address, header)
    numbers = sorted(set(numbers))
    root, at = header.state_root, Address(address)
    state = prove_blocks(chain.database, root, at, numbers, [OWNER_SLOT], max_bytes)
    return ModelProof(rlp.encode(header), address, code, tuple(numbers), state)


def prove_inference(
    chain: ChainReader, transaction_hash: bytes, *, address: bytes | None = None
) -> InferenceProof:
    """Prove an inference that a transaction of the chain's history made.

    Args:
        chain: a chain that has the transaction.
        transaction_hash: of the transaction.
        address: of the contract that logged it; the first that did by default.

    Raises:
        NotFound: the chain has no such transaction.
        ProofError: no contract, or not this one, has logged an inference in it.
    """
    mined = chain.transaction(transaction_hash)
    header, key = mined.header, _index_key(mined.index)
    logs = inferred_logs(mined, [address] if address else [])
    if not logs:
        where = f" by 0x{address.hex()}" if address else ""
        name = f"0x{transaction_hash.hex()}"
        raise ProofError(f"transaction {name}: it has logged no inference{where}")
    contract = logs[0].address
    return InferenceProof(
        header=rlp.encode(header),
        address=contract,
        code=_contract_code(chain, contract, header),
        index=mined.index,
        account_proof=prove_keys(chain.database, header.state_root, [keccak(contract)]),
        transaction_proof=prove_keys(chain.database, header.transaction_root, [key]),
        receipt_proof=prove_keys(chain.database, header.receipt_root, [key]),
    )


def read_proof(encoding: bytes, *, max_bytes: int = MAX_PROOF_BYTES) -> Proof:
    """The proof that `to_bytes` has written, not verified yet.

    Raises:
        ProofError: the bytes are no such encoding, or more than `max_bytes`.
    """
    if len(encoding) > max_bytes:
        raise ProofError(
            f"expected a proof of at most {max_bytes:,} bytes, found {len(encoding):,}"
        )
    content, digest = encoding[:-_HASH_BYTES], encoding[-_HASH_BYTES:]
    with refusing("not a proof"):
        fields = rlp.decode(content)
        name, version, kind = List(_START, strict=False).deserialize(fields)
    if name != FORMAT:
        raise ProofError("not a proof: it does not begin with the name of the format")
    if version != VERSION:
        raise ProofError(f"expected version {VERSION} of the format of proofs, found {version}")
    kinds: dict[int, type[Proof]] = {
        ModelProof.KIND: ModelProof,
        InferenceProof.KIND: InferenceProof,
    }
    if kind not in kinds:
        raise ProofError(f"expected a proof of kind {' or '.join(map(str, kinds))}, found {kind}")
    if keccak(content) != digest:
        raise ProofError("the proof was damaged: its last 32 bytes are not the hash of the others")
    with refusing("not a proof"):
        return kinds[kind].from_fields(kinds[kind].SEDES.deserialize(fields)[len(_START) :])


def _encode(proof: Proof, *fields: Any) -> bytes:
    """The encoded fields and their hash.

    The hash adds nothing to what is proven: with it, damage to a block number is noticed, too, that
    makes a true proof of another absent block.
    """
    content = bytes(rlp.encode([FORMAT, VERSION, proof.KIND, *fields], proof.SEDES))
    return content + keccak(content)


def _verified_header(header: bytes, block_hash: bytes) -> Any:
    """The decoded header, if its hash is the block's."""
    found = keccak(header)
    if found != block_hash:
        raise ProofError(f"the proof is of block 0x{found.hex()}, not 0x{block_hash.hex()}")
    with refusing("not the header of a block"):
        return rlp.decode(header, PragueBlockHeader)


def _with_code(account: Account | None, address: bytes, code: bytes) -> Account:
    """The account of a contract; code that is not its own, or none, is refused."""
    if account is None:
        raise ProofError(f"the state has no account 0x{address.hex()}")
    if keccak(code) != account.code_hash:
        raise ProofError(f"the code is not that of 0x{address.hex()}")
    if not code:
        raise ProofError(f"0x{address.hex()} is no contract: it has no code")
    return account


def _contract_code(chain: ChainReader, address: bytes, header: Any) -> bytes:
    code = chain.code(address, header.hash)
    if not code:
        number = header.block_number
        raise ProofError(f"0x{address.hex()}: expected a contract at block {number}, found no code")
    return code


def _index_key(index: int) -> bytes:
    """The key of a block's transaction and of its receipt in their tries."""
    return bytes(rlp.encode(index, big_endian_int))
