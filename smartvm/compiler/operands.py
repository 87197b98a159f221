"""Operand words from the values that a person writes, for the builder and the assembler."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from operator import index
from typing import SupportsIndex

from smartvm.exceptions import AssemblerError, OperandError
from smartvm.opcodes.instruction import Instruction, Kind, Operand
from smartvm.words import (
    FIELD_MASK,
    SIGN_BIT,
    WORD_MODULUS,
    Address,
    pack,
    pack_address,
    pack_padding,
    pack_spatial,
    to_unsigned,
)

Axis = SupportsIndex | Sequence[SupportsIndex]
"""One axis of a padding: a number for both sides, or (before, after)."""
Value = SupportsIndex | Address | Sequence[Axis]
"""What an operand may be given as; which of these depends on its kind."""


def accepted_names(instruction: Instruction) -> dict[str, tuple[int, int]]:
    """The argument names of an instruction, each with (operand, field) counted from zero."""
    names: dict[str, tuple[int, int]] = {}
    for position, operand in enumerate(instruction.operands):
        for number, field in enumerate(operand.fields):
            if field:
                names[field] = position, number
        names.setdefault(operand.name, (position, 0))
    return names


def operand_words(instruction: Instruction, arguments: dict[str, Value]) -> list[int]:
    """The stack items of an instruction, the first operand first.

    Raises:
        AssemblerError: an unknown or repeated argument, a missing one, or a value that its
            operand cannot hold.
    """
    names = accepted_names(instruction)
    given: dict[tuple[int, int], int] = {}
    for name, value in arguments.items():
        if name not in names:
            raise AssemblerError(_unknown(instruction, name, names))
        if names[name] in given:
            raise AssemblerError(f"{instruction.mnemonic}: {name} is given twice")
        operand = instruction.operands[names[name][0]]
        try:
            given[names[name]] = encode(operand, value)
        except AssemblerError as error:
            raise AssemblerError(f"{instruction.mnemonic}: {name}: {error}") from None
    return [_word(instruction, position, given) for position in range(len(instruction.operands))]


def _word(instruction: Instruction, position: int, given: dict[tuple[int, int], int]) -> int:
    operand = instruction.operands[position]
    parts = {number: value for (owner, number), value in given.items() if owner == position}
    if not parts and not operand.optional:
        raise AssemblerError(f"{instruction.mnemonic}: {operand.name} is missing")
    if operand.fields:
        return pack(*(parts.get(number, 0) for number in range(4)))
    return parts.get(0, 0)


def _unknown(instruction: Instruction, name: str, names: Iterable[str]) -> str:
    return (
        f"{instruction.mnemonic} has no operand {name!r}{did_you_mean(name, names)}; "
        f"it takes {', '.join(names) or 'none'}"
    )


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint that names the closest of the known words, or nothing."""
    close = get_close_matches(word, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def encode(operand: Operand, value: Value) -> int:
    """The word of one value; of an operand of fields, the value of one field.

    Raises:
        AssemblerError: a value of another type, or out of range.
    """
    try:
        return _ENCODERS[operand.kind](value)
    except TypeError:
        raise AssemblerError(f"expected {EXPECTED[operand.kind]}, found {value!r}") from None
    except OperandError as error:
        raise AssemblerError(f"expected {error.expected}, found {error.found}") from None


def _within(value: int, low: int, high: int, expected: str) -> int:
    if not low <= value < high:
        raise AssemblerError(f"expected {expected}, found {value}")
    return value


def _plain(value: Value) -> int:
    if isinstance(value, Address | Sequence):
        raise TypeError
    return index(value)


def _number(value: Value) -> int:
    return _within(_plain(value), 0, WORD_MODULUS, "an unsigned 256-bit number")


def _signed(value: Value) -> int:
    number = _within(_plain(value), -SIGN_BIT, SIGN_BIT, "a signed 256-bit number")
    return to_unsigned(number)


def _field(value: Value) -> int:
    return _within(_plain(value), 0, FIELD_MASK + 1, "an unsigned 64-bit number")


def _signed_field(value: Value) -> int:
    return _within(_plain(value), -(1 << 63), 1 << 63, "a signed 64-bit number") & FIELD_MASK


def _spatial(value: Value) -> int:
    if not isinstance(value, Sequence):
        return _number(value)
    if len(value) not in (2, 3):
        raise TypeError
    return pack_spatial(*(_plain(length) for length in value))


def _padding(value: Value) -> int:
    if not isinstance(value, Sequence):
        sides = _plain(value)
        return _number(sides) if sides >= 0 else pack_padding(*[(sides, sides)] * 3)
    if len(value) not in (2, 3):
        raise TypeError
    return pack_padding(*(_sides(axis) for axis in value))


def _sides(axis: Axis) -> tuple[int, int]:
    if not isinstance(axis, Sequence):
        return index(axis), index(axis)
    if len(axis) != 2:
        raise TypeError
    return index(axis[0]), index(axis[1])


def _address(value: Value) -> int:
    return pack_address(value) if isinstance(value, Address) else _number(value)


_ENCODERS: dict[Kind, Callable[[Value], int]] = {
    Kind.NUMBER: _number,
    Kind.SIGNED: _signed,
    Kind.FIELDS: _field,
    Kind.SIGNED_FIELDS: _signed_field,
    Kind.SPATIAL: _spatial,
    Kind.PADDING: _padding,
    Kind.ADDRESS: _address,
}

EXPECTED = {
    Kind.NUMBER: "a number",
    Kind.SIGNED: "a number",
    Kind.FIELDS: "a number",
    Kind.SIGNED_FIELDS: "a number",
    Kind.SPATIAL: "a number, (height, width) or (height, width, depth)",
    Kind.PADDING: "a number or a (before, after) for height, width and, if need be, depth",
    Kind.ADDRESS: "a block number or an Address",
}
"""What each kind of operand may be given as in Python, for messages."""
