"""DiskDatabase: the database of a chain on disk, on LMDB (`pip install 'smartvm[disk]'`).

It is py-evm's interface of an atomic database, with three promises:

- What is written within `transaction()` is on disk, all of it, when that returns; a process that
  is killed before leaves nothing of it.
- What is read is what was written. Most values lie under their keccak256, as trie nodes, code and
  headers do; they are hashed when they are read. The others carry a CRC-32. Once an entry turned
  out to be damaged, nothing is written any more.
- One process holds the directory at a time.

The file grows as it must. py-evm keeps every state that ever was, so nothing ever shrinks it.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eth.abc import DatabaseAPI
from eth.db.backends.base import BaseAtomicDB
from eth.db.batch import BatchDB
from eth.db.schema import SchemaV1
from eth_hash.auto import keccak

from smartvm.exceptions import DatabaseError
from smartvm.storage.disk_files import DATA_FILE, DirectoryLock, check_directory, check_size
from smartvm.storage.locks import SharedLock
from smartvm.storage.prefetch import THREADS, Source

FORMAT = "smartvm-chain"
VERSION = 1
SETTINGS_KEY = b"smartvm:settings"
"""Where the format, its version and the settings of the chain lie, as JSON."""
MAP_BYTES = 1 << 30
"""Address space that is mapped at first; it doubles when it is full."""
HASH_BYTES = 32
CHECKSUM_BYTES = 4
RESTORE = "restore a copy of the directory, or import the blocks of another node at a new path"

Changes = Mapping[bytes, bytes | None]
"""New values by key, None for a key that goes."""


class DiskDatabase(BaseAtomicDB):
    """Values by key, in a directory that this process holds until `close`.

    Attributes:
        path: the directory.
        settings: what `create` has stored; None while there is nothing at all.
    """

    def __init__(self, path: str | os.PathLike[str], *, map_bytes: int = MAP_BYTES) -> None:
        """Open a directory, or make it.

        Args:
            path: the directory.
            map_bytes: address space to map at first.

        Raises:
            DatabaseError: another process holds it, it holds something else, it is damaged or
                of another version, it cannot be written, or `lmdb` is not installed.
        """
        self.path = Path(path)
        self._lmdb = _lmdb()
        check_directory(self.path)
        self._held = DirectoryLock(self.path)
        self._guard = SharedLock()
        # It starts its threads when it is first given work.
        self._readers = ThreadPoolExecutor(THREADS, "smartvm-prefetch")
        self._pending: dict[bytes, bytes | None] | None = None
        self._damage: DatabaseError | None = None
        self._env: Any = None
        try:
            self._env = self._open(map_bytes)
            check_size(self.path, self._env)
            self.settings = self._read_settings()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the directory; a second call does nothing."""
        self._readers.shutdown(cancel_futures=True)
        if self._env is not None:
            with self._guard.alone():
                self._env.close()
        self._held.release()

    @property
    def prefetching(self) -> Source:
        """How threads read ahead of the chain; `close` ends them."""
        return Source(self._peek, self._readers)

    def create(self, settings: Mapping[str, Any]) -> None:
        """Make an empty directory a chain's, within a transaction that writes its genesis too."""
        self.settings = {"format": FORMAT, "version": VERSION, **settings}
        self[SETTINGS_KEY] = json.dumps(self.settings).encode()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything written within is on disk at the end; after an exception, nothing is.

        A transaction within another is part of it.

        Raises:
            DatabaseError: the disk is full or fails; nothing was written.
        """
        if self._pending is not None:
            yield
            return
        self._pending = {}
        try:
            yield
            self._commit(self._pending)
        finally:
            self._pending = None

    @contextmanager
    def atomic_batch(self) -> Iterator[DatabaseAPI]:  # type: ignore[override]
        """Writes that take effect together, or not at all if an exception ends them."""
        batch = BatchDB(self)
        yield batch
        diff = batch.diff()
        self._write({**dict.fromkeys(diff.deleted_keys()), **dict(diff.pending_items())})

    def __getitem__(self, key: bytes) -> bytes:
        """The value under a key.

        Raises:
            KeyError: there is none.
            DatabaseError: it is not what was written, or the file cannot be read.
        """
        if self._pending is not None and key in self._pending:
            value = self._pending[key]
        else:
            value = self._read(key)
        if value is None:
            raise KeyError(key)
        return value

    def __setitem__(self, key: bytes, value: bytes) -> None:
        """Write a value."""
        self._write({key: value})

    def __delitem__(self, key: bytes) -> None:
        """Remove a key.

        Raises:
            KeyError: it is not there.
        """
        if key not in self:
            raise KeyError(key)
        self._write({key: None})

    def _exists(self, key: bytes) -> bool:
        if self._pending is not None and key in self._pending:
            return self._pending[key] is not None
        with self._reading() as view:
            return view.get(key) is not None

    def _write(self, changes: Changes) -> None:
        if self._pending is None:
            self._commit(changes)
        else:
            self._pending.update(changes)

    def _read(self, key: bytes) -> bytes | None:
        with self._reading() as view:
            stored = view.get(key)
            # The view ends with the transaction, and keccak copies nothing: one copy in all.
            value = None if stored is None else bytes(stored)
        return None if value is None else self._checked(key, value)

    def _peek(self, key: bytes) -> bytes | None:
        """The value on disk under a hash, None if there is none or it is damaged.

        Any thread may ask, whatever is pending; nothing comes of damage until the chain meets it.
        """
        with self._reading() as view:
            stored = view.get(key)
            value = None if stored is None else bytes(stored)
        return value if value is not None and keccak(value) == key else None

    def _checked(self, key: bytes, stored: bytes) -> bytes:
        """The value of what is stored under a key.

        Raises:
            DatabaseError: it has changed since it was written.
        """
        if is_hash(key):
            if keccak(stored) == key:
                return stored
        elif stored[-CHECKSUM_BYTES:] == checksum(key, stored[:-CHECKSUM_BYTES]):
            return stored[:-CHECKSUM_BYTES]
        self._damage = DatabaseError(
            f"{self.path}: the entry {_shown(key)} is not what was written there; the file is "
            f"damaged: {RESTORE}"
        )
        raise self._damage

    @contextmanager
    def _reading(self) -> Iterator[Any]:
        self._held.check()
        # The guard keeps the map in place while something looks into it.
        with self._guard.shared():
            try:
                with self._env.begin(buffers=True) as view:
                    yield view
            except self._lmdb.Error as error:
                raise DatabaseError(f"{self.path}: cannot be read: {error}") from error

    def _commit(self, changes: Changes) -> None:
        """Write to disk and wait until it is there."""
        if self._damage is not None:
            # Whoever met the damage may have gone on without the entry.
            raise self._damage
        if not changes:
            return
        self._held.check()
        with self._guard.alone():
            try:
                while not self._fits(changes):
                    self._env.set_mapsize(2 * self._env.info()["map_size"])
            except self._lmdb.Error as error:
                raise DatabaseError(f"{self.path}: nothing was written: {error}") from error

    def _fits(self, changes: Changes) -> bool:
        """Write, unless the map is full."""
        try:
            with self._env.begin(write=True) as writer:
                for key, value in changes.items():
                    if value is None:
                        writer.delete(key)
                    else:
                        sealed = value if is_hash(key) else value + checksum(key, value)
                        writer.put(key, sealed)
        except self._lmdb.MapFullError:
            return False
        return True

    def _open(self, map_bytes: int) -> Any:
        try:
            return self._lmdb.open(str(self.path), map_size=map_bytes, subdir=True)
        except (self._lmdb.Error, OSError) as error:
            raise DatabaseError(
                f"{self.path / DATA_FILE}: expected the file of a chain, found one that is "
                f"damaged or none of ours ({error}); {RESTORE}"
            ) from error

    def _read_settings(self) -> dict[str, Any] | None:
        """The settings, None if there is nothing yet.

        Raises:
            DatabaseError: the file is another program's, or of another version.
        """
        if self._env.stat()["entries"] == 0:
            return None
        stored = self._read(SETTINGS_KEY)
        settings = json.loads(stored) if stored else {}
        if settings.get("format") != FORMAT:
            raise DatabaseError(f"{self.path}: expected a chain, found another program's database")
        if settings["version"] != VERSION:
            raise DatabaseError(
                f"{self.path}: expected a chain of version {VERSION}, found version "
                f"{settings['version']}; open it with the SmartVM that made it"
            )
        return dict(settings)


def is_hash(key: bytes) -> bool:
    """Whether py-evm stores under this key the value whose keccak256 it is."""
    return len(key) == HASH_BYTES and key != SchemaV1.make_checkpoint_headers_key()


def checksum(key: bytes, value: bytes) -> bytes:
    """CRC-32 of the key and the value, so that a value under another's key is noticed too."""
    return zlib.crc32(value, zlib.crc32(key)).to_bytes(CHECKSUM_BYTES, "big")


def _shown(key: bytes) -> str:
    return f"0x{key.hex()}" if is_hash(key) else key.decode("utf-8", "replace")


def _lmdb() -> Any:
    try:
        import lmdb
    except ImportError as error:
        raise DatabaseError("a chain on disk needs lmdb: pip install 'smartvm[disk]'") from error
    return lmdb
