"""What the marker does to a contract, and that nothing else does it (docs/isa.md §1)."""

from __future__ import annotations

import pytest
from eth.exceptions import InvalidInstruction, InvalidJumpDestination, OutOfGas
from eth.vm.forks.prague.opcodes import PRAGUE_OPCODES

from smartvm.compiler.program import Program, init_code
from smartvm.opcodes.table import RELOCATION, STANDARD

MAGIC = b"\xfcDNN\x01"
GAS = 100_000
INTRINSIC = 21_000
RETURN_TOP = bytes.fromhex("5f5260205ff3")  # returns the top of the Stack, in 5 instructions
ADDRESS = b"\xaa" * 20


def number(frame) -> int:
    return int.from_bytes(frame.output, "big")


def assert_halts(frame, error: type[Exception], gas: int = GAS) -> None:
    """The frame failed with just this error and took all the gas that it had."""
    assert type(frame.error) is error
    assert frame.get_gas_used() == gas - INTRINSIC
    assert frame.output == b""


def test_execution_starts_behind_the_magic(world):
    frame = world.run(Program().op("PC").raw(RETURN_TOP).bytecode())
    assert number(frame) == 5
    assert frame.get_gas_used() == 2 + 2 + 3 + 3 + 3 + 2 + 0  # MSTORE and a word of Memory: 3 + 3


def test_the_magic_alone_stops(world):
    frame = world.run(MAGIC)
    assert frame.is_success
    assert frame.get_gas_used() == 0


def test_code_size_and_copy_count_the_magic(world):
    copy = Program().op("CODESIZE").push(0).push(0).op("CODECOPY")
    code = copy.op("CODESIZE").push(0).op("RETURN").bytecode()
    assert code.startswith(MAGIC)
    assert world.run(code).output == code


def test_other_contracts_see_the_magic(world):
    code = Program().op("STOP").bytecode()
    target = world.put(code)
    size = Program(dnn=False).push_bytes(target).op("EXTCODESIZE").raw(RETURN_TOP)
    assert number(world.run(size.bytecode())) == len(code)
    copy = Program(dnn=False).push(len(code)).push(0).push(0).push_bytes(target).op("EXTCODECOPY")
    copy.push(len(code)).push(0).op("RETURN")
    assert world.run(copy.bytecode()).output == code


def test_jump_targets_count_the_magic(world):
    program = Program().push(9).op("JUMP").op("INVALID").label("here")
    code = program.push(7).raw(RETURN_TOP).bytecode()
    assert code[9] == 0x5B
    assert number(world.run(code)) == 7


@pytest.mark.parametrize("target", range(5))
def test_no_jump_lands_in_the_magic(world, target):
    code = Program().push(target).op("JUMP").bytecode()
    assert_halts(world.run(code, gas=GAS), InvalidJumpDestination)


def test_no_jump_lands_in_pushed_data(world):
    code = Program().push(9).op("JUMP").push_bytes(b"\x5b").bytecode()
    assert code[9] == 0x5B
    assert_halts(world.run(code, gas=GAS), InvalidInstruction)  # as py-evm has it


def test_a_jump_back_to_the_first_instruction(world):
    code = Program().label("start").jump("start").bytecode()
    assert code == MAGIC + bytes.fromhex("5b600556")
    assert_halts(world.run(code, gas=GAS), OutOfGas)


def test_code_cut_inside_a_push_reads_zeros(world, stock_world, words):
    for width in range(1, 33):
        tail = bytes([0x5F + width]) + b"\xff" * (width - 1)
        stock, marked = stock_world.run(tail), world.run(MAGIC + tail)
        assert words(marked) == words(stock)
        assert marked.get_gas_used() == stock.get_gas_used() == 3


def test_stock_nodes_fail_closed(stock_world):
    code = Program().push(7).raw(RETURN_TOP).bytecode()
    assert_halts(stock_world.run(code, gas=GAS), InvalidInstruction)


NEARLY = {
    "version 0": b"\xfcDNN\x00",
    "version 2": b"\xfcDNN\x02",
    "no version": b"\xfcDNN",
    "the first byte alone": b"\xfc",
    "lower case": b"\xfcdnn\x01",
    "another first byte": b"\xfdDNN\x01",
    "shifted by a JUMPDEST": b"\x5b" + MAGIC,
    "shifted by a STOP": b"\x00" + MAGIC,
    "pushed": b"\x64" + MAGIC,
    "pushed in the middle": b"\x5f\x60\x01\x64" + MAGIC,
    "nothing at all": b"",
}


@pytest.mark.parametrize("prefix", NEARLY.values(), ids=NEARLY.keys())
def test_anything_else_is_ordinary(assert_same_run, prefix):
    code = prefix + bytes.fromhex("30 5f 52 60 20 5f f3 21")  # ADDRESS is stock's 0x30
    assert_same_run({ADDRESS: code})


def test_displaced_numbers_are_undefined_in_ordinary_code(world):
    undefined = (*range(0x21, 0x30), *RELOCATION.values(), *range(0xBB, 0xF0))
    for opcode in undefined:
        assert_halts(world.run(b"\x5f" * 8 + bytes([opcode]), gas=GAS), InvalidInstruction)


def test_unassigned_numbers_are_undefined_in_marked_code(world):
    stock = {RELOCATION.get(opcode, opcode) for opcode in PRAGUE_OPCODES}
    unassigned = set(range(0x100)) - stock - set(STANDARD.by_opcode)
    assert {0xC9, 0xCF, 0xBB, 0xFC, 0xFE} <= unassigned
    for opcode in sorted(unassigned):
        code = MAGIC + b"\x5f" * 8 + bytes([opcode])
        assert_halts(world.run(code, gas=GAS), InvalidInstruction)


def test_the_marker_counts_towards_the_code_size_limit(world):
    for size, fits in (24_576, True), (24_577, False):
        runtime = MAGIC + bytes(size - len(MAGIC))
        frame = world.transact(b"", init_code(runtime), gas=10_000_000)
        assert frame.is_success is fits
        stored = world.state.get_code(frame.msg.storage_address)
        assert stored == (runtime if fits else b"")
