"""The builder: exact bytes of every kind of operand, labels, data, init code, wrong input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartvm import words
from smartvm.cli.opcodes import example
from smartvm.compiler.assembler import assemble
from smartvm.compiler.disassembler import instructions
from smartvm.compiler.operands import Value
from smartvm.compiler.program import Program, init_code
from smartvm.exceptions import AssemblerError
from smartvm.execution import execute
from smartvm.opcodes import PAPER, STANDARD
from smartvm.vm import MAGIC
from smartvm.words import Address, Space


def pushed(program: Program) -> list[int]:
    """The words that the pushes of a program push, the last first: the operands in their order."""
    lines = instructions(program.bytecode())
    return [int.from_bytes(line.immediate, "big") for line in reversed(lines[:-1])]


def pool(program: Program, **operands: Value) -> Program:
    """A pooling of one 5 x 5 plane."""
    return program.op("POOL_MAX", channels=1, size=5, **operands)


def test_an_instruction_follows_its_pushes_the_last_operand_first() -> None:
    program = Program().op(
        "CONV_MUL", weights=1, in_channels=3, out_channels=64, size=224, kernel=7, stride=2,
        padding=3,
    )  # fmt: skip
    pushes = bytes.fromhex("5f 6003 6002 6007 60e0 6040 6003 6001")
    assert program.bytecode() == MAGIC + pushes + b"\x22"
    assert program.instruction_count == 9


def test_an_instruction_without_operands_is_only_its_number() -> None:
    assert Program().op("CONV_MUL").bytecode() == MAGIC + b"\x22"


@pytest.mark.parametrize("row", STANDARD.rows, ids=lambda row: row.mnemonic)
def test_every_instruction_can_be_built_with_its_required_operands(row) -> None:
    *pushes, last = instructions(assemble(example(row)))
    assert (last.opcode, last.mnemonic) == (row.opcode, row.mnemonic)
    assert len(pushes) == len(row.operands)
    optional = [operand.optional for operand in reversed(row.operands)]
    assert all(push.immediate for push, free in zip(pushes, optional, strict=True) if not free)


SPATIAL = [
    (5, 5),
    ((5, 7), words.pack_spatial(5, 7)),
    ([5, 7, 3], words.pack_spatial(5, 7, 3)),
    (words.pack_spatial(5, 7), words.pack_spatial(5, 7)),
    (np.int64(5), 5),
]
PADDING = [
    (2, 2),
    ((1, 2), words.pack_padding((1, 1), (2, 2))),
    (((1, 2), (0, 1)), words.pack_padding((1, 2), (0, 1))),
    (((1, 2), 3, (0, -1)), words.pack_padding((1, 2), (3, 3), (0, -1))),
    (-1, words.pack_padding((-1, -1), (-1, -1), (-1, -1))),
]
ADDRESSES = [
    (5, 5),
    (Address(5, 10, 20), words.pack(5, 10, 20)),
    (Address(1, space=Space.BUFFER, transposed=True), words.pack(1, f3=5)),
    (Address(128, 2, 3, Space.MEMORY), words.pack(128, 2, 3, 2)),
]


@pytest.mark.parametrize(("value", "word"), SPATIAL)
def test_a_spatial_operand(value, word: int) -> None:
    assert pushed(Program().op("POOL_MAX", channels=1, size=value))[1] == word


@pytest.mark.parametrize(("value", "word"), PADDING)
def test_a_padding(value, word: int) -> None:
    assert pushed(pool(Program(), padding=value))[4] == word


@pytest.mark.parametrize(("value", "word"), ADDRESSES)
def test_an_address(value, word: int) -> None:
    assert pushed(Program().op("BUF_BIAS", address=value)) == [word]


def test_fields_are_arguments_of_their_own() -> None:
    program = Program().op("POOL_MAX", channels=6, flags=1, dilation=2, size=4)
    assert pushed(program)[0] == words.pack(6, 1, 2)
    assert pushed(Program().op("BUF_FREE", mode=1)) == [words.pack(f3=1)]
    assert pushed(Program().op("BTOS1", block=9)) == [words.pack(0, 9), 0]


@pytest.mark.parametrize("value", [-1, -(1 << 255), (1 << 255) - 1, 0])
def test_a_signed_operand(value: int) -> None:
    assert pushed(Program().op("BUF_FIL", value=value)) == [value % 2**256]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda p: p.op("CONV_MLU"), "unknown instruction 'CONV_MLU' (did you mean 'CONV_MUL'?)"),
        (lambda p: p.op("BUF_FIL", valeu=1), "no operand 'valeu' (did you mean 'value'?); it"),
        (lambda p: p.op("BUF_CLS", nothing=1), "BUF_CLS has no operand 'nothing'; it takes count"),
        (lambda p: p.op("FULL_CON", weights=1, in_features=4), "FULL_CON: out_features is missing"),
        (lambda p: p.op("BUF_FIL", value=1 << 255), "value: expected a signed 256-bit number"),
        (lambda p: p.op("BUF_CLS", count=-1), "expected an unsigned 256-bit number, found -1"),
        (lambda p: p.op("ACT_SM1", scale=1 << 64), "scale: expected an unsigned 64-bit number"),
        (lambda p: p.op("ACT_SM1", scale=0.5), "ACT_SM1: scale: expected a number, found 0.5"),
        (lambda p: pool(p, kernel=(1, 2, 3, 4)), "kernel: expected a number, (height, width)"),
        (lambda p: pool(p, padding=((1, 2, 3), 1)), "padding: expected a number or"),
        (lambda p: pool(p, padding=(1 << 31, 0)), "padding: expected a signed 32-bit number"),
        (lambda p: pool(p, stride=(1, -1)), "stride: expected an unsigned 64-bit field, found -1"),
        (lambda p: p.op("BUF_BIAS", address="one"), "expected a block number or an Address"),
        (lambda p: p.op("BUF_BIAS", address=Address(-1)), "expected an unsigned 64-bit field"),
        (lambda p: p.op("ADD", a=1), "ADD takes its operands from the Stack"),
        (lambda p: p.op("PUSH1"), "PUSH1 needs a value"),
        (lambda p: p.push(1 << 256), "expected a number of at most 256 bits"),
        (lambda p: p.push(-(1 << 255) - 1), "expected a number of at most 256 bits"),
        (lambda p: p.push_bytes(b""), "expected 1 to 32 bytes"),
        (lambda p: p.push_bytes(bytes(33)), "expected 1 to 32 bytes"),
        (lambda p: p.label("a").label("a"), "the name 'a' is used twice"),
        (lambda p: p.label("a").data("a", b""), "the name 'a' is used twice"),
        (lambda p: p.label("a b"), "expected a name"),
        (lambda p: p.label("loop").jump("lop").bytecode(), "called 'lop' (did you mean 'loop'?)"),
        (lambda p: p.push_size("data").bytecode(), "called 'data.size'"),
        (lambda p: p.include(Program(dnn=False)), "cannot be joined"),
        (lambda p: p.label("a").include(Program().label("a")), "used twice"),
        (lambda p: Program(dnn=False).op("CONV_MUL"), "an instruction of DNN contracts only"),
    ],
)  # fmt: skip
def test_wrong_input_is_an_error_that_says_what_is_right(
    build: Callable[[Program], object], message: str
) -> None:
    with pytest.raises(AssemblerError) as caught:
        build(Program())
    assert message in str(caught.value)


def test_a_field_and_its_operand_are_one_argument() -> None:
    operand = replace(PAPER.by_mnemonic["BUF_CLS"].operands[0], name="items")
    row = replace(PAPER.by_mnemonic["ACT_SM1"], opcode=0xC0, mnemonic="ACT_NEW")
    row = replace(row, operands=(replace(row.operands[0], name="word"), operand))
    program = Program(instructions=PAPER.extended(row))
    assert pushed(program.op("ACT_NEW", word=7, items=2)) == [7, 2]
    with pytest.raises(AssemblerError, match="scale is given twice"):
        program.op("ACT_NEW", word=7, scale=7, items=2)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (0, "5f"),
        (1, "6001"),
        (255, "60ff"),
        (256, "610100"),
        (2**248, "7f01" + 31 * "00"),
        (2**256 - 1, "7f" + 32 * "ff"),
        (-1, "7f" + 32 * "ff"),
    ],
)
def test_a_push_is_the_shortest(value: int, code: str) -> None:
    assert Program(dnn=False).push(value).bytecode().hex() == code


def test_displaced_instructions_get_their_number_in_a_dnn_contract() -> None:
    for dnn, number in ((True, 0xB3), (False, 0x33)):
        assert Program(dnn).op("CALLER").bytecode()[-1] == number
    assert Program(False).op("SHA3").bytecode() == Program(False).op("KECCAK256").bytecode()


def test_jumps_forward_and_backward() -> None:
    program = Program(dnn=False).label("start").jump_if("end").jump("start").label("end")
    assert program.bytecode().hex() == "5b 6007 57 6000 56 5b".replace(" ", "")


@pytest.mark.parametrize(("filler", "width"), [(252, 1), (253, 2), (65531, 2), (65532, 3)])
def test_offsets_have_the_shortest_width_that_holds_all(filler: int, width: int) -> None:
    program = Program(dnn=False).push_label("end").raw(bytes(filler)).push(0).label("end")
    code = program.bytecode()
    assert code[0] == 0x5F + width
    target = int.from_bytes(code[1 : 1 + width], "big")
    assert target == len(code) - 1 == filler + width + 2
    assert code[target] == 0x5B


def test_a_label_that_nobody_pushes_widens_nothing() -> None:
    program = Program(dnn=False).label("start").push_label("start").raw(bytes(300)).label("far")
    assert program.bytecode()[1] == 0x60


def test_data_stands_behind_an_invalid() -> None:
    program = Program(dnn=False).push_offset("b").push_size("b").push_size("a")
    program.data("a", b"").data("b", b"xyz")
    assert program.bytecode() == bytes.fromhex("6006 6003 5f fe") + b"xyz"


def test_include_adds_code_here_and_data_at_the_end() -> None:
    part = Program(dnn=False).label("part").data("part_data", b"P").push_offset("part_data")
    whole = Program(dnn=False).data("own", b"O").include(part).jump("part")
    assert whole.bytecode() == bytes.fromhex("5b 6008 6000 56 fe") + b"OP"
    assert whole.instruction_count == 4


names = st.sampled_from(["a", "b", "c"])
steps = st.one_of(
    st.tuples(st.just("push"), st.integers(-(2**255), 2**256 - 1)),
    st.tuples(st.just("push_bytes"), st.binary(min_size=1, max_size=32)),
    st.tuples(st.just("raw"), st.binary(max_size=80)),
    st.tuples(st.sampled_from(["push_label", "jump", "jump_if"]), names),
    st.tuples(st.just("op"), st.sampled_from(["ADD", "CALLER", "BUF_CLS", "STOP"])),
)


@given(st.booleans(), st.lists(steps), st.binary())
def test_the_text_of_a_program_assembles_to_its_bytecode(dnn: bool, calls, data: bytes) -> None:
    program = Program(dnn).label("a")
    for method, argument in calls:
        if dnn or argument != "BUF_CLS":
            getattr(program, method)(argument)
    program.label("b").data("c", data).push_size("c")
    assert assemble(program.text()) == program.bytecode()


@pytest.mark.parametrize("runtime", [b"", b"\x60\x00", MAGIC + b"\x00", bytes(300)])
@pytest.mark.parametrize("dnn", [False, True])
def test_init_code_returns_the_runtime(runtime: bytes, dnn: bool) -> None:
    code = init_code(runtime, dnn=dnn)
    assert code.startswith(MAGIC) == dnn
    assert execute(code).raise_for_error().output == runtime


def test_init_code_runs_the_constructor_first() -> None:
    constructor = Program().op("BUF_INIT", size=2).push(7).push(0).op("SSTORE")
    execution = execute(init_code(b"code", constructor=constructor)).raise_for_error()
    assert execution.output == b"code"
    assert execution.buffer == [[0, 0]]
    assert constructor.instruction_count == 5


def test_init_code_of_one_kind_takes_no_constructor_of_the_other() -> None:
    with pytest.raises(AssemblerError, match="cannot be joined"):
        init_code(b"", dnn=True, constructor=Program(dnn=False))
