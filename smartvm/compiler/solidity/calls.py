"""Instructions in Yul text: how a call of one is written, found and checked.

A DNN instruction is written as a call of its name in small letters: `act_rl(0)`. Its arguments are
the operands, the first of which ends on top of the Stack, as for Yul's own built-in functions.

For solc it is a function, its **placeholder**, whose body does what solc has to know of: it has an
effect on Memory; it reads Storage if an operand may be an address there, and writes it if the
instruction does. Such a function stands at the start of each assembly block, by our hand or
written out (as in SmartVM.sol, so that other tools can read that file); if ever run, it halts.
"""

from __future__ import annotations

from typing import NamedTuple

from smartvm.compiler.solidity.diagnostics import Diagnostic
from smartvm.compiler.solidity.tokens import Kind, Tokens
from smartvm.opcodes.instruction import Instruction
from smartvm.opcodes.instruction import Kind as OperandKind
from smartvm.opcodes.table import InstructionSet

Names = dict[str, Instruction]
"""Instructions by their names in Yul."""


class Call(NamedTuple):
    """A call of an instruction in a text.

    Attributes:
        row: the instruction.
        start: the first character of its name.
        end: the character after the opening bracket.
        takes_arguments: whether anything stands between the brackets.
    """

    row: Instruction
    start: int
    end: int
    takes_arguments: bool


def yul_names(instructions: InstructionSet) -> Names:
    """The instructions by their names in Yul."""
    return {row.mnemonic.lower(): row for row in instructions.rows}


def reads_storage(row: Instruction) -> bool:
    """Whether an operand may name weight blocks, so that no `pure` function may use it."""
    return any(operand.kind is OperandKind.ADDRESS for operand in row.operands)


def outputs(row: Instruction) -> int:
    """Values that a call gives; 1 where an operand decides, which must then be a literal 1."""
    return 1 if row.pushes is None else row.pushes


def placeholder(row: Instruction) -> str:
    """The function that stands for an instruction where solc checks the source."""
    parameters = ", ".join(f"${operand.name}" for operand in row.operands)
    results = ", ".join(f"$result{number}" for number in range(outputs(row)))
    arrow = f" -> {results}" if results else ""
    effect = "mstore(0, 0)"
    if row.writes_state:
        effect += " sstore(0, 0)"
    elif reads_storage(row):
        effect += " pop(sload(0))"
    return f"function {row.mnemonic.lower()}({parameters}){arrow} {{ {effect} invalid() }}"


def verbatim(code: bytes, inputs: int, results: int) -> str:
    """The beginning of a call of Yul's verbatim: all but its arguments and the closing bracket."""
    return f'verbatim_{inputs}i_{results}o(hex"{code.hex()}"'


class Scan(NamedTuple):
    """The instructions that a stretch of Yul uses.

    Attributes:
        calls: in the order of the text.
        defined: names whose placeholders are written out.
        problems: what is wrong with how they are used.
    """

    calls: list[Call]
    defined: set[str]
    problems: list[Diagnostic]


def scan(tokens: Tokens, first: int, last: int, names: Names, file: str, text: str) -> Scan:
    """Find and check the instructions among the tokens `first` to `last`."""
    found = Scan([], set(), [])
    index = first
    while index < last:
        token = tokens[index]
        row = names.get(token.text) if token.kind is Kind.WORD else None
        if row is None:
            index += 1
            continue
        if tokens.text(index - 1) == "function":
            index, problem = _definition(tokens, index, row)
            found.defined.add(token.text)
        else:
            problem = _problem(tokens, index, row)
            if problem is None:
                bracket = tokens[index + 1].end
                takes = bool(tokens.arguments(index + 1))
                found.calls.append(Call(row, token.start, bracket, takes))
            index += 1
        if problem:
            found.problems.append(Diagnostic.at(problem, file, text, token.start))
    return found


def _definition(tokens: Tokens, index: int, row: Instruction) -> tuple[int, str | None]:
    """The index after a function that has an instruction's name, and what is wrong with it."""
    expected = [token.text for token in Tokens.of(placeholder(row))]
    end = index - 1 + len(expected)
    if [token.text for token in tokens[index - 1 : end]] == expected:
        return end, None
    return index + 1, f"{tokens[index].text} is a DNN instruction: choose another name"


def _problem(tokens: Tokens, index: int, row: Instruction) -> str | None:
    name = tokens[index].text
    if tokens.text(index + 1) != "(":
        return f"{name} is a DNN instruction: choose another name, or call it as {_form(row)}"
    given, takes = tokens.arguments(index + 1), len(row.operands)
    if len(given) != takes:
        arguments = "argument" if takes == 1 else "arguments"
        return f"{name} takes {takes} {arguments}, found {len(given)}: {_form(row)}"
    if row.pushes is None and given[-1] not in (["1"], ["0x1"], ["0x01"]):
        operand = row.operands[-1].name
        return (
            f"{name}: {operand}: expected 1, found {' '.join(given[-1])}: "
            "in Yul a call gives as many values as its text says (use btom for more)"
        )
    return None


def _form(row: Instruction) -> str:
    operands = ("+".join(filter(None, each.fields)) or each.name for each in row.operands)
    return f"{row.mnemonic.lower()}({', '.join(operands)})"
