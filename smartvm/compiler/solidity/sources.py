"""A source file and all that it imports, by the names under which solc knows them."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from smartvm.compiler.solidity.diagnostics import Diagnostic, SolidityError
from smartvm.compiler.solidity.tokens import Kind, Tokens
from smartvm.exceptions import SmartVMError

LIBRARY_NAME = "smartvm/SmartVM.sol"
"""What `import` calls the library of the instructions."""
LIBRARY = Path(__file__).parent / "SmartVM.sol"


class Remapping(NamedTuple):
    """`[context:]prefix=target`: imports of sources under `context` that begin with `prefix`."""

    context: str
    prefix: str
    target: str

    def __str__(self) -> str:
        return f"{self.context}:{self.prefix}={self.target}"

    @classmethod
    def parse(cls, text: str) -> Remapping:
        """One from its text.

        Raises:
            SmartVMError: it has no `=`, or nothing before it.
        """
        left, equals, target = text.partition("=")
        context, _, prefix = left.rpartition(":")
        if not equals or not prefix:
            raise SmartVMError(f"remapping: expected [context:]prefix=target, found {text!r}")
        return cls(context, prefix, target)


@dataclass(frozen=True)
class ImportPaths:
    """Where imports are found (solc's import path resolution).

    Attributes:
        base: what the names of sources are relative to.
        include: further directories in which names are looked up, in this order.
        remappings: of prefixes of imports; the longest context, then the longest prefix wins.
    """

    base: Path = Path(".")
    include: Sequence[Path] = ()
    remappings: Sequence[Remapping] = ()

    def name_of(self, path: Path) -> str:
        """The name of a file given by its path."""
        full, base = path.resolve(), self.base.resolve()
        return (full.relative_to(base) if full.is_relative_to(base) else full).as_posix()

    def resolve(self, importer: str, path: str) -> str:
        """The name of the source that an import means."""
        if path.startswith(("./", "../")):
            path = _joined(posixpath.dirname(importer), path)
        fitting = [
            (len(each.context), len(each.prefix), position)
            for position, each in enumerate(self.remappings)
            if importer.startswith(each.context) and path.startswith(each.prefix)
        ]
        if not fitting:
            return path
        chosen = self.remappings[max(fitting)[2]]
        return chosen.target + path.removeprefix(chosen.prefix)

    @property
    def folders(self) -> str:
        """Where names are looked up, for a message."""
        return ", ".join(map(str, (self.base, *self.include)))

    def find(self, name: str) -> Path | None:
        """The file of a source, or None."""
        if name == LIBRARY_NAME:
            return LIBRARY
        places = (folder / name for folder in (self.base, *self.include))
        return next((place for place in places if place.is_file()), None)


def _joined(folder: str, path: str) -> str:
    """A relative path from a folder, as solc joins them: nothing is above the base."""
    for part in path.split("/"):
        if part == "..":
            folder = posixpath.dirname(folder)
        elif part not in ("", "."):
            folder = posixpath.join(folder, part)
    return folder


def load(files: Sequence[Path], paths: ImportPaths) -> dict[str, str]:
    """The texts of these Solidity files and of everything that they import.

    Raises:
        SolidityError: an import that is not found, or is no text.
        OSError: one of the files cannot be read.
        SmartVMError: one of the files is no text.
    """
    texts = {paths.name_of(file): read_text(file) for file in files}
    return complete(texts, paths)


def read_text(file: Path) -> str:
    """The text of a file, its line ends as they are.

    Raises:
        OSError: it cannot be read.
        SmartVMError: it is no text.
    """
    try:
        return file.read_bytes().decode()
    except UnicodeDecodeError:
        raise SmartVMError(f"{file}: expected text, found binary data") from None


def complete(texts: Mapping[str, str], paths: ImportPaths) -> dict[str, str]:
    """These sources with everything that they import.

    Raises:
        SolidityError: as `load`.
    """
    texts = dict(texts)
    waiting = list(texts)
    while waiting:
        importer = waiting.pop()
        for path, offset in imports(texts[importer]):
            name = paths.resolve(importer, path)
            if name in texts:
                continue
            file = paths.find(name)
            if file is None:
                message = f"import not found: {name}, looked for in {paths.folders}"
                raise SolidityError([Diagnostic.at(message, importer, texts[importer], offset)])
            texts[name] = read_text(file)
            waiting.append(name)
    return texts


def imports(text: str) -> list[tuple[str, int]]:
    """The paths that a source imports, and where they stand.

    A path is the last string of an import: `import "x";`, `import {A} from "x";`.
    """
    tokens = Tokens.of(text)
    found = []
    for index, token in enumerate(tokens):
        if token.text != "import" or tokens.text(index - 1) not in ("", ";", "}"):
            continue
        for following in tokens[index + 1 :]:
            if following.text == ";":
                break
            if following.kind is Kind.STRING:
                found.append((following.text[1:-1], following.start))
                break
    return found
