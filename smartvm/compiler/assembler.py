"""The assembler: text, one instruction a line (docs/assembly.md), into bytecode."""

from __future__ import annotations

import re
from collections.abc import Iterable

from smartvm.compiler.operands import Value, accepted_names
from smartvm.compiler.program import Program, missing_target
from smartvm.compiler.syntax import NAME, SPACE_NAMES, parse_number, parse_value
from smartvm.exceptions import AssemblerError
from smartvm.opcodes.instruction import Kind
from smartvm.opcodes.table import STANDARD, InstructionSet

_COMMENT = re.compile(r";|#|//")
_LABEL = re.compile(rf"({NAME.pattern}):\s*(.*)", re.ASCII)
_CONSTANT = re.compile(rf"({NAME.pattern})\s*=\s*(\S+)", re.ASCII)
_WORD = re.compile(rf"(?<!\w){NAME.pattern}", re.ASCII)
_WIDE_PUSH = re.compile(r"PUSH([1-9]|[12]\d|3[0-2])")
_RESERVED = {*SPACE_NAMES, "T"}
_SHOWN = 60


def assemble(text: str, instructions: InstructionSet = STANDARD) -> bytes:
    """The bytecode of an assembly text.

    Raises:
        AssemblerError: the message names the line, what is wrong and what was expected.
    """
    return parse(text, instructions).bytecode()


def parse(text: str, instructions: InstructionSet = STANDARD) -> Program:
    """The program of an assembly text, to which more can be added.

    Raises:
        AssemblerError: as for `assemble`.
    """
    parser = _Parser(instructions)
    for number, line in enumerate(text.splitlines(), 1):
        parser.add(number, _COMMENT.split(line, maxsplit=1)[0].strip())
    parser.check_references()
    return parser.program


class _Parser:
    """Adds one statement after the other to a program."""

    def __init__(self, instructions: InstructionSet) -> None:
        self._instructions = instructions
        self._program: Program | None = None
        self._constants: dict[str, str] = {}
        self._references: list[tuple[str, str]] = []
        self._place = ""

    @property
    def program(self) -> Program:
        """The program so far; a DNN program unless `.stock` came first."""
        if self._program is None:
            self._program = Program(True, self._instructions)
        return self._program

    def add(self, number: int, text: str) -> None:
        """Add a line, given without its comment; errors tell its number and text."""
        shown = text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
        self._place = f"line {number}: {shown}"
        try:
            self._statement(text)
        except AssemblerError as error:
            raise AssemblerError(f"{self._place}: {error}") from None

    def check_references(self) -> None:
        """Raise for the first reference to a label or data that the text lacks."""
        targets = self.program.targets
        for place, target in self._references:
            if target not in targets:
                raise AssemblerError(f"{place}: {missing_target(target, targets)}")

    def _statement(self, text: str) -> None:
        label = _LABEL.fullmatch(text)
        if label:
            self.program.label(label[1])
            text = label[2]
        constant = _CONSTANT.fullmatch(text)
        if constant:
            self._define(constant[1], constant[2])
        elif text.startswith("."):
            self._directive(*text.split())
        elif text:
            mnemonic, *rest = text.split()
            self._instruction(mnemonic.upper(), rest)

    def _define(self, name: str, value: str) -> None:
        if name in self._constants or name in _RESERVED:
            raise AssemblerError(f"the name {name!r} is taken")
        self._constants[name] = self._substituted(value)

    def _substituted(self, text: str) -> str:
        """The text with the value of every constant in it."""
        return _WORD.sub(lambda word: self._constants.get(word[0], word[0]), text)

    def _directive(self, directive: str, *rest: str) -> None:
        if directive in (".dnn", ".stock") and not rest:
            if self._program is not None:
                raise AssemblerError("it must stand before all code, and once")
            self._program = Program(directive == ".dnn", self._instructions)
        elif directive == ".byte" and len(rest) == 1:
            self.program.raw(_bytes(rest[0]))
        elif directive == ".data" and len(rest) == 2:
            self.program.data(rest[0], _bytes(rest[1]))
        else:
            raise AssemblerError("expected .dnn, .stock, .byte 0x… or .data NAME 0x…")

    def _instruction(self, mnemonic: str, rest: list[str]) -> None:
        wide = _WIDE_PUSH.fullmatch(mnemonic)
        if mnemonic == "PUSH" or wide:
            if len(rest) != 1:
                raise AssemblerError(f"expected one value, as in {mnemonic} 5")
            self._push(rest[0], int(wide[1]) if wide else 0)
        elif mnemonic in ("JUMP", "JUMPI") and rest and rest[0].startswith("@"):
            self._push(" ".join(rest), 0)
            self.program.op(mnemonic)
        else:
            self.program.op(mnemonic, **self._operands(mnemonic, rest))

    def _push(self, text: str, width: int) -> None:
        if text.startswith("@") and not width:
            self._push_target(text[1:])
            return
        value = parse_number(self._substituted(text))
        if not width:
            self.program.push(value)
        elif 0 <= value < 1 << 8 * width:
            self.program.push_bytes(value.to_bytes(width, "big"))
        else:
            raise AssemblerError(f"expected an unsigned number of {width} bytes, found {value}")

    def _push_target(self, target: str) -> None:
        self._references.append((self._place, target))
        if target.endswith(".size"):
            self.program.push_size(target.removesuffix(".size"))
        else:
            self.program.push_label(target)

    def _operands(self, mnemonic: str, rest: list[str]) -> dict[str, Value]:
        row = self._instructions.by_mnemonic.get(mnemonic)
        names = accepted_names(row) if row else {}
        operands: dict[str, Value] = {}
        for argument in rest:
            key, _, text = argument.partition("=")
            if not (key and text):
                raise AssemblerError(f"expected NAME=VALUE, found {argument!r}")
            name = _full_name(key, names)
            if name in operands:
                raise AssemblerError(f"{name} is given twice")
            operands[name] = 0  # the builder refuses a name that is not accepted
            if row and name in names:
                kind = row.operands[names[name][0]].kind
                operands[name] = self._value(name, kind, text)
        return operands

    def _value(self, name: str, kind: Kind, text: str) -> Value:
        try:
            return parse_value(kind, self._substituted(text))
        except AssemblerError as error:
            raise AssemblerError(f"{name}: {error}") from None


def _full_name(key: str, names: Iterable[str]) -> str:
    """The operand that `in` or `out` stands for, such as in_channels or out_features."""
    if key not in ("in", "out"):
        return key
    return next((name for name in names if name.startswith(f"{key}_")), key)


def _bytes(text: str) -> bytes:
    try:
        if text.startswith("0x"):
            return bytes.fromhex(text[2:])
    except ValueError:
        pass
    raise AssemblerError(f"expected bytes in hexadecimal, as in 0x0102, found {text!r}")
