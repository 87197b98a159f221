"""Tape: the calls of a segment, to be made again on other maps as graphs, and checked afterwards.

A network's calls are always the same. So when its first one comes again, with another map of the
same length and form, all that it led to the last time is started at once. Each call that then
comes, if it is the next one on the tape, has its result waiting. It stands if what its launches
were chosen for holds for its maps too: that their exact bounds lie in the ranges that its proofs
assumed, that its expectations are met, and that its own bounds fit the form it was stored in. Its
maps being results that stood, this is a proof by induction; what comes after a result that does
not stand was computed in vain.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

from smartvm.dispatch.cupy_backend.calls import Call, Make
from smartvm.dispatch.cupy_backend.entry import Entry, Result, Root, is_known, is_of_host
from smartvm.dispatch.cupy_backend.lineage import recipe_of
from smartvm.dispatch.cupy_backend.pattern import Pattern, parted
from smartvm.dispatch.cupy_backend.segment import Mark, Range, Segment
from smartvm.dispatch.cupy_backend.tensors import Intermediate, OnDevice
from smartvm.dispatch.tensor import Tensor

__all__ = ["Tape"]


class Tape:
    """The calls of a segment.

    Attributes:
        segment: where they went down. Its memory stays, and each run overwrites it.
        entries: the calls in order.
        credits: runs that may be in vain before the calls are recorded anew. A run costs one, and
            earns two if all its calls come: so a short call cannot start long graphs for ever.
        run: identifies the last run.
        owner: the session that follows it in this run, as long as its thread is there.
        seen: for each entry the range of its result's bounds in all runs; it outlasts a cut.
        weights: for each resident tensor that it keeps alive, by `id`, its bytes.
    """

    def __init__(self, segment: Segment) -> None:
        self.segment = segment
        self.entries: list[Entry] = []
        self.credits = 1
        self.run = object()
        self.owner: weakref.ref[Any] | None = None
        self.seen: dict[int, Range] = {}
        self.weights: dict[int, int] = {}
        self._alive: list[weakref.ref[OnDevice]] = []
        self._graphs: dict[int, tuple[int, Callable[[], None]]] = {}

    def begin(self) -> None:
        """Begin a new run: tensors of the last one that are still there leave the device."""
        for reference in self._alive:
            tensor = reference()
            if tensor is not None:
                tensor.leave()
        self._alive.clear()
        self.run = object()

    def adopt(self, tensor: OnDevice, entry: int) -> None:
        """Take a tensor as the result of an entry in this run."""
        low, high = tensor.bounds
        seen = self.seen.get(entry, tensor.bounds)
        if low < seen[0] or high > seen[1] or entry not in self.seen:
            seen = self.seen[entry] = min(low, seen[0]), max(high, seen[1])
        tensor.seen = seen
        tensor.origin = self.run, entry
        self._alive.append(weakref.ref(tensor))

    def record(
        self,
        call: Call,
        kernel: str,
        arguments: Sequence[Any],
        mark: Mark,
        result: Any,
    ) -> bool:
        """Write down a call that has been made; False where it cannot be repeated."""
        pattern, maps = parted(arguments)
        wanted = [self._wanted(x) for x in maps]
        given = _given(pattern, maps, result)
        make = given or call.make
        checks = [(_place(maps, x), values) for x, values in call.checks]
        unread = given is None and any(isinstance(w, Root) and w.number is None for w in wanted)
        unknown = any(place is None for place, _ in checks)
        if make is None or unread or unknown or not self.segment.replayable:
            return False
        call.checks.clear()  # maps that nobody else needs are let go
        self.weights |= {id(x): x.nbytes for x in pattern if isinstance(x, Tensor)}
        number = len(self.entries)
        last = result[-1] if isinstance(result, list) else result
        is_new = isinstance(last, OnDevice) and last.origin is None
        self.entries.append(
            Entry(
                kernel,
                pattern,
                wanted,
                all(is_known(w, mark) for w in wanted),
                mark,
                _first_read(wanted, mark),
                [(place, values) for place, values in checks if place is not None],
                call.expectations,
                call.slots,
                make,
                recipe_of(kernel, arguments, result) if is_new else None,
            )
        )
        if is_new:
            self.adopt(last, number)
        return True

    def record_declined(self, kernel: str, pattern: Pattern, maps: Sequence[Tensor]) -> None:
        """Write down a call that was left to the CPU."""
        wanted, mark = [self._wanted(x) for x in maps], self.segment.mark()
        repeats = all(is_known(w, mark) for w in wanted)
        self.entries.append(Entry(kernel, pattern, wanted, repeats, mark))

    def cut(self, number: int) -> None:
        """Forget the entries from a number on, but not what their results were like."""
        self.segment.cut(self.entries[number].mark)
        del self.entries[number:]
        self._graphs = {first: kept for first, kept in self._graphs.items() if kept[0] <= number}

    def start(self, first: int, maps: Sequence[Tensor]) -> list[Range]:
        """Run the part that begins with an entry, on the maps of the host that this call has.

        Returns:
            the bounds in all slots.
        """
        entry, roots = self.entries[first], self.segment.roots
        for place in entry.roots:
            root = entry.wanted[place]
            assert isinstance(root, Root) and root.number is not None
            roots[root.number] = maps[place], roots[root.number][1]
            self.segment.device.write(roots[root.number][1].memory, maps[place].data)
        self._graph(first)()
        return self.segment.measured()

    def _graph(self, first: int) -> Callable[[], None]:
        following = range(first + 1, len(self.entries))
        end = next((i for i in following if self.entries[i].roots), len(self.entries))
        known = self._graphs.get(first)
        if known is None or known[0] != end:
            self._graphs[first] = known = end, self._captured(first, end)
        return known[1]

    def _captured(self, first: int, end: int) -> Callable[[], None]:
        segment, start = self.segment, self.entries[first].mark
        stop = self.entries[end].mark if end < len(self.entries) else segment.mark()
        reset = [segment.reset(start.used, stop.used - start.used)]
        return segment.device.graph(reset + segment.launches[start.launches : stop.launches])

    def _wanted(self, x: Tensor) -> Result | Root:
        """What tells a map from others."""
        if is_of_host(x):
            return Root(len(x), x.item_bytes, self.segment.root_number(x))
        assert isinstance(x, OnDevice) and x.origin is not None
        return Result(x.origin[1])


def _first_read(wanted: Sequence[Result | Root], mark: Mark) -> list[int]:
    """The places of the maps of the host that are read for the first time."""
    found: dict[int, int] = {}
    for place, x in enumerate(wanted):
        if isinstance(x, Root) and x.number is not None and x.number >= mark.roots:
            found.setdefault(x.number, place)
    return list(found.values())


def _place(maps: Sequence[Tensor], x: Any) -> int | None:
    """Where a tensor stands among the maps of a call."""
    if isinstance(x, Intermediate):
        x = x.result()
    return next((place for place, found in enumerate(maps) if found is x), None)


def _given(pattern: Pattern, maps: Sequence[Tensor], result: Any) -> Make | None:
    """What gives the result where it is an argument of the call."""
    place = _place(maps, result)
    if place is not None:
        return lambda arguments, _: parted(arguments)[1][place]
    if isinstance(result, Tensor) and any(leaf is result for leaf in pattern):
        return lambda *_: result
    return None
