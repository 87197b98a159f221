"""A result that waits is taken for just the call that it is of."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from smartvm.buffer import Buffer
from smartvm.dispatch.reference import ReferenceBackend
from smartvm.dispatch.steps import Step
from smartvm.dispatch.tensor import Tensor
from smartvm.opcodes.fusion import Waiting, apply

WRONG = Tensor.from_ints([99])
DOUBLE, TRIPLE = Step("multiply", (2,)), Step("multiply", (3,))


def frame_with(top: Tensor, *waiting: Waiting) -> Any:
    buffer = Buffer()
    buffer.push(top)
    return SimpleNamespace(buffer=buffer, waiting=list(waiting), kernels=ReferenceBackend())


def test_results_are_taken_one_after_the_other() -> None:
    first, second, third = (Tensor.from_ints([n]) for n in (1, 2, 6))
    frame = frame_with(first, Waiting(second, TRIPLE, third), Waiting(first, DOUBLE, second))
    apply(frame, Step("multiply", (2,)))
    assert frame.buffer.top is second
    apply(frame, TRIPLE)
    assert frame.buffer.top is third
    assert frame.waiting == []


@pytest.mark.parametrize("step", [TRIPLE, Step("relu", (0, (0, 1)))])
def test_another_step_is_computed(step: Step) -> None:
    top = Tensor.from_ints([4])
    frame = frame_with(top, Waiting(WRONG, DOUBLE, WRONG), Waiting(top, DOUBLE, WRONG))
    apply(frame, step)
    assert frame.buffer.top.to_ints() == ([12] if step is TRIPLE else [4])
    assert frame.waiting == [], "what would follow is not true either"


def test_the_same_step_on_another_map_is_computed() -> None:
    top, equal = Tensor.from_ints([4]), Tensor.from_ints([4])
    frame = frame_with(top, Waiting(equal, DOUBLE, WRONG))
    apply(frame, DOUBLE)
    assert frame.buffer.top.to_ints() == [8]
