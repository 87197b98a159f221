"""Checks solc's assembly listing: the magic first everywhere, no displaced instruction left."""

from __future__ import annotations

import re

from smartvm.compiler.solidity.rewriting import DISPLACED
from smartvm.exceptions import SmartVMError
from smartvm.vm import MAGIC

_ASSEMBLY = re.compile(r"^\s*sub_\d+: assembly \{$")
_MAGIC = f"verbatimbytecode_{MAGIC.hex()}"
_NOT_CODE = re.compile(r"^\s*(?:/\*|data_|auxdata:)[^\n]*|//[^\n]*|\"[^\"\n]*\"", re.M)
"""Comments are lines of their own: one that names a file may have anything in it."""


class ListingError(SmartVMError):
    """Raised when solc did not assemble what it was asked to; a defect of this route."""


def displaced(listing: str) -> set[str]:
    """The displaced instructions of Ethereum that a listing still has under their old numbers."""
    return set(re.findall(r"[a-z]\w*", _NOT_CODE.sub("", listing))) & set(DISPLACED)


def check_listing(listing: str, name: str) -> None:
    """Check a listing with all assemblies inside it.

    Raises:
        ListingError: an assembly that does not begin with the magic, or a displaced instruction.
    """
    left = displaced(listing)
    if left:
        raise ListingError(f"{name}: {', '.join(sorted(left))} left under the old number")
    lines = [line for line in _NOT_CODE.sub("", listing).splitlines() if line.strip()]
    starts = [0, *(index + 1 for index, line in enumerate(lines) if _ASSEMBLY.match(line))]
    for start in starts:
        found = lines[start].strip() if start < len(lines) else "nothing"
        if found != _MAGIC:
            raise ListingError(f"{name}: expected an assembly to begin with the magic: {found}")
