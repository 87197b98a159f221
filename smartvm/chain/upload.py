"""Uploading weight blocks to a model contract, by signed transactions.

An upload that was interrupted goes on where it stopped: blocks that the chain already holds with
the same content are not sent again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from smartvm import gas
from smartvm.chain.accounts import Account
from smartvm.chain.receipts import Receipt
from smartvm.compiler.abi import encode_call
from smartvm.compiler.contract import set_block_call
from smartvm.compiler.contract_abi import SET_BLOCKS
from smartvm.compiler.emit import WeightBlock
from smartvm.exceptions import SmartVMError

if TYPE_CHECKING:
    from smartvm.chain.mining import ChainMiner

BATCH_BYTES = 2 << 20
"""Bytes of items that one transaction best carries where the block's gas limit allows it."""
TRANSACTION_BASE = 21_000
"""Gas of any transaction (yellow paper, G_transaction)."""
CALLDATA_BYTE = 40
"""Most gas of a byte of calldata: the floor price of one that is not zero (EIP-7623)."""
LOOP = 2_000
"""More than `setBlocks` takes for a block besides writing it."""


ABI_BYTES = 128
"""More than the ABI puts around a block: its offset, its length and what fills the last word."""


class Progress(NamedTuple):
    """How far an upload is, in blocks and in bytes of items; those found in place are counted."""

    blocks: int
    blocks_total: int
    size: int
    size_total: int


class Upload(NamedTuple):
    """What an upload did: a receipt for each transaction, and the blocks it found in place."""

    receipts: list[Receipt]
    present: list[int]

    @property
    def gas_used(self) -> int:
        """Gas of all its transactions."""
        return sum(receipt.gas_used for receipt in self.receipts)


class Batch(NamedTuple):
    """A transaction that writes blocks.

    Attributes:
        numbers: of the blocks.
        size: bytes of their items.
        calldata: for the contract.
        gas: a limit that is enough.
    """

    numbers: tuple[int, ...]
    size: int
    calldata: bytes
    gas: int


def upload_blocks(
    chain: ChainMiner,
    contract: bytes,
    blocks: Mapping[int, WeightBlock],
    *,
    sender: Account | None = None,
    progress: Callable[[Progress], None] | None = None,
    batch_bytes: int = 0,
) -> Upload:
    """Send every block that the contract does not hold yet.

    Args:
        chain: the chain.
        contract: the address of a model contract.
        blocks: the blocks by number.
        sender: the contract's owner; the first account by default.
        progress: called at the start and after each transaction.
        batch_bytes: blocks share a transaction up to so many bytes of items (`batches`); by
            default each has its own.

    Raises:
        SmartVMError: there is no contract at the address.
        ExecutionFailed: the contract refuses a block; those before it stay.
    """
    if not chain.code(contract):
        raise SmartVMError(f"0x{contract.hex()}: expected a model contract, found no code")
    state = chain.state
    done = {number for number, block in blocks.items() if holds(state, contract, number, block)}
    sent: list[Receipt] = []
    report = progress or (lambda _: None)
    sizes = {number: _size(block) for number, block in blocks.items()}
    present = sum(sizes[number] for number in done)
    now = Progress(len(done), len(blocks), present, sum(sizes.values()))
    report(now)
    missing = {number: blocks[number] for number in sorted(blocks.keys() - done)}
    for batch in batches(missing, batch_bytes, chain.header().gas_limit):
        sent.append(chain.transact(contract, batch.calldata, sender=sender, gas=batch.gas))
        now = now._replace(blocks=now.blocks + len(batch.numbers), size=now.size + batch.size)
        report(now)
    return Upload(sent, sorted(done))


def holds(state: Any, contract: bytes, number: int, block: WeightBlock) -> bool:
    """Whether a contract's storage has this block, with the same items at the same width."""
    stored = state.get_block(contract, number)
    if stored is None or stored.item_bytes != block.item_bytes:
        return False
    return bool(stored.items == block.tensor)


def batches(
    blocks: Mapping[int, WeightBlock], batch_bytes: int = 0, most_gas: int = 1 << 40
) -> Iterator[Batch]:
    """The transactions that write blocks, in the order of their numbers.

    Blocks share one as long as their numbers follow each other, their items have one width, and
    they take no more than `batch_bytes` together.

    Args:
        blocks: the blocks by number.
        batch_bytes: most bytes of items, except those of a single block.
        most_gas: most gas of a transaction that several blocks share.
    """
    for numbers in _runs(blocks, batch_bytes, most_gas):
        run = [blocks[number] for number in numbers]
        if len(run) == 1:
            calldata = set_block_call(numbers[0], run[0])
        else:
            packed = [block.packed for block in run]
            calldata = encode_call(SET_BLOCKS, numbers[0], run[0].item_bytes, packed)
        limit = gas_limit(len(calldata), len(run))
        yield Batch(tuple(numbers), sum(map(_size, run)), calldata, limit)


def gas_limit(size: int, blocks: int = 1) -> int:
    """Enough for blocks that are written from `size` bytes of calldata."""
    copies = gas.memory_copy(size) + gas.words(size) ** 2 // 512 + 2 * gas.buffer_size(4 * size)
    writes = gas.block_write(size, False) + (blocks - 1) * (gas.block_write(0, False) + LOOP)
    return TRANSACTION_BASE + (CALLDATA_BYTE + 1) * size + copies + writes


def _runs(
    blocks: Mapping[int, WeightBlock], batch_bytes: int, most_gas: int
) -> Iterator[list[int]]:
    """The numbers of the blocks that share a transaction."""
    run: list[int] = []
    for number in sorted(blocks):
        if run and not _may_join(blocks, run, number, batch_bytes, most_gas):
            yield run
            run = []
        run.append(number)
    if run:
        yield run


def _may_join(
    blocks: Mapping[int, WeightBlock], run: list[int], number: int, batch_bytes: int, most_gas: int
) -> bool:
    size = sum(_size(blocks[n]) for n in (*run, number))
    return (
        number == run[-1] + 1
        and blocks[number].item_bytes == blocks[run[0]].item_bytes
        and size <= batch_bytes
        and gas_limit(size + ABI_BYTES * (len(run) + 2), len(run) + 1) <= most_gas
    )


def _size(block: WeightBlock) -> int:
    """Bytes of items."""
    return len(block.items) * block.item_bytes
