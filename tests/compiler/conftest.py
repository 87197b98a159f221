"""A direct evaluation of sequential networks in Python integers, and calls of model contracts."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from eth.exceptions import Revert

import smartvm
from smartvm.compiler.abi import revert_reason
from smartvm.compiler.contract import ModelContract
from smartvm.compiler.integer_graph import IntegerGraph, Operation
from smartvm.compiler.operations import (
    Add,
    AveragePool,
    Convolution,
    FullyConnected,
    MaxPool,
    MultiplyConstant,
    Rectify,
    Rescale,
)
from smartvm.execution import CALLER
from smartvm.shapes import PoolShape
from smartvm.words import wrap


def padded(x: np.ndarray, border: int) -> np.ndarray:
    channels, height, width = x.shape
    result = np.zeros((channels, height + 2 * border, width + 2 * border), object)
    result[:, border : border + height, border : border + width] = x
    return result


def windows(x: np.ndarray, kernel: tuple[int, ...], stride: tuple[int, ...]) -> list[np.ndarray]:
    """The windows of (channels, height, width), row by row."""
    starts = [
        range(0, side - size + 1, step)
        for side, size, step in zip(x.shape[1:], kernel, stride, strict=True)
    ]
    return [x[:, y : y + kernel[0], z : z + kernel[1]] for y, z in product(*starts)]


def convolve(x: np.ndarray, weights: np.ndarray, operation: Convolution) -> list[int]:
    shape = operation.shape
    x = padded(x.reshape(-1, *shape.size[1:]), shape.padding[1][0])
    kernels = weights.astype(object).reshape(shape.out_channels, -1, *shape.kernel[1:])
    cut = windows(x, shape.kernel[1:], shape.stride[1:])
    return [int((window * kernel).sum()) for kernel in kernels for window in cut]


def pool(x: np.ndarray, shape: PoolShape, reduce: Callable[[np.ndarray], int]) -> list[int]:
    planes = x.reshape(-1, 1, *shape.size[1:])
    return [
        reduce(window)
        for plane in planes
        for window in windows(plane, shape.kernel[1:], shape.stride[1:])
    ]


def truncated_mean(window: np.ndarray) -> int:
    return int(Fraction(wrap(int(window.sum())), window.size))


def apply(operation: Operation, x: np.ndarray, constants: list[np.ndarray]) -> list[int]:
    match operation:
        case Convolution():
            return convolve(x, constants[0], operation)
        case FullyConnected(shape=shape):
            rows = constants[0].astype(object).reshape(shape.columns, shape.inner)
            return list(rows @ x + constants[1])
        case Add(plane=plane):
            return list(x + np.repeat(constants[0].astype(object), plane))
        case MultiplyConstant(factor=factor):
            return list(x * factor)
        case Rescale(divisor=divisor):
            return [round(Fraction(value, divisor)) for value in x]
        case MaxPool(shape=shape):
            return pool(x, shape, np.max)
        case AveragePool(shape=shape):
            return pool(x, shape, truncated_mean)
        case Rectify():
            return [max(value, 0) for value in x]
    raise NotImplementedError(operation)


def evaluate_graph(graph: IntegerGraph, items: list[int]) -> list[int]:
    x = np.array(items, object)
    for operation in graph.operations:
        constants = [graph.constants[name] for name in operation.inputs[1:]]
        result = apply(operation, x, constants)
        x = np.array([wrap(int(value)) for value in result], object)
    return x.tolist()


@pytest.fixture(scope="session")
def evaluate() -> Callable[[IntegerGraph, list[int]], list[int]]:
    """The output of a sequential network for one input."""
    return evaluate_graph


@pytest.fixture(scope="session")
def call() -> Callable[..., smartvm.Execution]:
    """Run a model contract that the caller owns, with its blocks in place."""

    def run(contract: ModelContract, calldata: bytes, **options: object) -> smartvm.Execution:
        blocks = {number: block.tensor for number, block in contract.blocks.items()}
        storage = {0: int.from_bytes(CALLER, "big")}
        options = {"blocks": blocks, "storage": storage, **options}
        return smartvm.execute(contract.runtime, calldata=calldata, **options)

    return run


@pytest.fixture(scope="session")
def refusal() -> Callable[[smartvm.Execution], str]:
    """The message of a revert, which must leave the rest of the gas."""

    def message(execution: smartvm.Execution) -> str:
        assert isinstance(execution.error, Revert), execution.error
        assert execution.gas_used < 10_000, "a refusal leaves the rest of the gas"
        return revert_reason(execution.output)

    return message
