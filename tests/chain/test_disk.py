"""A chain on disk: what is acknowledged stays, and damage is an error, never an answer."""

from __future__ import annotations

import sys
from pathlib import Path

import lmdb
import numpy as np
import pytest
from eth_hash.auto import keccak

from smartvm.chain import Chain
from smartvm.chain.accounts import ETHER
from smartvm.compiler.contract import ModelContract
from smartvm.exceptions import DatabaseError, SmartVMError
from smartvm.storage import resident
from smartvm.storage.disk import SETTINGS_KEY, DiskDatabase

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import crash_test

IMAGE = np.arange(6)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chain"


def test_a_chain_is_found_again(path: Path, linear: ModelContract) -> None:
    with Chain(path) as chain:
        address = chain.deploy_model(linear).address
        inference = chain.infer(address, IMAGE)
        root, number = chain.state_root, chain.block_number
    with Chain(path) as chain:
        assert (chain.state_root, chain.block_number) == (root, number)
        assert chain.predict(address, IMAGE).label == inference.label
        assert chain.replay(inference.receipt.transaction_hash) == inference.receipt
        chain.transact(chain.accounts[1].address, value=ETHER)
        assert chain.block_number == number + 1


def test_it_has_the_blocks_of_a_chain_in_memory(path: Path, linear: ModelContract) -> None:
    memory = Chain()
    memory.deploy_model(linear)
    with Chain(path) as disk:
        disk.deploy_model(linear)
        assert list(disk.export_blocks()) == list(memory.export_blocks())
        assert disk.state_root == memory.state_root


def test_settings_are_those_of_the_first_opening(path: Path) -> None:
    with Chain(path, accounts=3, chain_id=7, block_gas_limit=50_000_000) as chain:
        genesis = chain.header(0)
    with Chain(path) as chain:
        assert (len(chain.accounts), chain.chain_id) == (3, 7)
        assert chain.header(0) == genesis
        assert chain.transact(chain.accounts[1].address).is_success
    with pytest.raises(SmartVMError, match="expected a chain with chain_id 8, found 7"):
        Chain(path, chain_id=8)
    Chain(path, chain_id=7).close()


def test_a_refused_transaction_leaves_nothing_on_disk(path: Path) -> None:
    with Chain(path) as chain:
        chain.transact(chain.accounts[1].address)
        before = entries(path, chain)
        with pytest.raises(SmartVMError, match="invalid transaction"):
            chain.mine([chain.sign(chain.accounts[1].address), chain.sign(b"\x01" * 20)])
        assert entries(path, chain) == before


def test_a_refused_block_leaves_nothing_on_disk(path: Path) -> None:
    other = Chain()
    other.transact(other.accounts[1].address)
    block = other.block()
    wrong = block.copy(header=block.header.copy(state_root=keccak(b"another")))
    with Chain(path) as chain:
        before = entries(path, chain)
        with pytest.raises(SmartVMError, match="block refused"):
            chain.import_block(wrong)
        assert entries(path, chain) == before
        chain.import_block(block)
        assert chain.state_root == other.state_root


def test_an_interrupted_block_leaves_nothing_on_disk(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Chain(path) as chain:
        before = entries(path, chain)

        def interrupt(block: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(chain._chain, "persist_block", interrupt)
        with pytest.raises(KeyboardInterrupt):
            chain.mine()
        assert entries(path, chain) == before


def entries(path: Path, chain: Chain) -> int:
    """How many entries the file has."""
    database = chain.database
    assert isinstance(database, DiskDatabase)
    return int(database._env.stat()["entries"])


def test_a_chain_of_another_genesis_is_refused(path: Path) -> None:
    Chain(path).close()
    database = DiskDatabase(path)
    database.create({**(database.settings or {}), "genesis": "00" * 32})
    database.close()
    with pytest.raises(DatabaseError, match="another genesis block"):
        Chain(path)
    DiskDatabase(path).close()


def leaf_of(path: Path, content: bytes) -> tuple[bytes, bytes]:
    """The entry of the file that holds some bytes, a weight block's."""
    with lmdb.open(str(path)) as environment, environment.begin() as view:
        (found,) = (entry for entry in view.cursor() if content in entry[1] and len(entry[0]) == 32)
    return found


def test_a_flipped_byte_of_a_weight_block_is_found_not_computed_with(
    path: Path, linear: ModelContract
) -> None:
    with Chain(path) as chain:
        address = chain.deploy_model(linear).address
        answer = chain.predict(address, IMAGE)
        packed = bytes(chain.state.get_block(address, 1).packed)
        number = chain.block_number
    key, leaf = leaf_of(path, packed)
    for position in range(0, len(leaf), 7):
        changed = bytearray(leaf)
        changed[position] ^= 0x10
        overwrite(path, key, bytes(changed))
        resident.clear()
        with Chain(path) as chain:
            with pytest.raises(DatabaseError, match=f"0x{key.hex()} is not what was written"):
                chain.predict(address, IMAGE)
            with pytest.raises(DatabaseError, match=str(path)):
                chain.infer(address, IMAGE)
            assert chain.block_number == number
    overwrite(path, key, leaf)
    with Chain(path) as chain:
        assert chain.predict(address, IMAGE) == answer


def test_every_damaged_entry_is_found_or_not_needed(path: Path, linear: ModelContract) -> None:
    """Whichever entry loses a bit, the answer is an error or the right one."""
    with Chain(path) as chain:
        address = chain.deploy_model(linear).address
        answer = chain.predict(address, IMAGE)
    with lmdb.open(str(path)) as environment, environment.begin() as view:
        entries = list(view.cursor())
    found = 0
    for key, value in entries:
        changed = bytearray(value or b"\0")
        changed[len(value) // 2] ^= 1
        overwrite(path, key, bytes(changed))
        resident.clear()
        try:
            with Chain(path) as chain:
                assert chain.predict(address, IMAGE) == answer
        except DatabaseError:
            found += 1
        overwrite(path, key, value)
    assert found > 20
    assert SETTINGS_KEY in dict(entries)


def overwrite(path: Path, key: bytes, value: bytes) -> None:
    with lmdb.open(str(path)) as environment, environment.begin(write=True) as writer:
        writer.put(key, value)


def test_kill_9_loses_nothing(tmp_path: Path) -> None:
    """The short form of benchmarks/crash_test.py."""
    outcome = crash_test.run(tmp_path / "chain", kills=5, seed=1)
    assert outcome.kills == 5
    assert outcome.reported > 0
