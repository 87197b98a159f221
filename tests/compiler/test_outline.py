from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from smartvm.compiler.outline import CALL_BYTES, ROUTINE_BYTES, Call, Outlined, Piece, outline

ALL = 1 << 30


def expanded(code: Outlined, sequence: list[Piece]) -> list[bytes]:
    """The pieces that run, all calls followed."""
    result: list[bytes] = []
    for piece in sequence:
        followed = expanded(code, code.routines[piece[0]]) if isinstance(piece, Call) else [piece]
        result += followed
    return result


def size(code: Outlined) -> int:
    pieces = [piece for sequence in code.sequences for piece in sequence]
    calls = sum(isinstance(piece, Call) for piece in pieces)
    inline = sum(len(piece) for piece in pieces if not isinstance(piece, Call))
    return inline + CALL_BYTES * calls + ROUTINE_BYTES * len(code.routines)


PIECES = st.lists(st.sampled_from([b"a" * 30, b"b" * 20, b"c" * 9, b"d"]), max_size=60)


@given(PIECES)
def test_the_same_code_runs_and_is_never_longer(pieces: list[bytes]) -> None:
    code = outline(pieces, ALL)
    assert expanded(code, code.main) == pieces
    assert size(code) <= sum(map(len, pieces))


@given(PIECES, st.integers(1, 600))
def test_no_more_is_shared_than_is_needed(pieces: list[bytes], excess: int) -> None:
    code, least = outline(pieces, excess), size(outline(pieces, ALL))
    saved = sum(map(len, pieces)) - size(code)
    assert saved >= min(excess, sum(map(len, pieces)) - least)
    assert len(code.routines) <= len(outline(pieces, ALL).routines)


def test_without_need_nothing_is_shared() -> None:
    assert outline([b"a" * 30] * 9, 0) == Outlined([b"a" * 30] * 9, [])


def test_a_run_of_pieces_is_one_routine() -> None:
    step: list[Piece] = [b"a" * 9, b"b" * 9, b"c" * 9]
    assert outline(step * 4, 10) == Outlined([Call(0)] * 4, [step])


def test_routines_may_call_each_other() -> None:
    inner: list[Piece] = [b"a" * 99, b"b" * 99]
    code = outline([*inner, b"c" * 40, *inner, b"d", *inner, b"c" * 40, *inner, b"e"], ALL)
    assert len(code.routines) == 2
    assert code.main == [Call(1), b"d", Call(1), b"e"]
    assert Call(0) in code.routines[1]
