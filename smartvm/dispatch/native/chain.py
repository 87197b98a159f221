"""Fusion: what follows a product runs on its sums while they are in the cache."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from smartvm.dispatch.backend import Backend
from smartvm.dispatch.native import convolution, linear
from smartvm.dispatch.native.products import Plan
from smartvm.dispatch.native.stages import Epilogue, native_stages
from smartvm.dispatch.steps import Step
from smartvm.dispatch.tensor import Deferred, Tensor


def chain(backend: Backend, x: Tensor, steps: Sequence[Step]) -> list[Tensor] | None:
    """See `Backend.chain`: a product takes its stages along, what is then left runs one by one."""
    plan = _plan(steps[0])
    if plan is None:
        return None
    epilogue = _epilogue(plan, steps)
    found = plan.run(x, epilogue) if epilogue.stages else None
    if found is None:
        return None
    ranges, result = found
    results: list[Tensor] = [
        Deferred(plan.length, ranges[index], partial(_run, backend, x, steps, index + 1))
        for index in range(len(epilogue.stages))
    ]
    results.append(result)
    for step in steps[len(results) :]:
        results.append(getattr(backend, step.kernel)(results[-1], *step.arguments))
    return results


def _plan(step: Step) -> Plan | None:
    """The plan of a product; None where numpy has it."""
    if step.kernel == "convolve":
        return convolution.plan_for(*step.arguments)
    return linear.plan_for(*step.arguments) if step.kernel == "matmul" else None


def _epilogue(plan: Plan, steps: Sequence[Step]) -> Epilogue:
    """The stages of the steps behind a product, as far as they have them."""
    seen, epilogue = plan.epilogue
    followers = steps[1:]
    if _match(seen, followers):
        return epilogue
    epilogue = Epilogue(native_stages(steps))
    if all(map(_is_resident, followers)):  # a plan lives longer than maps should
        plan.epilogue = followers, epilogue
    return epilogue


def _match(seen: Sequence[Step], steps: Sequence[Step]) -> bool:
    """Whether they are the same calls."""
    if len(seen) != len(steps):
        return False
    for mine, theirs in zip(seen, steps, strict=True):
        if mine is not theirs and not mine.matches(theirs):
            return False
    return True


def _is_resident(step: Step) -> bool:
    """Whether a step holds on to no map."""
    return not any(isinstance(term, Tensor) and term.memo is None for term in step.arguments)


def _run(backend: Backend, x: Tensor, steps: Sequence[Step], count: int) -> Tensor:
    """A result on the way, worked out step by step because somebody looks at it."""
    for step in steps[:count]:
        x = getattr(backend, step.kernel)(x, *step.arguments)
    return x
