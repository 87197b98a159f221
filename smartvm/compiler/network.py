"""A fixed-point network: a list of integer layers, the common input of all code generators.

Weights are integers at `scale`; so are the activations that enter and leave each layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np


@dataclass(frozen=True)
class Convolution:
    """Weights (out, in, kernel, kernel), bias (out,) at scale²; then divide by `scale`."""

    name: str
    weights: np.ndarray
    bias: np.ndarray
    stride: int = 1
    padding: int = 0


@dataclass(frozen=True)
class FullyConnected:
    """Weights (out, in), bias (out,) at scale²; then divide by `scale`."""

    name: str
    weights: np.ndarray
    bias: np.ndarray


@dataclass(frozen=True)
class ReLU:
    """max(0, x)."""

    name: str


@dataclass(frozen=True)
class MaxPool:
    """The greatest of each kernel × kernel window."""

    name: str
    kernel: int
    stride: int


@dataclass(frozen=True)
class AveragePool:
    """The truncated mean of each kernel × kernel window."""

    name: str
    kernel: int
    stride: int


Layer = Convolution | FullyConnected | ReLU | MaxPool | AveragePool


@dataclass(frozen=True)
class Network:
    """Layers applied in order to an input of `input_shape` (channels, height, width)."""

    name: str
    input_shape: tuple[int, int, int]
    scale: int
    layers: tuple[Layer, ...]

    @property
    def input_items(self) -> int:
        """Items of one input."""
        return prod(self.input_shape)

    def shapes(self) -> list[tuple[int, ...]]:
        """The shape after each layer: (channels, height, width), or (features,)."""
        result: list[tuple[int, ...]] = []
        shape: tuple[int, ...] = self.input_shape
        for layer in self.layers:
            shape = _shape_after(layer, shape)
            result.append(shape)
        return result


def _shape_after(layer: Layer, shape: tuple[int, ...]) -> tuple[int, ...]:
    if isinstance(layer, Convolution):
        kernel, border = layer.weights.shape[2], 2 * layer.padding
        sides = ((side + border - kernel) // layer.stride + 1 for side in shape[1:])
        return (layer.weights.shape[0], *sides)
    if isinstance(layer, FullyConnected):
        return (layer.weights.shape[0],)
    if isinstance(layer, MaxPool | AveragePool):
        return (shape[0], *((side - layer.kernel) // layer.stride + 1 for side in shape[1:]))
    return shape
