"""Tokens of Solidity and Yul text, and edits of it that remember where everything came from.

Comments and strings are recognised as solc's scanner does it, so that nothing inside them is ever
taken for code.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple

_LINE_ENDS = "\n\v\f\r\x85\u2028\u2029"
"""What ends a line comment for solc's scanner."""
_TOKEN = re.compile(
    rf"""
    (?P<SKIPPED> \s+ | //[^{_LINE_ENDS}]* | /\*.*?\*/ )
  | (?P<STRING> (?:hex|unicode)? (?: "(?:\\.|[^"\\\n\r])*" | '(?:\\.|[^'\\\n\r])*' ) )
  | (?P<WORD> [A-Za-z_$0-9][A-Za-z_$0-9.]* )
  | (?P<SIGN> . )
    """,
    re.X | re.S,
)
_CLOSING = {"(": ")", "{": "}"}


class Kind(Enum):
    """What a token is; a word is a name, a keyword or a number, with its dots."""

    STRING = auto()
    WORD = auto()
    SIGN = auto()


class Token(NamedTuple):
    """A token and where it stands, in characters."""

    kind: Kind
    text: str
    start: int
    end: int


class Tokens(list[Token]):
    """The tokens of a text, without comments and white space."""

    @classmethod
    def of(cls, text: str) -> Tokens:
        """Scan a text. What is no token (a quote that is never closed) becomes a sign."""
        return cls(
            Token(Kind[match.lastgroup or ""], match[0], match.start(), match.end())
            for match in _TOKEN.finditer(text)
            if match.lastgroup != "SKIPPED"
        )

    def text(self, index: int) -> str:
        """The text at an index, "" beyond either end."""
        return self[index].text if 0 <= index < len(self) else ""

    def closing(self, index: int) -> int:
        """The index of the bracket that closes the one at `index`; the last token's if none does.

        Text whose brackets do not match is left to solc to refuse.
        """
        opens, depth = self[index].text, 0
        for position in range(index, len(self)):
            if self[position].text in (opens, _CLOSING[opens]):
                depth += 1 if self[position].text == opens else -1
            if depth == 0:
                return position
        return len(self) - 1

    def arguments(self, index: int) -> list[list[str]]:
        """The arguments of a call whose "(" is at `index`, each as the texts of its tokens."""
        arguments: list[list[str]] = [[]]
        depth = 0
        for token in self[index + 1 : self.closing(index)]:
            depth += (token.text == "(") - (token.text == ")")
            if token.text == "," and depth == 0:
                arguments.append([])
            else:
                arguments[-1].append(token.text)
        return [] if arguments == [[]] else arguments


class Edit(NamedTuple):
    """Characters `start` to `end` of a text give way to others.

    `anchor` is the place in the original text that an error inside the new characters is about.
    """

    start: int
    end: int
    text: str
    anchor: int


@dataclass(frozen=True)
class EditedText:
    """A text after edits that do not overlap, in their order."""

    original: str
    edits: tuple[Edit, ...]

    @classmethod
    def of(cls, original: str, edits: Iterable[Edit]) -> EditedText:
        """The text with these edits; those at one place stay in the order given."""
        return cls(original, tuple(sorted(edits, key=lambda edit: edit.start)))

    @property
    def text(self) -> str:
        """The edited text."""
        parts, position = [], 0
        for edit in self.edits:
            parts += [self.original[position : edit.start], edit.text]
            position = edit.end
        return "".join([*parts, self.original[position:]])

    def origin(self, byte: int) -> int:
        """Where in the original a byte of the edited text (in UTF-8) comes from, in characters."""
        offset = len(self.text.encode()[: max(byte, 0)].decode(errors="ignore"))
        shift = 0
        for edit in self.edits:
            if offset < edit.start + shift:
                break
            if offset < edit.start + shift + len(edit.text):
                return edit.anchor
            shift += len(edit.text) - (edit.end - edit.start)
        return min(offset - shift, len(self.original))
