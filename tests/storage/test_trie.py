"""WeightTrie against the library's trie: the same values, roots and database."""

from __future__ import annotations

from itertools import pairwise

import pytest
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st
from trie import HexaryTrie
from trie.exceptions import MissingTrieNode

from smartvm.storage import trie as trie_module
from smartvm.storage.trie import LARGE_NODE_BYTES, LargeLeaf, WeightTrie

# Some keys share long prefixes, so that nodes of every kind come up: extensions, and leaves and
# branches that are written into their parent.
HASHED = st.binary(min_size=1, max_size=1).map(keccak)
CLOSE = st.lists(st.sampled_from([b"\x00", b"\x01", b"\x10"]), min_size=2, max_size=2).map(
    lambda tail: bytes(30) + b"".join(tail)
)
KEYS = HASHED | CLOSE
VALUES = st.sampled_from([b"a", b"abc", bytes(32), b"b" * 40, b"c" * 3000, b"d" * 70_000])


@given(st.lists(st.tuples(KEYS, st.just(b"") | VALUES), max_size=30), st.lists(KEYS))
def test_values_roots_and_database_are_those_of_the_library(writes, reads):
    expected_db, db = {}, {}
    expected, trie = HexaryTrie(expected_db, prune=True), WeightTrie(db, prune=True)
    for key, value in writes:
        expected[key] = value
        trie[key] = value
        assert trie.root_hash == expected.root_hash
    assert db == expected_db
    reader = WeightTrie(db, trie.root_hash)
    for key in [key for key, _ in writes] + reads:
        assert reader.get(key) == expected.get(key)
        assert (key in reader) == (key in expected)


@given(st.lists(st.tuples(KEYS, VALUES), min_size=1, max_size=20), st.data())
def test_a_missing_node_is_reported_as_the_library_does(writes, data):
    db = {}
    trie = HexaryTrie(db)
    for key, value in writes:
        trie[key] = value
    lost = data.draw(st.sampled_from(sorted(db)))
    del db[lost]
    for key in {key for key, _ in writes}:
        outcomes = []
        for kind in (HexaryTrie, WeightTrie):
            try:
                outcomes.append(kind(db, trie.root_hash).get(key))
            except MissingTrieNode as error:
                outcomes.append(error.args)
        assert outcomes[0] == outcomes[1]


def test_the_path_and_a_view_of_the_value_are_found():
    db = {}
    trie = WeightTrie(db)
    for number in range(40):
        trie[keccak(bytes([number]))] = bytes([number]) * 5000
    found = trie.find(keccak(b"\x07"))
    assert found.value == b"\x07" * 5000
    assert found.value.obj is db[found.nodes[-1]]  # not copied
    assert found.nodes[0] == trie.root_hash
    assert all(child in db[parent] for parent, child in pairwise(found.nodes))
    assert trie.find(keccak(b"none")).value is None


def test_a_walk_ends_at_a_node_that_is_held():
    db = {}
    trie = WeightTrie(db)
    for number in range(40):
        trie[keccak(bytes([number]))] = bytes([number]) * 50
    leaf = trie.find(keccak(b"\x07")).nodes[-1]
    del db[leaf]
    found = trie.find(keccak(b"\x07"), {leaf: "held"}.get)
    assert (found.value, found.held, found.nodes[-1]) == (None, "held", leaf)


def test_an_empty_trie_has_no_path():
    assert WeightTrie({}).find(keccak(b"")) == (None, None, ())


def test_large_leaves_stay_out_of_the_librarys_cache():
    def lookups() -> int:
        info = HexaryTrie._cached_create_node_to_db_mapping.cache_info()
        return info.hits + info.misses

    trie = WeightTrie({}, prune=True)
    before = lookups()
    trie[keccak(b"1")] = bytes(LARGE_NODE_BYTES + 1)
    assert lookups() == before
    trie[keccak(b"1")] = b"small"
    assert lookups() > before


def test_a_large_leaf_is_hashed_only_when_it_changes(monkeypatch):
    hashed = []

    def counting(data):
        hashed.append(len(data))
        return keccak(data)

    trie = WeightTrie({}, prune=True)
    trie[bytes(32)] = bytes(5000)
    monkeypatch.setattr(trie_module, "keccak", counting)
    trie[b"\x10" + bytes(31)] = bytes(6000)
    # The new leaf, and the old one, which now sits one level deeper. Neither is hashed again
    # to be pruned.
    assert len(hashed) == 2
    assert sum(hashed) == pytest.approx(11_000, abs=100)
    assert isinstance(trie.get_node(trie.find(bytes(32)).nodes[-1]), LargeLeaf)
