"""Instructions and backends from outside the package."""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth.exceptions import InvalidInstruction, OutOfGas

from smartvm import (
    Backend,
    Instruction,
    Kind,
    Operand,
    Program,
    SmartVM,
    SmartVMError,
    Tensor,
    assemble,
    disassemble,
    execute,
    gas,
)
from smartvm.dispatch import available_backends
from smartvm.exceptions import BackendError, KernelFailure, MapMissing, OperandsMissing
from smartvm.opcodes import PAPER, STANDARD

# An instruction in a few lines: reverse the top map, or its groups.


def buf_reverse(frame) -> None:
    # STACK
    group = frame.stack_pop1_int()
    # SHAPE
    items = len(frame.buffer.top)
    # GAS
    frame.consume_gas(gas.elementwise(items, frame.buffer.top.limbs), "BUF_REVERSE")
    # OPERATION
    values = frame.buffer.top.to_ints()
    starts = range(0, items, group)
    reversed_values = [value for start in starts for value in values[start : start + group][::-1]]
    frame.buffer.replace(Tensor.from_ints(reversed_values))


REVERSE = Instruction(
    opcode=0xCA,
    mnemonic="BUF_REVERSE",
    family="Movement",
    operands=(Operand("group", Kind.NUMBER, "items that are reversed among themselves"),),
    logic=buf_reverse,
    summary="reverse groups of items",
    gas="items·limbs/16",
)
VM = SmartVM.with_instructions(REVERSE)
SET = VM._state_class.computation_class.instructions
LOAD = "PUSH 0x010203040506\nPUSH 0\nMSTORE\nMTOB offset=26 count=6 item_bytes=1\n"


def test_it_is_assembled_and_executed():
    code = assemble(f"{LOAD}BUF_REVERSE group=3", SET)
    execution = execute(code, vm=VM, trace=True)
    assert execution.raise_for_error().buffer == [[3, 2, 1, 6, 5, 4]]
    (step,) = (step for step in execution.steps if step.mnemonic == "BUF_REVERSE")
    assert (step.opcode, step.gas_cost) == (0xCA, gas.BASE + 6 // gas.LIMBS_PER_GAS)


def test_assembler_disassembler_and_builder_know_it_by_its_set():
    text = disassemble(assemble("BUF_REVERSE group=3", SET), SET)
    assert "BUF_REVERSE group=3" in text
    assert assemble(text, SET) == b"\xfcDNN\x01\x60\x03\xca"
    built = Program(instructions=SET).op("BUF_REVERSE", group=3).bytecode()
    assert built == b"\xfcDNN\x01\x60\x03\xca"
    with pytest.raises(SmartVMError, match="BUF_REVERSE"):
        assemble("BUF_REVERSE group=3")


def test_it_is_validated_like_any_other():
    def error(text: str):
        return execute(assemble(text, SET), vm=VM).error

    assert type(error(f"{LOAD}BUF_REVERSE")) is OperandsMissing
    assert type(error("BUF_REVERSE group=3")) is MapMissing
    assert str(error("BUF_REVERSE group=3")) == "BUF_REVERSE: Buffer: expected 1 maps, found 0"


def test_its_base_price_is_charged():
    code = assemble("BUF_ALLO size=1\nBUF_REVERSE group=1", SET)
    needed = execute(code, vm=VM).gas_used
    assert type(execute(code, vm=VM, gas=needed - 1).error) is OutOfGas


def test_its_exception_fails_the_frame(caplog):
    """`range` takes no step of zero."""
    execution = execute(assemble(f"{LOAD}BUF_REVERSE group=0", SET), vm=VM, gas=50_000)
    assert type(execution.error) is KernelFailure
    assert str(execution.error).startswith("BUF_REVERSE: kernel: expected a result, found ValueErr")
    assert execution.gas_used == 50_000
    assert "BUF_REVERSE failed" in caplog.text


def test_other_machines_do_not_have_it():
    code = assemble(f"{LOAD}BUF_REVERSE group=3", SET)
    assert type(execute(code).error) is InvalidInstruction
    assert 0xCA not in STANDARD.by_opcode
    assert REVERSE not in SmartVM._state_class.computation_class.instructions.rows


def test_ordinary_contracts_do_not_have_it():
    assert type(execute(b"\x60\x03\xca", vm=VM).error) is InvalidInstruction


def test_extensions_add_up():
    both = VM.with_instructions(replace(REVERSE, opcode=0xCB, mnemonic="BUF_AGAIN"))
    instructions = both._state_class.computation_class.instructions
    code = assemble(f"{LOAD}BUF_REVERSE group=6\nBUF_AGAIN group=6", instructions)
    assert execute(code, vm=both).buffer == [[1, 2, 3, 4, 5, 6]]
    assert type(execute(code, vm=VM).error) is InvalidInstruction


def test_an_extended_machine_on_another_backend():
    code = assemble(f"{LOAD}BUF_REVERSE group=6\nBUF_SCL0 times=2", SET)
    for machine in (
        VM.with_backend("reference"),
        SmartVM.with_backend("reference").with_instructions(REVERSE),
    ):
        assert execute(code, vm=machine).buffer == [[12, 10, 8, 6, 4, 2]]


@pytest.mark.parametrize("number", [0x21, 0x3A, 0xBF, 0xD0, 0x0C])
def test_a_number_outside_the_page_is_refused(number):
    with pytest.raises(SmartVMError, match=f"from 0xc0 to 0xcf, found {number:#x}"):
        SmartVM.with_instructions(replace(REVERSE, opcode=number))


@pytest.mark.parametrize(
    "row", [replace(REVERSE, opcode=0xCB), replace(REVERSE, mnemonic="BUF_OTHER")]
)
def test_what_is_taken_is_refused(row):
    with pytest.raises(SmartVMError, match="same number or name"):
        VM.with_instructions(row)


# A backend

PLUG_IN = '''
from smartvm import Backend, Tensor


class TriplingBackend(Backend):
    """Wrong on purpose, so that a test can tell that it ran; it has one kernel only."""

    name = "tripling"

    def multiply(self, x, factor):
        return Tensor.from_ints(3 * value for value in x)


class AbsentBackend(Backend):
    name = "absent"

    @classmethod
    def is_available(cls):
        return False
'''
ENTRY_POINTS = """
[smartvm.backends]
tripling = tripling_plug_in:TriplingBackend
absent = tripling_plug_in:AbsentBackend
"""
SCALE = "BUF_ALLO size=2\nBUF_FIL value=7\nBUF_SCL0 times=2\nBUF_SCL1 divisor=1"


@pytest.fixture
def plug_in(tmp_path, monkeypatch):
    """An installed distribution that brings two backends."""
    (tmp_path / "tripling_plug_in.py").write_text(PLUG_IN)
    metadata = tmp_path / "tripling_plug_in-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: tripling-plug-in\nVersion: 1.0"
    )
    (metadata / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(tmp_path)


def test_a_backend_plugs_in_through_its_entry_point(plug_in):
    assert "tripling" in available_backends()
    assert "absent" not in available_backends()
    plugged = execute(assemble(SCALE), backend="tripling")
    assert plugged.raise_for_error().buffer == [[21, 21]]
    usual = execute(assemble(SCALE))
    assert usual.buffer == [[14, 14]]
    assert plugged.gas_used == usual.gas_used


def test_a_machine_keeps_its_backend(plug_in):
    machine = SmartVM.with_backend("tripling")
    assert [execute(assemble(SCALE), vm=machine).buffer for _ in range(2)] == [[[21, 21]]] * 2
    assert execute(assemble(SCALE), vm=SmartVM).buffer == [[14, 14]]


def test_a_backend_that_cannot_run_is_refused(plug_in):
    with pytest.raises(BackendError, match="backend 'absent' cannot run on this machine"):
        SmartVM.with_backend("absent")
    with pytest.raises(BackendError, match="unknown backend 'quantum'"):
        SmartVM.with_backend("quantum")


def test_a_backend_of_ones_own_needs_no_entry_point():
    class Negating(Backend):
        name = "negating"

        def multiply(self, x: Tensor, factor: int) -> Tensor:
            return Tensor.from_ints(-value for value in x)

    assert execute(assemble(SCALE), backend=Negating()).buffer == [[-7, -7]]


def test_an_extension_cannot_take_a_name_of_ethereum():
    with pytest.raises(SmartVMError, match="ADD is an instruction of Ethereum"):
        PAPER.extended(replace(REVERSE, mnemonic="ADD"))


def test_a_kernel_that_gives_no_tensor_fails_alone():
    class Wrong(Backend):
        name = "wrong"

        def multiply(self, x, factor):
            return [1]

    code = assemble("BUF_ALLO size=1\nBUF_SCL0 times=2")
    result = execute(code, backend=Wrong())
    assert isinstance(result.error, KernelFailure)
    assert result.buffer == [[0]]
