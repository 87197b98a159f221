"""Fusion: what follows a product runs on its sums while they are in the cache."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from operator import is_

from smartvm.dispatch.backend import Backend
from smartvm.dispatch.native import convolution, linear
from smartvm.dispatch.native.bounds import Range
from smartvm.dispatch.native.products import Plan
from smartvm.dispatch.native.stages import MOST_STAGES, Epilogue, Stage, stage_of
from smartvm.dispatch.steps import Step
from smartvm.dispatch.tensor import Deferred, Tensor

Extents = tuple[int, int, int]
"""(batch, channels, plane) of the result of a product."""


def chain(backend: Backend, x: Tensor, steps: Sequence[Step]) -> list[Tensor] | None:
    """See `Backend.chain`: a product takes its stages along, what is then left runs one by one."""
    planned = _plan(steps[0])
    if planned is None:
        return None
    epilogue = _epilogue(*planned, steps)
    found = planned[0].run(x, epilogue) if epilogue.stages else None
    if found is None:
        return None
    ranges, result = found
    results: list[Tensor] = [
        _deferred(backend, x, steps[: index + 1], len(result), values)
        for index, values in enumerate(ranges[:-1])
    ]
    results.append(result)
    for step in steps[len(results) :]:
        results.append(getattr(backend, step.kernel)(results[-1], *step.arguments))
    return results


def _plan(step: Step) -> tuple[Plan, Extents] | None:
    """The plan of a product and the extents of its result; None where numpy has it."""
    if step.kernel == "convolve":
        weights, shape = step.arguments
        plan = convolution.plan_for(weights, shape)
        extents = shape.batch, shape.out_channels, prod(shape.out_size)
    elif step.kernel == "matmul":
        weights, shape = step.arguments
        plan = linear.plan_for(weights, shape)
        extents = shape.rows, shape.columns, 1
    else:
        return None
    return (plan, extents) if plan else None


def _epilogue(plan: Plan, extents: Extents, steps: Sequence[Step]) -> Epilogue:
    """The stages of the steps behind a product, as far as they have them."""
    seen, epilogue = plan.epilogue
    if len(seen) == len(steps) and all(map(is_, seen, steps)):
        return epilogue
    stages: list[Stage] = []
    for step in steps[1 : MOST_STAGES + 1]:
        stage = stage_of(step, *extents)
        if stage is None:
            break
        stages.append(stage)
    epilogue = Epilogue(stages)
    if all(map(_is_resident, steps)):  # a plan lives longer than maps should
        plan.epilogue = steps, epilogue
    return epilogue


def _is_resident(step: Step) -> bool:
    """Whether a step holds on to no map."""
    return not any(isinstance(term, Tensor) and term.memo is None for term in step.arguments)


def _deferred(
    backend: Backend, x: Tensor, steps: Sequence[Step], length: int, values: Range
) -> Deferred:
    """A result on the way, worked out step by step if somebody looks at it."""

    def compute() -> Tensor:
        result = x
        for step in steps:
            result = getattr(backend, step.kernel)(result, *step.arguments)
        return result

    return Deferred(length, values, compute)
