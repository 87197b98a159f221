"""The instruction table, and sets of instructions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from smartvm.exceptions import SmartVMError
from smartvm.opcodes import EXTENSION_PAGE, INSTRUCTIONS, PAPER, STANDARD, InstructionSet, Kind

PAPERS_TABLE = [
    "CONV_SING",
    "CONV_MUL",
    "CONV_3D",
    "CONV_TPD",
    "POOL_MAX",
    "POOL_AVG",
    "POOL_OL",
    "FULL_CON",
    "MAT_MUL",
    "ACT_SM0",
    "ACT_SM1",
    "ACT_RL",
    "ACT_TANH",
    "BUF_SCL0",
    "BUF_SCL1",
    "BUF_BIAS",
    "MTOB",
    "BTOM",
    "BTOS0",
    "BTOS1",
    "BUF_CLS",
    "BUF_FIL",
    "BUF_INIT",
    "BUF_ALLO",
    "BUF_FREE",
    "BUF_COPY",
]
STACK_ITEMS = [8, 8, 8, 8, 5, 5, 5, 5, 2, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 1, 1, 1, 1, 1, 2]


def test_the_table_is_the_papers():
    """Numbers, names and stack items of Table 1 of the paper, and no others."""
    found = [(row.opcode, row.mnemonic, len(row.operands)) for row in PAPER.rows]
    assert found == list(zip(range(0x21, 0x3B), PAPERS_TABLE, STACK_ITEMS, strict=True))


def test_the_extensions_stay_on_their_page():
    assert STANDARD.rows[: len(PAPER.rows)] == PAPER.rows
    assert {row.opcode for row in STANDARD.rows[len(PAPER.rows) :]} <= set(EXTENSION_PAGE)
    assert STANDARD.rows == INSTRUCTIONS


def test_what_needs_no_map():
    free = {row.mnemonic for row in PAPER.rows if row.maps == 0}
    assert free == {"MAT_MUL", "MTOB", "BTOS1", "BUF_INIT", "BUF_ALLO"}
    assert {row.maps for row in PAPER.rows} == {0, 1}


def test_what_is_left_on_the_stack():
    assert [row.mnemonic for row in INSTRUCTIONS if row.pushes != 0] == ["BTOS0"]
    assert PAPER.by_mnemonic["BTOS0"].pushes is None


@pytest.mark.parametrize("row", INSTRUCTIONS, ids=lambda row: row.mnemonic)
def test_a_row_is_whole(row):
    assert row.family and row.summary and row.gas
    names = [name for o in row.operands for name in (o.fields or (o.name,)) if name]
    assert len(set(names)) == len(names), "in assembly each name stands for one operand"
    for operand in row.operands:
        assert operand.summary
        assert bool(operand.fields) == (operand.kind in (Kind.FIELDS, Kind.SIGNED_FIELDS))
        assert len(operand.fields) <= 4


def test_rows_are_found_by_number_and_by_name():
    assert PAPER.by_opcode[0x22] is PAPER.by_mnemonic["CONV_MUL"]


def test_a_set_is_in_the_order_of_the_numbers():
    assert InstructionSet(reversed(PAPER.rows)).rows == PAPER.rows


ROW = replace(INSTRUCTIONS[0], opcode=0xC0, mnemonic="NEW")


def test_extending_makes_a_new_set():
    extended = PAPER.extended(ROW)
    assert extended.by_opcode[0xC0] is ROW
    assert extended.rows == (*PAPER.rows, ROW)
    assert 0xC0 not in PAPER.by_opcode
    assert list(EXTENSION_PAGE) == list(range(0xC0, 0xD0))


@pytest.mark.parametrize("number", [0x00, 0x21, 0x3A, 0xB0, 0xBF, 0xD0, 0xFC, 0x100])
def test_an_extension_stays_on_its_page(number):
    message = f"NEW: an extension has a number from 0xc0 to 0xcf, found {number:#x}"
    with pytest.raises(SmartVMError, match=message):
        PAPER.extended(replace(ROW, opcode=number))


@pytest.mark.parametrize("other", [replace(ROW, mnemonic="OTHER"), replace(ROW, opcode=0xC1), ROW])
def test_numbers_and_names_are_unique(other):
    message = "have the same number or name"
    with pytest.raises(SmartVMError, match=message):
        PAPER.extended(ROW, other)
    with pytest.raises(SmartVMError, match=message):
        PAPER.extended(ROW).extended(other)


def test_a_paper_name_is_taken():
    with pytest.raises(SmartVMError, match="same number or name"):
        PAPER.extended(replace(ROW, mnemonic="CONV_MUL"))
