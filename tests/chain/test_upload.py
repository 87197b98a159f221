from __future__ import annotations

import numpy as np
import pytest

from smartvm.chain import Chain, ExecutionFailed, Progress, upload_blocks
from smartvm.chain.local import TRANSACTION_GAS
from smartvm.chain.upload import holds
from smartvm.compiler.contract import ModelContract, build_contract
from smartvm.compiler.emit import BLOCK_BYTES, WeightBlock
from smartvm.compiler.integer_graph import Interval
from smartvm.compiler.sequential import Sequential


@pytest.fixture(scope="module")
def contract() -> ModelContract:
    weights = np.random.default_rng(1).integers(-900, 900, (7, 6))
    network = Sequential("linear", (1, 2, 3), scale=255, input_range=Interval(0, 255))
    network.fully_connected("fc", weights, np.arange(7) * 70_000)
    return build_contract(network.graph, block_bytes=20)


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
