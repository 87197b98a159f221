"""The directory of a chain on disk."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from smartvm.exceptions import DatabaseError
from smartvm.storage.disk import DiskDatabase
from smartvm.storage.disk_files import LOCK_FILE


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chain"


def test_another_process_is_refused(path: Path) -> None:
    database = DiskDatabase(path)
    script = (
        "import sys; from smartvm.storage.disk import DiskDatabase\n"
        "try: DiskDatabase(sys.argv[1])\nexcept Exception as error: print(error)"
    )
    output = subprocess.check_output([sys.executable, "-c", script, str(path)], text=True)
    assert output.startswith(f"{path}: the chain is open already")
    database.close()


def test_a_directory_of_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear")
    with pytest.raises(DatabaseError, match=r"other files \(letter.txt\); choose another path"):
        DiskDatabase(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["letter.txt"]


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "chain").write_text("no directory")
    with pytest.raises(DatabaseError, match="expected a directory for a chain"):
        DiskDatabase(tmp_path / "chain")


def test_the_lock_of_a_process_that_is_gone_does_not_count(path: Path) -> None:
    path.mkdir()
    (path / LOCK_FILE).write_text("1\n")
    DiskDatabase(path).close()


def test_without_locks_of_files_it_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with pytest.raises(DatabaseError, match="needs a POSIX system"):
        DiskDatabase(path)


def test_a_full_disk_is_told(path: Path) -> None:
    path.mkdir()
    (path / LOCK_FILE).symlink_to("/dev/full")
    with pytest.raises(DatabaseError, match="cannot be written"):
        DiskDatabase(path)


def test_a_forked_process_keeps_off(path: Path) -> None:
    script = f"""
import os
from smartvm.exceptions import DatabaseError
from smartvm.storage.disk import DiskDatabase
database = DiskDatabase({str(path)!r})
database[b"a"] = b"1"
if not os.fork():
    for forbidden in (lambda: database[b"a"], lambda: database.__setitem__(b"a", b"2")):
        try:
            forbidden()
            os._exit(1)
        except DatabaseError as error:
            assert "forked" in str(error)
    os._exit(0)
assert os.wait()[1] == 0 and database[b"a"] == b"1"
database.close()
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
