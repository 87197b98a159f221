"""Code generation: a fixed-point network becomes DNN instructions and weight blocks.

Each tensor takes consecutive weight blocks, the layers in order, a layer's weights before its
bias. The code expects the input on top of the Buffer at the network's scale, leaves the output
there, and takes batches: lengths are implied by the map.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import NamedTuple

import numpy as np

from smartvm.compiler.network import (
    AveragePool,
    Convolution,
    FullyConnected,
    Layer,
    MaxPool,
    Network,
    ReLU,
)
from smartvm.compiler.program import Program
from smartvm.words import Address, bytes_for

BLOCK_BYTES = 96 * 1024
"""Bytes of items a block by default: its upload fits a transaction of 30 million gas."""
FIRST_BLOCK = 1
"""Where numbering starts by default: FULL_CON reads a bias address of 0 as none."""
NEAREST = 1
"""The rounding of BUF_SCL1 that networks use: to nearest, ties to even."""


class WeightBlock(NamedTuple):
    """The content of one block: (n,) integers, of any dtype, and the bytes that each takes."""

    items: np.ndarray
    item_bytes: int


@dataclass(frozen=True)
class LayerCode:
    """What one layer became.

    Attributes:
        name: the layer's name.
        start: offset of its first byte in the network's code, the magic not counted.
        stop: offset behind its last byte.
        instructions: how many instructions it executes.
        macs: multiply-accumulates for one example.
        shape: of its output: (channels, height, width), or (features,).
    """

    name: str
    start: int
    stop: int
    instructions: int
    macs: int
    shape: tuple[int, ...]


@dataclass(frozen=True)
class CompiledNetwork:
    """A network as code, weight blocks by number, and the map from one to the other."""

    network: Network
    program: Program
    blocks: dict[int, WeightBlock]
    layers: tuple[LayerCode, ...]


def compile_network(
    network: Network, *, first_block: int = FIRST_BLOCK, block_bytes: int = BLOCK_BYTES
) -> CompiledNetwork:
    """Generate the code and the blocks of a network.

    Args:
        network: the layers.
        first_block: number of the first block, at least 1.
        block_bytes: largest size of a block, in bytes of items.
    """
    blocks = _Blocks(first_block, block_bytes)
    program = Program()
    layers: list[LayerCode] = []
    shape: tuple[int, ...] = network.input_shape
    for layer, out_shape in zip(network.layers, network.shapes(), strict=True):
        code = _layer_code(layer, shape, out_shape, network.scale, blocks)
        start = layers[-1].stop if layers else 0
        stop = start + code_size(code)
        macs = _macs(layer, out_shape)
        layers.append(LayerCode(layer.name, start, stop, code.instruction_count, macs, out_shape))
        program.include(code)
        shape = out_shape
    return CompiledNetwork(network, program, blocks.content, tuple(layers))


def code_size(program: Program) -> int:
    """Bytes of a program without its magic."""
    return len(program.bytecode()) - len(Program().bytecode())


class _Blocks:
    """Numbers blocks and fills them."""

    def __init__(self, first: int, block_bytes: int) -> None:
        self.content: dict[int, WeightBlock] = {}
        self._next = first
        self._block_bytes = block_bytes

    def add(self, tensor: np.ndarray) -> int:
        """Cut a tensor into blocks and return the number of the first."""
        first, items = self._next, _narrowest(tensor.reshape(-1))
        item_bytes = _item_bytes(items)
        length = max(self._block_bytes // item_bytes, 1)
        for start in range(0, len(items), length):
            self.content[self._next] = WeightBlock(items[start : start + length], item_bytes)
            self._next += 1
        return first


def _narrowest(items: np.ndarray) -> np.ndarray:
    """The integers in the narrowest dtype of numpy, or as objects beyond 64 bits."""
    needed = bytes_for(int(items.min()), int(items.max()))
    for dtype in (np.int8, np.int16, np.int32, np.int64):
        if needed <= np.dtype(dtype).itemsize:
            return items.astype(dtype)
    return items.astype(object)


def _item_bytes(items: np.ndarray) -> int:
    if items.dtype == object:
        return bytes_for(int(items.min()), int(items.max()))
    return items.dtype.itemsize


def _layer_code(
    layer: Layer, shape: tuple[int, ...], out_shape: tuple[int, ...], scale: int, blocks: _Blocks
) -> Program:
    program = Program()
    match layer:
        case Convolution():
            _convolution(program, layer, shape, out_shape, blocks)
            program.op("BUF_SCL1", divisor=scale, rounding=NEAREST)
        case FullyConnected():
            _fully_connected(program, layer, blocks)
            program.op("BUF_SCL1", divisor=scale, rounding=NEAREST)
        case ReLU():
            program.op("ACT_RL", cap=0)
        case MaxPool():
            _pool(program, "POOL_MAX", layer, shape)
        case AveragePool():
            _pool(program, "POOL_AVG", layer, shape)
    return program


def _convolution(
    program: Program,
    layer: Convolution,
    shape: tuple[int, ...],
    out_shape: tuple[int, ...],
    blocks: _Blocks,
) -> None:
    channels, height, width = out_shape
    program.op(
        "CONV_MUL",
        weights=blocks.add(layer.weights),
        in_channels=shape[0],
        out_channels=channels,
        size=shape[1:],
        kernel=layer.weights.shape[2:],
        stride=layer.stride,
        padding=layer.padding,
    )
    bias = Address(blocks.add(layer.bias), rows=channels, columns=height * width)
    program.op("BUF_BIAS", address=bias)


def _fully_connected(program: Program, layer: FullyConnected, blocks: _Blocks) -> None:
    out_features, in_features = layer.weights.shape
    program.op(
        "FULL_CON",
        weights=blocks.add(layer.weights),
        bias=blocks.add(layer.bias),
        in_features=in_features,
        out_features=out_features,
    )


def _pool(
    program: Program, mnemonic: str, layer: MaxPool | AveragePool, shape: tuple[int, ...]
) -> None:
    program.op(
        mnemonic, channels=shape[0], size=shape[1:], kernel=layer.kernel, stride=layer.stride
    )


def _macs(layer: Layer, out_shape: tuple[int, ...]) -> int:
    if isinstance(layer, Convolution):
        return int(layer.weights.size) * prod(out_shape[1:])
    return int(layer.weights.size) if isinstance(layer, FullyConnected) else 0
