"""The text form: what each statement becomes, what each mistake is told, and the documentation."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from smartvm.compiler.assembler import assemble, parse
from smartvm.compiler.program import Program
from smartvm.exceptions import AssemblerError
from smartvm.opcodes import PAPER
from smartvm.vm import MAGIC
from smartvm.words import Address, Space

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "assembly.md"


def examples(language: str) -> list[str]:
    """The fenced examples of the documentation in one language."""
    return re.findall(rf"```{language}\n(.*?)```", DOCUMENTATION.read_text(), re.S)


@pytest.mark.parametrize("text", examples("asm"))
def test_the_documented_assembly_assembles(text: str) -> None:
    assert assemble(text)


@pytest.mark.parametrize("source", examples("python"))
def test_the_documented_python_runs(source: str) -> None:
    exec(source, {})


def test_the_documentation_has_examples() -> None:
    assert len(examples("asm")) >= 3
    assert len(examples("python")) >= 3


def stock(text: str) -> str:
    """The bytecode of an ordinary contract, in hexadecimal."""
    return assemble(f".stock\n{text}").hex()


def test_operands_expand_to_their_pushes() -> None:
    text = "CONV_MUL weights=1 in=3 out=64 size=224 kernel=7 stride=2 padding=3"
    operands = {"weights": 1, "in_channels": 3, "out_channels": 64, "size": 224}
    expected = Program().op("CONV_MUL", **operands, kernel=7, stride=2, padding=3).bytecode()
    assert assemble(text) == expected


def test_in_and_out_are_short_for_features_too() -> None:
    short, long = "weights=1 in=4 out=2", "weights=1 in_features=4 out_features=2"
    assert assemble(f"FULL_CON {short}") == assemble(f"FULL_CON {long}")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("0x10", 16),
        ("5x7", (5, 7)),
        ("5x7x3", (5, 7, 3)),
        ("x7", (0, 7)),
        ("5x0", (5, 0)),
        ("x7x3", (0, 7, 3)),
    ],
)
def test_spatial_operands(text: str, value) -> None:
    expected = Program().op("POOL_MAX", channels=1, size=4, kernel=value).bytecode()
    assert assemble(f"POOL_MAX channels=1 size=4 kernel={text}") == expected


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2", 2),
        ("-1", -1),
        ("1x2", (1, 2)),
        ("1:2x0:1", ((1, 2), (0, 1))),
        ("1:2x0:-1x3:4", ((1, 2), (0, -1), (3, 4))),
        ("0:0x0:1", ((0, 0), (0, 1))),
        ("x1", (0, 1)),
    ],
)
def test_paddings(text: str, value) -> None:
    expected = Program().op("POOL_MAX", channels=1, size=4, padding=value).bytecode()
    assert assemble(f"POOL_MAX channels=1 size=4 padding={text}") == expected


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("block:5", Address(5)),
        ("5[10]", Address(5, 10)),
        ("block:5[10x20]", Address(5, 10, 20)),
        ("block:0x5[x20]", Address(5, 0, 20)),
        ("map:1", Address(1, space=Space.BUFFER)),
        ("map:0[2x3].T", Address(0, 2, 3, Space.BUFFER, True)),
        ("mem:0x80", Address(128, space=Space.MEMORY)),
        ("7.T", Address(7, transposed=True)),
    ],
)
def test_addresses(text: str, value) -> None:
    expected = Program().op("BUF_BIAS", address=value).bytecode()
    assert assemble(f"BUF_BIAS address={text}") == expected


def test_pushes() -> None:
    assert stock("PUSH 0") == "5f"
    assert stock("PUSH 0x0100") == "610100"
    assert stock("PUSH -1") == "7f" + 32 * "ff"
    assert stock("PUSH2 5") == "610005"
    assert stock("push1 0x05\nPush0") == "60055f"
    assert stock(f"PUSH32 {2**256 - 1}") == "7f" + 32 * "ff"


def test_comments_blank_lines_and_case_do_not_matter() -> None:
    text = "; a\n\n  add ; b\n# c\nMUL # d\n// e\n\tSub//f\n"
    assert stock(text) == "010203"


def test_labels_and_data() -> None:
    text = (
        "loop: ADD\nPUSH @loop\nJUMPI @end\nJUMP @loop\nend:\nPUSH @t\nPUSH @t.size\n.data t 0xabcd"
    )
    assert stock(text) == "5b01 6000 600a57 600056 5b 6010 6002 fe abcd".replace(" ", "")


def test_constants_stand_for_numbers_and_for_whole_values() -> None:
    text = (
        "n = 3\nm = n\nplace = mem:n[nxn]\nPUSH m\nPUSH2 n\nBUF_FIL value=n\nBUF_BIAS address=map:n"
    )
    plain = "PUSH 3\nPUSH2 3\nBUF_FIL value=3\nBUF_BIAS address=map:3"
    assert assemble(text) == assemble(plain)


def test_the_default_is_a_dnn_contract() -> None:
    assert assemble("") == assemble(".dnn") == MAGIC
    assert assemble("CALLER") == MAGIC + b"\xb3"
    assert stock("CALLER") == "33"


def test_bytes_as_they_are() -> None:
    assert stock(".byte 0x0c21\n.byte 0x") == "0c21"


def test_a_parsed_program_can_be_added_to() -> None:
    assert parse(".stock\nstart: ADD").jump("start").bytecode().hex() == "5b01600056"


def test_instructions_from_outside_the_package_are_known() -> None:
    row = replace(PAPER.by_mnemonic["BUF_SCL0"], opcode=0xC3, mnemonic="BUF_NEW")
    assert assemble("BUF_NEW times=2", PAPER.extended(row)) == MAGIC + b"\x60\x02\xc3"
    with pytest.raises(AssemblerError, match="unknown instruction 'BUF_NEW'"):
        assemble("BUF_NEW times=2")


MISTAKES = [
    ("ADD\nCONV_MLU", "line 2: CONV_MLU: unknown instruction 'CONV_MLU' (did you mean"),
    ("BUF_FIL valeu=1", "line 1: BUF_FIL valeu=1: BUF_FIL has no operand 'valeu' (did"),
    ("BUF_FIL 1", "line 1: BUF_FIL 1: expected NAME=VALUE, found '1'"),
    ("BUF_FIL value=", "expected NAME=VALUE, found 'value='"),
    ("BUF_FIL value=1 value=2", "value is given twice"),
    ("FULL_CON weights=1 in=1 in_features=1 out=1", "in_features is given twice"),
    ("BUF_FIL value=x", "value: expected a number, found 'x': no constant has that name"),
    ("POOL_MAX channels=1 size=1x2x3x4", "size: expected a number, 5x7"),
    ("POOL_MAX channels=1 size=5 padding=1:2", "padding: expected a number, 1x2"),
    ("BUF_BIAS address=block:1[2x3x4]", "address: expected an address such as 5"),
    ("BUF_BIAS address=disk:1", "address: expected an address such as 5"),
    ("BUF_BIAS address=block:1]", "address: expected an address such as 5"),
    ("PUSH", "expected one value, as in PUSH 5"),
    ("PUSH1 1 2", "expected one value, as in PUSH1 5"),
    ("PUSH2 65536", "expected an unsigned number of 2 bytes, found 65536"),
    ("PUSH1 -1", "expected an unsigned number of 1 bytes, found -1"),
    ("PUSH33 1", "line 1"),
    ("PUSH33", "unknown instruction 'PUSH33' (did you mean 'PUSH"),
    ("ADD x=1", "ADD takes its operands from the Stack"),
    ("JUMP @nowhere\nADD", "line 1: JUMP @nowhere: no label or data is called 'nowhere'"),
    ("d:\nPUSH @d.size", "line 2: PUSH @d.size: no label or data is called 'd.size'"),
    ("a:\n\na:", "line 3: a:: the name 'a' is used twice"),
    ("x = 1\nx = 2", "line 2: x = 2: the name 'x' is taken"),
    ("map = 1", "the name 'map' is taken"),
    ("ADD\n.stock", "line 2: .stock: it must stand before all code"),
    (".stock\nCONV_MUL weights=1", "line 2: CONV_MUL weights=1: CONV_MUL is an instruction of DNN"),
    (".data d 123", "expected bytes in hexadecimal, as in 0x0102, found '123'"),
    (".data d 0x123", "expected bytes in hexadecimal"),
    (".byte", "expected .dnn, .stock, .byte"),
    (".wrong", "expected .dnn, .stock, .byte"),
    (f"PUSH 0x{'f' * 65}", f"line 1: PUSH 0x{'f' * 53}…: expected a number of at most 256 bits"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), MISTAKES)
def test_a_mistake_is_told_with_its_line_and_what_was_expected(text: str, message: str) -> None:
    with pytest.raises(AssemblerError) as caught:
        assemble(text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
