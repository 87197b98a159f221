"""Convolution, plain; a transposed one is left to numpy, as is what leaves 64 bits."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any, TypeVar, cast

from smartvm.dispatch.native.compiled import kernels
from smartvm.dispatch.native.products import Plan
from smartvm.dispatch.numpy_backend import convolution
from smartvm.dispatch.tensor import Tensor
from smartvm.shapes import ConvShape

Shape = TypeVar("Shape")

__all__ = ["convolution_plan", "convolve", "kept", "latest", "plan_for"]

_KEY = "native convolution"
_EXTENT_LIMIT = 1 << 30
"""Of what the kernels count in int32: items of a map, cells of a padded plane."""


class _Latest:
    """The shape that weights were used in last, and its plan."""

    __slots__ = ("plan", "shape")
    nbytes = 0  # the plan is counted under its shape

    def __init__(self, shape: Any, plan: Plan) -> None:
        self.shape = shape
        self.plan = plan


def convolve(x: Tensor, weights: Tensor, shape: ConvShape) -> Tensor:
    """See `Backend.convolve`; shapes checked, gas paid."""
    plan = plan_for(weights, shape)
    result = plan.run(x) if plan else None
    return convolution.convolve(x, weights, shape) if result is None else result[1]


def plan_for(weights: Tensor, shape: ConvShape) -> Plan | None:
    """The plan of a convolution; None where numpy has it."""
    plan = latest(weights, _KEY, shape)
    if plan is None and _is_native(weights, shape):
        return kept(weights, _KEY, shape, convolution_plan)
    return plan


def latest(weights: Tensor, key: str, shape: Any) -> Plan | None:
    """The plan for weights that were used last in this very shape."""
    found = weights.memo.get(key) if weights.memo else None
    return cast(Plan, found.plan) if found is not None and found.shape is shape else None


def kept(weights: Tensor, key: str, shape: Shape, make: Callable[[Tensor, Shape], Plan]) -> Plan:
    """The plan for weights in a shape: from their memo, if they have one, or made."""
    memo = weights.memo
    if memo is None:
        return make(weights, shape)
    full = (key, shape)
    plan = memo[full] if full in memo else memo.setdefault(full, make(weights, shape))
    memo[key] = _Latest(shape, plan)
    return cast(Plan, plan)


def convolution_plan(weights: Tensor, shape: ConvShape) -> Plan:
    """A plan, made."""
    return Plan(kernels.ConvolutionPlan(*_geometry(shape), weights.data), shape.out_items, weights)


def _is_native(weights: Tensor, shape: ConvShape) -> bool:
    if shape.transposed or weights.item_bytes > 4:
        return False
    extents = (
        size + abs(before) + abs(after)
        for size, (before, after) in zip(shape.size, shape.padding, strict=True)
    )
    padded = prod(extents) * shape.in_channels * shape.batch
    return max(padded, shape.out_items) < _EXTENT_LIMIT


def _geometry(shape: ConvShape) -> tuple[Any, ...]:
    """The arguments of a compiled plan; a step that is never taken may be too large for one."""
    groups = shape.groups
    counts = (shape.batch, groups, shape.in_channels // groups, shape.out_channels // groups)
    out = shape.out_size
    stride = tuple(s if o > 1 else 1 for s, o in zip(shape.stride, out, strict=True))
    dilation = tuple(d if k > 1 else 1 for d, k in zip(shape.dilation, shape.kernel, strict=True))
    before = tuple(before for before, _ in shape.padding)
    if shape.kernel == stride == (1, 1, 1) and not any(before) and out == shape.size:
        line = (1, 1, prod(out))  # a plane that is read once is as good as a line
        return counts, line, shape.kernel, stride, before, dilation, line
    return counts, shape.size, shape.kernel, stride, before, dilation, out
