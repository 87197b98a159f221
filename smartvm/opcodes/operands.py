"""Shorthands for the operands of the table's rows."""

from __future__ import annotations

from smartvm.opcodes.instruction import Kind, Operand


def spatial(name: str, summary: str, optional: bool = True) -> Operand:
    """A size, kernel, stride or dilation."""
    return Operand(name, Kind.SPATIAL, summary, optional=optional)


def fields(*names: str, summary: str, optional: bool = False) -> Operand:
    """A word of named fields, f0 first."""
    return Operand(names[0], Kind.FIELDS, summary, names, optional)


def signed_fields(*names: str, summary: str, optional: bool = False) -> Operand:
    """A word of named signed fields, f0 first."""
    return Operand(names[0], Kind.SIGNED_FIELDS, summary, names, optional)


def signed(name: str, summary: str) -> Operand:
    """A signed number of a whole word."""
    return Operand(name, Kind.SIGNED, summary)


def address(name: str, summary: str) -> Operand:
    """A tensor's place, with its rows and columns."""
    return Operand(name, Kind.ADDRESS, summary)


def number(name: str, summary: str, optional: bool = False) -> Operand:
    """A plain number."""
    return Operand(name, Kind.NUMBER, summary, optional=optional)
