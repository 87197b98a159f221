"""An error is shown at the user's own line, whoever finds it."""

from __future__ import annotations

from typing import Any

import pytest

from smartvm.compiler.solidity import Settings, SolidityError, compile_sources, compile_yul
from smartvm.compiler.solidity.calls import yul_names
from smartvm.compiler.solidity.rewriting import solidity_for_solc
from smartvm.opcodes.table import STANDARD

NAMES = yul_names(STANDARD)


def in_assembly(statement: str, mutability: str = "", before: str = "") -> str:
    """A source with the statement in line 8."""
    return f"""// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;
{before}
contract C {{
    // "signs of several bytes: äöü €"
    function f() external {mutability} {{
        assembly {{ let x := 1 act_rl(x)
            {statement}
        }}
    }}
}}"""


def errors(text: str, solc: Any = None) -> list[tuple[int, int, str]]:
    with pytest.raises(SolidityError) as caught:
        compile_sources({"test.sol": text}, settings=Settings(solc=solc))
    problems = [each for each in caught.value.diagnostics if each.severity == "error"]
    assert all(each.file == "test.sol" for each in problems)
    return [(each.line, each.column, each.message) for each in problems]


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (
            "buf_scl0(1, 2)",
            "buf_scl0 takes 1 argument, found 2: buf_scl0(times)",
        ),
        (
            "conv_mul(1, add(1, mul(2, 3)), 3)",
            "conv_mul takes 8 arguments, found 3: conv_mul(weights, in_channels+groups, "
            "out_channels, size, kernel, stride, padding, dilation)",
        ),
        ("buf_allo()", "buf_allo takes 1 argument, found 0: buf_allo(size)"),
        (
            "x := btos0(0, 2)",
            "btos0: count: expected 1, found 2: in Yul a call gives as many values as its text "
            "says (use btom for more)",
        ),
        ("let mtob := 1", "mtob is a DNN instruction: choose another name, or call it as "),
        ("function buf_fil(v) { }", "buf_fil is a DNN instruction: choose another name"),
    ],
)
def test_ours_come_before_solc_is_asked(statement, message):
    with pytest.raises(SolidityError) as caught:
        solidity_for_solc(in_assembly(statement), NAMES, "test.sol")
    (problem,) = caught.value.diagnostics
    assert problem.message.startswith(message)
    name = message.partition(" ")[0].rstrip(":")
    assert (problem.line, problem.column) == (8, 13 + statement.index(name))
    assert problem.source.strip() == statement


def test_all_of_them_at_once():
    text = in_assembly("buf_scl0() buf_scl1()\n act_rl(1, 2)")
    with pytest.raises(SolidityError) as caught:
        solidity_for_solc(text, NAMES, "test.sol")
    places = [(each.line, each.column) for each in caught.value.diagnostics]
    assert places == [(8, 13), (8, 24), (9, 2)]


@pytest.mark.parametrize(
    ("statement", "mutability", "message"),
    [
        ("act_rll(1)", "", "Function \"act_rll\" not found (did you mean 'act_rl'?)"),
        ("CONV_MUL(1)", "", "Function \"CONV_MUL\" not found (did you mean 'conv_mul'?)"),
        ("x := act_rl(1)", "", "Variable count for assignment"),
        ("btos1(0, 0)", "view", "Function cannot be declared as view"),
        ("btos1(0, 0)", "pure", "Function cannot be declared as pure"),
        ("full_con(1, 2, 3, 4, 0)", "pure", "Function declared as pure"),
        ("buf_scl0(undefined)", "", "undefined"),
    ],
)
def test_solcs_at_the_line_before_anything_was_put_in(solc, statement, mutability, message):
    line, _, found = errors(in_assembly(statement, mutability), solc)[0]
    assert line == 8
    assert message in found


def test_a_modifier_that_writes_blocks_makes_no_view(solc):
    text = in_assembly("", "view m").replace(
        "contract C {",
        """contract C {
    modifier m() { assembly { btos1(0, 0) } _; }""",
    )
    ((line, _, message),) = errors(text, solc)
    assert line == 7
    assert "modifies the state" in message


def test_the_library_has_the_mutability_of_its_instructions(solc):
    text = in_assembly("", "pure", 'import {SmartVM} from "smartvm/SmartVM.sol";')
    text = text.replace("assembly {", "SmartVM.convMul(1, 1, 1, 4, 3, 1, 0); assembly {")
    ((line, column, message),) = errors(text, solc)
    assert (line, column) == (7, 9)
    assert "view" in message


def test_an_import_that_is_not_there():
    text = 'pragma solidity ^0.8.37;\nimport {A} from "./there/A.sol";'
    assert errors(text) == [(2, 17, "import not found: there/A.sol, looked for in .")]


def test_the_file_is_named_where_no_place_in_it_is(solc):
    compilation = compile_sources({"test.sol": "contract C {}"}, settings=Settings(solc=solc))
    assert {str(each).partition(" ")[0] for each in compilation.warnings} == {"test.sol:"}


def test_errors_come_before_warnings(solc):
    with pytest.raises(SolidityError) as caught:
        compile_sources({"test.sol": "contract C { X x; }"}, settings=Settings(solc=solc))
    severities = [each.severity for each in caught.value.diagnostics]
    assert severities[0] == "error"
    assert severities == sorted(severities)


def test_a_warning_is_given_once(solc):
    """Not again for the Yul that solc has made of the Solidity."""
    text = in_assembly("").replace("assembly", "selfdestruct(payable(msg.sender)); assembly")
    compilation = compile_sources({"test.sol": text}, settings=Settings(solc=solc))
    (warning,) = compilation.warnings
    assert (warning.line, "deprecated" in warning.message) == (7, True)


def test_it_reads_well():
    with pytest.raises(SolidityError) as caught:
        solidity_for_solc(in_assembly("\tbuf_scl0()"), NAMES, "test.sol")
    assert str(caught.value).splitlines() == [
        "test.sol:8:14: error: buf_scl0 takes 1 argument, found 0: buf_scl0(times)",
        "                \tbuf_scl0()",
        "                \t^",
    ]


def test_yul_too(solc):
    text = 'object "O" {\n    code {\n        act_rl(1) btos1(1)\n    }\n}'
    with pytest.raises(SolidityError) as ours:
        compile_yul(text, "o.yul", Settings(solc=solc))
    assert str(ours.value).startswith("o.yul:3:19: error: btos1 takes 2 arguments, found 1")
    with pytest.raises(SolidityError) as theirs:
        compile_yul(text.replace("btos1(1)", "act_rl(1) sstore(1)"), "o.yul", Settings(solc=solc))
    assert str(theirs.value).startswith('o.yul:3:29: error: Function "sstore" expects 2')
