"""The text of operand values: `5x7`, `1:2x0:1`, `block:5[10x20].T`, as docs/assembly.md has it.

`parse_value` gives what the builder takes, `arguments` gives the text of operand words. For
every word that has a text, parsing the text and encoding the value gives the word again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from smartvm.compiler.operands import Axis, Value
from smartvm.exceptions import AssemblerError, OperandError
from smartvm.opcodes.instruction import Instruction, Kind, Operand
from smartvm.words import Address, Space, address, fields, padding, signed_fields, to_signed

NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
"""A name of a label, of data or of a constant."""

SPACE_NAMES = {"block": Space.STORAGE, "map": Space.BUFFER, "mem": Space.MEMORY}
"""What stands before the base of an address; nothing stands for `block`."""

FORMS = {
    Kind.NUMBER: "a number",
    Kind.SIGNED: "a number",
    Kind.FIELDS: "a number",
    Kind.SIGNED_FIELDS: "a number",
    Kind.SPATIAL: "a number, 5x7 (height x width) or 5x7x3 (and depth)",
    Kind.PADDING: "a number, 1x2 (height x width, each on both sides) or 1:2x0:1 (before:after)",
    Kind.ADDRESS: "an address such as 5, block:5[10x20], map:0[10].T or mem:0x80",
}
"""What each kind of operand may be given as in text."""

_ADDRESS = re.compile(
    r"(?:(?P<space>\w+):)?(?P<base>\w+)(?:\[(?P<shape>\w+)\])?(?P<transposed>\.T)?", re.ASCII
)
_HEXADECIMAL_FROM = 1 << 32


def parse_number(text: str) -> int:
    """A decimal, hexadecimal (0x) or binary (0b) integer, with a sign and underscores or not.

    Raises:
        AssemblerError: `text` is none.
    """
    value = parse_value(Kind.NUMBER, text)
    assert isinstance(value, int)
    return value


def parse_value(kind: Kind, text: str) -> Value:
    """The value that stands for `text` in `Program.op`.

    Raises:
        AssemblerError: `text` is no value of that kind; the message names the forms.
    """
    try:
        return _PARSERS[kind](text)
    except ValueError:
        hint = ": no constant has that name" if NAME.fullmatch(text) else ""
        raise AssemblerError(f"expected {FORMS[kind]}, found {text!r}{hint}") from None


def format_number(value: int) -> str:
    """Decimal, or hexadecimal from 2³² on."""
    return str(value) if abs(value) < _HEXADECIMAL_FROM else hex(value)


def _integer(text: str) -> int:
    return int(text, 0)


def _axes(text: str, most: int = 3) -> list[str] | None:
    """The parts of `5x7`, or None of a text that is no list of axes (`5`, `0x10`)."""
    if "x" not in text or text.startswith("0x"):
        return None
    axes = text.split("x")
    if len(axes) > most:
        raise ValueError
    return axes


def _length(text: str) -> int:
    """A part of a list of axes; an empty one is zero."""
    return int(text or "0")


def _parse_spatial(text: str) -> Value:
    axes = _axes(text)
    return _integer(text) if axes is None else [_length(axis) for axis in axes]


def _parse_padding(text: str) -> Value:
    axes = _axes(text)
    return _integer(text) if axes is None else [_parse_sides(axis) for axis in axes]


def _parse_sides(text: str) -> Axis:
    before, separator, after = text.partition(":")
    return [_length(before), _length(after)] if separator else _length(text)


def _parse_address(text: str) -> Value:
    if not set(text) & set(":[."):
        return _integer(text)
    match = _ADDRESS.fullmatch(text)
    space = SPACE_NAMES.get(match["space"] or "block") if match else None
    if match is None or space is None:
        raise ValueError
    shape = match["shape"] or "0"
    axes = _axes(shape, most=2)
    rows, columns = map(_length, axes) if axes else (_integer(shape), 0)
    return Address(_integer(match["base"]), rows, columns, space, bool(match["transposed"]))


_PARSERS: dict[Kind, Callable[[str], Value]] = {
    Kind.NUMBER: _integer,
    Kind.SIGNED: _integer,
    Kind.FIELDS: _integer,
    Kind.SIGNED_FIELDS: _integer,
    Kind.SPATIAL: _parse_spatial,
    Kind.PADDING: _parse_padding,
    Kind.ADDRESS: _parse_address,
}


def arguments(instruction: Instruction, words: list[int]) -> str | None:
    """The key=value text of an instruction's operands, the first operand first in `words`.

    Zero operands that may be left out are left out, but never all of them: a mnemonic alone
    takes its operands from the Stack. None where a word sets what no text can say.
    """
    texts: list[str] = []
    for operand, word in zip(instruction.operands, words, strict=True):
        if operand.fields:
            text = _field_arguments(operand, word)
        else:
            text = f"{operand.name}={format_word(operand.kind, word)}"
        if text is None:
            return None
        if word or not operand.optional:
            texts.append(text)
    if not texts and instruction.operands:
        texts.append(f"{instruction.operands[0].name}=0")
    return " ".join(texts)


def _field_arguments(operand: Operand, word: int) -> str | None:
    names = [*operand.fields, *[""] * (4 - len(operand.fields))]
    values = signed_fields(word) if operand.kind is Kind.SIGNED_FIELDS else fields(word)
    given = [(name, value) for name, value in zip(names, values, strict=True) if value]
    if not all(name for name, _ in given):
        return None
    return " ".join(
        f"{name}={format_number(value)}" for name, value in given or [(operand.name, 0)]
    )


def format_word(kind: Kind, word: int) -> str:
    """The text of a word that is not of fields."""
    return _FORMATTERS.get(kind, format_number)(word)


def _format_axes(axes: Sequence[object]) -> str:
    """`5x7`; a leading zero is left out, or the text would read as a hexadecimal number."""
    text = "x".join(map(str, axes))
    return text[1:] if text.startswith("0x") else text


def _format_spatial(word: int) -> str:
    height, width, depth, by_axis = fields(word)
    if by_axis != 1:
        return format_number(word)
    return _format_axes([height, width, depth] if depth else [height, width])


def _format_padding(word: int) -> str:
    if fields(word)[3] != 1:
        return format_number(word)
    depth, *plane = (f"{before}:{after}" for before, after in padding(word, "padding"))
    return _format_axes(plane if depth == "0:0" else [*plane, depth])


def _format_address(word: int) -> str:
    try:
        base, rows, columns, space, transposed = address(word, "address")
    except OperandError:
        return format_number(word)
    if word == base:
        return format_number(word)
    name = next(name for name, named in SPACE_NAMES.items() if named is space)
    shape = f"[{_format_axes([rows, columns] if columns else [rows])}]" if rows or columns else ""
    return f"{name}:{format_number(base)}{shape}{'.T' * transposed}"


_FORMATTERS: dict[Kind, Callable[[int], str]] = {
    Kind.SIGNED: lambda word: format_number(to_signed(word)),
    Kind.SPATIAL: _format_spatial,
    Kind.PADDING: _format_padding,
    Kind.ADDRESS: _format_address,
}
