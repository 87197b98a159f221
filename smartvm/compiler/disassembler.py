"""The disassembler: bytecode into the text that assembles to it again, byte for byte."""

from __future__ import annotations

from dataclasses import dataclass

from smartvm.compiler.numbering import Numbering, push_bytes, shortest_push
from smartvm.compiler.syntax import arguments
from smartvm.opcodes.instruction import Instruction
from smartvm.opcodes.table import STANDARD, InstructionSet
from smartvm.vm import MAGIC

_WIDEST_COLUMN = 80


@dataclass(frozen=True)
class Line:
    """One instruction of a code.

    Attributes:
        offset: where it starts, in bytes from the start of the code.
        opcode: its number.
        mnemonic: its name; None where the kind of contract defines none.
        immediate: the bytes that follow a PUSH; fewer than it asks for where the code ends.
    """

    offset: int
    opcode: int
    mnemonic: str | None
    immediate: bytes = b""

    @property
    def code(self) -> bytes:
        """Its bytes."""
        return bytes([self.opcode]) + self.immediate

    @property
    def is_cut(self) -> bool:
        """Whether the code ends inside it."""
        return len(self.immediate) < push_bytes(self.opcode)

    @property
    def text(self) -> str:
        """Its assembly text; `.byte` for what is no whole instruction."""
        if self.mnemonic is None or self.is_cut:
            return f".byte 0x{self.code.hex()}"
        return f"{self.mnemonic} 0x{self.immediate.hex()}" if self.immediate else self.mnemonic


def is_dnn(code: bytes) -> bool:
    """Whether code starts with the magic of DNN contracts."""
    return code.startswith(MAGIC)


def instructions(code: bytes, instruction_set: InstructionSet = STANDARD) -> list[Line]:
    """The instructions of a code in their order, read from its start; the magic is none."""
    names = Numbering.of(is_dnn(code), instruction_set).by_opcode
    lines = []
    offset = len(MAGIC) if is_dnn(code) else 0
    while offset < len(code):
        opcode = code[offset]
        end = offset + 1 + push_bytes(opcode)
        lines.append(Line(offset, opcode, names.get(opcode), code[offset + 1 : end]))
        offset = end
    return lines


def disassemble(
    code: bytes, instruction_set: InstructionSet = STANDARD, *, offsets: bool = False
) -> str:
    """The assembly text of any bytes; `assemble` gives the same bytes.

    A DNN instruction and the pushes of its operands become one line where the assembler would
    make the same bytes of it. Whether bytes are code or data cannot be told, so data is shown
    as the instructions that it would be.

    Args:
        code: bytecode of either kind.
        instruction_set: the DNN instructions that DNN code may hold.
        offsets: whether to note each line's offset, hexadecimal, in a comment.
    """
    shown = [(0, ".dnn" if is_dnn(code) else ".stock")]
    lines = instructions(code, instruction_set)
    for index, line in enumerate(lines):
        row = instruction_set.by_opcode.get(line.opcode) if is_dnn(code) else None
        pushes = lines[max(index - len(row.operands), 0) : index] if row else []
        folded = _folded(row, pushes) if row and pushes else None
        if folded:
            del shown[-len(pushes) :]
        shown.append((pushes[0].offset if folded else line.offset, folded or line.text))
    return _formatted(shown, offsets)


def _folded(row: Instruction, pushes: list[Line]) -> str | None:
    """The one line of an instruction and its operands, if the pushes are just those.

    No jump can land between them: it would need a JUMPDEST there.
    """
    words = [int.from_bytes(push.immediate, "big") for push in reversed(pushes)]
    as_assembled = [shortest_push(word) for word in reversed(words)]
    if len(words) < len(row.operands) or [push.code for push in pushes] != as_assembled:
        return None
    given = arguments(row, words)
    return None if given is None else f"{row.mnemonic} {given}"


def _formatted(shown: list[tuple[int, str]], offsets: bool) -> str:
    (_, directive), *body = shown
    width = min(max((len(text) for _, text in body), default=0), _WIDEST_COLUMN)
    lines = [f"{text:<{width}}  ; {offset:04x}" if offsets else text for offset, text in body]
    return "\n".join([directive, *(f"    {line}" for line in lines)]) + "\n"
