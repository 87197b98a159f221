"""How a chain grows, forks and goes back."""

from __future__ import annotations

from pathlib import Path

import pytest
import rlp
from hypothesis import given
from hypothesis import strategies as st

from smartvm.chain import Chain
from smartvm.chain.accounts import ACCOUNT_BALANCE, ETHER
from smartvm.exceptions import NotFound, SmartVMError


@pytest.fixture(params=["memory", "disk"])
def chain(request: pytest.FixtureRequest, tmp_path: Path):
    """A chain of five blocks, each of which sends an ether to the second account."""
    with Chain(tmp_path / "chain" if request.param == "disk" else None) as chain:
        for _ in range(5):
            chain.transact(chain.accounts[1].address, value=ETHER)
        yield chain


def received(chain: Chain) -> int:
    return (chain.balance(chain.accounts[1].address) - ACCOUNT_BALANCE) // ETHER


def test_the_time_of_a_block_is_chosen(chain: Chain) -> None:
    before = chain.header().timestamp
    chain.mine(timestamp=before + 1)
    assert chain.header().timestamp == before + 1
    chain.mine()
    assert chain.header().timestamp == before + 13


def test_time_does_not_stand_still(chain: Chain) -> None:
    now = chain.header().timestamp
    with pytest.raises(SmartVMError, match=f"expected more than {now}, .* found {now}"):
        chain.mine(timestamp=now)
    assert chain.block_number == 5


def test_history_is_taken_back(chain: Chain) -> None:
    third, fourth = chain.header(3), chain.transactions(4)[0]
    chain.rewind(3)
    assert chain.header() == third
    assert received(chain) == 3
    for gone in (4, 5):
        with pytest.raises(NotFound):
            chain.header(gone)
    with pytest.raises(NotFound):
        chain.transaction(fourth.hash)
    assert chain.transaction(chain.transactions(3)[0].hash).header == third


def test_history_goes_on_from_there(chain: Chain) -> None:
    chain.rewind(3)
    chain.mine()
    chain.transact(chain.accounts[1].address, value=7 * ETHER)
    assert chain.block_number == 5
    assert received(chain) == 10
    replica = chain.replica()
    replica.import_blocks(chain.export_blocks())
    assert replica.state_root == chain.state_root


def test_the_same_block_is_mined_again(chain: Chain) -> None:
    whole = list(chain.export_blocks())
    chain.rewind(2)
    for _ in range(3):
        chain.transact(chain.accounts[1].address, value=ETHER)
    assert list(chain.export_blocks()) == whole


def test_to_the_newest_block_and_to_the_first(chain: Chain) -> None:
    chain.rewind(5)
    assert chain.block_number == 5
    chain.rewind(chain.header(0).hash)
    assert chain.block_number == received(chain) == 0
    chain.mine()
    assert chain.block_number == 1


def test_only_to_a_block_of_the_history(chain: Chain) -> None:
    fifth = chain.header(5).hash
    chain.rewind(4)
    with pytest.raises(NotFound, match="the chain's history does not hold it"):
        chain.rewind(fifth)
    with pytest.raises(NotFound):
        chain.rewind(5)
    assert chain.block_number == 4


def test_what_was_taken_back_is_so_after_the_next_opening(tmp_path: Path) -> None:
    with Chain(tmp_path) as chain:
        chain.mine()
        first = chain.header()
        chain.mine()
        chain.rewind(1)
    with Chain(tmp_path) as chain:
        assert chain.header() == first


def test_a_fork_has_the_same_history_and_its_own_future(chain: Chain) -> None:
    fork = chain.fork(at=3)
    assert fork.header() == chain.header(3)
    fork.mine()
    assert fork.header().hash != chain.header(4).hash
    assert chain.block_number == 5
    whole = chain.fork()
    assert whole.header() == chain.header()


def test_a_fork_goes_on_where_it_was_left(chain: Chain, tmp_path: Path) -> None:
    with chain.fork(tmp_path / "fork", at=2):
        pass
    with chain.fork(tmp_path / "fork") as fork:
        assert fork.header() == chain.header()


def test_a_longer_branch_takes_the_place_of_the_history(chain: Chain) -> None:
    fork = chain.fork(at=3)
    for _ in range(3):
        fork.mine()
    left = chain.header(5)
    headers = [chain.import_block(block) for block in fork.export_blocks(4)]
    assert headers[-1] == chain.header() == fork.header()
    assert chain.block_number == 6
    assert received(chain) == 3
    assert not chain.is_canonical(left)
    assert chain.header(left.hash) == left
    assert chain.vm_at(left.hash).state.get_balance(chain.accounts[1].address) > 0


def test_a_block_that_is_there_is_imported_again(chain: Chain) -> None:
    chain.import_blocks(chain.export_blocks())
    assert chain.block_number == 5


def test_a_block_has_one_encoding(chain: Chain) -> None:
    header, *rest = rlp.decode(rlp.encode(chain.block(1)))
    zero = header.index(b"")
    other = [*header[:zero], [], *header[zero + 1 :]]  # an empty list for a number
    copy = chain.replica()
    with pytest.raises(SmartVMError, match="encoding"):
        copy.import_block(rlp.encode([other, *rest]))
    copy.import_block(rlp.encode([header, *rest]))


def test_a_transaction_is_decoded(chain: Chain) -> None:
    signed = chain.sign(chain.accounts[1].address, value=ETHER)
    decoded = chain.decode_transaction(signed.encode())
    assert (decoded.hash, decoded.sender) == (signed.hash, chain.accounts[0].address)
    (receipt,) = chain.mine([decoded])
    assert receipt.is_success


@given(st.data())
def test_bytes_that_are_no_transaction_are_refused(data: st.DataObject) -> None:
    chain = Chain(accounts=1)
    whole = chain.sign(b"\x01" * 20, b"calldata").encode()
    changed = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 3))):
        position = data.draw(st.integers(0, len(whole) - 1))
        changed[position] ^= data.draw(st.integers(1, 255))
    encoded = bytes(changed[: data.draw(st.integers(0, len(whole)))])
    root = chain.state_root
    try:
        (receipt,) = chain.mine([chain.decode_transaction(encoded)])
        assert encoded == whole or receipt.transaction_hash
    except SmartVMError:
        assert chain.state_root == root


@given(st.data())
def test_a_changed_block_is_refused_or_another_block(data: st.DataObject) -> None:
    """Nobody signs a block: one with another time, for instance, is as good."""
    chain = Chain(accounts=1)
    chain.transact(b"\x01" * 20, b"calldata")
    (whole,) = chain.export_blocks()
    changed = bytearray(whole)
    position = data.draw(st.integers(0, len(whole) - 1))
    changed[position] ^= data.draw(st.integers(1, 255))
    encoded = bytes(changed[: data.draw(st.integers(1, len(whole)))])
    other = chain.replica()
    try:
        other.import_block(encoded)
    except SmartVMError as error:
        assert "block refused" in str(error)
        assert other.block_number == 0
    else:
        assert list(other.export_blocks()) == [encoded]
        assert other.header().hash != chain.header().hash
