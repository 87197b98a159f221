"""Traces: one step an instruction, and nothing else changes."""

from __future__ import annotations

from itertools import pairwise

import pytest
from eth.exceptions import Halt, InvalidInstruction, OutOfGas

from smartvm import assemble, execute
from smartvm import gas as prices
from smartvm.exceptions import ShapeError
from smartvm.execution import fresh_state
from smartvm.vm import MAGIC

PROGRAM = "BUF_ALLO size=3\nBUF_FIL value=7\nBUF_ALLO size=1\nPUSH 5\nSTOP"
OTHER = b"\x77" * 20


def mnemonics(steps) -> list[str]:
    return [step.mnemonic for step in steps]


def test_a_step_an_instruction():
    steps = execute(assemble(PROGRAM), trace=True).steps
    assert mnemonics(steps) == [
        "PUSH1", "BUF_ALLO", "PUSH1", "BUF_FIL", "PUSH1", "BUF_ALLO", "PUSH1", "STOP",
    ]  # fmt: skip
    assert [step.opcode for step in steps[:3]] == [0x60, 0x38, 0x60]
    assert [step.stack for step in steps[:4]] == [(), (3,), (), (7,)]
    assert [step.buffer_maps for step in steps[1::2]] == [(3,), (3,), (3, 1), (3, 1)]
    assert [step.buffer_bytes for step in steps[1::2]] == [6, 6, 8, 8]
    assert {step.depth for step in steps} == {0}
    assert all(step.seconds >= 0 for step in steps)


def test_program_counters_point_at_the_instruction():
    code = assemble(PROGRAM)
    steps = execute(code, trace=True).steps
    assert [step.pc for step in steps] == [5, 7, 8, 10, 11, 13, 14, 16]
    assert [code[step.pc] for step in steps] == [step.opcode for step in steps]


def test_the_end_of_the_code_is_a_stop_behind_it():
    code = assemble("PUSH 5")
    steps = execute(code, trace=True).steps
    assert [(step.mnemonic, step.pc) for step in steps] == [("PUSH1", 5), ("STOP", 7)]
    assert len(code) == 7


def test_a_push_that_is_cut_short():
    steps = execute(MAGIC + b"\x61\x01", trace=True).steps
    assert [(step.mnemonic, step.pc) for step in steps] == [("PUSH2", 5), ("STOP", 7)]


def test_jumps():
    code = assemble("PUSH @end\nJUMP\nINVALID\nend: STOP")
    steps = execute(code, trace=True).steps
    assert [(step.mnemonic, step.pc) for step in steps] == [
        ("PUSH1", 5), ("JUMP", 7), ("JUMPDEST", 9), ("STOP", 10),
    ]  # fmt: skip


def test_gas_before_and_cost():
    execution = execute(assemble(PROGRAM), gas=100_000, trace=True)
    steps = execution.steps
    assert steps[0].gas == 100_000
    for step, following in pairwise(steps):
        assert following.gas == step.gas - step.gas_cost
    assert sum(step.gas_cost for step in steps) == execution.gas_used


def test_relocated_instructions_have_their_own_names():
    (step, *_) = execute(assemble("ADDRESS"), trace=True).steps
    assert (step.opcode, step.mnemonic) == (0xB0, "ADDRESS")


def test_an_ordinary_contract():
    steps = execute("60016002013000", trace=True).steps
    assert mnemonics(steps) == ["PUSH1", "PUSH1", "ADD", "ADDRESS", "STOP"]
    assert [step.pc for step in steps] == [0, 2, 4, 5, 6]
    assert {(step.buffer_bytes, step.buffer_maps) for step in steps} == {(0, ())}


def test_bytes_on_the_stack_are_numbers():
    steps = execute(assemble("ADDRESS\nPOP"), trace=True).steps
    assert steps[1].stack == (int.from_bytes(b"\xc0" * 20, "big"),)


@pytest.mark.parametrize(
    ("text", "error", "mnemonic"),
    [
        ("BUF_ALLO size=3\nACT_SM0 scale=1 group=2", ShapeError, "ACT_SM0"),
        (".byte 0x0c", InvalidInstruction, "INVALID"),
        (f"BUF_ALLO size={2**60}", OutOfGas, "BUF_ALLO"),
    ],
)
def test_the_last_step_has_the_error(text, error, mnemonic):
    execution = execute(assemble(text), trace=True)
    last = execution.steps[-1]
    assert (type(last.error), last.error) == (error, execution.error)
    assert last.mnemonic == mnemonic
    assert all(step.error is None for step in execution.steps[:-1])


def test_halting_is_how_py_evm_ends_a_frame():
    steps = execute(assemble("STOP"), trace=True).steps
    assert isinstance(steps[-1].error, Halt)


def test_what_a_failing_instruction_had_paid_by_then():
    execution = execute(assemble("BUF_ALLO size=1\nBUF_BIAS address=9"), trace=True)
    assert execution.steps[-1].gas_cost == prices.BASE + prices.BLOCK_READ_COLD
    assert execution.gas_used == 30_000_000  # the frame burns the rest


def test_calls_have_steps_of_their_own():
    state = fresh_state()
    state.set_code(OTHER, assemble("BUF_ALLO size=2\nSTOP"))
    target = int.from_bytes(OTHER, "big")
    push = "PUSH 0\n" * 4
    text = f"BUF_ALLO size=9\n{push}PUSH {target}\nGAS\nSTATICCALL\nSTOP"
    execution = execute(assemble(text), state=state, trace=True)
    assert execution.stack == [1]
    inner = [step for step in execution.steps if step.depth == 1]
    assert [(step.mnemonic, step.buffer_maps) for step in inner] == [
        ("PUSH1", ()), ("BUF_ALLO", (2,)), ("STOP", (2,)),
    ]  # fmt: skip
    (call,) = (step for step in execution.steps if step.mnemonic == "STATICCALL")
    assert call.buffer_maps == (9,)
    assert call.gas_cost > sum(step.gas_cost for step in inner)
    assert execution.steps.index(call) == execution.steps.index(inner[-1]) + 1


TEXTS = [
    PROGRAM,
    "BUF_ALLO size=3\nACT_SM0 scale=1 group=2",
    "PUSH 0\nSLOAD\nPUSH 1\nPUSH 0\nSSTORE\nPUSH 0\nPUSH 0\nREVERT",
    ".byte 0x0c",
    "PUSH 1\nJUMP",
    "POP",
]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("gas", [150, 100_000])
def test_a_trace_changes_nothing(text, gas):
    plain, traced = (execute(assemble(text), gas=gas, trace=trace) for trace in (False, True))
    assert repr(plain.error) == repr(traced.error)
    for name in ("output", "gas_used", "logs", "stack", "buffer", "memory"):
        assert getattr(plain, name) == getattr(traced, name)
    assert plain.steps == []
    assert traced.steps
