"""SmartVM: the marker, a Buffer a frame, backends, and what a failing frame leaves.

tests/compat/ holds all of it to stock py-evm.
"""

from __future__ import annotations

import pytest
from eth.exceptions import InvalidInstruction, OutOfGas

from smartvm import Program, SmartVM, assemble, execute
from smartvm.dispatch import Backend, Dispatcher, available_backends, make_dispatcher
from smartvm.exceptions import BackendError, MapMissing
from smartvm.execution import CONTRACT, fresh_state
from smartvm.storage import resident
from smartvm.vm import MAGIC, SmartVMState

OTHER = b"\x77" * 20
CALL = "PUSH 0\n" * 5 + f"PUSH {int.from_bytes(OTHER, 'big')}\nPUSH 50000\nCALL\n"
TWO = "BUF_ALLO size=1\nBUF_FIL value=2\n"
RETURN_ITEM = "BTOM offset=0\nPUSH 32\nPUSH 0\nRETURN"
NETWORK = (
    "BUF_ALLO size=64\nBUF_FIL value=100\n"
    "CONV_MUL weights=1 in=1 out=4 size=8 kernel=3 padding=1\nACT_RL cap=0\n"
    "POOL_MAX channels=4 size=8 kernel=2\nBUF_SCL1 divisor=7 rounding=1\n"
    "FULL_CON weights=2 bias=3 in=64 out=10\nACT_SM0 scale=1000\n" + RETURN_ITEM
)
BLOCKS = {1: range(-18, 18), 2: [n % 13 - 6 for n in range(640)], 3: range(10)}


def with_other(code: bytes, vm: type[SmartVM] = SmartVM) -> SmartVMState:
    """A state in which there is another contract."""
    state = fresh_state(vm)
    state.set_code(OTHER, code)
    return state


# The marker


def test_the_marker_is_five_bytes():
    assert MAGIC.hex() == "fc444e4e01"


@pytest.mark.parametrize("length", range(5))
def test_a_part_of_it_is_no_marker(length):
    execution = execute(MAGIC[:length] + b"\x5f\x38", gas=1000)
    assert (execution.error is None) == (length == 0)
    assert execution.buffer == []


@pytest.mark.parametrize("first", [b"\xfcDNN\x00", b"\xfcDNN\x02", b"\xfcdnn\x01"])
def test_another_version_fails_closed(first):
    execution = execute(first + b"\x60\x01\x38", gas=1000)
    assert type(execution.error) is InvalidInstruction
    assert execution.gas_used == 1000


def deploying(runtime: bytes, dnn: bool) -> str:
    """A program that creates a contract and leaves its address, or zero, on the Stack."""
    init = Program(dnn=dnn)
    if dnn:
        init.op("BUF_ALLO", size=1).op("BUF_FREE", size=0)
    init.data("runtime", runtime).push_size("runtime").op("DUP1")
    init.push_offset("runtime").push(0).op("CODECOPY").push(0).op("RETURN")
    code = init.bytecode()
    copy = "PUSH @init.size\nDUP1\nPUSH @init\nPUSH 0\nCODECOPY\nPUSH 0\nPUSH 0\nCREATE\nSTOP\n"
    return f"{copy}.data init 0x{code.hex()}"


@pytest.mark.parametrize("dnn_init", [False, True])
@pytest.mark.parametrize("runtime", [assemble(TWO), b"\x60\x02"])
@pytest.mark.parametrize("creator", ["", ".stock\n"])
def test_init_and_runtime_code_are_each_told_by_their_own_marker(creator, dnn_init, runtime):
    execution = execute(assemble(creator + deploying(runtime, dnn_init)))
    (address,) = execution.raise_for_error().stack
    deployed = address.to_bytes(20, "big")
    assert execution.state.get_code(deployed) == runtime
    run = execute(execution.state.get_code(deployed))
    expected = ([], [[2]]) if runtime.startswith(MAGIC) else ([2], [])
    assert (run.stack, run.buffer) == expected


# Frames


def test_each_frame_has_a_buffer_of_its_own():
    state = with_other(assemble("BUF_FREE size=0"))
    execution = execute(assemble(f"{TWO}{CALL}"), state=state)
    assert execution.stack == [0]  # the called frame had no map to free
    assert execution.buffer == [[2]]


def test_a_frame_begins_with_an_empty_buffer_again():
    state = with_other(assemble(f"{TWO}{RETURN_ITEM}"))
    execution = execute(assemble(CALL * 2), state=state)
    assert execution.stack == [1, 1]


@pytest.mark.parametrize(
    "failure",
    [
        "BUF_SCL1 divisor=0",
        "BUF_BIAS address=404",
        "POOL_MAX channels=9 size=9",
        f"BUF_ALLO size={2**60}",
    ],
)
def test_a_failing_frame_burns_its_gas_and_leaves_nothing(failure):
    writes = "PUSH 1\nPUSH 1\nSSTORE\nPUSH 0\nPUSH 0\nLOG0\nBTOS1 first=0 block=5\n"
    state = with_other(assemble(f"{TWO}{writes}{failure}"))
    execution = execute(assemble(f"{TWO}{CALL}RETURNDATASIZE"), state=state, trace=True)
    assert execution.stack == [0, 0]
    assert execution.logs == ()
    assert execution.buffer == [[2]]
    assert state.get_storage(OTHER, 1) == 0
    assert not state.has_block(OTHER, 5)
    (call,) = (step for step in execution.steps if step.mnemonic == "CALL")
    assert call.gas_cost == 50_000 + 2_600  # all that it was given, and a cold account


def test_a_buffer_is_no_part_of_what_a_frame_returns():
    state = with_other(assemble(f"{TWO}BUF_ALLO size=1000"))
    execution = execute(assemble(f"{CALL}BUF_FREE size=0"), state=state)
    assert isinstance(execution.error, MapMissing)


# Backends


def test_the_default_backend_is_the_best_there_is():
    state = fresh_state()
    assert state.kernels.backends[0].name == available_backends()[0]
    assert state.kernels is fresh_state().kernels


def test_a_backend_by_name_or_instance():
    for backend in ("reference", "numpy", make_dispatcher("reference")):
        machine = SmartVM.with_backend(backend)
        assert issubclass(machine, SmartVM)
        assert isinstance(fresh_state(machine).kernels, Dispatcher)
    assert fresh_state(SmartVM.with_backend("reference")).kernels.backends[0].name == "reference"


def test_choosing_a_backend_leaves_the_class_alone():
    before = fresh_state().kernels
    SmartVM.with_backend("reference")
    assert fresh_state().kernels is before
    assert SmartVM._state_class.backend is None


def test_an_unknown_backend_is_refused_at_once():
    with pytest.raises(BackendError, match="unknown backend 'abacus'"):
        SmartVM.with_backend("abacus")


class Recording(Backend):
    """Notes which kernels run, and leaves them to the next backend otherwise."""

    name = "recording"

    def __init__(self) -> None:
        self.calls: list[str] = []

    def multiply(self, x, factor):
        self.calls.append("multiply")
        return make_dispatcher("reference").multiply(x, factor)


def test_an_instance_runs_its_kernels_and_others_run_elsewhere():
    backend = Recording()
    execution = execute(assemble(f"{TWO}BUF_SCL0 times=3\nBUF_SCL1 divisor=2"), backend=backend)
    assert execution.buffer == [[3]]
    assert backend.calls == ["multiply"]


def test_result_and_gas_do_not_depend_on_the_backend():
    executions = [
        execute(assemble(NETWORK), blocks=BLOCKS, backend=b) for b in available_backends()
    ]
    first = executions[0].raise_for_error()
    assert len(first.buffer[0]) == 10
    for execution in executions[1:]:
        assert execution.raise_for_error().buffer == first.buffer
        assert (execution.output, execution.gas_used) == (first.output, first.gas_used)


def test_result_and_gas_do_not_depend_on_the_resident_cache():
    resident.clear()
    cold, warm = (execute(assemble(NETWORK), blocks=BLOCKS) for _ in range(2))
    resident.clear()
    state = cold.state
    again = [execute(assemble(NETWORK), state=state) for _ in range(2)]
    assert cold.error is None
    for execution in (warm, *again):
        assert (execution.output, execution.gas_used) == (cold.output, cold.gas_used)


def test_out_of_gas_anywhere_is_the_same_on_every_backend():
    needed = execute(assemble(NETWORK), blocks=BLOCKS).gas_used
    for gas in range(0, needed, needed // 20):
        for backend in available_backends():
            execution = execute(assemble(NETWORK), blocks=BLOCKS, gas=gas, backend=backend)
            assert type(execution.error) is OutOfGas
            assert execution.gas_used == gas


def test_the_contract_keeps_its_blocks():
    execution = execute(assemble(NETWORK), blocks=BLOCKS)
    assert [execution.state.has_block(CONTRACT, number) for number in range(5)] == [
        False, True, True, True, False,
    ]  # fmt: skip
