from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import lmdb
import pytest
from eth_hash.auto import keccak

from smartvm.exceptions import DatabaseError
from smartvm.storage.disk import FORMAT, SETTINGS_KEY, VERSION, DiskDatabase, checksum, is_hash
from smartvm.storage.disk_files import DATA_FILE

NODE = b"a node of the trie" * 10
HASH = keccak(NODE)
LOOKUP = b"v1:canonical_head_hash"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chain"


@pytest.fixture
def database(path: Path) -> Iterator[DiskDatabase]:
    database = created(path)
    yield database
    database.close()


def created(path: Path, **options: Any) -> DiskDatabase:
    database = DiskDatabase(path, **options)
    database.create({})
    return database


def reopened(database: DiskDatabase, **options: Any) -> DiskDatabase:
    database.close()
    return DiskDatabase(database.path, **options)


def overwrite(path: Path, key: bytes, value: bytes) -> None:
    """Put a value into the file behind the back of the database."""
    with lmdb.open(str(path)) as environment, environment.begin(write=True) as writer:
        writer.put(key, value)


class TestAsADictionary:
    def test_it_gives_what_it_was_given(self, database: DiskDatabase) -> None:
        database[HASH] = NODE
        database[LOOKUP] = b"head"
        assert (database[HASH], database[LOOKUP]) == (NODE, b"head")
        assert HASH in database
        assert database.exists(LOOKUP)

    def test_what_is_missing_is_a_key_error(self, database: DiskDatabase) -> None:
        assert HASH not in database
        with pytest.raises(KeyError):
            database[HASH]
        with pytest.raises(KeyError):
            del database[HASH]
        database.delete(HASH)

    def test_what_is_deleted_is_missing(self, database: DiskDatabase) -> None:
        database[LOOKUP] = b"head"
        del database[LOOKUP]
        assert LOOKUP not in database

    def test_an_empty_value_is_a_value(self, database: DiskDatabase) -> None:
        database[LOOKUP] = b""
        assert database[LOOKUP] == b""

    def test_the_next_opening_finds_everything(self, database: DiskDatabase) -> None:
        database[HASH] = NODE
        again = reopened(database)
        assert again[HASH] == NODE
        again.close()

    def test_the_map_grows(self, path: Path) -> None:
        values = [bytes([n]) * 300_000 for n in range(20)]
        database = created(path, map_bytes=1 << 20)
        database[keccak(values[0])] = values[0]
        with database.transaction():
            for value in values:
                database[keccak(value)] = value
        database = reopened(database, map_bytes=1 << 20)
        assert all(database[keccak(value)] == value for value in values)
        database.close()


class TestTransactions:
    def test_nothing_of_it_is_left_after_an_exception(self, database: DiskDatabase) -> None:
        database[LOOKUP] = b"old"
        with pytest.raises(ValueError, match="midway"), database.transaction():
            database[LOOKUP] = b"new"
            database[HASH] = NODE
            raise ValueError("midway")
        assert database[LOOKUP] == b"old"
        assert HASH not in database

    def test_it_sees_its_own_writes(self, database: DiskDatabase) -> None:
        database[HASH] = NODE
        with database.transaction():
            database[LOOKUP] = b"new"
            del database[HASH]
            assert database[LOOKUP] == b"new"
            assert LOOKUP in database
            assert HASH not in database
        assert HASH not in database

    def test_nothing_is_in_the_file_before_its_end(self, database: DiskDatabase) -> None:
        with database.transaction():
            database[LOOKUP] = b"new"
            assert database._read(LOOKUP) is None
        assert database._read(LOOKUP) == b"new"

    def test_one_within_another_is_part_of_it(self, database: DiskDatabase) -> None:
        with pytest.raises(ValueError, match="outer"), database.transaction():
            with database.transaction():
                database[LOOKUP] = b"new"
            raise ValueError("outer")
        assert LOOKUP not in database

    def test_a_batch_is_written_whole_or_not_at_all(self, database: DiskDatabase) -> None:
        database[HASH] = NODE
        with pytest.raises(ValueError, match="midway"), database.atomic_batch() as batch:
            batch[LOOKUP] = b"new"
            raise ValueError("midway")
        assert LOOKUP not in database
        with database.atomic_batch() as batch:
            batch[LOOKUP] = b"new"
            del batch[HASH]
            assert batch[LOOKUP] == b"new"
            assert LOOKUP not in database
        assert database[LOOKUP] == b"new"
        assert HASH not in database

    def test_a_batch_waits_for_the_transaction_around_it(self, database: DiskDatabase) -> None:
        with pytest.raises(ValueError, match="later"), database.transaction():
            with database.atomic_batch() as batch:
                batch[LOOKUP] = b"new"
            raise ValueError("later")
        assert LOOKUP not in database


def damaged(path: Path, key: bytes, value: bytes, changed: bytes) -> DiskDatabase:
    """A database in which a value was written, and what lies in the file then changed."""
    database = created(path)
    database[key] = value
    database.close()
    overwrite(path, key, changed)
    return DiskDatabase(path)


class TestDamage:
    @pytest.mark.parametrize("position", range(0, len(NODE), 13))
    def test_a_flipped_byte_of_a_node_is_found(self, path: Path, position: int) -> None:
        database = damaged(path, HASH, NODE, flipped(NODE, position))
        with pytest.raises(DatabaseError, match=f"0x{HASH.hex()} is not what was written"):
            database[HASH]
        database.close()

    @pytest.mark.parametrize("position", range(8))
    def test_a_flipped_byte_of_a_lookup_or_its_checksum_is_found(
        self, path: Path, position: int
    ) -> None:
        entry = b"head" + checksum(LOOKUP, b"head")
        database = damaged(path, LOOKUP, b"head", flipped(entry, position))
        with pytest.raises(DatabaseError, match=f"{LOOKUP.decode()} is not what was written"):
            database[LOOKUP]
        database.close()

    @pytest.mark.parametrize("length", range(8))
    def test_a_lookup_that_was_cut_is_found(self, path: Path, length: int) -> None:
        entry = b"head" + checksum(LOOKUP, b"head")
        database = damaged(path, LOOKUP, b"head", entry[:length])
        with pytest.raises(DatabaseError, match="not what was written"):
            database[LOOKUP]
        database.close()

    def test_a_value_under_the_key_of_another_is_found(self, path: Path) -> None:
        database = damaged(path, LOOKUP, b"head", b"tail" + checksum(b"other", b"tail"))
        with pytest.raises(DatabaseError, match="not what was written"):
            database[LOOKUP]
        database.close()

    def test_nothing_is_written_after_damage(self, path: Path) -> None:
        """py-evm passes over any exception while it reads who has signed an authorization."""
        database = damaged(path, HASH, NODE, flipped(NODE, 0))
        with pytest.raises(DatabaseError, match="not what was written"), database.transaction():
            with suppress(Exception):
                database[HASH]
            database[LOOKUP] = b"head"
        assert LOOKUP not in database
        database.close()

    def test_the_file_holds_the_entry_that_the_tests_change(self, path: Path) -> None:
        database = damaged(path, LOOKUP, b"head", b"head" + checksum(LOOKUP, b"head"))
        assert database[LOOKUP] == b"head"
        database.close()

    def test_a_key_of_32_bytes_that_is_no_hash_has_a_checksum(self) -> None:
        assert is_hash(HASH)
        assert not is_hash(b"v1:checkpoint-header-hashes-list")

    def test_a_file_that_was_cut_off_is_refused(self, path: Path) -> None:
        database = created(path)
        database[HASH] = NODE * 1000
        database.close()
        os.truncate(path / DATA_FILE, 3 * 4096)
        with pytest.raises(DatabaseError, match="the end is missing"):
            DiskDatabase(path)


class TestOpening:
    def test_settings_come_back(self, path: Path) -> None:
        database = DiskDatabase(path)
        assert database.settings is None
        with database.transaction():
            database.create({"colour": "blue"})
        again = reopened(database)
        assert again.settings == {"format": FORMAT, "version": VERSION, "colour": "blue"}
        again.close()

    def test_only_one_holds_it(self, database: DiskDatabase, path: Path) -> None:
        with pytest.raises(DatabaseError, match=f"open already in process {os.getpid()}"):
            DiskDatabase(path)

    def test_closing_twice_is_closing_once(self, database: DiskDatabase, path: Path) -> None:
        database.close()
        database.close()
        DiskDatabase(path).close()
        with pytest.raises(DatabaseError, match="cannot be read"):
            database[HASH]
        with pytest.raises(DatabaseError, match="nothing was written"):
            database[HASH] = NODE

    @pytest.mark.parametrize("content", [b"x", b"no database" * 1000])
    def test_a_file_that_is_no_database_is_refused(self, path: Path, content: bytes) -> None:
        path.mkdir()
        (path / DATA_FILE).write_bytes(content)
        with pytest.raises(DatabaseError, match="damaged or none of ours"):
            DiskDatabase(path)
        assert (path / DATA_FILE).read_bytes() == content

    def test_another_programs_database_is_refused(self, path: Path) -> None:
        path.mkdir()
        overwrite(path, b"its key", b"its value")
        with pytest.raises(DatabaseError, match="another program's database"):
            DiskDatabase(path)

    def test_another_version_is_refused(self, path: Path) -> None:
        path.mkdir()
        settings = json.dumps({"format": FORMAT, "version": VERSION + 1}).encode()
        overwrite(path, SETTINGS_KEY, settings + checksum(SETTINGS_KEY, settings))
        with pytest.raises(DatabaseError, match=f"found version {VERSION + 1}"):
            DiskDatabase(path)

    def test_what_is_refused_is_not_held(self, path: Path) -> None:
        path.mkdir()
        overwrite(path, b"its key", b"its value")
        for _ in range(2):
            with pytest.raises(DatabaseError, match="another program's"):
                DiskDatabase(path)

    def test_without_lmdb_the_extra_is_named(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "lmdb", None)
        with pytest.raises(DatabaseError, match=r"pip install 'smartvm\[disk\]'"):
            DiskDatabase(path)

    def test_a_full_disk_leaves_what_was_there(
        self, database: DiskDatabase, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        database[LOOKUP] = b"old"

        def full(changes: object) -> bool:
            raise lmdb.DiskError("No space left on device")

        monkeypatch.setattr(database, "_fits", full)
        with pytest.raises(DatabaseError, match=r"nothing was written.*No space left"):
            database[LOOKUP] = b"new"
        assert database[LOOKUP] == b"old"


def flipped(value: bytes, position: int) -> bytes:
    changed = bytearray(value)
    changed[position] ^= 1
    return bytes(changed)
