"""Look-ahead: which DNN instructions come next, and with which operands."""

from __future__ import annotations

import pytest

from smartvm.compiler.assembler import assemble
from smartvm.opcodes import STANDARD
from smartvm.opcodes.decoding import Code
from smartvm.opcodes.lookahead import Position, upcoming

MAGIC = 5  # bytes before the first instruction


def ahead(text: str, stack: tuple[int | bytes, ...] = (), count: int = 99) -> list[str]:
    """The instructions ahead of the first one, each with its operands."""
    position = Position(Code(assemble(text)), STANDARD, MAGIC, stack)
    return [
        " ".join([each.instruction.mnemonic, *map(str, each.operands)])
        for each in upcoming(position, count)
    ]


def test_straight_code() -> None:
    text = "BUF_ALLO size=7\nBUF_SCL0 times=2\nBUF_COPY start=3 end=5\nSTOP\nBUF_SCL0 times=3"
    assert ahead(text) == ["BUF_ALLO 7", "BUF_SCL0 2", "BUF_COPY 3 5"]
    assert ahead(text, count=2) == ["BUF_ALLO 7", "BUF_SCL0 2"]


def test_operands_that_are_on_the_stack_as_words_or_bytes() -> None:
    assert ahead("BUF_COPY\nBUF_SCL0", (4, b"\x03", 2)) == ["BUF_COPY 2 3", "BUF_SCL0 4"]


def test_routines_that_return_to_where_the_stack_says() -> None:
    text = """
        PUSH 5
        PUSH @first
        JUMP @routine
    first:
        PUSH 6
        PUSH @second
        JUMP @routine
    second:
        STOP
    routine:
        SWAP1
        BUF_ALLO
        JUMP
    """
    assert ahead(text) == ["BUF_ALLO 5", "BUF_ALLO 6"]


def test_a_loop_is_followed_as_long_as_its_counter_is_known() -> None:
    text = """
        PUSH 3
    again:
        DUP1
        BUF_ALLO
        PUSH 1
        SWAP1
        SUB
        DUP1
        JUMPI @again
        BUF_INIT size=1
    """
    assert ahead(text) == ["BUF_ALLO 3", "BUF_ALLO 2", "BUF_ALLO 1", "BUF_INIT 1"]
    assert len(ahead(text.replace("PUSH 3", "PUSH 2000"))) < 300


def test_a_choice_follows_its_condition() -> None:
    text = "JUMPI @low\nBUF_ALLO size=1\nSTOP\nlow:\nBUF_ALLO size=2"
    assert ahead(text, (0,)) == ["BUF_ALLO 1"]
    assert ahead(text, (9,)) == ["BUF_ALLO 2"]


@pytest.mark.parametrize(
    "stop",
    ["GAS", "CALLDATASIZE", "PUSH 0\nMLOAD", "PUSH 0\nSLOAD", "STOP", "INVALID", "BTOS0 first=0",
     "JUMP", "PUSH 1\nJUMP", "ADD", "POP", "SWAP1", "DUP2"],
)  # fmt: skip
def test_it_ends_where_the_stack_is_not_certain(stop: str) -> None:
    passed = ["BTOS0 0 0"] if stop.startswith("BTOS0") else []
    assert ahead(f"BUF_ALLO size=1\n{stop}\nBUF_ALLO size=2") == ["BUF_ALLO 1", *passed]


def test_a_jump_to_no_jumpdest_ends_it() -> None:
    code = "PUSH 7\nJUMP\nBUF_ALLO size=1"
    assert ahead(code) == []
    assert ahead("JUMP", (9,)) == []


def test_positions_with_equal_contents_share_what_was_found() -> None:
    code = Code(assemble("BUF_ALLO"))
    first, second = (Position(code, STANDARD, MAGIC, (n,)) for n in (7, 7))
    assert upcoming(first, 3) is upcoming(second, 3)
