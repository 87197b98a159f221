"""What is wrong with a source, at the user's own line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from smartvm.compiler.operands import did_you_mean
from smartvm.compiler.solidity.tokens import EditedText
from smartvm.exceptions import SmartVMError
from smartvm.opcodes.table import InstructionSet

_CRASH = re.compile(r"std::exception::what: (.*?)\n\[solidity::", re.S)
_CRASH_PLACE = re.compile(r"tag_sourceLocation\*\] = (.+)\[(-?\d+),-?\d+\]")
"""How solc reports a stack that is too deep: as an exception, with the place in the Solidity."""
_UNKNOWN_FUNCTION = re.compile(r'Function "(\w+)" not found')


@dataclass(frozen=True)
class Diagnostic:
    """One error or warning.

    Attributes:
        severity: "error" or "warning".
        message: what is wrong, in one or more lines.
        file: the source unit's name; "" where the message is about no source.
        line: counted from 1; 0 where the message is about no place in the file.
        column: counted from 1.
        source: the line itself.
    """

    severity: str
    message: str
    file: str = ""
    line: int = 0
    column: int = 0
    source: str = ""

    @classmethod
    def at(cls, message: str, file: str, text: str, offset: int) -> Diagnostic:
        """An error at a character of a text."""
        return cls("error", message, file, *place(text, offset))

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}: " if self.line else ""
        if not where and self.file:
            where = f"{self.file}: "
        text = f"{where}{self.severity}: {self.message}"
        if not self.line:
            return text
        margin = re.sub(r"[^\t]", " ", self.source[: self.column - 1])
        return f"{text}\n    {self.source}\n    {margin}^"


class SolidityError(SmartVMError):
    """Raised when a source cannot be compiled.

    Attributes:
        diagnostics: every error, and the warnings that came with them.
    """

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__("\n".join(map(str, self.diagnostics)))


def place(text: str, offset: int) -> tuple[int, int, str]:
    """Line and column of a character, counted from 1, and the line."""
    before = text[:offset]
    start = before.rfind("\n") + 1
    return before.count("\n") + 1, offset - start + 1, text[start:].partition("\n")[0].rstrip("\r")


def of_solc(
    output: Any, sources: Mapping[str, EditedText], instructions: InstructionSet
) -> list[Diagnostic]:
    """The errors and warnings in solc's output, at the places where they are in the originals."""
    return [
        _diagnostic(error, sources, instructions)
        for error in output.get("errors", ())
        if error["severity"] in ("error", "warning")
    ]


def _diagnostic(
    error: Any, sources: Mapping[str, EditedText], instructions: InstructionSet
) -> Diagnostic:
    message, file, byte = _reported(error)
    unknown = _UNKNOWN_FUNCTION.search(message)
    if unknown:
        known = map(str.lower, instructions.by_mnemonic)
        message = message.rstrip(".") + did_you_mean(unknown[1].lower(), known)
    source = sources.get(file)
    if source is None or byte < 0:
        return Diagnostic(error["severity"], message, file if source else "")
    where = place(source.original, source.origin(byte))
    return Diagnostic(error["severity"], message, file, *where)


def _reported(error: Any) -> tuple[str, str, int]:
    """What solc says, of which file and which of its bytes."""
    message = error["message"].strip()
    crash, crash_place = _CRASH.search(message), _CRASH_PLACE.search(message)
    if crash and crash_place:
        return crash[1].strip(), crash_place[1], int(crash_place[2])
    location = error.get("sourceLocation") or {}
    return message, location.get("file", ""), location.get("start", -1)
