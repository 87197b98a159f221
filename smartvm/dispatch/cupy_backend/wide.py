"""Kernels that take each item by itself, in 256 bits, and results in 256 bits.

The exact bounds of a wide result take a look of the host: such calls cannot be replayed.
"""

from __future__ import annotations

import numpy as np

from smartvm.dispatch.cupy_backend.calls import Call, Range
from smartvm.dispatch.cupy_backend.device import THREADS, Memory
from smartvm.dispatch.cupy_backend.tensors import Operand
from smartvm.dispatch.tensor import WIDE_BYTES, Tensor, form_bytes
from smartvm.words import MAX_LIMBS, limbs_for, signed_fields, to_unsigned

__all__ = ["add", "clip", "divide", "divide_by", "finish", "multiply", "multiply_by", "relu"]

ADD, MULTIPLY, DIVIDE, DIVIDE_NEAREST = range(4)
"""Operations of the kernel `wide.combine`."""
MOST_BLOCKS = 256
"""Whose bounds the host compares."""


def add(call: Call, x: Tensor, addend: Tensor, plane: int) -> Tensor:
    """See `Backend.add`; shapes checked, gas paid."""
    return _combined(call, x, addend, plane, ADD)


def multiply(call: Call, x: Tensor, factor: int) -> Tensor:
    """See `Backend.multiply`; shapes checked, gas paid."""
    return _combined(call, x, Tensor.from_ints([factor]), 1, MULTIPLY)


def divide(call: Call, x: Tensor, divisor: int, nearest: bool) -> Tensor:
    """See `Backend.divide`; shapes checked, gas paid."""
    return divide_by(call, x, Tensor.from_ints([divisor]), 1, nearest)


def multiply_by(call: Call, x: Tensor, factors: Tensor, plane: int) -> Tensor:
    """See `Backend.multiply_by`; shapes checked, gas paid."""
    return _combined(call, x, factors, plane, MULTIPLY)


def divide_by(call: Call, x: Tensor, divisors: Tensor, plane: int, nearest: bool) -> Tensor:
    """See `Backend.divide_by`; shapes checked, gas paid, no divisor 0."""
    return _combined(call, x, divisors, plane, DIVIDE_NEAREST if nearest else DIVIDE)


def clip(call: Call, x: Tensor, low: int, high: int) -> Tensor:
    """See `Backend.clip`; shapes checked, gas paid."""
    return _each(call, "clip", x, low, high)


def relu(call: Call, x: Tensor, cap: int, slope: tuple[int, int]) -> Tensor:
    """See `Backend.relu`; shapes checked, gas paid."""
    return _each(call, "relu", x, cap or (1 << 255) - 1, *slope)


def finish(call: Call, memory: Memory, length: int) -> Tensor:
    """The tensor of wide items, in the narrowest form that holds them.

    Args:
        call: cannot be replayed after this.
        memory: `length` items of 32 bytes.
        length: in items.
    """
    call.segment.replayable = False
    if not length:
        return Tensor.zeros(0)
    bounds = _bounds(call, memory, length)
    item_bytes = form_bytes(limbs_for(*bounds))
    if item_bytes == WIDE_BYTES:
        return call.on_device(length, bounds, Operand(memory, WIDE_BYTES))
    narrow = call.scratch(length * item_bytes)
    call.launch("wide.narrow", (memory.address, narrow.address, item_bytes, length), items=length)
    return call.on_device(length, bounds, Operand(narrow, item_bytes))


def _bounds(call: Call, memory: Memory, length: int) -> Range:
    """The least and the greatest of wide items, at least one."""
    blocks = min(-(-length // THREADS), MOST_BLOCKS)
    found = call.scratch(blocks * 2 * WIDE_BYTES)
    arguments = (memory.address, found.address, length)
    call.launch("wide.bounds", arguments, grid=(blocks, 1, 1), shared=2 * THREADS * WIDE_BYTES)
    candidates = np.empty((2 * blocks, MAX_LIMBS), "<u2")
    call.device.read(found, candidates)
    return Tensor.from_wide(candidates).bounds


def _combined(call: Call, x: Tensor, terms: Tensor, plane: int, operation: int) -> Tensor:
    """Each item with the term of its channel."""
    data, others = call.operand(x), call.operand(terms)
    memory = call.scratch(len(x) * WIDE_BYTES)
    located = (data.address, data.item_bytes, others.address, others.item_bytes, memory.address)
    fields = (*located, len(x), len(terms), plane, operation)
    call.launch("wide.combine", fields, items=len(x))
    return finish(call, memory, len(x))


def _each(call: Call, kernel: str, x: Tensor, *numbers: int) -> Tensor:
    """A kernel whose struct ends with some wide numbers."""
    data, memory = call.operand(x), call.scratch(len(x) * WIDE_BYTES)
    words = [word for number in numbers for word in signed_fields(to_unsigned(number))]
    located = (data.address, data.item_bytes, memory.address, len(x))
    call.launch(f"wide.{kernel}", (*located, *words), items=len(x))
    return finish(call, memory, len(x))
