"""A direct evaluation of fixed-point networks, in Python integers."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest

from smartvm.compiler.network import (
    AveragePool,
    Convolution,
    FullyConnected,
    Layer,
    MaxPool,
    Network,
)
from smartvm.words import wrap


def nearest(value: int, divisor: int) -> int:
    quotient, rest = divmod(value, divisor)
    return quotient + (2 * rest > divisor or (2 * rest == divisor and quotient % 2 == 1))


def padded(x: np.ndarray, border: int) -> np.ndarray:
    channels, height, width = x.shape
    result = np.zeros((channels, height + 2 * border, width + 2 * border), object)
    result[:, border : border + height, border : border + width] = x
    return result


def convolve(x: np.ndarray, layer: Convolution, scale: int) -> np.ndarray:
    x = padded(x, layer.padding)
    kernel = layer.weights.shape[2]
    size = [(side - kernel) // layer.stride + 1 for side in x.shape[1:]]
    result = np.zeros((len(layer.weights), *size), object)
    for channel, row, column in product(*map(range, result.shape)):
        top, left = row * layer.stride, column * layer.stride
        window = x[:, top : top + kernel, left : left + kernel]
        total = wrap(int((window * layer.weights[channel]).sum()) + int(layer.bias[channel]))
        result[channel, row, column] = nearest(total, scale)
    return result


def pool(x: np.ndarray, layer: MaxPool | AveragePool) -> np.ndarray:
    size = [(side - layer.kernel) // layer.stride + 1 for side in x.shape[1:]]
    result = np.zeros((len(x), *size), object)
    for channel, row, column in product(*map(range, result.shape)):
        top, left = row * layer.stride, column * layer.stride
        window = x[channel, top : top + layer.kernel, left : left + layer.kernel]
        if isinstance(layer, MaxPool):
            result[channel, row, column] = window.max()
        else:
            total, count = wrap(int(window.sum())), layer.kernel**2
            result[channel, row, column] = abs(total) // count * (1 if total >= 0 else -1)
    return result


def apply(x: np.ndarray, layer: Layer, scale: int) -> np.ndarray:
    match layer:
        case Convolution():
            return convolve(x, layer, scale)
        case FullyConnected():
            sums = [wrap(int(total)) for total in layer.weights @ x.reshape(-1) + layer.bias]
            return np.array([nearest(total, scale) for total in sums], object)
        case MaxPool() | AveragePool():
            return pool(x, layer)
    return np.maximum(x, 0)


def evaluate_network(network: Network, items: list[int]) -> list[int]:
    x = np.array(items, object).reshape(network.input_shape)
    for layer in network.layers:
        x = apply(x, layer, network.scale)
    return list(map(int, x.reshape(-1)))


@pytest.fixture(scope="session")
def evaluate() -> Callable[[Network, list[int]], list[int]]:
    """The output of a network for one input."""
    return evaluate_network
