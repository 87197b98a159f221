from __future__ import annotations

import numpy as np
import pytest

from smartvm.chain import Chain, ExecutionFailed, Progress, upload_blocks
from smartvm.chain.execution import TRANSACTION_GAS
from smartvm.chain.upload import batches, gas_limit, holds
from smartvm.compiler.contract import ModelContract
from smartvm.compiler.emit import BLOCK_BYTES, WeightBlock


@pytest.fixture(scope="module")
def contract(linear: ModelContract) -> ModelContract:
    return linear


@pytest.fixture
def chain() -> Chain:
    return Chain()


@pytest.fixture
def address(chain: Chain, contract: ModelContract) -> bytes:
    created = chain.deploy(contract.init_code).contract
    assert created is not None
    return created


class Interruption(Exception):
    pass


def interrupt_after(blocks: int) -> object:
    def progress(report: Progress) -> None:
        if report.blocks == blocks:
            raise Interruption

    return progress


def test_every_block_arrives(chain: Chain, contract: ModelContract, address: bytes) -> None:
    upload = upload_blocks(chain, address, contract.blocks)
    assert len(upload.receipts) == len(contract.blocks) == 7
    assert upload.present == []
    assert upload.gas_used == sum(receipt.gas_used for receipt in upload.receipts)
    for number, block in contract.blocks.items():
        stored = chain.state.get_block(address, number)
        assert list(stored.items) == block.items.tolist()
        assert stored.item_bytes == block.item_bytes


def test_a_second_upload_sends_nothing(
    chain: Chain, contract: ModelContract, address: bytes
) -> None:
    upload_blocks(chain, address, contract.blocks)
    root = chain.state_root
    again = upload_blocks(chain, address, contract.blocks)
    assert again.receipts == []
    assert again.present == list(contract.blocks)
    assert chain.state_root == root


@pytest.mark.parametrize("done", range(7))
def test_an_interrupted_upload_goes_on_where_it_stopped(
    chain: Chain, contract: ModelContract, address: bytes, done: int
) -> None:
    with pytest.raises(Interruption):
        upload_blocks(chain, address, contract.blocks, progress=interrupt_after(done))
    rest = upload_blocks(chain, address, contract.blocks)
    assert rest.present == list(contract.blocks)[:done]
    assert len(rest.receipts) == 7 - done
    whole = chain.replica()
    whole.import_blocks(chain.export_blocks())
    assert all(holds(whole.state, address, *entry) for entry in contract.blocks.items())


def test_progress_counts_blocks_and_bytes(
    chain: Chain, contract: ModelContract, address: bytes
) -> None:
    reports: list[Progress] = []
    upload_blocks(chain, address, contract.blocks, progress=reports.append)
    assert [report.blocks for report in reports] == list(range(8))
    assert [report.size for report in reports] == [0, 20, 40, 60, 80, 84, 102, 105]
    assert {(report.blocks_total, report.size_total) for report in reports} == {(7, 105)}


@pytest.mark.parametrize("number", [3, 6])
@pytest.mark.parametrize(
    "change", [lambda b: b._replace(items=-b.items), lambda b: b._replace(item_bytes=8)]
)
def test_a_block_that_differs_is_sent_again(
    chain: Chain, contract: ModelContract, address: bytes, number: int, change: object
) -> None:
    upload_blocks(chain, address, contract.blocks)
    changed = contract.blocks | {number: change(contract.blocks[number])}
    assert len(upload_blocks(chain, address, changed).receipts) == 1
    assert holds(chain.state, address, number, changed[number])


def test_only_the_owner_uploads(chain: Chain, contract: ModelContract, address: bytes) -> None:
    with pytest.raises(ExecutionFailed, match="only the owner"):
        upload_blocks(chain, address, contract.blocks, sender=chain.accounts[1])


@pytest.mark.parametrize(
    "block",
    [
        WeightBlock(np.full(BLOCK_BYTES, -1, np.int8), 1),
        WeightBlock(np.full(BLOCK_BYTES // 2, -1, np.int16), 2),
        WeightBlock(np.full(BLOCK_BYTES // 3, -1, np.int64), 3),
        WeightBlock(np.full(BLOCK_BYTES // 32, -(2**255), object), 32),
    ],
    ids=lambda block: f"{block.item_bytes} bytes an item",
)
def test_a_block_of_the_default_size_fits_a_transaction(
    chain: Chain, address: bytes, block: WeightBlock
) -> None:
    upload = upload_blocks(chain, address, {1: block})
    assert upload.gas_used < TRANSACTION_GAS
    assert holds(chain.state, address, 1, block)


def test_a_changed_item_a_missing_block_and_a_cut_block_do_not_hold(
    chain: Chain, contract: ModelContract, address: bytes
) -> None:
    block = WeightBlock(np.arange(5, dtype=np.int8), 1)
    upload_blocks(chain, address, {9: block})
    assert holds(chain.state, address, 9, block)
    assert not holds(chain.state, address, 10, block)
    assert not holds(chain.state, address, 9, block._replace(items=block.items + 1))
    assert not holds(chain.state, address, 9, block._replace(items=block.items[:-1]))


def block_of(size: int, item_bytes: int = 1) -> WeightBlock:
    """A block of `size` bytes, none of them zero."""
    return WeightBlock(np.full(size // item_bytes, -1, np.int64), item_bytes)


@pytest.mark.parametrize(
    ("sizes", "batch_bytes", "expected"),
    [
        ({1: 30, 2: 30, 3: 30, 4: 30}, 0, [(1,), (2,), (3,), (4,)]),
        ({1: 30, 2: 30, 3: 30, 4: 30}, 89, [(1, 2), (3, 4)]),
        ({1: 30, 2: 30, 3: 30, 4: 30}, 90, [(1, 2, 3), (4,)]),
        ({4: 30, 2: 30, 1: 30}, 1000, [(1, 2), (4,)]),
        ({1: 30, 2: 3000, 3: 30, 4: 30}, 1000, [(1,), (2,), (3, 4)]),
        ({}, 1000, []),
    ],
)
def test_blocks_share_a_transaction_up_to_a_size(sizes, batch_bytes, expected) -> None:
    blocks = {number: block_of(size) for number, size in sizes.items()}
    found = list(batches(blocks, batch_bytes))
    assert [batch.numbers for batch in found] == expected
    assert sum(batch.size for batch in found) == sum(sizes.values())


def test_blocks_of_different_widths_do_not_share_a_transaction() -> None:
    blocks = {1: block_of(32), 2: block_of(32, 2), 3: block_of(32, 2)}
    assert [batch.numbers for batch in batches(blocks, 1000)] == [(1,), (2, 3)]


def test_a_shared_transaction_keeps_the_blocks_gas_limit() -> None:
    blocks = {number: block_of(10_000) for number in range(1, 5)}
    limit = gas_limit(30_000, 3)
    found = list(batches(blocks, 1 << 20, limit))
    assert [batch.numbers for batch in found] == [(1, 2), (3, 4)]
    assert all(batch.gas <= limit for batch in found)


@pytest.mark.parametrize(("count", "size"), [(2, 32), (40, 96), (20, 96 * 1024)])
def test_a_batch_arrives_within_its_gas_limit(
    chain: Chain, address: bytes, count: int, size: int
) -> None:
    blocks = {number: block_of(size) for number in range(1, count + 1)}
    (batch,) = batches(blocks, count * size)
    upload = upload_blocks(chain, address, blocks, batch_bytes=count * size)
    (receipt,) = upload.receipts
    assert receipt.gas_used < batch.gas
    assert all(holds(chain.state, address, *entry) for entry in blocks.items())


def test_a_block_limit_of_the_main_chain_is_kept(contract: ModelContract) -> None:
    chain = Chain(block_gas_limit=TRANSACTION_GAS)
    address = chain.deploy(contract.init_code).contract
    blocks = {number: block_of(BLOCK_BYTES) for number in (1, 2)}
    upload = upload_blocks(chain, address, blocks, batch_bytes=1 << 20)
    assert len(upload.receipts) == 2


def test_progress_counts_every_block_of_a_batch(
    chain: Chain, contract: ModelContract, address: bytes
) -> None:
    reports: list[Progress] = []
    upload_blocks(chain, address, contract.blocks, progress=reports.append, batch_bytes=60)
    assert [report.blocks for report in reports] == [0, 3, 5, 7]
    assert reports[-1].size == reports[-1].size_total
