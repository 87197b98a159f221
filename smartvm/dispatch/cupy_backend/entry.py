"""Entry: one call of a tape, and what it takes for another call to have its result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from smartvm.dispatch.cupy_backend.calls import Make, Misfit, fits
from smartvm.dispatch.cupy_backend.lineage import Recipe
from smartvm.dispatch.cupy_backend.pattern import Pattern
from smartvm.dispatch.cupy_backend.segment import Mark, Range
from smartvm.dispatch.cupy_backend.tensors import OnDevice
from smartvm.dispatch.tensor import Tensor

if TYPE_CHECKING:
    from smartvm.dispatch.cupy_backend.tape import Tape

__all__ = ["DECLINED", "Entry", "Result", "Root", "is_known", "is_of_host"]

DECLINED = object()
"""Stands for the result of a call that the device leaves to the CPU."""


class Result(NamedTuple):
    """A map that a call takes: the result of an entry of the same run."""

    entry: int


class Root(NamedTuple):
    """A map of the host that a call takes, and which one of those that have been copied."""

    length: int
    item_bytes: int
    number: int | None


class Entry(NamedTuple):
    """A call.

    Attributes:
        kernel: its name.
        pattern: its arguments without their maps.
        wanted: those maps, in order.
        repeats: whether all of them have been there before it.
        mark: where its launches, its memory, slots and roots begin.
        roots: the maps of the host that it is the first to read: their places among its maps.
        checks: places of maps, each with the range in which the map's bounds must lie.
        expectations: slots, each with the range in which its bounds must lie.
        slots: those whose bounds the result is made with.
        make: makes the result, or None for a call that is left to the CPU.
        recipe: by which the CPU can make the result, or None if it is no new one of the device.
    """

    kernel: str
    pattern: Pattern
    wanted: Sequence[Result | Root]
    repeats: bool
    mark: Mark
    roots: Sequence[int] = ()
    checks: Sequence[tuple[int, Range]] = ()
    expectations: Sequence[tuple[int, Range]] = ()
    slots: Sequence[int] = ()
    make: Make | None = None
    recipe: Recipe | None = None

    def takes(self, maps: Sequence[Tensor], tape: Tape) -> bool:
        """Whether these are its maps in this run: of those that have come, the very same ones.

        Args:
            maps: of a call of the same pattern.
            tape: of which it would be the next call.
        """
        new: dict[int | None, Tensor] = {}
        for x, wanted in zip(maps, self.wanted, strict=True):
            if isinstance(wanted, Root):
                if not self._is_root(x, wanted, tape, new):
                    return False
            elif not isinstance(x, OnDevice) or x.origin != (tape.run, wanted.entry):
                return False
        return True

    def _is_root(self, x: Tensor, wanted: Root, tape: Tape, new: dict[int | None, Tensor]) -> bool:
        """Whether a map is the one that was copied, or may be copied to where that one was."""
        number = wanted.number
        if number is not None and number < self.mark.roots:
            return x is tape.segment.roots[number][0]
        form = len(x), x.item_bytes
        if form != (wanted.length, wanted.item_bytes) or not is_of_host(x):
            return False
        return number is None or new.setdefault(number, x) is x

    def stands(self, maps: Sequence[Tensor], measured: Sequence[Range]) -> bool:
        """Whether all that its launches assumed holds for these maps."""
        return all([fits(maps[place].bounds, values) for place, values in self.checks]) and all(
            [fits(measured[number], values) for number, values in self.expectations]
        )

    def result(self, arguments: Sequence[Any], measured: Sequence[Range]) -> Any:
        """The result, None where it does not fit the form it was stored in."""
        if self.make is None:
            return DECLINED
        try:
            made = self.make(arguments, [measured[number] for number in self.slots])
        except Misfit:
            return None
        return made if self.kernel == "chain" or not isinstance(made, list) else made[-1]


def is_known(wanted: Result | Root, mark: Mark) -> bool:
    """Whether a map has been there before a place in a segment."""
    if isinstance(wanted, Result):
        return True
    return wanted.number is not None and wanted.number < mark.roots


def is_of_host(x: Tensor) -> bool:
    """Whether a map would have to be copied to the device."""
    return not isinstance(x, OnDevice) or x.operand is None
