"""A lineage makes a tensor again on the CPU, and keeps no map of the device."""

from __future__ import annotations

from typing import Any

import pytest

from smartvm.dispatch.cupy_backend.lineage import Lineage, recipe_of
from smartvm.dispatch.cupy_backend.pattern import parted
from smartvm.dispatch.cupy_backend.tensors import OnDevice
from smartvm.dispatch.reference import ReferenceBackend
from smartvm.dispatch.steps import Step
from smartvm.dispatch.tensor import Tensor

CPU = ReferenceBackend()
X, Y = Tensor.from_ints([1, -2]), Tensor.from_ints([3, 4])
BIAS = Tensor.from_ints([5])
BIAS.memo = {}
STEPS = [Step("add", (BIAS, 2)), Step("add", (Y, 1)), Step("relu", (7, (0, 1)))]
CALLS: list[tuple[str, tuple[Any, ...], int, list[int]]] = [
    ("add", (X, Y, 1), 1, [4, 2]),
    ("concatenate", ([X, BIAS, Y, X], 1), 1, [1, -2, 5, 3, 4, 1, -2]),
    ("view", (X, 0, (2, 2), (0, 1)), 1, [1, -2, 1, -2]),
    ("chain", (X, STEPS), 1, [6, 3]),
    ("chain", (X, STEPS), 2, [9, 7]),
    ("chain", (X, STEPS), 3, [7, 7]),
]


def lineage(kernel: str, arguments: tuple[Any, ...], results: int = 1) -> Lineage:
    recipe = recipe_of(kernel, arguments, [None] * results)
    return Lineage(recipe, parted(arguments)[1])


@pytest.mark.parametrize(("kernel", "arguments", "results", "items"), CALLS)
def test_a_call_is_made_again(
    kernel: str, arguments: tuple[Any, ...], results: int, items: list[int]
) -> None:
    assert list(lineage(kernel, arguments, results).worked_out(CPU)) == items


def test_only_the_maps_that_led_there_are_held() -> None:
    held = [lineage("chain", (X, STEPS), results).held for results in (1, 2, 3)]
    assert held == [X.nbytes, X.nbytes + Y.nbytes, X.nbytes + Y.nbytes]


def test_a_map_of_the_device_stands_by_its_lineage() -> None:
    x: Any = OnDevice(2, (2, 4), None, None)  # type: ignore[arg-type]
    x.lineage = lineage("add", (X, Y, 1))
    y = lineage("chain", (Y, [Step("add", (x, 1)), Step("add", (x, 1))]), 2)
    assert y.held == Y.nbytes + x.lineage.held
    assert list(y.worked_out(CPU)) == [11, 8]
