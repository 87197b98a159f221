"""Fusion: what follows a product runs on its sums before they are stored."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from smartvm.dispatch.cupy_backend import convolution, linear
from smartvm.dispatch.cupy_backend.calls import Call
from smartvm.dispatch.cupy_backend.epilogue import Epilogue
from smartvm.dispatch.stages import stages_behind
from smartvm.dispatch.steps import Step
from smartvm.dispatch.tensor import Tensor

__all__ = ["chain"]

_PRODUCTS: dict[str, Callable[..., list[Tensor] | None]] = {
    "convolve": convolution.fused,
    "matmul": linear.fused,
}


def chain(call: Call, x: Tensor, steps: Sequence[Step]) -> list[Tensor] | None:
    """The results of a product and of the steps behind it that have a stage.

    All but the last are worked out if somebody looks at them.

    Returns:
        One for each of the first steps, at least two; what follows is left to the caller. None
        where the first is no product, the second has no stage, or the device has no way.
    """
    run = _PRODUCTS.get(steps[0].kernel)
    stages = stages_behind(steps) if run else []
    if run is None or not stages:
        return None
    weights, shape = steps[0].arguments
    taken = steps[: 1 + len(stages)]
    return run(call, x, weights, shape, Epilogue(stages), x, taken)
