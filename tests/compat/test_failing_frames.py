"""A DNN frame that fails burns its gas and takes back its changes; its caller goes on."""

from __future__ import annotations

import pytest
from eth.exceptions import FullStack, OutOfGas

from smartvm import exceptions
from smartvm.compiler.program import Program
from smartvm.words import Address

CALLER, CALLEE = b"\xaa" * 20, b"\xbb" * 20
CHILD_GAS = 200_000


def one_map(items: int = 4, value: int = 1) -> Program:
    return Program().op("BUF_ALLO", size=items).op("BUF_FIL", value=value)


FAILURES = {
    "no operands": (one_map().raw(b"\x22"), exceptions.OperandsMissing),
    "no map": (Program().op("BUF_FIL", value=1), exceptions.MapMissing),
    "no map so deep": (
        one_map().op("BUF_BIAS", address=Address(3, rows=4, space=1)),
        exceptions.MapMissing,
    ),
    "33 bytes an item": (one_map().op("BTOM", offset=0, item_bytes=33), exceptions.OperandError),
    "a map of no items": (Program().op("BUF_ALLO", size=0), exceptions.OperandError),
    "does not divide": (one_map().op("POOL_MAX", channels=3, size=1), exceptions.ShapeError),
    "no divisor": (one_map().op("BUF_SCL1", divisor=0), exceptions.DivisionByZero),
    "no scale": (one_map().op("ACT_SM1", scale=0), exceptions.DivisionByZero),
    "too wide for Memory": (
        one_map(value=128).op("BTOM", offset=0, item_bytes=1),
        exceptions.ItemRangeError,
    ),
    "too wide for a block": (
        one_map(value=-129).op("BTOS1", first=0, block=1, item_bytes=1),
        exceptions.ItemRangeError,
    ),
    "no block": (one_map().op("BUF_BIAS", address=404), exceptions.BlockMissing),
    "a block too large": (
        one_map(items=32_769, value=1).op("BTOS1", first=0, block=1, item_bytes=32),
        exceptions.BlockTooLarge,
    ),
    "a Buffer too large": (Program().op("BUF_ALLO", size=2**255), OutOfGas),
    "a Memory too large": (Program().op("MTOB", offset=2**255, count=1), OutOfGas),
    "a full Stack": (one_map(items=1025).op("BTOS0", first=0), FullStack),
}


def calling(gas: int = CHILD_GAS) -> bytes:
    """Ordinary code that calls CALLEE and returns (success, size of the returned data)."""
    program = Program(dnn=False).push(0).push(0).push(0).push(0).push(0).push_bytes(CALLEE)
    program.push(gas).op("CALL").push(0).op("MSTORE").op("RETURNDATASIZE").push(32).op("MSTORE")
    return program.push(64).push(0).op("RETURN").bytecode()


@pytest.fixture
def traces() -> Program:
    """Changes that a failure must take back: a slot, a log, a block."""
    program = Program().push(1).push(1).op("SSTORE").push(0).push(0).op("LOG0")
    program.op("BUF_ALLO", size=1)
    return program.op("BTOS1", first=0, block=7).op("BUF_FREE", size=0)


@pytest.mark.parametrize(("program", "error"), FAILURES.values(), ids=FAILURES.keys())
def test_failure(world, traces, program, error):
    world.put(traces.include(program).bytecode(), CALLEE)
    world.put(calling(), CALLER)
    frame = world.transact(CALLER)
    (child,) = frame.children
    assert type(child.error) is error
    assert child.get_gas_used() == CHILD_GAS
    assert frame.output == bytes(64)
    # 5 PUSH0, PUSH20, PUSH3, a cold account; PUSH0, MSTORE; 2, 3, MSTORE; PUSH1, PUSH0; 2 words
    assert frame.get_gas_used() == 10 + 3 + 3 + 2_600 + CHILD_GAS + 5 + 8 + 5 + 6
    assert frame.get_log_entries() == ()
    assert world.state.get_storage(CALLEE, 1) == 0
    assert not world.state.has_block(CALLEE, 7)


@pytest.mark.parametrize(("program", "error"), FAILURES.values(), ids=FAILURES.keys())
def test_failure_of_a_transaction(world, program, error):
    frame = world.run(program.bytecode(), gas=300_000)
    assert type(frame.error) is error
    assert frame.get_gas_used() == 300_000 - 21_000
    assert frame.output == b""


@pytest.mark.parametrize("value", [b"\x80", b"\x83\x01\x02", b"\x84\x01\x03\x00\x00", b"\x05"])
def test_a_malformed_block(world, value):
    """No program can write one; a state from elsewhere may hold one all the same."""
    address = world.put(one_map().op("BUF_BIAS", address=1).bytecode())
    world.state.set_block(address, 1, value)
    frame = world.transact(address)
    assert type(frame.error) is exceptions.BlockMalformed
    assert frame.get_gas_used() == frame.msg.gas


def test_the_error_names_instruction_operand_expected_and_found(world):
    frame = world.run(one_map().op("POOL_MAX", channels=3, size=1).bytecode())
    error = frame.error
    assert (error.instruction, error.found) == ("POOL_MAX", 4)
    assert str(error) == f"POOL_MAX: {error.operand}: expected {error.expected}, found 4"


def test_out_of_gas_at_every_amount(world):
    """With less than it needs a program always fails for gas; nothing is computed on credit."""
    program = one_map(items=64, value=3).op("BUF_SCL0", times=2**200).op("BTOM", offset=0)
    program.op("BUF_SCL1", divisor=7).op("BTOS1", first=0, block=1, count=2)
    code = program.push(32).push(0).op("RETURN").bytecode()
    needed = world.transact(world.put(code, CALLER)).get_gas_used()
    address = world.put(code, CALLEE)
    amounts = {*range(0, needed, 97), needed - 1}
    for amount in sorted(amounts):
        frame = world.transact(address, gas=21_000 + amount)
        assert type(frame.error) is OutOfGas
        assert frame.get_gas_used() == amount
    assert world.transact(address, gas=21_000 + needed).is_success


def recursing() -> Program:
    """Work on the Buffer, call oneself with all gas, work again; the depth is left in slot 0."""
    program = Program().push(0).op("SLOAD").push(1).op("ADD").push(0).op("SSTORE")
    program.op("BUF_ALLO", size=9).op("BUF_FIL", value=2)
    program.push(0).push(0).push(0).push(0).push(0).op("ADDRESS").op("GAS").op("CALL").op("POP")
    window = {"in_channels": 1, "out_channels": 1, "size": 3, "kernel": 3}
    program.op("CONV_MUL", weights=Address(0, space=1), **window)
    return program.op("ACT_SM0", scale=1000)


def test_the_deepest_calls(world):
    """1,024 calls below the first; the kernels run at the bottom as at the top."""
    address = world.put(recursing().bytecode())
    frame = world.transact(address, gas=10**15)
    assert frame.is_success, frame.error
    assert world.state.get_storage(address, 0) == 1025
    depth = 0
    while frame.children:
        (frame,) = frame.children
        depth += 1
        assert frame.is_success, frame.error
        assert [list(tensor) for tensor in frame.buffer.maps] == [[1000]]
    assert depth == 1024
