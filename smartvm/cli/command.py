"""What the sub-commands share: their shape, their errors, and how they read code."""

from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

SUCCESS, REFUSED, USAGE, UNAVAILABLE, INTERRUPTED = 0, 1, 2, 3, 130
"""Exit codes: done; it ran and the answer is no; wrong input; no node or database; Ctrl-C."""

SOURCE_HELP = "a file, or - for standard input"
CODE_HELP = "a file (hexadecimal or binary), hexadecimal digits, or - for standard input"


class Command(NamedTuple):
    """A sub-command.

    Attributes:
        name: what is typed after `smartvm`.
        help: one line, without a capital and a full stop.
        examples: the end of its help.
        add_arguments: declares its arguments.
        run: carries it out and returns the exit code.
    """

    name: str
    help: str
    examples: str
    add_arguments: Callable[[ArgumentParser], None]
    run: Callable[[Namespace], int]


class CommandError(Exception):
    """Base of the errors that end a command; the message is all that the user sees."""

    exit_code = USAGE


class UsageError(CommandError):
    """Raised for wrong input."""


class Refused(CommandError):
    """Raised when a contract, a node or a check says no."""

    exit_code = REFUSED


class Unavailable(CommandError):
    """Raised when no node answers, or a database cannot be opened."""

    exit_code = UNAVAILABLE


class Parser(ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Print the message and exit with 2."""
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def add_json_option(parser: ArgumentParser) -> None:
    """--json."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def print_json(data: Any) -> None:
    """Print data for programs."""
    print(json.dumps(data, indent=2, ensure_ascii=False))


def print_rows(rows: Iterable[tuple[str, object]]) -> None:
    """Print labelled lines for people."""
    for label, text in rows:
        print(f"{label:<11} {text}".rstrip())


def read_bytes(source: str) -> bytes:
    """The content of a file or, for `-`, of standard input."""
    return sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()


def read_text(source: str) -> str:
    """The text of a file or of standard input."""
    text = as_text(read_bytes(source))
    if text is None:
        raise UsageError(f"{source}: expected text, found binary data")
    return text


def read_code(source: str, assemble: Callable[[str], bytes] | None = None) -> bytes:
    """Bytecode: a file or standard input, in hexadecimal or binary, or the digits themselves.

    With `assemble`, a file of any other text is assembly, and so is every .asm file, for
    mnemonics can look like digits (`ADD`).
    """
    if source != "-" and not os.path.exists(source):  # pathlib raises where it is too long
        return from_hex(source, "a file or hexadecimal digits")
    content = read_bytes(source)
    text = as_text(content)
    if text is None:
        return content
    if is_hex(text) and not (assemble and source.endswith(".asm")):
        return from_hex(text, "hexadecimal digits")
    return assemble(text) if assemble else content


def is_hex(text: str) -> bool:
    """Whether text consists of nothing but hexadecimal digits and white space."""
    return not set("".join(text.split()).removeprefix("0x")) - set("0123456789abcdefABCDEF")


def from_hex(text: str, expected: str) -> bytes:
    """The bytes of hexadecimal digits, with 0x before them or not.

    Raises:
        UsageError: it is none, or the number of digits is odd.
    """
    digits = "".join(text.split()).removeprefix("0x")
    if not is_hex(text):
        shown = text if len(text) <= 40 else text[:40] + "…"
        raise UsageError(f"expected {expected}, found {shown!r}")
    if len(digits) % 2:
        raise UsageError(f"expected an even number of hexadecimal digits, found {len(digits)}")
    return bytes.fromhex(digits)


def as_text(content: bytes) -> str | None:
    """The text of UTF-8 bytes; None of what is no text."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return text if all(sign.isprintable() or sign.isspace() for sign in text) else None


def count(number: int, noun: str) -> str:
    """`1 map`, `2 maps`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
