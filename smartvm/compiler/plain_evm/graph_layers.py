"""The layers of an integer graph that has a twin: a chain of a few kinds of layers.

A layer is a convolution or a fully connected layer with its bias and its division, a ReLU, or a
pooling; all operations of one have the same source.
"""

from __future__ import annotations

from itertools import groupby
from math import prod
from typing import NamedTuple

import numpy as np

from smartvm.compiler.integer_graph import IntegerGraph, Operation
from smartvm.compiler.operations import (
    Add,
    AveragePool,
    Convolution,
    FullyConnected,
    MaxPool,
    Rectify,
    Rescale,
)
from smartvm.compiler.plain_evm.layers import MapShape
from smartvm.exceptions import SmartVMError
from smartvm.shapes import UNIT, ConvShape, PoolShape


class Layer(NamedTuple):
    """The operations of a layer, its weights and bias if it has them, and its output's shape."""

    name: str
    operations: tuple[Operation, ...]
    constants: tuple[np.ndarray, ...]
    out_shape: MapShape


def layers_of(graph: IntegerGraph) -> list[Layer]:
    """The layers in order.

    Raises:
        SmartVMError: the graph is no chain, or has an operation that the twin lacks.
    """
    _check_chain(graph)
    layers = [
        _layer(graph, name, tuple(operations))
        for name, operations in groupby(graph.operations, key=lambda operation: operation.source)
    ]
    for layer in layers:
        if not _has_twin(layer):
            kinds = ", ".join(type(operation).__name__ for operation in layer.operations)
            raise SmartVMError(f"{layer.name}: no twin for {kinds} as they are here")
    return layers


def _check_chain(graph: IntegerGraph) -> None:
    outputs = (*graph.inputs, *(operation.output for operation in graph.operations))
    reads = [operation.inputs[0] for operation in graph.operations]
    if list(outputs[:-1]) != reads or outputs[-1:] != graph.outputs:
        raise SmartVMError(f"{graph.name}: only a chain of layers has a twin")


def _layer(graph: IntegerGraph, name: str, operations: tuple[Operation, ...]) -> Layer:
    names = (name for operation in operations for name in operation.inputs[1:])
    constants = tuple(graph.constants[name] for name in names)
    return Layer(name, operations, constants, map_shape(graph, operations[-1].output))


def map_shape(graph: IntegerGraph, value: str) -> MapShape:
    """The shape of a value, features as channels of one cell."""
    channels, height, width = (*graph.values[value].shape, 1, 1)[:3]
    return channels, height, width


def _has_twin(layer: Layer) -> bool:
    match layer.operations:
        case (Convolution(shape=shape), Add(plane=plane), Rescale()):
            return _is_plain(shape) and plane == prod(shape.out_size)
        case (FullyConnected(shape=shape), Rescale()):
            return shape.transpose_b and len(layer.constants) == 2
        case (Rectify(cap=0, slope=(0, _)),):
            return True
        case (MaxPool(shape=shape),) | (AveragePool(shape=shape),):
            return _is_plain(shape) and not (shape.ceil_mode or _border(shape))
    return False


def _is_plain(shape: ConvShape | PoolShape) -> bool:
    """Whether both axes have one stride and one padding, and nothing is out of the ordinary."""
    if isinstance(shape, ConvShape) and (shape.groups > 1 or shape.transposed):
        return False
    square = shape.stride[1] == shape.stride[2] and len({*shape.padding[1], *shape.padding[2]}) == 1
    flat = shape.size[0] == shape.kernel[0] == 1
    return square and flat and shape.dilation == UNIT and _border(shape) >= 0


def _border(shape: ConvShape | PoolShape) -> int:
    return shape.padding[1][0]
