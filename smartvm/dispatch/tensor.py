"""Tensor: a flat, immutable run of signed 256-bit integers in the narrowest form that holds it.

Four forms, chosen by the values alone: int16, int32, int64, or *wide*: an (n, 16) array of
uint16 limbs, two's complement, lowest limb first. The form is representation only: no program
can observe it, but prices (`limbs`) and kernels depend on the values' bounds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from smartvm.words import LIMB_BITS, MAX_LIMBS, WORD_BITS, limbs_for

NARROW = (np.dtype(np.int16), np.dtype(np.int32), np.dtype(np.int64))
WIDE_BYTES = WORD_BITS // 8


def form_bytes(limbs: int) -> int:
    """Bytes an item takes in the narrowest form of `limbs` 16-bit limbs: 2, 4, 8 or 32."""
    return 2 if limbs <= 1 else 4 if limbs <= 2 else 8 if limbs <= 4 else WIDE_BYTES


def form_of(low: int, high: int) -> int:
    """Bytes an item takes in the narrowest form that holds all of [low, high]."""
    bits = max(high, ~low).bit_length()
    return 2 if bits < 16 else 4 if bits < 32 else 8 if bits < 64 else WIDE_BYTES


class Tensor:
    """A flat run of integers. Make one with `from_ints`, `from_array`, `from_wide` or `zeros`.

    Attributes:
        data: (n,) int16, int32 or int64, or (n, 16) uint16; read-only.
        memo: where a backend keeps forms that it derives from the values (packed weights, say), or
            None. Only what is resident has one (weight blocks, constants), for there its size is
            counted; a feature map has none.
    """

    __slots__ = ("_bounds", "data", "memo")

    def __init__(self, data: np.ndarray, bounds: tuple[int, int]) -> None:
        """Adopt `data`, already in the narrowest form, whose least and greatest are `bounds`."""
        data.setflags(write=False)
        self.data = data
        self.memo: dict[Any, Any] | None = None
        self._bounds = bounds

    @classmethod
    def from_array(cls, array: np.ndarray) -> Tensor:
        """The tensor of an array of integers of any dtype up to 64 bits, flattened."""
        flat = array.reshape(-1)
        bounds = (int(flat.min()), int(flat.max())) if flat.size else (0, 0)
        limbs = limbs_for(*bounds)
        if limbs > 4:  # a uint64 beyond 2^63
            return cls.from_ints(flat.tolist())
        target = NARROW[{2: 0, 4: 1, 8: 2}[form_bytes(limbs)]]
        return cls(flat.astype(target, copy=flat.flags.writeable), bounds)

    @classmethod
    def from_wide(cls, limbs: np.ndarray) -> Tensor:
        """The tensor of an (n, 16) uint16 array of two's complement limbs, lowest first."""
        narrow = _narrowed(limbs)
        if narrow is not None:
            return cls.from_array(narrow)
        return cls(limbs, _wide_bounds(limbs))

    @classmethod
    def from_ints(cls, values: Iterable[int]) -> Tensor:
        """The tensor of Python integers in [-2²⁵⁵, 2²⁵⁵).

        Raises:
            OverflowError: a value outside that range.
        """
        values = list(values)
        low, high = (min(values), max(values)) if values else (0, 0)
        limbs = limbs_for(low, high)
        if limbs > MAX_LIMBS:
            raise OverflowError(f"{low if -low > high else high} does not fit 256 bits")
        if limbs <= 4:
            return cls.from_array(np.array(values, dtype=np.int64))
        raw = b"".join(value.to_bytes(WIDE_BYTES, "little", signed=True) for value in values)
        return cls(np.frombuffer(raw, dtype="<u2").reshape(-1, MAX_LIMBS), (low, high))

    @classmethod
    def zeros(cls, length: int) -> Tensor:
        """`length` zeros."""
        return cls(np.zeros(length, dtype=np.int16), (0, 0))

    @classmethod
    def full(cls, length: int, value: int) -> Tensor:
        """`length` copies of a signed 256-bit value."""
        one = cls.from_ints([value] if length else [])
        return cls(np.repeat(one.data, length, axis=0), one.bounds)

    @classmethod
    def concatenate(cls, parts: list[Tensor]) -> Tensor:
        """The tensors one after the other; a single one is returned as it is."""
        # (0, 0), an empty part's bounds, must not count.
        parts = [part for part in parts if len(part)] or parts[:1]
        if len(parts) == 1:
            return parts[0]
        widest = max(part.item_bytes for part in parts)
        bounds = (min(p.bounds[0] for p in parts), max(p.bounds[1] for p in parts))
        return cls(np.concatenate([part.in_form(widest) for part in parts]), bounds)

    def __len__(self) -> int:
        return len(self.data)

    def __iter__(self) -> Iterator[int]:
        return iter(self.to_ints())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Tensor):
            return NotImplemented
        return self.data.dtype == other.data.dtype and np.array_equal(self.data, other.data)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = ", ".join(map(str, self[:8].to_ints()))
        more = ", …" if len(self) > 8 else ""
        return f"Tensor([{shown}{more}], length={len(self)}, item_bytes={self.item_bytes})"

    def __getitem__(self, window: slice) -> Tensor:
        """A slice; it shares the memory where it needs no narrower form."""
        part = self.data[window]
        return Tensor.from_wide(part) if self.is_wide else Tensor.from_array(part)

    @property
    def is_wide(self) -> bool:
        """Whether some value needs more than 64 bits."""
        return self.data.ndim == 2

    @property
    def bounds(self) -> tuple[int, int]:
        """The least and the greatest value; (0, 0) of an empty tensor."""
        return self._bounds

    @property
    def limbs(self) -> int:
        """16-bit limbs of the narrowest two's complement width that holds every value, 1 to 16."""
        low, high = self._bounds
        return max(high, ~low).bit_length() // LIMB_BITS + 1

    @property
    def magnitude(self) -> int:
        """The greatest absolute value."""
        return max(-self._bounds[0], self._bounds[1])

    @property
    def item_bytes(self) -> int:
        """Bytes an item takes here: 2, 4, 8 or 32."""
        return WIDE_BYTES if self.is_wide else self.data.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes that the items take."""
        return self.data.nbytes

    def in_form(self, item_bytes: int) -> np.ndarray:
        """The items in the form of 2, 4, 8 or 32 bytes, which must be wide enough."""
        if item_bytes == self.item_bytes:
            return self.data
        return self.wide() if item_bytes == WIDE_BYTES else self.data.astype(f"i{item_bytes}")

    def wide(self) -> np.ndarray:
        """(n, 16) uint16 two's complement limbs, lowest first."""
        if self.is_wide:
            return self.data
        words = self.data.astype("<i8").view("<u2").reshape(-1, 4)
        sign = np.where(self.data < 0, 0xFFFF, 0).astype("<u2")
        return np.concatenate([words, np.repeat(sign[:, None], 12, axis=1)], axis=1)

    def to_ints(self) -> list[int]:
        """The values as Python integers."""
        if not self.is_wide:
            return list(self.data.tolist())
        raw = np.ascontiguousarray(self.data).tobytes()
        return [
            int.from_bytes(raw[i : i + WIDE_BYTES], "little", signed=True)
            for i in range(0, len(raw), WIDE_BYTES)
        ]


class Deferred(Tensor):
    """A tensor whose length and exact bounds are known, and whose items nobody may ever ask for.

    It is worked out when `data` is first read, by a function that is dropped afterwards with all
    that it holds on to. Two threads may both work it out; they find the same.
    """

    __slots__ = ("_compute", "_found", "_item_bytes", "_length")

    def __init__(
        self, length: int, bounds: tuple[int, int], compute: Callable[[], Tensor] | None
    ) -> None:
        """Promise what `compute` returns: `length` items, the least and greatest `bounds`.

        It is None for a subclass that has its own way.
        """
        self.memo = None
        self._bounds = bounds
        self._length = length
        self._item_bytes = form_of(*bounds)
        self._compute = compute
        self._found: np.ndarray | None = None

    @property
    def data(self) -> np.ndarray:  # type: ignore[override]
        """The items in the narrowest form, as `Tensor` has them; worked out at the first reading.

        Raises:
            ValueError: the function does not return what was promised.
        """
        compute = self._compute
        if compute is not None:
            tensor = compute()
            if len(tensor) != self._length or tensor.bounds != self._bounds:
                found = f"{len(tensor)} items in {tensor.bounds}"
                raise ValueError(f"{self._length} items in {self._bounds} expected, {found} found")
            self._found = tensor.data
            self._compute = None
        assert self._found is not None
        return self._found

    def __len__(self) -> int:
        return self._length

    @property
    def is_wide(self) -> bool:
        """Whether some value needs more than 64 bits."""
        return self._item_bytes == WIDE_BYTES

    @property
    def item_bytes(self) -> int:
        """Bytes an item takes once worked out: 2, 4, 8 or 32."""
        return self._item_bytes

    @property
    def nbytes(self) -> int:
        """Bytes that the items take once worked out."""
        return self._length * self._item_bytes


def _narrowed(limbs: np.ndarray) -> np.ndarray | None:
    """The int64 values of wide limbs where all of them fit, else None."""
    words = np.ascontiguousarray(limbs).view("<i8")
    sign = words[:, :1] >> 63
    if (words[:, 1:] != sign).any():
        return None
    return words[:, 0].copy()


def _wide_bounds(limbs: np.ndarray) -> tuple[int, int]:
    """The least and greatest value: the top words decide, ties are settled among their rows."""
    words = np.ascontiguousarray(limbs).view("<u8")
    return _extreme(words, np.min), _extreme(words, np.max)


def _extreme(rows: np.ndarray, pick: Any) -> int:
    for index in (3, 2, 1, 0):
        column = rows[:, index].view("<i8") if index == 3 else rows[:, index]
        rows = rows[column == pick(column)]
        if len(rows) == 1:
            break
    return int.from_bytes(rows[0].tobytes(), "little", signed=True)
