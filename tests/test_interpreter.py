"""Runs of stack instructions change nothing: py-evm's plain loop is the judge.

Random code of a DNN contract is executed with its runs and, in a VM of the tests, without them,
with enough gas and with too little by every amount.
"""

from __future__ import annotations

from typing import Any

import pytest
from eth.exceptions import FullStack, InsufficientStack, OutOfGas
from eth.vm.code_stream import CodeStream
from hypothesis import given, settings
from hypothesis import strategies as st

from smartvm import SmartVM, assemble, execute
from smartvm.execution import Execution, fresh_state
from smartvm.opcodes import STANDARD
from smartvm.opcodes.decoding import ARITY, FOLDED
from smartvm.vm import MAGIC, SmartVMComputation, SmartVMState


class PlainComputation(SmartVMComputation):
    """A frame that executes one instruction after the other."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        position = self.code.program_counter
        self.code = CodeStream(self.msg.code)
        self.code.program_counter = position


PLAIN = SmartVM.configure(_state_class=SmartVMState.configure(computation_class=PlainComputation))
GAS = 5_000
STATES = {vm: fresh_state(vm) for vm in (PLAIN, SmartVM)}


def observed(code: bytes, vm: type[SmartVM], gas: int) -> dict[str, Any]:
    left: Execution = execute(code, vm=vm, gas=gas, state=STATES[vm], calldata=b"\x07" * 40)
    return {
        "error": repr(left.error),
        "gas": left.gas_used,
        "stack": left.stack,
        "memory": left.memory,
        "buffer": left.buffer,
        "output": left.output,
    }


def same(code: bytes, gas: int = GAS) -> dict[str, Any]:
    """What a run leaves, which must be what the plain loop leaves."""
    left = observed(code, SmartVM, gas)
    assert left == observed(code, PLAIN, gas)
    return left


def push(number: int, size: int = 32) -> bytes:
    return bytes([0x5F + size]) + number.to_bytes(32, "big")[32 - size :]


MOVES = [0x50, 0x58, 0x5B, 0x80, 0x81, 0x82, 0x85, 0x8F, 0x90, 0x91, 0x93, 0x9F]
ARITHMETIC = [*range(0x01, 0x08), 0x0B, *range(0x10, 0x1E)]
OTHERS = [0x51, 0x52, 0x54, 0x5A, 0xB5, 0xB6, 0xFE, 0x00]
DNN = [row.opcode for row in STANDARD.rows if not row.writes_state]

numbers = st.one_of(
    st.integers(0, 300),
    st.sampled_from([2**255, 2**256 - 1, 2**255 - 1, 255, 256]),
    st.integers(0, 2**256 - 1),
)

pushes = st.builds(push, numbers, st.sampled_from([0, 1, 1, 2, 2, 20, 32]))
constants = st.builds(
    lambda a, b, opcode: push(a) + push(b) + bytes([opcode]),
    numbers,
    numbers,
    st.sampled_from(ARITHMETIC),
)
jumps = st.builds(
    lambda gap, opcode: b"\x60\x03\x58\x01" + b"%c" % opcode + b"\xfe" * gap + b"\x5b",
    st.sampled_from([0, 0, 0, 1]),
    st.sampled_from([0x56, 0x57]),
)
byte = st.one_of(
    *[st.sampled_from(MOVES)] * 9,
    *[st.sampled_from(ARITHMETIC)] * 5,
    st.sampled_from(OTHERS),
    st.sampled_from(DNN),
)
part = st.one_of(*[pushes] * 3, *[byte.map(lambda n: b"%c" % n)] * 5, constants, jumps)
tails = st.builds(
    lambda filled, parts: b"".join(map(push, range(filled))) + b"".join(parts),
    st.sampled_from([0, 17, 17, 17, 17]),
    st.lists(part, max_size=40),
)


@settings(max_examples=10 * settings.default.max_examples)
@given(tail=tails)
def test_random_code(tail: bytes) -> None:
    same(MAGIC + tail)


@given(tail=tails, cut=st.integers(0, 40))
def test_random_code_that_ends_within_an_instruction(tail: bytes, cut: int) -> None:
    same(MAGIC + tail[: len(tail) - cut])


@settings(max_examples=4 * settings.default.max_examples)
@given(tail=tails, data=st.data())
def test_random_code_with_too_little_gas(tail: bytes, data: st.DataObject) -> None:
    used = same(MAGIC + tail)["gas"]
    for gas in data.draw(st.sets(st.integers(0, min(used, 150)), max_size=6)):
        same(MAGIC + tail, gas)


@pytest.mark.parametrize("opcode", FOLDED, ids=hex)
def test_arithmetic_on_constants(opcode: int) -> None:
    edges = [0, 1, 2, 255, 256, 2**255 - 1, 2**255, 2**256 - 1]
    pairs = b"".join(push(a) + push(b) + bytes([opcode]) for a in edges for b in edges)
    assert len(same(MAGIC + pairs)["stack"]) == 64 * (3 - ARITY[opcode])


def test_out_of_gas_at_every_step() -> None:
    code = assemble(
        """
        PUSH 3
        PUSH 5
        DUP2
        JUMP @on
    on:
        PUSH 0
        JUMPI @on
        SWAP1
        ADD
        BUF_ALLO size=4
        PUSH 6
        POP
        """
    )
    used = same(code)["gas"]
    for gas in range(used):
        left = same(code, gas)
        assert (left["gas"], left["error"][:8]) == (gas, "OutOfGas")
    assert same(code, used)["error"] == "None"


@pytest.mark.parametrize("extra", range(17))
def test_the_stack_overflows_at_the_same_instruction(extra: int) -> None:
    body = b"\x5b" + b"\x5f" * 13 + b"\x80" * extra + b"\x60\x05\x56"
    error = same(MAGIC + body, 30_000)["error"]
    assert error.startswith(FullStack.__name__)


@pytest.mark.parametrize("opcode", [0x50, 0x80, 0x84, 0x8F, 0x90, 0x97, 0x9F, 0x56, 0x57])
@pytest.mark.parametrize("items", [0, 1, 5, 16])
def test_the_stack_underflows_at_the_same_instruction(opcode: int, items: int) -> None:
    left = same(MAGIC + b"\x5f" * items + bytes([opcode, 0x60, 0x07]))
    if not items:
        assert left["error"].startswith(InsufficientStack.__name__)


@pytest.mark.parametrize(
    "code", ["6004565b", "600956605b00", "600756615b5b", "6001600957", "58565b"]
)
def test_jumps_to_where_no_instruction_stands(code: str) -> None:
    assert "Invalid" in same(MAGIC + bytes.fromhex(code))["error"]


@pytest.mark.parametrize("gas", [0, 10, 1_000, 1_010])
def test_an_endless_loop_ends_with_the_gas(gas: int) -> None:
    error = same(MAGIC + bytes.fromhex("5b600556"), gas)["error"]
    assert error.startswith(OutOfGas.__name__)


def test_an_ordinary_contract_is_read_by_py_evm() -> None:
    frames = []

    class Watched(SmartVMComputation):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            frames.append(type(self.code))

    vm = SmartVM.configure(_state_class=SmartVMState.configure(computation_class=Watched))
    execute(b"\x60\x01", vm=vm)
    execute(b"\x60\x01", vm=vm, mark=True, trace=True)
    assert frames == [CodeStream, CodeStream]
