"""Session: one thread's way through its calls, repeated from a tape or made one by one."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

from smartvm.dispatch.cupy_backend.calls import Call
from smartvm.dispatch.cupy_backend.device import Device
from smartvm.dispatch.cupy_backend.entry import DECLINED, Entry, is_of_host
from smartvm.dispatch.cupy_backend.lineage import Lineage, recipe_of
from smartvm.dispatch.cupy_backend.pattern import Pattern, is_alike, maps_in, parted
from smartvm.dispatch.cupy_backend.segment import Mark, NoSlots, Range, Segment
from smartvm.dispatch.cupy_backend.tape import Tape
from smartvm.dispatch.cupy_backend.tapes import Key, Tapes, forms_of
from smartvm.dispatch.cupy_backend.tensors import Home, Intermediate, OnDevice
from smartvm.dispatch.tensor import Tensor

__all__ = ["Session"]

MOST_SEGMENT_BYTES = 1 << 30
"""Of device memory, of what a tape computes."""
MOST_ROOTS = 64
"""Maps of the host that a tape reads."""
MOST_ENTRIES = 4096
"""Calls of a tape; those that measure no bounds take no slots."""
MOST_CREDITS = 3
BEGINNING = Mark(0, 0, 0, 0, 0)
NO_KEY = Key("", [], ())

Function = Callable[..., Any]
Choice = Callable[[], Function | None]


class Session:
    """The calls of one thread.

    Attributes:
        device: where.
        home: what brings tensors to the host.
        tapes: shared by all sessions of the device.
        tape: the tape that it follows or records, or None.
        last_call: the number of its last call.
    """

    def __init__(self, device: Device, home: Home, tapes: Tapes) -> None:
        self.device = device
        self.home = home
        self.tapes = tapes
        self._loose: Segment | None = None
        self._spare: Segment | None = None
        self.last_call = 0
        self._forget()

    def _forget(self) -> None:
        self.tape: Tape | None = None
        self._key = NO_KEY
        self._run: object = None
        self._next = 0
        self._records = False
        self._measured: list[Range] = []

    @property
    def is_done(self) -> bool:
        """Whether all calls of the tape have come, and none after them."""
        return self.tape is None or not (self._records or self._next < len(self.tape.entries))

    def repeated(self, kernel: str, arguments: Sequence[Any]) -> Any:
        """The result of a call, if it comes next on the tape and reads no map of the host anew.

        This takes a third of the time of `call`, which says the same where it is None.
        """
        tape, number = self.tape, self._next
        if tape is None or number >= len(tape.entries) or tape.run is not self._run:
            return None
        entry = tape.entries[number]
        if not entry.repeats or entry.kernel != kernel:
            return None
        maps = maps_in(entry.pattern, arguments)
        if maps is None or not entry.takes(maps, tape):
            return None
        result = self._standing(tape, entry, maps, arguments)
        if result is not None:
            self._count()
        return result

    def call(self, kernel: str, arguments: Sequence[Any], choose: Choice) -> Any:
        """The result of a kernel, or DECLINED.

        Args:
            kernel: its name.
            arguments: the kernel's.
            choose: gives what makes the call on the device, None to leave it to the CPU.
        """
        pattern, maps = self._parted(kernel, arguments)
        self._count()
        if self._is_fresh(kernel, pattern, maps) and not self._begin(kernel, pattern, maps, choose):
            return DECLINED
        tape = self._followed(maps)
        if tape is not None and self._next < len(tape.entries):
            result = self._replayed(tape, kernel, pattern, maps, arguments)
            if result is not None:
                return result
        result = self._made(self._followed(maps), kernel, choose(), arguments, pattern, maps)
        last = _last(result)
        if isinstance(last, OnDevice) and last.lineage is None and last.on_host is None:
            last.lineage = Lineage(recipe_of(kernel, arguments, result), maps)
        return result

    def _parted(self, kernel: str, arguments: Sequence[Any]) -> tuple[Pattern, list[Tensor]]:
        """The pattern of a call, the very one that the tape begins with if it is alike."""
        entries = self.tape.entries if self.tape else ()
        if entries and entries[0].kernel == kernel:
            first = entries[0]
            maps = maps_in(first.pattern, arguments)
            if maps is not None and not any(isinstance(x, Intermediate) for x in maps):
                return first.pattern, maps
        return parted(arguments)

    def _key_of(self, kernel: str, pattern: Pattern, maps: Sequence[Tensor]) -> Key:
        """The key of a call, the very one of the tape's first call if it is equal."""
        forms, entries = forms_of(maps), self.tape.entries if self.tape else ()
        if entries and pattern is entries[0].pattern and forms == self._key.forms:
            return self._key
        return Key(kernel, pattern, forms)

    def _count(self) -> None:
        self.tapes.calls = self.last_call = self.tapes.calls + 1

    def reset(self) -> None:
        """Forget all, memory too; tensors keep theirs."""
        self._loose = self._spare = None
        self._forget()

    def _is_fresh(self, kernel: str, pattern: Pattern, maps: Sequence[Tensor]) -> bool:
        """Whether a call takes nothing that this session has seen, but a map of the host."""
        if not maps or not all(map(is_of_host, maps)):
            return False
        tape = self.tape
        if tape is None or all(tape.segment.root_number(x) is None for x in maps):
            return True
        return bool(tape.entries) and self._key_of(kernel, pattern, maps) == self._key

    def _begin(self, kernel: str, pattern: Pattern, maps: Sequence[Tensor], choose: Choice) -> bool:
        """Begin with a call on a map of the host; False where it is better left to the CPU."""
        key = self._key_of(kernel, pattern, maps)
        if self.tapes.is_parting(key) or not (key in self.tapes or choose() is not None):
            return False
        self._forget()
        tape = self.tapes.find(key, self)
        if tape is None:
            tape = Tape(self._spare or Segment(self.device, self.home))
            self._spare = None
        else:
            tape.begin()
            tape.credits -= 1
        self.tapes.trim()
        tape.owner = weakref.ref(self)
        self.tape, self._key, self._run = tape, key, tape.run
        return True

    def _followed(self, maps: Sequence[Tensor]) -> Tape | None:
        """The tape, if this session still has it and the maps are its own."""
        tape = self.tape
        if tape is None:
            return None
        taken = tape.run is not self._run  # by another thread
        if taken or any(_is_foreign(x, self._run) for x in maps):
            self._forget()
        return self.tape

    def _replayed(
        self,
        tape: Tape,
        kernel: str,
        pattern: Pattern,
        maps: Sequence[Tensor],
        arguments: Sequence[Any],
    ) -> Any:
        """The result that the tape has of a call; None if it has none."""
        number = self._next
        entry = tape.entries[number]
        alike = entry.kernel == kernel and is_alike(entry.pattern, pattern)
        if alike and entry.takes(maps, tape):
            result = self._standing(tape, entry, maps, arguments)
            if result is not None:
                return result
        else:
            self.tapes.part(self._key)
            tape.seen = {entry: tape.seen[entry] for entry in tape.seen if entry < number}
        tape.credits += 1  # in vain, but before it can be so again, it must be made again
        tape.cut(number)
        return None

    def _standing(
        self, tape: Tape, entry: Entry, maps: Sequence[Tensor], arguments: Sequence[Any]
    ) -> Any:
        """The result of the entry that is next, None if it does not stand."""
        if entry.roots:
            self._measured = tape.start(self._next, maps)
        result = None
        if entry.stands(maps, self._measured):
            result = entry.result(arguments, self._measured)
        if result is None:
            return None
        if entry.recipe is not None:
            last = _last(result)
            last.lineage = Lineage(entry.recipe, maps)
            tape.adopt(last, self._next)
        self._next += 1
        if self._next == len(tape.entries):
            tape.credits = min(tape.credits + 2, MOST_CREDITS)
        return result

    def _made(
        self,
        tape: Tape | None,
        kernel: str,
        function: Function | None,
        arguments: Sequence[Any],
        pattern: Pattern,
        maps: Sequence[Tensor],
    ) -> Any:
        """Make a call, and write it down if there is a tape that has room."""
        if tape is not None and len(tape.entries) >= MOST_ENTRIES:
            self._retire(tape)
            tape = None
        if tape is None:
            return DECLINED if function is None else self._made_loosely(function, arguments)
        if function is None:
            return self._declined(tape, kernel, pattern, maps)
        mark = tape.segment.mark()
        call = Call(tape.segment, tape.seen.get(len(tape.entries), (0, 0)))
        try:
            result = function(call, *arguments)
        except NoSlots:
            self._end_at(tape, mark)
            return self._made_loosely(function, arguments)
        except BaseException:
            tape.segment.cut(mark)
            raise
        if result is None:
            tape.segment.cut(mark)
            return self._declined(tape, kernel, pattern, maps)
        if tape.record(call, kernel, arguments, mark, result):
            self._next += 1
            self._records = self.tapes.have_grown = True
            tape.credits = min(tape.credits, 1)  # what a shorter one earned is not for this one
            if self._next == 1:
                self.tapes.keep(self._key, tape)
        else:
            self._end_at(tape, mark)
        if len(tape.segment.roots) > MOST_ROOTS or tape.segment.nbytes > MOST_SEGMENT_BYTES:
            self.tapes.drop(self._key, tape)
            self._forget()
        return result

    def _declined(self, tape: Tape, kernel: str, pattern: Pattern, maps: Sequence[Tensor]) -> Any:
        if tape.entries:
            tape.record_declined(kernel, pattern, maps)
            self._next += 1
        else:
            self._retire(tape)
        return DECLINED

    def _end_at(self, tape: Tape, mark: Mark) -> None:
        """The tape ends here: what comes is not to be repeated."""
        tape.segment.cut(mark)
        tape.segment.replayable = True
        self._retire(tape)

    def _retire(self, tape: Tape) -> None:
        """Follow a tape no more; one without a call was never one."""
        if not tape.entries and self._key not in self.tapes:
            self._spare = tape.segment
        self._forget()

    def _made_loosely(self, function: Function, arguments: Sequence[Any]) -> Any:
        if self._loose is None:
            self._loose = Segment(self.device, self.home)
        try:
            result = function(Call(self._loose), *arguments)
        finally:
            self._loose.cut(BEGINNING)
        return DECLINED if result is None else result


def _is_foreign(x: Tensor, run: object) -> bool:
    """Whether a map lies on the device, but is no result of this run of the tape."""
    if not isinstance(x, OnDevice) or x.operand is None:
        return False
    return x.origin is None or x.origin[0] is not run


def _last(result: Any) -> Any:
    return result[-1] if isinstance(result, list) else result
