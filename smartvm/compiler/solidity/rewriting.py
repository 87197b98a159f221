"""The three rewritings of a source on its way to bytecode.

1. `solidity_for_solc`: the user's Solidity, with placeholders so that stock solc can check it.
2. `with_instructions`: Yul in which the instructions are bytes (verbatims) that solc's optimiser
   leaves where they are.
3. `as_dnn_contract`: optimised Yul that begins with the magic and calls the displaced
   instructions of Ethereum by their new numbers.

All of them replace tokens; nothing touches bytecode, so that no data can be taken for code.
"""

from __future__ import annotations

from collections.abc import Iterator

from smartvm.compiler.numbering import Numbering
from smartvm.compiler.solidity.calls import Call, Names, outputs, placeholder, scan, verbatim
from smartvm.compiler.solidity.diagnostics import SolidityError
from smartvm.compiler.solidity.tokens import Edit, EditedText, Kind, Tokens
from smartvm.opcodes.table import RELOCATION, STANDARD
from smartvm.vm import MAGIC

GENERATED_PREFIX = "usr$"
"""What solc puts before the names of inline assembly in the Yul that it generates."""

_STOCK_NAMES = Numbering.of(False, STANDARD).by_opcode
DISPLACED = {_STOCK_NAMES[old].lower(): new for old, new in RELOCATION.items()}
"""Yul's names of the instructions of Ethereum that are displaced, with their new numbers."""
_BUILT_IN = DISPLACED | {"datacopy": DISPLACED["codecopy"]}
"""The same, and `datacopy`, which is CODECOPY."""


def solidity_for_solc(text: str, names: Names, file: str) -> EditedText:
    """A Solidity source with the placeholders of the instructions that each assembly block uses.

    Raises:
        SolidityError: an instruction with a wrong number of arguments, or something else that
            has an instruction's name.
    """
    tokens = Tokens.of(text)
    edits: list[Edit] = []
    problems = []
    for first, last in _assembly_blocks(tokens):
        found = scan(tokens, first, last, names, file, text)
        problems += found.problems
        first_calls = {call.row.mnemonic.lower(): call for call in reversed(found.calls)}
        start = tokens[first].end
        edits += [
            Edit(start, start, f" {placeholder(call.row)}", call.start)
            for name, call in first_calls.items()
            if name not in found.defined
        ]
    if problems:
        raise SolidityError(problems)
    return EditedText.of(text, edits)


def _assembly_blocks(tokens: Tokens) -> Iterator[tuple[int, int]]:
    """Where the blocks of inline assembly begin and end: the indices of their braces.

    What stands inside a block is jumped over: Yul may call a function `assembly`.
    """
    end = 0
    for index, token in enumerate(tokens):
        if token.text != "assembly" or index < end:
            continue
        brace = index + 1
        if brace < len(tokens) and tokens[brace].kind is Kind.STRING:  # assembly "evmasm"
            brace += 1
        if tokens.text(brace) == "(":  # assembly ("memory-safe")
            brace = tokens.closing(brace) + 1
        if tokens.text(brace) == "{":
            end = tokens.closing(brace)
            yield brace, end


def yul_for_solc(text: str, names: Names, file: str) -> EditedText:
    """A user's Yul, an object or a block, with its instructions as bytes.

    Raises:
        SolidityError: as `solidity_for_solc`.
    """
    tokens = Tokens.of(text)
    found = scan(tokens, 0, len(tokens), names, file, text)
    if found.problems:
        raise SolidityError(found.problems)
    return EditedText.of(text, map(_as_bytes, found.calls))


def with_instructions(generated: str, names: Names) -> str:
    """Yul that solc has generated from Solidity, with the calls of placeholders as bytes.

    The placeholders themselves stay, and are dropped by the optimiser since nothing calls them.
    """
    tokens = Tokens.of(generated)
    calls = [
        Call(names[name], token.start, tokens[index + 1].end, bool(tokens.arguments(index + 1)))
        for index, token in enumerate(tokens)
        if (name := token.text.removeprefix(GENERATED_PREFIX)) != token.text
        and name in names
        and tokens.text(index - 1) != "function"
    ]
    return EditedText.of(generated, map(_as_bytes, calls)).text


def _as_bytes(call: Call) -> Edit:
    text = verbatim(bytes([call.row.opcode]), len(call.row.operands), outputs(call.row))
    return Edit(call.start, call.end, text + ", " * call.takes_arguments, call.start)


def as_dnn_contract(optimised: str) -> str:
    """Optimised Yul objects as DNN contracts: the magic first, the displaced built-ins moved."""
    tokens = Tokens.of(optimised)
    magic = f" {verbatim(MAGIC, 0, 0)})"
    edits = []
    for brace in _code_blocks(tokens):
        edits.append(Edit(tokens[brace].end, tokens[brace].end, magic, 0))
        for index in range(brace, tokens.closing(brace)):
            if tokens[index].kind is Kind.WORD and tokens[index].text in _BUILT_IN:
                edits.append(_moved(tokens, index))
    return EditedText.of(optimised, edits).text


def _moved(tokens: Tokens, index: int) -> Edit:
    name, end = tokens[index].text, tokens[index + 1].end
    inputs = len(tokens.arguments(index + 1))
    results = 0 if name.endswith("copy") else 1
    text = verbatim(bytes([_BUILT_IN[name]]), inputs, results) + ", " * (inputs > 0)
    return Edit(tokens[index].start, end, text, 0)


def _code_blocks(tokens: Tokens) -> Iterator[int]:
    """The indices of the braces that open the code of each object.

    What stands inside a code block is jumped over: a function may have a result named `code`.
    """
    index = 0
    while index < len(tokens):
        if tokens.text(index) == "code" and tokens.text(index + 1) == "{":
            yield index + 1
            index = tokens.closing(index + 1)
        index += 1
