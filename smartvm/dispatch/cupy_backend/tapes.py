"""Tapes: all tapes of a device, by their first call; those used longest ago are dropped."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Protocol

from smartvm.dispatch.cupy_backend.pattern import Pattern
from smartvm.dispatch.cupy_backend.tape import Tape
from smartvm.dispatch.tensor import Tensor

__all__ = ["Key", "Owner", "Tapes", "forms_of"]

MOST_TAPES = 32
MOST_BYTES = 4 << 30
"""Of memory, in all tapes together."""
MOST_PARTINGS = 256
WAYS_PART = 2
"""Times that another way is taken; once, it may be that weights have become resident."""
HEAVY = frozenset({"chain", "convolve", "matmul"})
"""Kernels that are not left to the CPU to find out what comes next."""
IDLE = 64
"""Calls of others after which who has made none has no more use for a tape."""
Forms = tuple[tuple[int, int], ...]


class Key:
    """What tells first calls apart: all but the items of maps of the host.

    Attributes:
        kernel: the kernel.
        forms: of the maps.
    """

    __slots__ = ("_hash", "_rest", "forms", "kernel")

    def __init__(self, kernel: str, pattern: Pattern, forms: Forms) -> None:
        """Of a call of this pattern."""
        self.kernel, self.forms = kernel, forms
        self._rest = tuple(map(_identity, pattern))
        self._hash = hash((kernel, forms, self._rest))  # shapes take long

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Key):
            return NotImplemented
        mine = self.kernel, self.forms, self._rest
        return mine == (other.kernel, other.forms, other._rest)


class Owner(Protocol):
    """Who follows a tape.

    Attributes:
        tape: the one that it follows now, or None.
        last_call: the number of its last call.
    """

    tape: Tape | None
    last_call: int

    @property
    def is_done(self) -> bool:
        """Whether it has had everything that the tape had for it."""


class Tapes:
    """The tapes of a device.

    Attributes:
        calls: how many calls there have been, of all threads.
        have_grown: whether there is more of them than there was when they were last trimmed.
    """

    def __init__(self) -> None:
        self.calls = 0
        self.have_grown = False
        self._tapes: OrderedDict[Key, list[Tape]] = OrderedDict()
        self._partings: OrderedDict[Key, int] = OrderedDict()

    def __len__(self) -> int:
        return sum(map(len, self._tapes.values()))

    def __contains__(self, key: Key) -> bool:
        return key in self._tapes

    def find(self, key: Key, owner: Owner) -> Tape | None:
        """A tape that begins with a call, has credits, and is not followed by anybody else."""
        for tape in self._tapes.get(key, ()):
            if tape.credits > 0 and self._is_free(tape, owner):
                self._tapes.move_to_end(key)
                return tape
        return None

    def _is_free(self, tape: Tape, owner: Owner) -> bool:
        other: Owner | None = tape.owner() if tape.owner else None
        if other is None or other is owner or other.tape is not tape or other.is_done:
            return True
        return self.calls - other.last_call > IDLE

    def keep(self, key: Key, tape: Tape) -> None:
        """Keep a tape, instead of those that begin with the same call and have no credits."""
        others = [kept for kept in self._tapes.pop(key, []) if kept.credits > 0]
        self._tapes[key] = [tape, *others]
        self.have_grown = True
        self.trim()

    def drop(self, key: Key, tape: Tape) -> None:
        """Let go of a tape."""
        others = [kept for kept in self._tapes.pop(key, []) if kept is not tape]
        if others:
            self._tapes[key] = others

    def trim(self) -> None:
        """Drop the tapes used longest ago until neither their number nor their size is too much."""
        if not self.have_grown:
            return
        self.have_grown = False
        while self._tapes and (len(self) > MOST_TAPES or self._nbytes() > MOST_BYTES):
            key, tapes = next(iter(self._tapes.items()))
            tapes.pop()
            if not tapes:
                del self._tapes[key]

    def _nbytes(self) -> int:
        """Bytes of memory; those of weights too, which a cache may have dropped long ago."""
        kept = [tape for tapes in self._tapes.values() for tape in tapes]
        return sum(tape.segment.nbytes + sum(tape.weights.values()) for tape in kept)

    def part(self, key: Key) -> None:
        """Take note that other calls came after a first one than its tape has."""
        self._partings[key] = self._partings.pop(key, 0) + 1
        if len(self._partings) > MOST_PARTINGS:
            self._partings.popitem(last=False)

    def is_parting(self, key: Key) -> bool:
        """Whether several ways begin with a call, and it is better made on the CPU.

        Its result is then the map of the host that the tapes of those ways begin with.
        """
        return key.kernel not in HEAVY and self._partings.get(key, 0) >= WAYS_PART

    def clear(self) -> None:
        """Let go of all tapes."""
        self._tapes.clear()


def forms_of(maps: Sequence[Tensor]) -> Forms:
    """Length and bytes an item of each map."""
    return tuple([(len(x), x.item_bytes) for x in maps])


def _identity(leaf: Any) -> Any:
    if isinstance(leaf, Tensor):
        return "resident", id(leaf)
    return tuple(leaf) if isinstance(leaf, list) else leaf
