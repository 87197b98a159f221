"""The rows of the extension page: numbers, names and operands, and their text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartvm.compiler.assembler import assemble
from smartvm.compiler.disassembler import disassemble
from smartvm.compiler.program import Program
from smartvm.exceptions import AssemblerError
from smartvm.opcodes import PAPER, STANDARD
from smartvm.opcodes.extension_table import EXTENSIONS
from smartvm.words import Address, Space

TEXTS = [
    "BUF_VIEW offset=5 d0=2 d1=3 s0=-1 s1=-2",
    "BUF_VIEW offset=0 d3=7 s3=-0x8000000000000000",
    "BUF_VIEW offset=0x123456789abcdef d4=2 d7=3 s5=4 s7=9",
    "BUF_CAT maps=3 outer=2",
    "BUF_GATHER data=block:5[10x4]",
    "BUF_MUL address=map:1[4x2]",
    "BUF_DIV address=map:1[4x2] rounding=1",
    "BUF_CLIP low=-5 high=6",
    "BUF_REDUCE kind=11 axis=3 inner=4",
    "MAT_BMM a=map:0[2x3] b=map:1[4x3].T batch=8",
    "ACT_FUN scale=1000 function=3",
]


def test_numbers_names_and_stack_items():
    found = [(row.opcode, row.mnemonic, len(row.operands), row.maps) for row in EXTENSIONS]
    assert found == [
        (0xC0, "BUF_VIEW", 5, 1),
        (0xC1, "BUF_CAT", 1, 2),
        (0xC2, "BUF_GATHER", 1, 1),
        (0xC3, "BUF_MUL", 1, 1),
        (0xC4, "BUF_DIV", 2, 1),
        (0xC5, "BUF_CLIP", 2, 1),
        (0xC6, "BUF_REDUCE", 1, 1),
        (0xC7, "MAT_BMM", 3, 0),
        (0xC8, "ACT_FUN", 1, 1),
    ]
    assert STANDARD.rows == (*PAPER.rows, *EXTENSIONS)


@pytest.mark.parametrize("text", TEXTS)
def test_a_line_comes_back_from_its_bytes(text):
    assert disassemble(assemble(text)) == f".dnn\n    {text}\n"


steps = st.integers(-(2**63), 2**63 - 1)


@given(st.dictionaries(st.sampled_from([f"s{i}" for i in range(8)]), steps), st.integers(0, 99))
def test_any_steps_come_back(strides, offset):
    code = Program().op("BUF_VIEW", offset=offset, d0=2, **strides).bytecode()
    assert assemble(disassemble(code)) == code
    lines = disassemble(code)
    for name, step in strides.items():
        shown = step if abs(step) < 2**32 else hex(step)
        assert (f" {name}={shown}" in lines) == (step != 0)


@pytest.mark.parametrize("step", [2**63, -(2**63) - 1])
def test_a_step_beyond_64_bits(step):
    with pytest.raises(AssemblerError, match="s1: expected a signed 64-bit number"):
        assemble(f"BUF_VIEW offset=0 s1={step}")


def test_the_builder_takes_the_same():
    program = Program().op("BUF_VIEW", offset=5, d0=2, d1=3, s0=-1, s1=-2)
    program.op("BUF_GATHER", data=Address(5, 10, 4))
    program.op("MAT_BMM", a=Address(0, 2, 3, Space.BUFFER), b=Address(1, 3, 4), batch=8)
    text = f"{TEXTS[0]}\n{TEXTS[4]}\nMAT_BMM a=map:0[2x3] b=block:1[3x4] batch=8"
    assert program.bytecode() == assemble(text)
