"""The files of an artefact: a directory, or a .zip whose bytes follow from its content."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from smartvm.exceptions import ArtefactError

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time that zip entries bear: the earliest that they can."""
UNIX = 3
FILE_MODE = 0o644 << 16


def write_files(path: Path, files: Mapping[str, bytes]) -> Path:
    """Write the files, as a .zip if the path says so, else into a directory."""
    if path.suffix == ".zip":
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_zip(path, files)
        return path
    path.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (path / name).write_bytes(content)
    return path


def _write_zip(path: Path, files: Mapping[str, bytes]) -> None:
    with ZipFile(path, "w", ZIP_STORED) as archive:
        for name, content in files.items():
            entry = ZipInfo(name, EPOCH)
            entry.create_system, entry.external_attr = UNIX, FILE_MODE
            archive.writestr(entry, content)


def read_files(path: Path, names: Iterable[str]) -> dict[str, bytes]:
    """The named files of a directory or a .zip.

    Raises:
        ArtefactError: there is nothing, something else, or a file is missing.
    """
    if not path.exists():
        raise ArtefactError(f"{path}: there is no such artefact")
    try:
        if path.is_dir():
            return {name: (path / name).read_bytes() for name in names}
        with ZipFile(path) as archive:
            return {name: archive.read(name) for name in names}
    except FileNotFoundError as error:
        raise ArtefactError(
            f"{path} is no artefact: it lacks {Path(error.filename).name}"
        ) from None
    except KeyError as error:
        raise ArtefactError(f"{path} is no artefact: {error.args[0]}") from None
    except (BadZipFile, NotImplementedError, OSError) as error:
        raise ArtefactError(f"{path} is no artefact: {error}") from error
