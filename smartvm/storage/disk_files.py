"""The directory of a chain on disk: whether it is one, who holds it, whether it is whole."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from smartvm.exceptions import DatabaseError

DATA_FILE = "data.mdb"
"""LMDB's name of the file that holds everything."""
LOCK_FILE = "smartvm.lock"
"""Held by the process that has the directory open; it says which one that is."""


def check_directory(path: Path) -> None:
    """Make the directory if it is missing.

    Raises:
        DatabaseError: it cannot be made, or has files but no chain.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        found = {entry.name for entry in path.iterdir()}
    except OSError as error:
        reason = error.strerror or error
        raise DatabaseError(f"{path}: expected a directory for a chain: {reason}") from error
    if found - {LOCK_FILE} and DATA_FILE not in found:
        raise DatabaseError(
            f"{path}: expected an empty directory or a chain's, found other files "
            f"({', '.join(sorted(found)[:3])}); choose another path"
        )


def check_size(path: Path, environment: Any) -> None:
    """Check that LMDB's file has all its pages: reading one that is cut off kills the process.

    Raises:
        DatabaseError: the file was cut off.
    """
    expected = (environment.info()["last_pgno"] + 1) * environment.stat()["psize"]
    found = os.stat(path / DATA_FILE).st_size
    if found < expected:
        raise DatabaseError(
            f"{path / DATA_FILE}: expected {expected:,} bytes, found {found:,}: the end is "
            "missing; restore a copy of the directory"
        )


class DirectoryLock:
    """A directory that no other process opens until `release`, or until this process ends."""

    def __init__(self, path: Path) -> None:
        """Take a directory.

        Raises:
            DatabaseError: another holds it, it cannot be written, or the system has no such
                locks.
        """
        try:
            import fcntl
        except ImportError as error:
            raise DatabaseError("a chain on disk needs a POSIX system: Linux or macOS") from error
        try:
            self._file = (path / LOCK_FILE).open("a+")
        except OSError as error:
            raise _unwritable(path, error) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = self._holder()
            self._file.close()
            raise DatabaseError(
                f"{path}: the chain is open already{holder}; close it there, or ask the node "
                "that serves it"
            ) from None
        try:
            self._file.truncate(0)
            os.write(self._file.fileno(), f"{os.getpid()}\n".encode())
        except OSError as error:
            self._file.close()
            raise _unwritable(path, error) from error
        self._path, self._process = path, os.getpid()

    def check(self) -> None:
        """See that this process has taken the directory, and is no fork of the one that has.

        Raises:
            DatabaseError: it is one; they would share a lock and a map, which LMDB forbids.
        """
        if os.getpid() != self._process:
            raise DatabaseError(
                f"{self._path}: the chain is open in process {self._process}; a process that was "
                "forked from it needs a chain of its own"
            )

    def release(self) -> None:
        """Let go; a second call does nothing."""
        self._file.close()

    def _holder(self) -> str:
        self._file.seek(0)
        number = self._file.read(32).strip()
        return f" in process {number}" if number else ""


def _unwritable(path: Path, error: OSError) -> DatabaseError:
    return DatabaseError(f"{path}: cannot be written: {error.strerror or error}")
