"""A database for each test of the storage, and an empty resident cache."""

from __future__ import annotations

import pytest
from eth.db.atomic import AtomicDB
from eth.db.backends.memory import MemoryDB

from smartvm.dispatch.tensor import Tensor
from smartvm.storage import SmartVMAccountDB, encode_block, resident


@pytest.fixture(autouse=True)
def _empty_cache():
    capacity = resident.capacity
    resident.clear()
    yield
    resident.set_capacity(capacity)
    resident.clear()


@pytest.fixture
def nodes():
    """The trie nodes on disk."""
    return MemoryDB()


@pytest.fixture
def database(nodes):
    return SmartVMAccountDB(AtomicDB(nodes))


@pytest.fixture
def filled(database):
    """The root of a state where block n of account aa…aa, n < 30, holds n, n + 1, … n + 49."""
    for number in range(30):
        items = Tensor.from_ints(range(number, number + 50))
        database.set_block(b"\xaa" * 20, number, encode_block(items, 2))
    database.persist()
    return database.state_root
