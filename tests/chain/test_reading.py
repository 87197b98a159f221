"""What a chain tells of its past: blocks, transactions, receipts, logs, states."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
import rlp

from smartvm.chain import Chain
from smartvm.chain.accounts import ACCOUNT_BALANCE, ETHER
from smartvm.chain.models import Inference
from smartvm.chain.reading import bloom_bits, may_hold
from smartvm.compiler.abi import event_topic
from smartvm.compiler.contract import ModelContract
from smartvm.compiler.contract_abi import BLOCKS_SET, INFERRED
from smartvm.exceptions import NotFound

IMAGES = [np.full(6, value) for value in (1, 2, 3)]


class History(NamedTuple):
    """A chain with a model that has inferred three times, by two senders, and an empty block."""

    chain: Chain
    address: bytes
    inferences: list[Inference]


@pytest.fixture(scope="module")
def history(linear: ModelContract) -> History:
    chain = Chain()
    address = chain.deploy_model(linear).address
    senders = (chain.accounts[0], chain.accounts[1], chain.accounts[0])
    inferences = [
        chain.infer(address, image, sender=sender)
        for image, sender in zip(IMAGES, senders, strict=True)
    ]
    chain.mine()
    return History(chain, address, inferences)


def topic(event: str) -> bytes:
    return event_topic(event).to_bytes(32, "big")


def test_a_block_by_number_by_hash_and_the_newest(history: History) -> None:
    chain = history.chain
    header = chain.header(2)
    assert header.block_number == 2
    assert chain.header(header.hash) == header
    assert chain.block(2).header == chain.block(header.hash).header == header
    assert chain.header() == chain.header(chain.block_number)
    assert chain.header(0).parent_hash == bytes(32)


@pytest.mark.parametrize("block", [-1, 10_000, 1 << 70, b"\x01" * 32, b"short", b""])
def test_an_unknown_block_is_not_found(history: History, block: int | bytes) -> None:
    for read in (history.chain.header, history.chain.block, history.chain.transactions):
        with pytest.raises(NotFound, match=r"^block "):
            read(block)
    with pytest.raises(NotFound, match=r"^block "):
        history.chain.balance(history.address, block)


def test_a_transaction_with_what_it_left(history: History) -> None:
    chain, receipt = history.chain, history.inferences[1].receipt
    mined = chain.transaction(receipt.transaction_hash)
    assert (mined.hash, mined.index) == (receipt.transaction_hash, 0)
    assert mined.header == chain.header(receipt.block_number)
    assert mined.sender == chain.accounts[1].address
    assert mined.transaction.to == history.address
    assert (mined.gas_used, mined.logs) == (receipt.gas_used, receipt.logs)
    assert mined.is_success
    assert mined.contract is None


def test_the_transaction_that_created_a_contract_names_it(history: History) -> None:
    (mined,) = history.chain.transactions(1)
    assert mined.contract == history.address


def test_an_unknown_transaction_is_not_found(history: History) -> None:
    for unknown in (bytes(32), b"short"):
        with pytest.raises(NotFound, match=r"^transaction 0x"):
            history.chain.transaction(unknown)


def test_a_block_without_transactions(history: History) -> None:
    assert history.chain.transactions() == ()


def test_several_transactions_of_a_block(linear: ModelContract) -> None:
    chain = Chain()
    address = chain.deploy_model(linear).address
    first, second = chain.accounts[:2]
    nonce = chain.nonce(first.address)
    calldata = chain.transactions()[0].transaction.data
    receipts = chain.mine(
        [
            chain.sign(address, calldata, gas=200_000),
            chain.sign(second.address, value=ETHER, nonce=nonce + 1),
            chain.sign(address, calldata, nonce=nonce + 2, gas=200_000),
            chain.sign(address, b"", sender=second, gas=100_000),
        ]
    )
    mined = chain.transactions()
    assert [one.gas_used for one in mined] == [receipt.gas_used for receipt in receipts]
    assert [one.is_success for one in mined] == [True, True, True, False]
    assert [one.first_log for one in mined] == [0, 1, 1, 2]
    assert [event.index for one in mined for event in one.events] == [0, 1]
    assert chain.transaction(receipts[2].transaction_hash).index == 2


def test_logs_by_address_topics_and_blocks(history: History) -> None:
    chain, inferences = history.chain, history.inferences
    inferred, uploaded = topic(INFERRED), topic(BLOCKS_SET)
    caller = bytes(12) + chain.accounts[1].address
    numbers = [inference.receipt.block_number for inference in inferences]

    def found(*blocks: int, addresses=(), topics=()) -> list[int]:
        events = chain.logs(*blocks, addresses=addresses, topics=topics)
        return [event.transaction.header.block_number for event in events]

    assert found(topics=[inferred]) == numbers
    assert found(topics=[inferred, caller]) == numbers[1:2]
    assert found(topics=[None, caller]) == numbers[1:2]
    assert found(topics=[[inferred, uploaded]]) == found()
    assert found(numbers[1], numbers[1], topics=[inferred]) == numbers[1:2]
    assert found(numbers[1], 10_000, topics=[inferred]) == numbers[1:]
    assert found(addresses=[history.address, b"\x01" * 20]) == found()
    assert found(addresses=[b"\x01" * 20]) == []
    assert found(topics=[None, None, None]) == []
    assert len(found()) > len(numbers)


def test_the_logs_of_one_block(history: History) -> None:
    receipt = history.inferences[0].receipt
    (event,) = history.chain.block_logs(receipt.block_number)
    assert event.log == receipt.logs[0]
    assert event.transaction.hash == receipt.transaction_hash
    assert list(history.chain.block_logs()) == []


def test_a_bloom_filter_rules_out(history: History) -> None:
    header = history.chain.header(history.inferences[0].receipt.block_number)
    assert header.bloom & bloom_bits(history.address) == bloom_bits(history.address)
    assert may_hold(header.bloom, [history.address], [topic(INFERRED)])
    assert not may_hold(header.bloom, [b"\x01" * 20], [])
    assert not may_hold(header.bloom, [], [[topic(BLOCKS_SET)]])
    assert not may_hold(0, [history.address], [])


def test_states_of_the_past(history: History) -> None:
    chain, address = history.chain, history.address
    sender = chain.accounts[0].address
    assert chain.code(address, 0) == b""
    assert chain.code(address, 1) == chain.code(address) != b""
    assert chain.balance(sender, 0) == ACCOUNT_BALANCE > chain.balance(sender)
    assert chain.nonce(sender, 0) == 0 < chain.nonce(sender)
    assert chain.storage(address, 0, 0) == 0 != chain.storage(address, 0)
    assert not chain.vm_at(1).state.has_block(address, 1)
    assert chain.state.has_block(address, 1)


def test_some_blocks_are_exported(history: History) -> None:
    whole = list(history.chain.export_blocks())
    assert list(history.chain.export_blocks(2, 4)) == whole[1:4]
    assert rlp.decode(whole[0])[0][8] == b"\x01"
