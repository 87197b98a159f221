"""Chains of kernels: the step, the deferred tensor, and which backend runs a chain."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartvm.dispatch import Backend, Dispatcher
from smartvm.dispatch.numpy_backend import NumpyBackend
from smartvm.dispatch.reference import ReferenceBackend
from smartvm.dispatch.steps import Step
from smartvm.dispatch.tensor import Deferred, Tensor


def deferred(tensor: Tensor) -> Deferred:
    return Deferred(len(tensor), tensor.bounds, lambda: tensor)


def test_steps_match_where_they_are_the_same_call() -> None:
    bias, equal = Tensor.from_ints([1, 2]), Tensor.from_ints([1, 2])
    step = Step("add", (bias, 4))
    assert step.matches(Step("add", (bias, 2 + 2)))
    assert not step.matches(Step("add", (equal, 4))), "another tensor, for all one knows"
    assert not step.matches(Step("add", (bias, 5)))
    assert not step.matches(Step("multiply_by", (bias, 4)))


@given(st.lists(st.one_of(st.integers(-9, 9), st.integers(-(2**255), 2**255 - 1)), max_size=5))
def test_a_deferred_tensor_is_the_tensor(values: list[int]) -> None:
    tensor = Tensor.from_ints(values)
    later = deferred(tensor)
    assert (len(later), later.bounds, later.nbytes) == (len(tensor), tensor.bounds, tensor.nbytes)
    assert (later.item_bytes, later.is_wide) == (tensor.item_bytes, tensor.is_wide)
    assert (later.limbs, later.magnitude) == (tensor.limbs, tensor.magnitude)
    assert later.memo is None
    assert later == tensor
    assert later[1:] == tensor[1:]
    assert repr(later) == repr(tensor)


def test_a_deferred_tensor_is_worked_out_once_and_only_when_read() -> None:
    calls = []

    def compute() -> Tensor:
        calls.append(None)
        return Tensor.from_ints([3, 70_000])

    later = Deferred(2, (3, 70_000), compute)
    assert (later.nbytes, calls) == (8, [])
    assert later.to_ints() == later.to_ints() == [3, 70_000]
    assert calls == [None]


@pytest.mark.parametrize(("length", "bounds"), [(3, (3, 7)), (2, (3, 8)), (2, (2, 7))])
def test_a_deferred_tensor_keeps_its_promise(length: int, bounds: tuple[int, int]) -> None:
    later = Deferred(length, bounds, lambda: Tensor.from_ints([3, 7]))
    for _ in range(2):
        with pytest.raises(ValueError, match="expected"):
            later.to_ints()


class Chaining(Backend):
    """Multiplies and divides, also both at once."""

    name = "chaining"
    multiply = staticmethod(ReferenceBackend.multiply)
    divide = staticmethod(ReferenceBackend.divide)

    def chain(self, x: Tensor, steps: Sequence[Step]) -> list[Tensor] | None:
        return [x for _ in steps]


X = Tensor.from_ints([5])
MULTIPLY, DIVIDE, RELU = Step("multiply", (3,)), Step("divide", (2, False)), Step("relu", (0, 1))


def test_a_chain_runs_on_the_backend_of_its_kernels() -> None:
    dispatcher = Dispatcher([Chaining(), ReferenceBackend()])
    assert dispatcher.chain(X, [MULTIPLY, DIVIDE]) == [X, X]
    assert dispatcher.chains("multiply")
    assert not dispatcher.chains("relu")


def test_a_chain_is_not_taken_from_the_backends_that_were_preferred_for_it() -> None:
    assert Dispatcher([Chaining(), ReferenceBackend()]).chain(X, [MULTIPLY, RELU]) is None
    assert Dispatcher([NumpyBackend(), Chaining()]).chain(X, [MULTIPLY, DIVIDE]) is None
    assert not Dispatcher([NumpyBackend(), Chaining()]).chains("multiply")
