"""SmartVM.sol, the Solidity library of the instructions, made from their rows.

Each instruction has a function that takes every operand, a field of a word as an argument of its
own; those in `SHORT_FORMS` also have one for everyday use, of plain numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from textwrap import wrap
from typing import NamedTuple

from smartvm.compiler.solidity.calls import outputs, placeholder, reads_storage
from smartvm.opcodes.instruction import Instruction, Kind, Operand
from smartvm.opcodes.table import INSTRUCTIONS

TEMPLATE = Path(__file__).parent / "SmartVM.sol.in"
_CONVOLUTION = (
    *("weights", "in_channels", "out_channels"),
    *("size", "kernel", "stride", "padding"),
)
_POOLING = ("channels", "size", "kernel", "stride")
SHORT_FORMS: dict[str, tuple[str, ...]] = {
    "CONV_SING": _CONVOLUTION,
    "CONV_MUL": _CONVOLUTION,
    "CONV_3D": _CONVOLUTION,
    "CONV_TPD": _CONVOLUTION,
    "POOL_MAX": _POOLING,
    "POOL_AVG": _POOLING,
    "POOL_OL": _POOLING,
    "FULL_CON": ("weights", "bias", "in_features", "out_features"),
    "ACT_SM0": ("scale",),
    "ACT_RL": (),
    "BUF_SCL1": ("divisor",),
    "BUF_BIAS": ("address",),
    "MTOB": ("offset", "count"),
    "BTOM": ("offset",),
    "BTOS1": ("block",),
    "BUF_CLS": (),
    "BUF_FREE": (),
    "BUF_COPY": (),
    "BUF_CAT": ("maps",),
    "BUF_VIEW": ("offset", "d0", "s0"),
    "BUF_MUL": ("address",),
}
"""The arguments of the short forms; all others are 0, their default."""
_SOLIDITY = """
abstract address after alias anonymous apply as assembly auto bool break byte bytes case catch
constant constructor continue contract copyof default define delete do else emit enum event
external fallback false final fixed for function hex if immutable implements import in indexed
inline int interface internal is let library macro mapping match memory modifier mutable new
null of override partial payable pragma private promise public pure receive reference
relocatable return returns sealed sizeof static storage string struct supports switch this throw
true try type typedef typeof ufixed uint unchecked unicode using var view virtual while abi
addmod assert blobhash block blockhash ecrecover gasleft keccak256 msg mulmod require revert
ripemd160 selfdestruct sha256 suicide super tx
"""
_RESERVED = set(_SOLIDITY.split())
"""Words that are Solidity's own."""
_TYPES = {
    Kind.NUMBER: "uint256",
    Kind.SIGNED: "int256",
    Kind.FIELDS: "uint64",
    Kind.SIGNED_FIELDS: "int64",
    Kind.SPATIAL: "Spatial",
    Kind.PADDING: "Padding",
    Kind.ADDRESS: "Tensor",
}
_PLAIN = {Kind.SPATIAL: "uint64", Kind.PADDING: "uint64", Kind.ADDRESS: "uint64"}
"""The types of the short forms, where they differ: block numbers, and lengths for every axis."""
_FIELDS = 4


class Argument(NamedTuple):
    """An argument of a function: its type, its name, and what it means."""

    type: str
    name: str
    summary: str


def library_source(rows: Iterable[Instruction] = INSTRUCTIONS) -> str:
    """The text of SmartVM.sol."""
    functions = "".join(f"\n{function}" for row in rows for function in _functions(row))
    return TEMPLATE.read_text().replace("{instructions}", functions)


def _functions(row: Instruction) -> Iterator[str]:
    words = [_Word(operand) for operand in _passed(row)]
    yield _function(row, [word.full for word in words], [word.expression for word in words])
    if row.mnemonic in SHORT_FORMS:
        names = SHORT_FORMS[row.mnemonic]
        arguments = [word.short(names) for word in words]
        yield _function(row, arguments, [word.short_expression(names) for word in words])


def _passed(row: Instruction) -> Sequence[Operand]:
    """The operands that a caller gives: not how many items go to the Stack, which is one."""
    return row.operands[:-1] if row.pushes is None else row.operands


class _Word:
    """An operand as arguments of a function, and the word that it makes of them."""

    def __init__(self, operand: Operand) -> None:
        self.operand = operand
        self.fields = [(i, name) for i, name in enumerate(operand.fields) if name]
        self.is_whole = len(self.fields) == _FIELDS

    @property
    def full(self) -> list[Argument]:
        """Every field an argument of its own, but four of them as one word."""
        kind, summary = self.operand.kind, self.operand.summary
        if not self.fields or self.is_whole:
            name = _joined(self.operand) if self.is_whole else _camel(self.operand.name)
            return [Argument("Fields" if self.is_whole else _TYPES[kind], name, summary)]
        parts = summary.split("; ") if len(summary.split("; ")) == len(self.fields) else []
        summaries = parts or [f"{name.replace('_', ' ')}: {summary}" for _, name in self.fields]
        if len(self.fields) == 1:
            summaries = [summary]
        return [
            Argument(_TYPES[kind], _camel(name), text)
            for (_, name), text in zip(self.fields, summaries, strict=True)
        ]

    @property
    def expression(self) -> str:
        """The word, of the arguments of the full form."""
        names = [argument.name for argument in self.full]
        if not self.fields or self.is_whole:
            return names[0]
        return self._packed({i: name for (i, _), name in zip(self.fields, names, strict=True)})

    def short(self, names: tuple[str, ...]) -> list[Argument]:
        """The arguments that the short form takes."""
        if not self.fields or self.is_whole:
            taken = self.full if self.operand.name in names else []
        else:
            chosen = zip(self.fields, self.full, strict=True)
            taken = [argument for (_, name), argument in chosen if name in names]
        plain = _PLAIN.get(self.operand.kind)
        return [each._replace(type=plain or each.type) for each in taken]

    def short_expression(self, names: tuple[str, ...]) -> str:
        """The word, of the arguments of the short form."""
        if not self.fields or self.is_whole:
            return self.full[0].name if self.operand.name in names else "0"
        return self._packed({i: _camel(name) for i, name in self.fields if name in names})

    def _packed(self, given: dict[int, str]) -> str:
        """The word of some fields; one alone in f0 is the word itself."""
        if set(given) <= {0}:
            return given.get(0, "0")
        signed = self.operand.kind is Kind.SIGNED_FIELDS
        values = ", ".join(given.get(index, "0") for index in range(_FIELDS))
        return f"{'signedFields' if signed else 'fields'}({values})"


def _function(row: Instruction, arguments: list[list[Argument]], words: list[str]) -> str:
    flat = [argument for of_word in arguments for argument in of_word]
    narrow = {argument.name for argument in flat if argument.type == "uint64"}
    locals_, names = [], []
    for position, word in enumerate(words):
        names.append(word)
        if word in narrow or "(" in word:  # assembly may find anything above the 64 bits
            names[-1] = f"word{position}"
            kind = "uint256" if word in narrow else "Fields"
            locals_.append(f"        {kind} word{position} = {word};")
    names += ["1"] * (row.pushes is None)
    result = "item := " if outputs(row) else ""
    lines = [
        *_comment(row, flat),
        *_head(_camel(row.mnemonic.lower()), flat, row),
        *locals_,
        '        assembly ("memory-safe") {',
        *_broken(placeholder(row)),
        f"            {result}{row.mnemonic.lower()}({', '.join(names)})",
        "        }",
        "    }",
        "",
    ]
    return "\n".join(lines)


def _comment(row: Instruction, arguments: list[Argument]) -> Iterator[str]:
    lines = [
        f"@notice {row.summary[0].upper()}{row.summary[1:]}.",
        f"@dev {row.mnemonic}, {row.opcode:#x}. Gas: {row.gas.replace('·', ' * ')}.",
        *(f"@param {argument.name} {argument.summary}." for argument in arguments),
    ]
    if outputs(row):
        lines.append("@return item the item.")
    for line in lines:
        yield from (f"    /// {part}" for part in wrap(line, 92, break_long_words=False))


def _head(name: str, arguments: list[Argument], row: Instruction) -> list[str]:
    given = ", ".join(f"{argument.type} {argument.name}" for argument in arguments)
    mutability = "" if row.writes_state else " view" if reads_storage(row) else " pure"
    result = " returns (int256 item)" if outputs(row) else ""
    line = f"    function {name}({given}) internal{mutability}{result} {{"
    if len(line) <= 100:
        return [line]
    split = [f"        {argument.type} {argument.name}," for argument in arguments]
    split[-1] = split[-1].rstrip(",")
    return [f"    function {name}(", *split, f"    ) internal{mutability}{result} {{"]


def _broken(text: str) -> list[str]:
    first, *others = wrap(text, 86)
    return [f"            {first}", *(f"                {line}" for line in others)]


def _camel(name: str) -> str:
    first, *others = name.split("_")
    joined = first + "".join(part.capitalize() for part in others)
    return f"{joined}_" if joined in _RESERVED else joined


def _joined(operand: Operand) -> str:
    """`d0ToD3` of four fields."""
    return f"{operand.fields[0]}To{operand.fields[-1].capitalize()}"
