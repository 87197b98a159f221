"""The disassembler: every byte string comes back, and instructions are folded where they may be."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smartvm.compiler.assembler import assemble
from smartvm.compiler.disassembler import Line, disassemble, instructions
from smartvm.compiler.numbering import shortest_push
from smartvm.opcodes import STANDARD
from smartvm.vm import MAGIC

fields = st.one_of(st.sampled_from([0, 1, 2, 5, 2**32, 2**63, 2**64 - 1]), st.integers(0, 9))
operand_words = st.one_of(
    st.integers(0, 2**256 - 1),
    st.tuples(fields, fields, fields, fields).map(
        lambda parts: sum(part << 64 * index for index, part in enumerate(parts))
    ),
)


@st.composite
def folds(draw: st.DrawFn) -> bytes:
    """An instruction behind the pushes of its operands, or of one too few or too many."""
    row = draw(st.sampled_from(STANDARD.rows))
    count = len(row.operands) + draw(st.sampled_from([0, 0, 0, -1, 1]))
    pushes = [shortest_push(draw(operand_words)) for _ in range(count)]
    return b"".join(pushes) + bytes([row.opcode])


pieces = st.one_of(
    folds(), st.binary(max_size=40), st.integers(0x5B, 0x80).map(lambda n: bytes([n]))
)
codes = st.tuples(st.sampled_from([b"", MAGIC]), st.lists(pieces, max_size=8)).map(
    lambda parts: parts[0] + b"".join(parts[1])
)


@given(codes, st.booleans())
@example(MAGIC[:-1], False)
@example(MAGIC + MAGIC, False)
@example(b"\x7f", True)
def test_the_text_of_any_bytes_assembles_to_them(code: bytes, offsets: bool) -> None:
    assert assemble(disassemble(code, offsets=offsets)) == code


@given(codes)
def test_the_lines_hold_every_byte_once(code: bytes) -> None:
    lines = instructions(code)
    start = len(MAGIC) if code.startswith(MAGIC) else 0
    assert b"".join(line.code for line in lines) == code[start:]
    offsets = [line.offset for line in lines]
    assert offsets == [start + sum(len(x.code) for x in lines[:i]) for i in range(len(lines))]


def body(text: str) -> list[str]:
    """The statements of a DNN contract that is assembled and disassembled again."""
    directive, *lines = disassemble(assemble(text)).splitlines()
    assert directive == ".dnn"
    return [line.strip() for line in lines]


@pytest.mark.parametrize(
    "line",
    [
        "CONV_MUL weights=1 in_channels=3 out_channels=64 size=224 kernel=7 stride=2 padding=3",
        "CONV_MUL weights=block:1[10x20].T in_channels=4 groups=2 out_channels=8 size=5x7x3",
        "POOL_MAX channels=6 flags=1 dilation=2 size=x7 kernel=5x0 padding=1:2x0:-1",
        "POOL_MAX channels=0 size=4 padding=0:0x0:0x1:1",
        "BUF_FIL value=-5",
        "BUF_FIL value=0x100000000",
        "BUF_CLS count=0",
        "BUF_CLS",
        "BUF_FREE mode=1",
        "ACT_RL cap=0",
        "MAT_MUL a=map:0[2x3] b=mem:128[x4]",
        "BTOS1 first=0",
    ],
)
def test_an_instruction_with_its_operands_is_one_line(line: str) -> None:
    assert body(line) == [line]


@pytest.mark.parametrize(
    "text",
    [
        "PUSH2 0x0005\nBUF_CLS",
        "PUSH1 0x00\nBUF_CLS",
        "JUMPDEST\nBUF_CLS",
        "PUSH1 0x05\nJUMPDEST\nBUF_CLS",
        "PUSH1 0x05\nPUSH1 0x06\nADD\nMAT_MUL",
        "PUSH1 0x05\nMAT_MUL",
        "PUSH9 0x010000000000000000\nACT_SM1",
    ],
    ids=[
        "a longer push",
        "a longer push of zero",
        "no push",
        "a jump target between",
        "another instruction",
        "too few",
        "a field without a name",
    ],
)
def test_what_the_assembler_would_not_make_is_not_folded(text: str) -> None:
    assert body(text) == text.split("\n")


def test_a_jump_target_before_the_operands_does_not_hinder() -> None:
    assert body("PUSH 9\nstart:\nBUF_CLS count=5") == ["PUSH1 0x09", "JUMPDEST", "BUF_CLS count=5"]


def test_pushes_that_belong_to_nobody_stay() -> None:
    assert body("PUSH 9\nBUF_CLS count=5") == ["PUSH1 0x09", "BUF_CLS count=5"]


def test_a_stock_contract_has_no_dnn_instructions() -> None:
    assert disassemble(b"\x60\x05\x35\x22\x0c") == (
        ".stock\n    PUSH1 0x05\n    CALLDATALOAD\n    .byte 0x22\n    .byte 0x0c\n"
    )


def test_a_cut_push_is_shown_as_bytes() -> None:
    assert disassemble(b"\x00\x62\x01\x02") == ".stock\n    STOP\n    .byte 0x620102\n"
    assert instructions(b"\x62\x01") == [Line(0, 0x62, "PUSH3", b"\x01")]
    assert instructions(b"\x62\x01")[0].is_cut


def test_no_code_is_no_line() -> None:
    assert disassemble(b"") == ".stock\n"
    assert disassemble(MAGIC) == ".dnn\n"


def test_offsets_count_the_magic_and_point_to_the_first_push() -> None:
    code = assemble("STOP\nBUF_FIL value=5\nCALLER")
    assert disassemble(code, offsets=True).splitlines() == [
        ".dnn",
        "    STOP             ; 0005",
        "    BUF_FIL value=5  ; 0006",
        "    CALLER           ; 0009",
    ]
