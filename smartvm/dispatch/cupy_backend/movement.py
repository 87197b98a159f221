"""Strided views, joined maps and rows looked up: copies of items on the device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import NamedTuple

from smartvm.dispatch.cupy_backend.calls import Call, Output, Range, fits
from smartvm.dispatch.cupy_backend.wide_product import launched
from smartvm.dispatch.movement import check_indices, with_items
from smartvm.dispatch.tensor import WIDE_BYTES, Tensor

__all__ = ["concatenate", "gather", "view"]

_MOST_AXES = 8
_INDEX_BITS = 31
"""Of the numbers of items: the kernels' divisions are exact for no more."""


class _Axis(NamedTuple):
    """An axis of what is moved, with the steps, in items, through the map and the result."""

    length: int
    x_step: int
    out_step: int

    @property
    def fields(self) -> tuple[int, ...]:
        """The fields of the kernels' struct Axis.

        With m = ⌊2³¹⁺ˢ / length⌋ + 1 and 2ˢ >= length, m·length is above 2³¹⁺ˢ by 2ˢ at most,
        so that n·m / 2³¹⁺ˢ has the quotient's whole part for all n below 2³¹ (Granlund and
        Montgomery, 1994, theorem 4.2).
        """
        shift = _INDEX_BITS + (self.length - 1).bit_length()
        magic = (1 << shift) // self.length + 1
        return self.length, magic, shift, self.x_step, self.out_step


def view(
    call: Call, x: Tensor, offset: int, dims: Sequence[int], strides: Sequence[int]
) -> Tensor | None:
    """See `Backend.view`; shapes checked, gas paid."""
    count = prod(dims)
    axes = _merged(dims, strides)
    if offset == 0 and count == len(x) and all(axis.x_step == axis.out_step for axis in axes):
        return x
    if not _counts(count, len(x)) or not _covered(call, [x]):
        return None
    data, route = call.operand(x), _route(count, offset, 0, axes)

    def launch(out: Output) -> None:
        call.launch(_kernel("move", out), (*data.located, *out, *route), items=count)

    return _result(call, count, x.item_bytes, launch)


def concatenate(call: Call, parts: list[Tensor], outer: int) -> Tensor | None:
    """See `Backend.concatenate`; shapes checked, gas paid."""
    parts = with_items(parts)
    if len(parts) == 1:
        return parts[0]
    count = sum(map(len, parts))
    if not _counts(count) or not _covered(call, parts):
        return None
    operands = [call.operand(part) for part in parts]

    def launch(out: Output) -> None:
        start = 0
        for part, data in zip(parts, operands, strict=True):
            row = len(part) // outer
            axes = _merged((outer, row), (row, 1), (count // outer, 1))
            route = _route(len(part), 0, start, axes)
            call.launch(_kernel("move", out), (*data.located, *out, *route), items=len(part))
            start += row

    return _result(call, count, max(part.item_bytes for part in parts), launch)


def gather(call: Call, indices: Tensor, data: Tensor, columns: int) -> Tensor | None:
    """See `Backend.gather`; shapes checked, gas paid."""
    check_indices(indices, data, columns)
    rows, count = len(data) // columns, len(indices) * columns

    def proof(named: Range) -> bool:
        return fits(named, (-rows, rows - 1))

    if not _counts(count, len(data)) or not _covered(call, [data]):
        return None
    call.domains(proof, indices)  # it holds, and must hold again
    places, table = call.operand(indices), call.operand(data)
    looked_up = (count, rows, *places.located, *_Axis(columns, 1, 1).fields)

    def launch(out: Output) -> None:
        call.launch(_kernel("gather", out), (*table.located, *out, *looked_up), items=count)

    return _result(call, count, data.item_bytes, launch)


def _covered(call: Call, maps: Sequence[Tensor]) -> bool:
    """Whether there is a way for such maps; the call keeps that all fit 64 bits, if they do."""

    def proof(*values: Range) -> bool:
        return all(map(fits, values))

    return any(x.is_wide for x in maps) or call.domains(proof, *maps) is not None


def _kernel(name: str, out: Output) -> str:
    return f"movement.{name}_wide" if out.item_bytes == WIDE_BYTES else f"movement.{name}"


def _result(call: Call, count: int, item_bytes: int, launch: Callable[[Output], None]) -> Tensor:
    """The result of a launch, in a form of 2, 4 or 8 bytes, or wide."""
    if item_bytes < WIDE_BYTES:
        return call.result(count, item_bytes, launch)
    return launched(call, count, lambda address: launch(Output(address, WIDE_BYTES, 0)))


def _counts(*lengths: int) -> bool:
    """Whether there are items, and the kernels can count them."""
    return all(0 < length < 1 << _INDEX_BITS for length in lengths)


def _merged(
    dims: Sequence[int], x_steps: Sequence[int], out_steps: Sequence[int] | None = None
) -> list[_Axis]:
    """As few axes as go the same way; the steps through the result are row-major by default."""
    out_steps = out_steps or [prod(dims[i + 1 :]) for i in range(len(dims))]
    axes: list[_Axis] = []
    for axis in map(_Axis, dims, x_steps, out_steps):
        last = axes[-1] if axes else None
        if axis.length == 1:
            continue
        if last and last[1:] == (axis.x_step * axis.length, axis.out_step * axis.length):
            axes[-1] = _Axis(last.length * axis.length, axis.x_step, axis.out_step)
        else:
            axes.append(axis)
    return axes


def _route(count: int, x_start: int, out_start: int, axes: list[_Axis]) -> tuple[int, ...]:
    """The last fields of the kernels' struct MoveArguments; axes that are not there are zeros."""
    fields = [field for axis in axes for field in axis.fields]
    unused = [0] * (len(_Axis(1, 0, 0).fields) * (_MOST_AXES - len(axes)))
    return (count, x_start, out_start, len(axes), *fields, *unused)
