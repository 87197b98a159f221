"""`smartvm opcodes`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from smartvm.cli.command import Command, UsageError, add_json_option, count, print_json

if TYPE_CHECKING:
    from smartvm.opcodes import Instruction, Operand

_EXAMPLES = """\
Operands are listed from the top of the Stack; those in brackets may be left out.

examples:
  smartvm opcodes
  smartvm opcodes CONV_MUL
  smartvm opcodes --json"""

SAMPLES = {
    "a": "map:0[2x3]",
    "b": "block:1[3x4]",
    "address": "2",
    "weights": "1",
    "in_channels": "3",
    "out_channels": "64",
    "size": "224",
    "in_features": "400",
    "out_features": "120",
    "scale": "1000",
    "divisor": "1000",
    "offset": "0x80",
    "times": "-3",
    "maps": "2",
    "data": "block:1[10x4]",
    "low": "-5",
    "high": "5",
}
"""What an operand of that name has in an example; any other has a 1, which every kind can be."""


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("mnemonic", nargs="?", help="show this instruction in full")
    add_json_option(parser)


def _opcodes(arguments: Namespace) -> int:
    from smartvm.opcodes import STANDARD

    rows = [_find(arguments.mnemonic)] if arguments.mnemonic else list(STANDARD.rows)
    if arguments.json:
        print_json([as_json(row) for row in rows])
    elif arguments.mnemonic:
        print(in_full(rows[0]))
    else:
        print(table(rows))
    return 0


def _find(mnemonic: str) -> Instruction:
    from smartvm.compiler.numbering import Numbering
    from smartvm.compiler.operands import did_you_mean
    from smartvm.opcodes import STANDARD

    name = mnemonic.upper()
    if name in STANDARD.by_mnemonic:
        return STANDARD.by_mnemonic[name]
    stock = Numbering.of(False, STANDARD).by_mnemonic
    if name in stock:
        here = Numbering.of(True, STANDARD).by_mnemonic[name]
        raise UsageError(
            f"{name} is an instruction of Ethereum: {stock[name]:#04x}, "
            f"in DNN contracts {here:#04x}"
        )
    raise UsageError(f"unknown instruction {mnemonic!r}{did_you_mean(name, STANDARD.by_mnemonic)}")


def table(rows: list[Instruction]) -> str:
    """All instructions, two lines each, under the headings of their families."""
    from smartvm.compiler.numbering import Numbering
    from smartvm.opcodes import RELOCATION, STANDARD

    lines: list[str] = []
    family = ""
    for row in rows:
        if row.family != family:
            family = row.family
            lines += ["", family] if lines else [family]
        lines.append(f"  {row.opcode:#04x}  {row.mnemonic:<10} {row.summary}")
        lines.append(f"{'':<19}{' '.join(map(_signature, row.operands))}")
    names = Numbering.of(False, STANDARD).by_opcode
    moved = ", ".join(f"{names[number]} {here:#04x}" for number, here in RELOCATION.items())
    lines += ["", "Instructions of Ethereum with another number in DNN contracts"]
    return "\n".join([*lines, *wrap(moved, initial_indent="  ", subsequent_indent="  ")])


def _signature(operand: Operand) -> str:
    name = "+".join(filter(None, operand.fields)) or operand.name
    return f"[{name}]" if operand.optional else name


def in_full(row: Instruction) -> str:
    """One instruction with its operands, gas and an example."""
    lines = [f"{row.mnemonic}  {row.opcode:#04x}  {row.family}", row.summary, "", "operands"]
    for operand in row.operands:
        lines += _operand(operand)
    needs = f"{count(len(row.operands), 'stack item')}, {count(row.maps, 'feature map')}"
    leaves = "as many items as its operands say" if row.pushes is None else row.pushes
    rows = [("needs", needs), ("pushes", str(leaves)), ("gas", row.gas), ("example", example(row))]
    if row.writes_state:
        rows.insert(2, ("writes", "Storage: it fails in a static call"))
    return "\n".join([*lines, "", *(f"{name:<9}{text}" for name, text in rows)])


def _operand(operand: Operand) -> list[str]:
    from smartvm.compiler.syntax import FORMS

    optional = "; may be left out" if operand.optional else ""
    lines = [f"  {operand.name:<14}{operand.summary}{optional}"]
    fields = [f"f{index} {name}" for index, name in enumerate(operand.fields) if name]
    if len(fields) > 1:
        lines.append(f"{'':<16}fields: {', '.join(fields)}")
    else:
        lines.append(f"{'':<16}{FORMS[operand.kind]}")
    return lines


def example(row: Instruction) -> str:
    """A line of assembly with the operands that must be there, or the first."""
    needed = [operand for operand in row.operands if not operand.optional] or row.operands[:1]
    given = (f"{operand.name}={SAMPLES.get(operand.name, '1')}" for operand in needed)
    return " ".join([row.mnemonic, *given])


def as_json(row: Instruction) -> dict[str, Any]:
    """The row as plain data; the function is left out."""
    return {
        "opcode": row.opcode,
        "mnemonic": row.mnemonic,
        "family": row.family,
        "summary": row.summary,
        "operands": [
            {
                "name": operand.name,
                "kind": operand.kind.value,
                "fields": list(operand.fields),
                "optional": operand.optional,
                "summary": operand.summary,
            }
            for operand in row.operands
        ],
        "maps": row.maps,
        "pushes": row.pushes,
        "writes_state": row.writes_state,
        "gas": row.gas,
        "example": example(row),
    }


OPCODES = Command("opcodes", "list the DNN instructions", _EXAMPLES, _arguments, _opcodes)
