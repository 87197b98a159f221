"""execute(): what goes in, and what comes back."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from eth.exceptions import OutOfGas, Revert, VMError

import smartvm
from smartvm import SmartVM, SmartVMError, Tensor, assemble, execute
from smartvm.exceptions import BackendError, BlockTooLarge, ShapeError, StaticWrite
from smartvm.execution import CALLER, CONTRACT, DEFAULT_GAS, fresh_state
from smartvm.vm import MAGIC

TWICE = "BUF_ALLO size=2\nBUF_FIL value=7\nBUF_SCL0 times=2"
RETURN_TOP = "PUSH 0\nMSTORE\nPUSH 32\nPUSH 0\nRETURN"


def number(output: bytes) -> int:
    return int.from_bytes(output, "big")


# The code


def test_bytes_and_hexadecimal_are_the_same():
    code = assemble(TWICE)
    results = [execute(form) for form in (code, bytearray(code), code.hex(), "0x" + code.hex())]
    assert [result.buffer for result in results] == [[[14, 14]]] * 4


def test_the_marker_is_added_when_asked():
    raw = assemble(TWICE).removeprefix(MAGIC)
    assert execute(raw).error is not None  # 0x38 is CODESIZE in an ordinary contract
    assert execute(raw, mark=True).buffer == [[14, 14]]
    assert execute(MAGIC + raw, mark=True).buffer == [[14, 14]]
    assert execute(raw.hex(), mark=True).buffer == [[14, 14]]


def test_an_ordinary_contract_has_no_buffer():
    execution = execute("6001600201")
    assert (execution.stack, execution.buffer, execution.error) == ([3], [], None)


@pytest.mark.parametrize("code", ["BUF_ALLO size=2", "0x123", "0xzz"])
def test_text_that_is_no_hexadecimal_is_told(code):
    with pytest.raises(SmartVMError, match="code: expected bytes or a hex string"):
        execute(code)


# What the call brings


def test_calldata_value_caller_and_address():
    text = f"CALLDATALOAD\n{RETURN_TOP}"
    word = (123).to_bytes(32, "big")
    assert number(execute(assemble(f"PUSH 0\n{text}"), calldata=word).output) == 123
    assert number(execute(assemble(f"CALLVALUE\n{RETURN_TOP}"), value=5).output) == 5
    assert execute(assemble(f"CALLER\n{RETURN_TOP}")).output[12:] == CALLER
    assert execute(assemble(f"ORIGIN\n{RETURN_TOP}")).output[12:] == CALLER
    assert execute(assemble(f"ADDRESS\n{RETURN_TOP}")).output[12:] == CONTRACT
    assert number(execute(assemble(f"SELFBALANCE\n{RETURN_TOP}"), value=5).output) == 5


def test_slots():
    text = f"PUSH 7\nSLOAD\nPUSH 1\nADD\nDUP1\nPUSH 7\nSSTORE\n{RETURN_TOP}"
    execution = execute(assemble(text), storage={7: 41})
    assert number(execution.output) == 42
    assert execution.state.get_storage(CONTRACT, 7) == 42


@pytest.mark.parametrize(
    ("items", "item_bytes"),
    [
        ([1, -1], 1),
        ([128], 2),
        ((2**200,), 26),
        (range(5), 1),
        (np.array([1, -1], dtype=np.int8), 1),
        (np.array([[1, 2], [3, 4]], dtype=np.int16), 2),
        (np.array([1], dtype=np.int64), 8),
        (np.array([255], dtype=np.uint8), 2),
        (np.array([1], dtype=np.uint8), 1),
        (np.array([2**64 - 1], dtype=np.uint64), 9),
        (np.array([2**100, -1], dtype=object), 13),
        (Tensor.from_ints([300, -1]), 2),
    ],
)
def test_blocks(items, item_bytes):
    """A numpy array keeps its width, where its items fit; others are as narrow as they can be."""
    values = [int(item) for item in (items.reshape(-1) if hasattr(items, "reshape") else items)]
    code = assemble(f"BUF_ALLO size={len(values)}\nBUF_BIAS address=3")
    execution = execute(code, blocks={3: items})
    assert execution.raise_for_error().buffer == [values]
    assert execution.state.get_block(CONTRACT, 3).item_bytes == item_bytes


def test_blocks_of_other_things_are_refused():
    with pytest.raises(SmartVMError, match="blocks: expected integers, found an array of float64"):
        execute(b"", blocks={1: np.ones(3)})
    with pytest.raises(BlockTooLarge):
        execute(b"", blocks={1: np.ones(2**17 + 1, dtype=np.int64)})
    with pytest.raises(OverflowError, match="does not fit 256 bits"):
        execute(b"", blocks={1: [2**255]})


def test_a_static_call():
    text = "BUF_ALLO size=1\nBTOS1 first=0 block=1"
    assert type(execute(assemble(text), static=True).error) is StaticWrite
    assert execute(assemble(text)).error is None


def test_gas():
    code = assemble(TWICE)
    needed = execute(code).gas_used
    assert execute(code, gas=needed).error is None
    short = execute(code, gas=needed - 1)
    assert type(short.error) is OutOfGas
    assert short.gas_used == needed - 1
    assert DEFAULT_GAS == 30_000_000


@pytest.mark.parametrize("backend", ["reference", "numpy"])
def test_a_backend_by_name(backend):
    assert execute(assemble(TWICE), backend=backend).buffer == [[14, 14]]


def test_an_unknown_backend():
    with pytest.raises(BackendError, match="unknown backend 'abacus'"):
        execute(b"", backend="abacus")


# What it leaves


def test_output_logs_stack_memory_and_buffer():
    text = "PUSH 0xab\nPUSH 0\nMSTORE8\nPUSH 9\nPUSH 1\nPUSH 0\nLOG1\nPUSH 5\nPUSH -1\n"
    execution = execute(assemble(f"{text}{TWICE}\nBUF_ALLO size=1\nPUSH 1\nPUSH 0\nRETURN"))
    assert execution.is_success
    assert execution.output == b"\xab"
    assert execution.logs == ((CONTRACT, (9,), b"\xab"),)
    assert execution.stack == [5, 2**256 - 1]
    assert execution.memory == b"\xab" + bytes(31)
    assert execution.buffer == [[14, 14], [0]]
    assert execution.steps == []


def test_bytes_on_the_stack_are_numbers_too():
    """Py-evm keeps what came as bytes, such as an address, as bytes."""
    assert execute(assemble("CALLER")).stack == [number(CALLER)]


def test_an_error_is_kept_or_raised():
    text = "BUF_ALLO size=3\nACT_SM0 scale=1 group=2"
    execution = execute(assemble(text), gas=10_000)
    assert not execution.is_success
    assert isinstance(execution.error, ShapeError)
    assert (execution.output, execution.gas_used) == (b"", 10_000)
    assert execution.buffer == [[0, 0, 0]]  # as the frame left it, for the curious
    with pytest.raises(ShapeError, match="ACT_SM0: group"):
        execution.raise_for_error()
    fine = execute(b"")
    assert fine.raise_for_error() is fine


def test_a_revert_keeps_its_gas_and_says_why():
    execution = execute(assemble("PUSH 1\nPUSH 1\nSSTORE\nPUSH 2\nPUSH 0\nREVERT"))
    assert type(execution.error) is Revert
    assert execution.output == bytes(2)
    assert execution.gas_used < DEFAULT_GAS
    assert execution.state.get_storage(CONTRACT, 1) == 0


def test_every_error_of_an_instruction_is_a_vm_error():
    assert issubclass(smartvm.DNNError, VMError)


# States


def test_a_run_can_go_on_in_the_state_of_another():
    first = execute(assemble("BUF_ALLO size=1\nBUF_FIL value=9\nBTOS1 first=0 block=4"))
    second = execute(assemble("BUF_ALLO size=1\nBUF_BIAS address=4"), state=first.state)
    assert second.raise_for_error().buffer == [[9]]
    assert second.state is first.state


def test_each_run_has_a_state_of_its_own_otherwise():
    execute(assemble("PUSH 1\nPUSH 1\nSSTORE"))
    assert execute(assemble("PUSH 1\nSLOAD")).stack == [0]


def test_a_state_can_be_prepared():
    state = fresh_state(SmartVM)
    other = b"\x77" * 20
    state.set_code(other, assemble(f"PUSH 99\n{RETURN_TOP}"))
    call = f"PUSH 32\nPUSH 0\nPUSH 0\nPUSH 0\nPUSH {number(other)}\nGAS\nSTATICCALL\nPUSH 0\nMLOAD"
    assert execute(assemble(call), state=state).stack == [1, 99]


def test_the_state_traces_no_more_after_a_run():
    execution = execute(assemble(TWICE), trace=True)
    assert execution.steps
    assert execution.state.tracer is None
    assert execute(assemble(TWICE), state=execution.state).steps == []


def test_a_vm_class_is_not_kept_by_what_ran_in_it():
    vm = SmartVM.with_backend("reference")
    alive = weakref.ref(vm)
    execute(assemble("BUF_ALLO size=1"), vm=vm)
    del vm
    gc.collect()
    assert alive() is None
