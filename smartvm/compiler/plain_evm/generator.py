"""From a network to stock bytecode and the storage slots that hold its weights.

Memory holds, from its beginning, one kernel and then every map, none of them reused: so a padded
map finds its border zero. The contract takes the input as calldata of 32-byte words and returns
the last map as 32-byte words. Calldata of another length is reverted.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from smartvm.compiler.integer_graph import IntegerGraph
from smartvm.compiler.numbering import push_bytes
from smartvm.compiler.operations import (
    AveragePool,
    Convolution,
    FullyConnected,
    MaxPool,
    Rectify,
    Rescale,
)
from smartvm.compiler.plain_evm.graph_layers import Layer, layers_of, map_shape
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
from smartvm.words import to_unsigned


@dataclass(frozen=True)
class PlainContract:
    """Stock bytecode of a network.

    `layer_offsets` says where in the code each layer begins and, last, where all of them end.
    """

    code: bytes
    layer_offsets: tuple[int, ...]


def storage_slots(graph: IntegerGraph) -> dict[int, int]:
    """The 256-bit word of every slot: one weight a slot, counted from slot 0.

    The order is that of the layers; within a layer all weights, row-major, then all biases.
    """
    arrays = (array for layer in layers_of(graph) for array in layer.constants)
    values = (value for array in arrays for value in array.ravel().tolist())
    return {slot: to_unsigned(value) for slot, value in enumerate(values)}


def generate(graph: IntegerGraph) -> PlainContract:
    """The contract of a graph; its weights are expected in `storage_slots(graph)`.

    Raises:
        SmartVMError: the graph has no twin (`layers_of`).
    """
    return _Generator(graph).contract()


class _Generator:
    """Lays out Memory and slots layer by layer, and emits the code of each."""

    def __init__(self, graph: IntegerGraph) -> None:
        self.layers = layers_of(graph)
        self.program = Program(dnn=False)
        self.frame = StackFrame(self.program)
        self.next_slot = 0
        self.next_word = max(map(_kernel_items, self.layers), default=0)
        self.shape: MapShape = map_shape(graph, graph.inputs[0])
        self.source = self._new_map(self.shape)

    def contract(self) -> PlainContract:
        """Emit everything, in order."""
        self._load_input()
        starts = []
        for layer in self.layers:
            starts.append(self.program.instruction_count)
            self._emit(layer)
            self.shape = layer.out_shape
        starts.append(self.program.instruction_count)
        self.program.push(prod(self.shape) * WORD).push(self.source).op("RETURN")
        code = self.program.bytecode()
        offsets = _instruction_offsets(code)
        return PlainContract(code, tuple(offsets[start] for start in starts))

    def _load_input(self) -> None:
        size = prod(self.shape) * WORD
        self.program.push(size).op("CALLDATASIZE").op("EQ").jump_if("input")
        self.program.push(0).push(0).op("REVERT").label("input")
        self.program.push(size).push(0).push(self.source).op("CALLDATACOPY")

    def _emit(self, layer: Layer) -> None:
        match layer.operations:
            case (Convolution() as convolution, _, Rescale(divisor=divisor)):
                self._pad(convolution.shape.padding[1][0])
                window = window_grid(self.shape, *convolution.shape.kernel[1:])
                corners = corner_grid(
                    self.shape, (1, *layer.out_shape[1:]), convolution.shape.stride[1]
                )
                self._emit_weighted(layer.out_shape, corners, window, divisor)
            case (FullyConnected(), Rescale(divisor=divisor)):
                window = grid((prod(self.shape), WORD))
                self._emit_weighted(layer.out_shape, (), window, divisor)
            case (Rectify(),):
                emit_relu(self.frame, prod(self.shape), self.source)
            case (MaxPool() | AveragePool() as pool,):
                self._emit_pool(pool, layer.out_shape)

    def _emit_weighted(
        self, out_shape: MapShape, corners: Grid, window: Grid, divisor: int
    ) -> None:
        weighted = WeightedSum(
            out_channels=out_shape[0],
            corners=corners,
            window=window,
            first_slot=self.next_slot,
            divisor=divisor,
            kernel_buffer=0,
        )
        target = self._new_map(out_shape)
        weighted.emit(self.frame, self.source, target)
        self.next_slot += weighted.out_channels * (weighted.terms + 1)
        self.source = target

    def _pad(self, padding: int) -> None:
        if padding == 0:
            return
        channels, height, width = self.shape
        padded = (channels, height + 2 * padding, width + 2 * padding)
        target = self._new_map(padded)
        emit_padding(self.frame, self.shape, padding, self.source, target)
        self.shape, self.source = padded, target

    def _emit_pool(self, pool: MaxPool | AveragePool, out_shape: MapShape) -> None:
        window = window_grid((1, *self.shape[1:]), *pool.shape.kernel[1:])
        corners = corner_grid(self.shape, out_shape, pool.shape.stride[1])
        target = self._new_map(out_shape)
        average = isinstance(pool, AveragePool)
        emit_pool(self.frame, corners, window, self.source, target, average)
        self.source = target

    def _new_map(self, shape: MapShape) -> int:
        """The Memory offset of a new map."""
        offset = self.next_word * WORD
        self.next_word += prod(shape)
        return offset


def _kernel_items(layer: Layer) -> int:
    """Weights of one kernel of a convolution, for which a place is kept."""
    first = layer.operations[0]
    return first.shape.terms if isinstance(first, Convolution) else 0


def _instruction_offsets(code: bytes) -> list[int]:
    """Where each instruction begins."""
    offsets, position = [], 0
    while position < len(code):
        offsets.append(position)
        position += 1 + push_bytes(code[position])
    return offsets
