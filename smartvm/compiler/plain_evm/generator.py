"""From a network to stock bytecode and the storage slots that hold its weights.

Memory holds, from its beginning, one kernel and then every map, none of them reused: so a padded
map finds its border zero. The contract takes the input as calldata of 32-byte words and returns
the last map as 32-byte words. Calldata of another length is reverted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

from smartvm.compiler.network import (
    AveragePool,
    Convolution,
    FullyConnected,
    Layer,
    MaxPool,
    Network,
    ReLU,
)
from smartvm.compiler.numbering import push_bytes
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
from smartvm.compiler.plain_evm.stack_frame import StackFrame, grid
from smartvm.compiler.program import Program
from smartvm.words import to_unsigned


@dataclass(frozen=True)
class PlainContract:
    """Stock bytecode of a network.

    `layer_offsets` says where in the code each layer begins and, last, where all of them end.
    """

    code: bytes
    layer_offsets: tuple[int, ...]


def storage_slots(network: Network) -> dict[int, int]:
    """The 256-bit word of every slot: one weight a slot, counted from slot 0.

    The order is that of the layers; within a layer all weights, row-major, then all biases.
    """
    values = (value for layer in network.layers for value in _parameters(layer))
    return {slot: to_unsigned(value) for slot, value in enumerate(values)}


def _parameters(layer: Layer) -> Iterable[int]:
    if not isinstance(layer, Convolution | FullyConnected):
        return []
    values: list[int] = [*layer.weights.ravel().tolist(), *layer.bias.tolist()]
    return values


def generate(network: Network) -> PlainContract:
    """The contract of a network; its weights are expected in `storage_slots(network)`."""
    return _Generator(network).contract()


class _Generator:
    """Lays out Memory and slots layer by layer, and emits the code of each."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.program = Program(dnn=False)
        self.frame = StackFrame(self.program)
        self.next_slot = 0
        self.next_word = max((_kernel_items(layer) for layer in network.layers), default=0)
        self.shape: MapShape = network.input_shape
        self.source = self._new_map(network.input_shape)

    def contract(self) -> PlainContract:
        """Emit everything, in order."""
        self._load_input()
        starts = []
        for layer, shape in zip(self.network.layers, self.network.shapes(), strict=True):
            starts.append(self.program.instruction_count)
            self._emit(layer, _as_map(shape))
            self.shape = _as_map(shape)
        starts.append(self.program.instruction_count)
        self.program.push(prod(self.shape) * WORD).push(self.source).op("RETURN")
        code = self.program.bytecode()
        offsets = _instruction_offsets(code)
        return PlainContract(code, tuple(offsets[start] for start in starts))

    def _load_input(self) -> None:
        size = self.network.input_items * WORD
        self.program.push(size).op("CALLDATASIZE").op("EQ").jump_if("input")
        self.program.push(0).push(0).op("REVERT").label("input")
        self.program.push(size).push(0).push(self.source).op("CALLDATACOPY")

    def _emit(self, layer: Layer, out_shape: MapShape) -> None:
        if isinstance(layer, ReLU):
            emit_relu(self.frame, prod(self.shape), self.source)
        elif isinstance(layer, Convolution | FullyConnected):
            self._emit_weighted(layer, out_shape)
        else:
            self._emit_pool(layer, out_shape)

    def _emit_weighted(self, layer: Convolution | FullyConnected, out_shape: MapShape) -> None:
        if isinstance(layer, Convolution):
            self._pad(layer.padding)
            window = window_grid(self.shape, *layer.weights.shape[2:])
            corners = corner_grid(self.shape, (1, *out_shape[1:]), layer.stride)
        else:
            window, corners = grid((prod(self.shape), WORD)), ()
        weighted = WeightedSum(
            out_channels=out_shape[0],
            corners=corners,
            window=window,
            first_slot=self.next_slot,
            divisor=self.network.scale,
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

    def _emit_pool(self, layer: MaxPool | AveragePool, out_shape: MapShape) -> None:
        window = window_grid((1, *self.shape[1:]), layer.kernel, layer.kernel)
        corners = corner_grid(self.shape, out_shape, layer.stride)
        target = self._new_map(out_shape)
        average = isinstance(layer, AveragePool)
        emit_pool(self.frame, corners, window, self.source, target, average)
        self.source = target

    def _new_map(self, shape: MapShape) -> int:
        """The Memory offset of a new map."""
        offset = self.next_word * WORD
        self.next_word += prod(shape)
        return offset


def _as_map(shape: tuple[int, ...]) -> MapShape:
    """A shape of features as one of channels of one cell."""
    channels, height, width = (*shape, 1, 1)[:3]
    return channels, height, width


def _kernel_items(layer: Layer) -> int:
    return prod(layer.weights.shape[1:]) if isinstance(layer, Convolution) else 0


def _instruction_offsets(code: bytes) -> list[int]:
    """Where each instruction begins."""
    offsets, position = [], 0
    while position < len(code):
        offsets.append(position)
        position += 1 + push_bytes(code[position])
    return offsets
