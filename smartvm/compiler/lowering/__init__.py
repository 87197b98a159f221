"""Lowering: a float model becomes an integer graph, one function for each ONNX operator."""

from __future__ import annotations

from collections.abc import Mapping

from smartvm.compiler.float_model import FloatModel
from smartvm.compiler.integer_graph import IntegerGraph
from smartvm.compiler.lowering import (
    activation,
    elementwise,
    linear,
    normalisation,
    padding,
    pooling,
    recurrent,
    reduction,
    resize,
    shape,
)
from smartvm.compiler.lowering.builder import DEFAULT_SCALE, Lowering
from smartvm.compiler.lowering.registry import LOWERERS, Problem, UnsupportedNode, lowers, require
from smartvm.exceptions import UnsupportedModelError

__all__ = [
    "DEFAULT_SCALE",
    "LOWERERS",
    "Lowering",
    "Problem",
    "UnsupportedNode",
    "lower",
    "lowers",
    "problems",
    "require",
]

FAMILIES = (
    activation,
    elementwise,
    linear,
    normalisation,
    padding,
    pooling,
    recurrent,
    reduction,
    resize,
    shape,
)
"""The modules whose import registers the operators."""


def lower(
    model: FloatModel,
    ranges: Mapping[str, tuple[float, float]],
    *,
    scale: int = DEFAULT_SCALE,
    weight_scale: int | None = None,
    per_channel: bool = False,
    input_scales: Mapping[str, int] | None = None,
) -> IntegerGraph:
    """The integer graph of a model.

    Args:
        model: the float model.
        ranges: for each input the least and the greatest number that it may hold.
        scale: the integer that stands for 1.0.
        weight_scale: the same for weights; by default `scale`.
        per_channel: give each output channel of convolutions and fully connected layers a finer
            weight scale of its own, as far as the widest channel's width reaches.
        input_scales: scales of inputs that differ from `scale`, such as 255 for pixels.

    Raises:
        UnsupportedModelError: with all nodes that cannot be lowered.
        WeightRangeError: a weight passes 64 bits at its scale.
        ModelError: an input has no range.
    """
    lowering = Lowering(
        model,
        scale=scale,
        weight_scale=weight_scale,
        per_channel=per_channel,
        input_scales=input_scales,
    )
    lowering.lower_nodes()
    refuse(model.name, lowering.problems)
    return lowering.graph(ranges)


def problems(model: FloatModel) -> list[Problem]:
    """Every node that cannot be lowered, with the reason; no weight is touched."""
    lowering = Lowering(model)
    lowering.lower_nodes()
    return lowering.problems


def refuse(name: str, found: list[Problem]) -> None:
    """Raise an UnsupportedModelError that lists the problems, if there are any."""
    if found:
        listed = "".join(f"\n  {problem}" for problem in found)
        raise UnsupportedModelError(
            f"model {name!r} has {len(found)} unsupported node{'s'[: len(found) - 1]}:{listed}",
            tuple(found),
        )
