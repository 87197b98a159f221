"""SmartVM.sol: every function gives its instruction the words that the assembler would."""

from __future__ import annotations

import re
import struct
from functools import cache
from typing import Any

import pytest
from eth.exceptions import InvalidInstruction

from smartvm import assemble, execute
from smartvm.compiler.abi import encode_call
from smartvm.compiler.operands import operand_words
from smartvm.compiler.solidity import library
from smartvm.compiler.solidity.library import SHORT_FORMS, library_source
from smartvm.compiler.solidity.sources import LIBRARY
from smartvm.opcodes.instruction import Instruction, Kind, Operand
from smartvm.opcodes.table import INSTRUCTIONS
from smartvm.words import Address

HEAD = """// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;
import {SmartVM} from "smartvm/SmartVM.sol";
"""
FORMS = [
    (row, is_short)
    for row in INSTRUCTIONS
    for is_short in (False, True)
    if not is_short or row.mnemonic in SHORT_FORMS
]


def name(form: tuple[Instruction, bool]) -> str:
    return f"{form[0].mnemonic.lower()}_{'short' if form[1] else 'full'}"


def values(row: Instruction, is_short: bool) -> dict[str, Any]:
    """Different values for all arguments of a form, as the assembler takes them."""
    given: dict[str, Any] = {}
    for position, operand in enumerate(row.operands, 1):
        if row.pushes is None and operand is row.operands[-1]:
            given[operand.name] = 1
        elif operand.fields:
            for index, field in enumerate(operand.fields):
                if field and (not is_short or takes(row, operand, field)):
                    sign = -1 if operand.kind is Kind.SIGNED_FIELDS else 1
                    given[field] = sign * (10 * position + index)
        elif not is_short or operand.name in SHORT_FORMS[row.mnemonic]:
            given[operand.name] = value(operand.kind, position, is_short)
    return given


def takes(row: Instruction, operand: Operand, field: str) -> bool:
    """Whether a short form takes a field; four fields are one argument, named by the first."""
    chosen = operand.fields[0] if all(operand.fields) and len(operand.fields) == 4 else field
    return chosen in SHORT_FORMS[row.mnemonic]


def value(kind: Kind, position: int, is_short: bool) -> Any:
    if kind is Kind.SIGNED:
        return -position
    if kind is Kind.NUMBER or is_short:
        return position
    return {
        Kind.SPATIAL: (position, position + 50),
        Kind.PADDING: ((position, -1), (2, position + 60)),
        Kind.ADDRESS: Address(base=position, rows=7, columns=8, space=1, transposed=True),
    }[kind]


def solidity(row: Instruction, is_short: bool) -> str:
    """The call of the library's function with the same values."""
    given = values(row, is_short)
    arguments = []
    for operand in row.operands[: -1 if row.pushes is None else None]:
        fields = [field for field in operand.fields if field]
        if len(fields) == 4 and fields[0] in given:
            maker = "signedFields" if operand.kind is Kind.SIGNED_FIELDS else "fields"
            arguments.append(f"SmartVM.{maker}({', '.join(str(given[f]) for f in fields)})")
        elif fields:
            arguments += [str(given[field]) for field in fields if field in given]
        elif operand.name in given:
            arguments.append(word(given[operand.name]))
    function = library._camel(row.mnemonic.lower())
    return f"SmartVM.{function}({', '.join(arguments)});"


def word(given: Any) -> str:
    if isinstance(given, Address):
        return f"SmartVM.inBuffer({given.base}).shaped({given.rows}, {given.columns}).transposed()"
    if isinstance(given, tuple) and isinstance(given[0], tuple):
        return f"SmartVM.sides({', '.join(str(each) for pair in given for each in pair)})"
    if isinstance(given, tuple):
        return f"SmartVM.plane({given[0]}, {given[1]})"
    return str(given)


@cache
def harness() -> str:
    functions = "\n".join(
        f"function {name(form)}() external {{ SmartVM.bufAllo(1); SmartVM.bufAllo(1); "
        f"{solidity(*form)} }}"
        for form in FORMS
    )
    return f"contract Harness {{ {functions} }}"


@pytest.fixture(scope="module")
def runtime(compiled):
    compilation = compiled(harness())
    assert not [w for w in compilation.warnings if "restricted" not in w.message]
    return bytes.fromhex(compilation["Harness"].deployed_bytecode)


@pytest.mark.parametrize("form", FORMS, ids=name)
def test_the_operands_are_those_of_the_assembler(form, runtime):
    row, _ = form
    run = execute(runtime, calldata=encode_call(f"{name(form)}()"), trace=True)
    step = [step for step in run.steps if step.opcode == row.opcode][-1]
    expected = operand_words(row, values(*form))
    assert list(step.stack[: -len(expected) - 1 : -1]) == expected


def test_the_file_is_up_to_date():
    """If not: python scripts/solidity_library.py."""
    assert LIBRARY.read_text() == library_source()


def test_every_instruction_is_there_with_its_mutability():
    text = LIBRARY.read_text()
    for row in INSTRUCTIONS:
        heads = re.findall(
            rf"^    function {library._camel(row.mnemonic.lower())}\([^)]*\) internal(.*) {{",
            text,
            re.M,
        )
        assert len(heads) == 1 + (row.mnemonic in SHORT_FORMS)
        reads = any(operand.kind is Kind.ADDRESS for operand in row.operands)
        expected = "" if row.writes_state else " view" if reads else " pure"
        assert {head.partition(" returns")[0] for head in heads} == {expected}


LAYERS = """
contract Layers {
    function run() external view {
        SmartVM.bufAllo(1024);
        SmartVM.convMul(1, 1, 6, 32, 5, 1, 0);
        SmartVM.bufBias(SmartVM.inStorage(2).shaped(6, 784));
        SmartVM.bufScl1(1020, 1);
        SmartVM.actRl();
        SmartVM.poolMax(6, 28, 2, 2);
        SmartVM.fullCon(3, 0, 1176, 4);
        SmartVM.bufScl1(1020, 1);
    }
}
"""
BY_HAND = """
    BUF_ALLO size=1024
    CONV_MUL weights=1 in=1 out=6 size=32 kernel=5 stride=1
    BUF_BIAS address=block:2[6x784]
    BUF_SCL1 divisor=1020 rounding=1
    ACT_RL cap=0
    POOL_MAX channels=6 size=28 kernel=2 stride=2
    FULL_CON weights=3 in=1176 out=4
    BUF_SCL1 divisor=1020 rounding=1
"""


def gas_between(code: bytes, calldata: bytes = b"") -> int:
    """Gas of the stock instructions between the first and the last DNN instruction."""
    blocks = {1: [1] * 150, 2: [1] * 6, 3: [1] * 1176 * 4}
    steps = execute(code, calldata=calldata, blocks=blocks, trace=True).raise_for_error().steps
    numbers = {row.opcode for row in INSTRUCTIONS}
    places = [at for at, step in enumerate(steps) if step.opcode in numbers]
    between = steps[places[0] : places[-1]]
    assert len(places) == 8
    return sum(step.gas_cost for step in between if step.opcode not in numbers)


def test_a_call_costs_what_it_costs_by_hand(compiled):
    """With constants for arguments: no call, no masks, at most a gas an instruction."""
    code = bytes.fromhex(compiled(LAYERS)["Layers"].deployed_bytecode)
    assert gas_between(code, encode_call("run()")) <= gas_between(assemble(BY_HAND)) + 7


def test_what_assembly_leaves_above_64_bits_is_cut_off(compiled):
    """It would be another field of the operand word."""
    contract = compiled("""contract Dirty { function run() external pure returns (int256) {
        uint64 scale;
        assembly { scale := or(1000, shl(64, 7)) }
        SmartVM.bufAllo(1);
        SmartVM.actSm1(scale);
        return SmartVM.btos0(0);
    } }""")["Dirty"]
    code = bytes.fromhex(contract.deployed_bytecode)
    run = execute(code, calldata=encode_call("run()")).raise_for_error()
    assert int.from_bytes(run.output, "big") == 500


def test_other_compilers_take_the_library_and_its_contracts_halt(solc):
    """It is valid Solidity, so that editors can read it; what they build of it fails closed."""
    sources = {"test.sol": HEAD + LAYERS, "smartvm/SmartVM.sol": LIBRARY.read_text()}
    request = {
        "language": "Solidity",
        "sources": {name: {"content": text} for name, text in sources.items()},
        "settings": {
            "viaIR": True,
            "optimizer": {"enabled": True},
            "outputSelection": {"*": {"*": ["evm.deployedBytecode.object"]}},
        },
    }
    with solc.session() as compile_one:
        output = compile_one(request)
    assert not output.get("errors")
    code = output["contracts"]["test.sol"]["Layers"]["evm"]["deployedBytecode"]["object"]
    run = execute(bytes.fromhex(code), calldata=encode_call("run()"))
    assert isinstance(run.error, InvalidInstruction)


USER = """
contract User {
    function write(uint64 number, bytes memory items) external {
        SmartVM.writeBlock(number, items, 2);
    }
    function clear(uint64 number) external { SmartVM.deleteBlock(number); }
    function edges(int256[] memory x) external view returns (int256[] memory) {
        SmartVM.load(x);
        SmartVM.convMul({weights: 1, inChannels: 1, outChannels: 1, size: 4, kernel: 3,
                         stride: 1, padding: 0});
        SmartVM.actRl();
        return SmartVM.read(4);
    }
    function greatest(bytes memory items) external pure returns (uint256, int256) {
        SmartVM.load(items, 1, false);
        SmartVM.bufCopy();
        uint256 where = SmartVM.argMax(uint64(items.length));
        SmartVM.bufFree();
        return (where, SmartVM.btos0(where));
    }
    function product() external view returns (int256[] memory) {
        int256[] memory x = new int256[](2);
        (x[0], x[1]) = (3, -5);
        SmartVM.load(x);
        Tensor stored = SmartVM.inStorage(1).shaped(3, 3);
        SmartVM.bufFree();
        SmartVM.load(hex"010203", 1, true);
        SmartVM.matMul(SmartVM.inBuffer(0).shaped(1, 3), stored.transposed());
        return SmartVM.read(3);
    }
    function nothing() external pure returns (uint256 length, uint256 beyond) {
        SmartVM.load(hex"0707", 1, true);
        length = SmartVM.read(0).length;
        assembly { beyond := mload(mload(64)) }
    }
    function odd() external pure { SmartVM.load(hex"010203", 2, false); }
}
"""


def test_the_functions_of_several_instructions(compiled, side):
    contract = compiled(USER)["User"]
    user = side.deploy(contract.abi, contract.init_code())
    call = user.functions
    side.send(call.write(1, struct.pack(">9h", 0, -1, 0, -1, 4, -1, 0, -1, 0)))
    assert call.edges([0] * 5 + [9] + [0] * 10).call() == [36, 0, 0, 0]
    assert call.greatest(bytes([1, 2, 0xFF, 9, 3])).call() == [3, 9]
    assert call.nothing().call() == [0, 0]
    assert call.product().call() == [-2, -1 + 8 - 3, -2]
    side.send(call.clear(1))
    with pytest.raises(Exception, match="weights"):
        call.edges([0] * 16).call()
    with pytest.raises(Exception, match="reverted"):
        call.odd().call()
