"""What the layers of a network cost in stock instructions, counted without running them.

The code of a layer is emitted as the plain-EVM twin emits it (docs/plain-evm.md), and its loops,
whose lengths are constants, are multiplied out. So LeNet-5's counts are exactly those of a run.
What the twin has no code for (sums of maps, activations, ...) is counted as a ReLU over as many
items, which is less than any such code takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from smartvm.compiler.integer_graph import IntegerGraph, Operation
from smartvm.compiler.operations import (
    Add,
    AveragePool,
    Clip,
    Convolution,
    FullyConnected,
    MaxPool,
    Rectify,
    Rescale,
    View,
)
from smartvm.compiler.plain_evm.layers import (
    WORD,
    MapShape,
    WeightedSum,
    corner_grid,
    emit_padding,
    emit_pool,
    emit_relu,
    window_grid,
)
from smartvm.compiler.plain_evm.stack_frame import Grid, StackFrame, grid
from smartvm.compiler.program import Program
from smartvm.exceptions import SmartVMError
from smartvm.shapes import ConvShape, PoolShape

CONVOLUTION, FULLY_CONNECTED = "convolution", "fully connected"
POOLING, RELU, OTHER = "pooling", "ReLU", "other"
DIVISOR = 1000
"""Stands for the scale, which changes no count."""


@dataclass
class PlainLayer:
    """A layer in stock instructions.

    Attributes:
        name: of the node of the model.
        kind: of its first operation, `OTHER` where the twin has no code for one of them.
        code_instructions: of the code.
        executed_instructions: by a run.
        memory_words: words of Memory for the maps that it makes; ReLU works in place.
    """

    name: str
    kind: str = ""
    code_instructions: int = 0
    executed_instructions: int = 0
    memory_words: int = 0


def plain_layers(graph: IntegerGraph) -> list[PlainLayer]:
    """The layers of a network, in the order in which they begin.

    Raises:
        SmartVMError: a convolution that is transposed or has three axes.
    """
    layers: dict[str, PlainLayer] = {}
    summed: set[str] = set()  # results of weighted sums, whose bias and division are within them
    for operation in graph.operations:
        layer = layers.setdefault(operation.source, PlainLayer(operation.source))
        if isinstance(operation, View):
            continue
        if _belongs_to_sum(operation, graph, summed):
            summed.add(operation.output)
            continue
        if isinstance(operation, Convolution | FullyConnected):
            summed.add(operation.output)
        _count(operation, graph, layer)
    return list(layers.values())


def memory_bytes(graph: IntegerGraph) -> int:
    """Memory of the twin: the longest kernel, the input and every map, none of them reused."""
    kernels = (op.shape.terms for op in graph.operations if isinstance(op, Convolution))
    inputs = sum(graph.values[name].items for name in graph.inputs)
    maps = sum(layer.memory_words for layer in plain_layers(graph))
    return WORD * (max(kernels, default=0) + inputs + maps)


def _belongs_to_sum(operation: Operation, graph: IntegerGraph, summed: set[str]) -> bool:
    """Whether it is the bias or the division of a weighted sum."""
    if operation.inputs[0] not in summed:
        return False
    is_bias = isinstance(operation, Add) and operation.inputs[1] in graph.constants
    return is_bias or isinstance(operation, Rescale)


def _count(operation: Operation, graph: IntegerGraph, layer: PlainLayer) -> None:
    """Add the instructions and the Memory of an operation to its layer."""
    frame = StackFrame(Program(dnn=False))
    items = graph.values[operation.output].items
    times, words, kind = 1, items, OTHER
    match operation:
        case Convolution(shape=shape):
            kind, times = CONVOLUTION, shape.groups
            words += _convolution(frame, shape)
        case FullyConnected(shape=shape):
            kind, times = FULLY_CONNECTED, shape.batch * shape.rows
            _weighted_sum(frame, shape.columns, (), grid((shape.inner, WORD)))
        case MaxPool(shape=shape) | AveragePool(shape=shape):
            kind = POOLING
            words += _pool(frame, shape, isinstance(operation, AveragePool))
        case Rectify() | Clip():
            kind, words = RELU, 0
            emit_relu(frame, items, 0)
        case _:
            emit_relu(frame, items, 0)
    layer.kind = kind if layer.kind in ("", kind) else OTHER
    layer.code_instructions += frame.program.instruction_count
    layer.executed_instructions += frame.executed_instructions * times
    layer.memory_words += words


def _convolution(frame: StackFrame, shape: ConvShape) -> int:
    """Emit a group of a convolution; the words of the padded map of all groups."""
    if shape.transposed or shape.size[0] > 1:
        raise SmartVMError("no count of a convolution that is transposed or has three axes")
    channels = shape.in_channels // shape.groups
    padded, words = _padded(frame, channels, shape)
    corners = corner_grid(padded, (1, *shape.out_size[1:]), shape.stride[1])
    window = window_grid(padded, *shape.kernel[1:])
    _weighted_sum(frame, shape.out_channels // shape.groups, corners, window)
    return words * shape.groups


def _pool(frame: StackFrame, shape: PoolShape, average: bool) -> int:
    """Emit a pooling; the words of the padded map."""
    padded, words = _padded(frame, shape.planes, shape)
    corners = corner_grid(padded, (shape.planes, *shape.out_size[1:]), shape.stride[1])
    window = window_grid((1, *padded[1:]), *shape.kernel[1:])
    emit_pool(frame, corners, window, 0, 0, average)
    return words


def _padded(frame: StackFrame, channels: int, shape: ConvShape | PoolShape) -> tuple[MapShape, int]:
    """Emit the padding, if any; the shape of the map with it, and the words that it takes."""
    border = max(*shape.padding[1], *shape.padding[2], 0)
    height, width = shape.size[1:]
    if border == 0:
        return (channels, height, width), 0
    emit_padding(frame, (channels, height, width), border, 0, 0)
    padded = (channels, height + 2 * border, width + 2 * border)
    return padded, prod(padded)


def _weighted_sum(frame: StackFrame, out_channels: int, corners: Grid, window: Grid) -> None:
    """Emit a convolution or a fully connected layer."""
    WeightedSum(
        out_channels=out_channels,
        corners=corners,
        window=window,
        first_slot=1,
        divisor=DIVISOR,
        kernel_buffer=0,
    ).emit(frame, 0, 0)
