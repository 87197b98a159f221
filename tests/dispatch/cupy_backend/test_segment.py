"""Grids of fewer blocks than the work has: their kernels loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from smartvm.dispatch.cupy_backend import (
    activation,
    convolution,
    elementwise,
    function,
    movement,
    packing,
    product,
    segment,
    wide,
)
from smartvm.dispatch.functions import Function
from smartvm.dispatch.tensor import Tensor
from smartvm.shapes import ConvShape

LENGTH = 600
"""More than two blocks of 256 threads."""


def noise(length: int, half: int, seed: int = 0) -> Tensor:
    return Tensor.from_array(np.random.default_rng(seed).integers(-half, half, length))


CONVOLUTION = ConvShape(2, 40, 34, 2, (1, 9, 8), (1, 3, 2))
HUGE = Tensor.from_ints([1 << 200, -5] * (LENGTH // 2))
CALLS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "items": (elementwise.multiply, (noise(9 * LENGTH, 99), 7)),
    "rows for warps": (activation.softmax, (noise(LENGTH, 99), 64, 20)),
    "rows for blocks": (activation.softmax, (noise(LENGTH, 99), 64, 200)),
    "logistic": (activation.sigmoid, (noise(LENGTH, 99), 64)),
    "function": (function.function, (noise(LENGTH, 99), 64, Function.ERF)),
    "view": (movement.view, (noise(LENGTH, 99), 0, [30, 20], [1, 30])),
    "convolution": (
        convolution.convolve,
        (noise(CONVOLUTION.in_items, 99), noise(CONVOLUTION.weight_items, 99), CONVOLUTION),
    ),
    "wide": (wide.clip, (HUGE, -3, 1 << 100)),
    "wide items": (movement.view, (HUGE, 0, [30, 20], [1, 30])),
}


@pytest.mark.parametrize("name", CALLS)
def test_grids_smaller_than_the_work(
    agree: Callable[..., None], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for module, limit in (
        *((segment, "MOST_BLOCKS"), (activation, "MOST_BLOCKS"), (wide, "MOST_BLOCKS")),
        *((packing, "_MOST_BLOCKS"), (elementwise, "BLOCKS"), (product, "LEAST_MACS")),
    ):
        monkeypatch.setattr(module, limit, 1)
    called, arguments = CALLS[name]
    agree(called, *arguments)
