"""Kernels that take each item by itself: in 64 bits where a proof says so, else in 256."""

from __future__ import annotations

from smartvm.dispatch.cupy_backend import wide
from smartvm.dispatch.cupy_backend.calls import INT64, Call, Output, Range, fits
from smartvm.dispatch.cupy_backend.device import THREADS
from smartvm.dispatch.cupy_backend.division import divisor_fields
from smartvm.dispatch.numpy_backend.elementwise_tensor import check_divisors
from smartvm.dispatch.reference.elementwise import nearest_even, truncated
from smartvm.dispatch.tensor import Tensor, form_bytes
from smartvm.words import limbs_for

__all__ = ["add", "clip", "divide", "divide_by", "multiply", "multiply_by", "relu"]

ITEMS = 4
"""Items that a thread takes at a time."""
BLOCKS = 8
"""Of `THREADS` threads, that a multiprocessor holds: more would only measure bounds."""


def add(call: Call, x: Tensor, addend: Tensor, plane: int) -> Tensor:
    """See `Backend.add`; shapes checked, gas paid."""

    def proof(values: Range, terms: Range) -> bool:
        reach = (values[0] + terms[0], values[1] + terms[1])
        return fits(values) and fits(terms) and fits(reach)

    if call.domains(proof, x, addend) is None:
        return wide.add(call, x, addend, plane)
    return _combined(call, "add", x, addend, plane, max(x.item_bytes, addend.item_bytes))


def multiply_by(call: Call, x: Tensor, factors: Tensor, plane: int) -> Tensor:
    """See `Backend.multiply_by`; shapes checked, gas paid."""

    def proof(values: Range, terms: Range) -> bool:
        ends = [a * b for a in values for b in terms]
        return fits(values) and fits(terms) and fits((min(ends), max(ends)))

    if call.domains(proof, x, factors) is None:
        return wide.multiply_by(call, x, factors, plane)
    return _combined(call, "multiply_by", x, factors, plane, max(x.item_bytes, factors.item_bytes))


def divide_by(call: Call, x: Tensor, divisors: Tensor, plane: int, nearest: bool) -> Tensor:
    """See `Backend.divide_by`; shapes checked, gas paid."""
    _see_no_zero(call, divisors)

    def proof(values: Range, terms: Range) -> bool:
        return fits(values) and fits(terms) and (values[0] > INT64[0] or terms[0] >= 0)

    if call.domains(proof, x, divisors) is None:
        return wide.divide_by(call, x, divisors, plane, nearest)
    kernel = "divide_by_nearest" if nearest else "divide_by"
    return _combined(call, kernel, x, divisors, plane, x.item_bytes)


def multiply(call: Call, x: Tensor, factor: int) -> Tensor:
    """See `Backend.multiply`; shapes checked, gas paid."""

    def reach(values: Range) -> Range:
        ends = sorted(value * factor for value in values)
        return ends[0], ends[1]

    def proof(values: Range) -> bool:
        return fits((factor, factor)) and fits(values) and fits(reach(values))

    if call.domains(proof, x) is None:
        return wide.multiply(call, x, factor)
    return _each(call, "multiply", x, reach(x.bounds), factor)


def divide(call: Call, x: Tensor, divisor: int, nearest: bool) -> Tensor:
    """See `Backend.divide`; shapes checked, gas paid."""
    if call.domains(fits, x) is None:
        return wide.divide(call, x, divisor, nearest)
    quotient = nearest_even if nearest else truncated
    reach = quotient(x.bounds[0], divisor), quotient(x.bounds[1], divisor)
    return _each(call, "divide", x, reach, int(nearest), *divisor_fields(divisor))


def relu(call: Call, x: Tensor, cap: int, slope: tuple[int, int]) -> Tensor:
    """See `Backend.relu`; shapes checked, gas paid."""
    numerator, denominator = slope
    most = min(cap or INT64[1], INT64[1])

    def proof(values: Range) -> bool:
        return fits(values) and numerator <= INT64[1] and values[0] * numerator >= INT64[0]

    if call.domains(proof, x) is None:
        return wide.relu(call, x, cap, slope)
    low, high = x.bounds
    least = truncated(low * numerator, denominator) if low < 0 else min(low, most)
    fields = (most, numerator, *divisor_fields(denominator))
    return _each(call, "relu", x, (least, max(least, min(high, most))), *fields)


def clip(call: Call, x: Tensor, low: int, high: int) -> Tensor:
    """See `Backend.clip`; shapes checked, gas paid."""
    limits = max(low, INT64[0]), min(high, INT64[1])
    if limits[0] > limits[1] or call.domains(fits, x) is None:
        return wide.clip(call, x, low, high)
    reach = tuple(min(max(value, low), high) for value in x.bounds)
    return _each(call, "clip", x, (reach[0], reach[1]), *limits)


def _see_no_zero(call: Call, divisors: Tensor) -> None:
    """See that no divisor is 0; those of a map by its bounds, if they can tell.

    Raises:
        DivisionByZero: one is.
    """
    low, high = divisors.bounds
    if low <= 0 <= high:
        call.segment.replayable &= divisors.memo is not None
        check_divisors(divisors)
    elif divisors.memo is None:
        one_sign = (1, max(high, INT64[1])) if low > 0 else (min(low, INT64[0]), -1)
        call.checks.append((divisors, one_sign))


def _each(call: Call, kernel: str, x: Tensor, reach: Range, *fields: int) -> Tensor:
    """The result of a kernel that takes one map; `reach` is likely to hold it."""
    data = call.operand(x)

    def launch(out: Output) -> None:
        _launch(call, kernel, (data.address, data.item_bytes, *out, len(x), *fields), len(x))

    return call.result(len(x), form_bytes(limbs_for(*reach)), launch)


def _combined(
    call: Call, kernel: str, x: Tensor, terms: Tensor, plane: int, item_bytes: int
) -> Tensor:
    """The result of a kernel that takes each item with the term of its channel."""
    data, others = call.operand(x), call.operand(terms)
    located = (data.address, data.item_bytes, others.address, others.item_bytes)
    places = (
        len(x),
        len(terms),
        plane,
        *divisor_fields(max(plane, 1)),
        *divisor_fields(len(terms)),
    )

    def launch(out: Output) -> None:
        _launch(call, kernel, (*located, *out, *places), len(x))

    return call.result(len(x), item_bytes, launch)


def _launch(call: Call, kernel: str, fields: tuple[int, ...], items: int) -> None:
    blocks = min(-(-items // (ITEMS * THREADS)), BLOCKS * call.device.processors)
    call.launch(f"elementwise.{kernel}", fields, grid=(max(1, blocks), 1, 1))
