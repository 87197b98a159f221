"""The validator around each instruction, and what becomes of a defect."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from eth.exceptions import OutOfGas
from eth.vm.forks.prague.opcodes import PRAGUE_OPCODES
from eth.vm.interrupt import MissingStorageTrieNode

from smartvm import gas
from smartvm.compiler.assembler import assemble
from smartvm.dispatch import KERNELS, Backend
from smartvm.exceptions import KernelFailure, MapMissing, OperandsMissing, StaticWrite
from smartvm.execution import CONTRACT, execute
from smartvm.opcodes import INSTRUCTIONS, RELOCATION, STANDARD, ValidatedInstruction, dnn_table

USES = {
    "convolve": "CONV_MUL weights=map:0 in=1 out=1 size=1",
    "pool_max": "POOL_MAX channels=1 size=1",
    "pool_average": "POOL_AVG channels=1 size=1",
    "matmul": "MAT_MUL a=map:0[1x1] b=map:0[1x1]",
    "add": "BUF_BIAS address=map:0",
    "multiply": "BUF_SCL0 times=2",
    "divide": "BUF_SCL1 divisor=2",
    "relu": "ACT_RL cap=6",
    "softmax": "ACT_SM0 scale=1",
    "sigmoid": "ACT_SM1 scale=1",
    "tanh": "ACT_TANH scale=1",
    "view": "BUF_VIEW offset=0",
    "concatenate": "BUF_COPY start=0\nBUF_CAT maps=2",
    "gather": "BUF_GATHER data=map:0[1]",
    "multiply_by": "BUF_MUL address=map:0",
    "divide_by": "BUF_DIV address=map:0",
    "clip": "BUF_CLIP low=0 high=1",
    "reduce": "BUF_REDUCE kind=0 axis=1",
    "function": "ACT_FUN scale=1 function=0",
}
DEFECTS = [
    ValueError("shapes (1,) and (2,)"),
    MemoryError(),
    RecursionError("maximum depth"),
    IndexError("index 7"),
    OverflowError("too large"),
    FloatingPointError("underflow"),
    np.exceptions.AxisError(3, 2),
    np.linalg.LinAlgError("singular"),
    NotImplementedError(),
    AssertionError(),
    KeyError("memo"),
]


def broken(error: BaseException) -> Backend:
    """A backend each of whose kernels raises one error."""

    def fail(*arguments: object) -> object:
        raise error

    kernels = dict.fromkeys(KERNELS, fail)
    return type("BrokenBackend", (Backend,), {"name": "broken"} | kernels)()


def run_on(backend: Backend, text: str):
    return execute(assemble(f"BUF_ALLO size=1\n{text}"), backend=backend, gas=100_000)


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_defect_of_any_kernel_fails_the_frame(kernel, caplog):
    text = USES[kernel]
    execution = run_on(broken(ValueError("unaligned")), text)
    mnemonic = text.splitlines()[-1].split()[0]
    assert type(execution.error) is KernelFailure
    message = f"{mnemonic}: kernel: expected a result, found ValueError('unaligned')"
    assert str(execution.error) == message
    assert execution.gas_used == 100_000
    (record,) = (each for each in caplog.records if each.name.startswith("smartvm"))
    assert (record.levelno, record.message) == (logging.ERROR, f"{mnemonic} failed")
    assert record.exc_info is not None


@pytest.mark.parametrize("error", DEFECTS, ids=lambda error: type(error).__name__)
def test_a_defect_of_any_kind_fails_the_frame(error):
    execution = run_on(broken(error), "BUF_SCL0 times=2")
    assert type(execution.error) is KernelFailure
    assert execution.error.__cause__ is error


def test_a_defect_reverts_what_the_frame_has_written():
    text = "PUSH 1\nPUSH 7\nSSTORE\nBTOS1 first=0 block=1\nBUF_SCL0 times=2"
    execution = run_on(broken(ValueError()), text)
    assert type(execution.error) is KernelFailure
    assert execution.state.get_storage(CONTRACT, 7) == 0
    assert not execution.state.has_block(CONTRACT, 1)


@pytest.mark.parametrize("signal", [KeyboardInterrupt, SystemExit])
def test_what_stops_the_process_passes(signal):
    with pytest.raises(signal):
        run_on(broken(signal()), "BUF_SCL0 times=2")


def test_a_missing_trie_node_passes():
    """Py-evm's own signal to a client that fetches the state as it goes; no fault of the frame."""
    signal = MissingStorageTrieNode(b"\1" * 32, b"\2" * 32, b"\3" * 32, (), b"\4" * 20)
    with pytest.raises(MissingStorageTrieNode):
        run_on(broken(signal), "BUF_SCL0 times=2")


# The order of the checks


@pytest.mark.parametrize("row", INSTRUCTIONS, ids=lambda row: row.mnemonic)
def test_the_stack_comes_first_then_the_buffer_and_nothing_is_popped(run, row):
    count = len(row.operands)
    outcome = run("PUSH 7\n" * (count - 1) + row.mnemonic, static=True)
    assert type(outcome.error) is OperandsMissing
    assert (outcome.error.expected, outcome.error.found) == (f"{count} items", count - 1)
    assert outcome.execution.stack == [7] * (count - 1)
    assert outcome.step.gas_cost == 0
    if row.maps:
        outcome = run("PUSH 7\n" * count + row.mnemonic, static=True)
        assert type(outcome.error) is MapMissing
        assert outcome.execution.stack == [7] * count
        assert outcome.step.gas_cost == 0


@pytest.mark.parametrize("row", INSTRUCTIONS, ids=lambda row: row.mnemonic)
def test_the_base_price_comes_before_all_else(run, row):
    pushes = "PUSH 7\n" * len(row.operands) + row.mnemonic
    outcome = run(pushes, maps=[[1]] * row.maps, gas=100_000)
    spent = 100_000 - outcome.step.gas
    outcome = run(pushes, maps=[[1]] * row.maps, gas=spent + gas.BASE - 1)
    assert type(outcome.error) is OutOfGas
    assert outcome.step.gas_cost == 0
    assert outcome.execution.stack == [7] * len(row.operands)


def test_only_one_instruction_writes_state(run):
    assert [row.mnemonic for row in INSTRUCTIONS if row.writes_state] == ["BTOS1"]
    outcome = run("PUSH 0\nPUSH 0\nBTOS1", static=True)
    assert type(outcome.error) is StaticWrite
    assert outcome.execution.stack == [0, 0]


# The table of a DNN contract


def test_the_opcodes_of_a_dnn_contract():
    table = dnn_table(PRAGUE_OPCODES, STANDARD)
    for number, row in STANDARD.by_opcode.items():
        instruction = table[number]
        assert isinstance(instruction, ValidatedInstruction)
        assert (instruction.mnemonic, instruction.gas_cost) == (row.mnemonic, gas.BASE)
    for number, relocated in RELOCATION.items():
        assert (number, table[relocated]) == (relocated - 0x80, PRAGUE_OPCODES[number])
    rest = set(PRAGUE_OPCODES) - set(range(0x21, 0x3B))
    assert {number for number in rest if table[number] is not PRAGUE_OPCODES[number]} == set()
    assert set(table) == rest | set(STANDARD.by_opcode) | set(range(0xB0, 0xBB))


def test_the_stock_table_is_left_alone():
    before = dict(PRAGUE_OPCODES)
    dnn_table(PRAGUE_OPCODES, STANDARD)
    assert before == PRAGUE_OPCODES
    assert PRAGUE_OPCODES[0x30].mnemonic == "ADDRESS"
