"""Runs of stack instructions: what they do, cost and need, read as bytecode."""

from __future__ import annotations

import pytest

from smartvm.compiler.assembler import assemble
from smartvm.opcodes.decoding import LONGEST_RUN, Code, Run, decode


def run_of(text: str, pc: int = 0) -> Run | None:
    return Code(assemble(".stock\n" + text)).run(pc)


def applied(text: str, stack: list[int]) -> list[int]:
    values = list(stack)
    run = run_of(text)
    assert run is not None
    assert run.fits(len(values))
    run.apply(values)
    return values


@pytest.mark.parametrize(
    ("text", "before", "after"),
    [
        ("PUSH 5\nPUSH 0\nPUSH 300", [9], [9, 5, 0, 300]),
        ("DUP2\nDUP1", [8, 9], [8, 9, 8, 8]),
        ("SWAP2\nPOP", [6, 7, 8, 9], [6, 9, 8]),
        ("POP\nPOP", [7, 8, 9], [7]),
        ("PUSH 4\nSWAP1", [9], [4, 9]),
        ("PC\nPUSH 1\nPC", [], [0, 1, 3]),
        ("PUSH 7\nPUSH 9\nSUB", [], [2]),
        ("PUSH 9\nPUSH 7\nSUB\nNOT", [], [1]),
        ("PUSH 1\nPUSH 4\nSHL\nPUSH 16\nEQ", [5], [5, 1]),
    ],
)
def test_what_a_run_does(text: str, before: list[int], after: list[int]) -> None:
    assert applied(text, before) == after


def test_what_a_run_costs_and_needs() -> None:
    run = run_of("PUSH 5\nDUP3\nSWAP1\nPOP\nPUSH 0\nMUL\nADD\nSTOP")
    assert run is not None
    assert run.gas == 3 + 3 + 3 + 2 + 2
    assert (run.takes, run.room) == (2, 2)
    assert run.end == 6, "the product is not known before the Stack is"
    assert [run.fits(length) for length in (1, 2, 1022, 1023)] == [False, True, True, False]


def test_jumps_to_known_places_are_followed() -> None:
    text = "PUSH 8\nJUMP @on\nINVALID\non:\nPUSH 0\nJUMPI @never\nPUSH 9\nSTOP\nnever:\nSTOP"
    assert applied(text, []) == [8, 9]
    run = run_of(text)
    assert run is not None
    assert run.gas == 3 + (3 + 8) + 1 + 2 + (3 + 10) + 3


@pytest.mark.parametrize(
    "text",
    ["JUMP", "PUSH 200\nJUMP", "PUSH 4\nJUMP\nPUSH1 0x5b", "PUSH 3\nJUMP\nSTOP", "PUSH 3\nJUMPI"],
)
def test_jumps_that_may_fail_are_left_to_the_loop(text: str) -> None:
    run = run_of(text)
    code = assemble(".stock\n" + text)
    assert (0 if run is None else run.end) == code.index(0x56 if b"\x56" in code else 0x57)


def test_no_run_where_another_instruction_stands() -> None:
    assert run_of("ADD\nPUSH 1") is None
    assert run_of("STOP") is None
    assert run_of("PUSH 1", pc=2) is None


def test_a_push_that_the_code_cuts_off_is_padded() -> None:
    run = Code(bytes.fromhex("62beef")).run(0)
    assert run is not None
    assert (run.constants, run.end, run.gas) == ([0xBEEF00], 4, 3)


def test_an_endless_loop_is_decoded_in_pieces() -> None:
    run = run_of("on:\nJUMP @on")
    assert run is not None
    assert run.end < 4
    assert run.gas <= LONGEST_RUN * 8


def test_data_of_a_push_is_no_instruction() -> None:
    code = Code(bytes.fromhex("605b5b61605b5b"))
    assert [code.is_instruction(position) for position in range(7)] == [
        True, False, True, True, False, False, True,
    ]  # fmt: skip
    assert [pos for pos in range(9) if code.is_jump_destination(pos)] == [2, 6]


def test_code_is_decoded_once() -> None:
    assert decode(b"\x60\x01") is decode(bytes(bytearray(b"\x60\x01")))
