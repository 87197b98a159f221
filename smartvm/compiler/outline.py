"""Outlining: code that repeats becomes shared routines, where a contract would grow too large.

A routine holds one or more whole pieces of code that leave the Stack as they find it. It is called
with the address to return to on the Stack and ends with a JUMP to it, so that routines may call
each other. Each call costs a few tens of gas; without need nothing is outlined.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

CALL_BYTES = 8
"""PUSH2 return, PUSH2 routine, JUMP, JUMPDEST."""
ROUTINE_BYTES = 2
"""The JUMPDEST before a routine and the JUMP behind it."""
LONGEST_RUN = 256
"""Most pieces of a routine."""


class Call(NamedTuple):
    """A call of a routine, in place of its pieces."""

    routine: int


Piece = bytes | Call
"""A piece of code, or a call."""
Run = tuple[Piece, ...]
"""Pieces one after the other."""


class _Found(NamedTuple):
    times: int
    nbytes: int


@dataclass
class Outlined:
    """Code in pieces: what runs, and the routines that it calls."""

    main: list[Piece]
    routines: list[list[Piece]]

    @property
    def sequences(self) -> list[list[Piece]]:
        """All code."""
        return [self.main, *self.routines]


def outline(pieces: Sequence[Piece], excess: int) -> Outlined:
    """Make routines, the one that saves most first, until `excess` bytes are saved.

    Args:
        pieces: of the code, in order.
        excess: bytes to save; where repetition saves less, the result is as small as it gets.
    """
    code = Outlined(list(pieces), [])
    while excess > 0:
        saving, run = _best_run(code)
        if not run:
            break
        call = Call(len(code.routines))
        code.main = _replaced(code.main, run, call)
        code.routines = [_replaced(routine, run, call) for routine in code.routines]
        code.routines.append(list(run))
        excess -= saving
    return code


def _best_run(code: Outlined) -> tuple[int, Run]:
    """The run of pieces that saves most as a routine, and how much; empty where none does."""
    best: tuple[int, Run] = 0, ()
    for length in range(1, LONGEST_RUN + 1):
        repeats = {run: found for run, found in _runs(code, length).items() if found.times > 1}
        if not repeats:  # then no longer run repeats either
            break
        for run, (times, nbytes) in repeats.items():
            saving = times * (nbytes - CALL_BYTES) - nbytes - ROUTINE_BYTES
            if saving > best[0]:
                best = saving, run
    return best


def _runs(code: Outlined, length: int) -> dict[Run, _Found]:
    """Each run of so many pieces: how often it occurs, without overlaps, and its bytes."""
    found: dict[Run, _Found] = {}
    for sequence in code.sequences:
        starts = list(accumulate(map(_size, sequence), initial=0))
        ends: dict[Run, int] = {}
        for start in range(len(sequence) - length + 1):
            run = tuple(sequence[start : start + length])
            if ends.get(run, 0) <= start:
                ends[run] = start + length
                times = found[run].times if run in found else 0
                found[run] = _Found(times + 1, starts[start + length] - starts[start])
    return found


def _size(piece: Piece) -> int:
    return CALL_BYTES if isinstance(piece, Call) else len(piece)


def _replaced(sequence: list[Piece], run: Run, call: Call) -> list[Piece]:
    """The sequence with a call in place of each occurrence of the run."""
    result: list[Piece] = []
    position = 0
    while position < len(sequence):
        if tuple(sequence[position : position + len(run)]) == run:
            result.append(call)
            position += len(run)
        else:
            result.append(sequence[position])
            position += 1
    return result
