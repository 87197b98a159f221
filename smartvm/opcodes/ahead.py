"""What a frame will read: the tensors in Storage that its next instructions name."""

from __future__ import annotations

from collections.abc import Iterator

from eth.exceptions import VMError

from smartvm.opcodes.frame import Frame
from smartvm.opcodes.lookahead import Position, Upcoming, upcoming
from smartvm.storage import Ahead, Run
from smartvm.words import Space

MOST_INSTRUCTIONS = 512
"""How many DNN instructions are looked at: those of a network of a hundred layers."""


def ahead(frame: Frame, base: int, items: int) -> Ahead:
    """What the frame comes to, beginning with the tensor of `items` items at block `base`."""
    instructions = upcoming(Position.of(frame), MOST_INSTRUCTIONS)
    runs = (run for each in instructions for run in _runs(each))
    gas_left = frame.get_gas_remaining()
    return Ahead((Run(base, items), *runs), gas_left, len(instructions))


def _runs(instruction: Upcoming) -> Iterator[Run]:
    """The tensors that an instruction reads from Storage, as far as its operands say which."""
    reads = instruction.instruction.reads
    if reads is None or None in instruction.operands:
        return
    try:
        for place, items in reads(*instruction.operands):
            if place.space is Space.STORAGE and items:
                yield Run(place.base, items)
    except VMError:  # the instruction will raise it
        return
