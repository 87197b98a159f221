"""Networks by hand: a chain of layers becomes an integer graph, all activations at one scale.

    network = Sequential("example", (1, 8, 8), scale=100, input_range=Interval(0, 100))
    network.convolution("conv", weights, bias, padding=1).relu("relu").max_pool("pool", 2)
    network.graph

Weights are integers at the scale, (out, in, kernel, kernel) or (out, in); biases are at its
square, for they are added before each sum is divided by the scale.
"""

from __future__ import annotations

from dataclasses import replace
from math import gcd, prod

import numpy as np

from smartvm.compiler.integer_graph import IntegerGraph, Interval, Operation, Value
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
from smartvm.shapes import ConvShape, MatmulShape, PoolShape

INPUT = "input"


class Sequential:
    """A growing graph. Every method adds a layer and returns the network, so that calls chain.

    Attributes:
        graph: the layers so far; the output is that of the last.

    Args:
        name: of the network.
        input_shape: (channels, height, width), or (features,).
        scale: of the weights and of every layer's output.
        input_range: what the input's items may be.
        input_scale: of the input, `scale` by default; 255 for 8-bit pixels.
    """

    def __init__(
        self,
        name: str,
        input_shape: tuple[int, ...],
        *,
        scale: int,
        input_range: Interval,
        input_scale: int = 0,
    ) -> None:
        self.graph = IntegerGraph(
            name,
            inputs=(INPUT,),
            outputs=(INPUT,),
            values={INPUT: Value(input_shape, input_scale or scale)},
            input_ranges={INPUT: input_range},
        )
        self._scale = scale
        self._scale_input()

    def _scale_input(self) -> None:
        """Bring the input to the scale of the network, to nearest."""
        input_scale = self.graph.values[INPUT].scale
        common = gcd(self._scale, input_scale)
        factor, divisor = self._scale // common, input_scale // common
        if factor > 1:
            products = MultiplyConstant(f"{INPUT}.products", (self._top,), factor)
            self._add(products, scale=self._scale * divisor)
        if divisor > 1:
            self._add(Rescale(f"{INPUT}.scaled", (self._top,), divisor))

    def convolution(
        self, name: str, weights: np.ndarray, bias: np.ndarray, *, stride: int = 1, padding: int = 0
    ) -> Sequential:
        """A convolution of all channels, its bias, and the division by the scale."""
        out_channels, in_channels, height, width = weights.shape
        shape = ConvShape(
            batch=1,
            in_channels=in_channels,
            out_channels=out_channels,
            groups=1,
            size=(1, *self._plane),
            kernel=(1, height, width),
            stride=(1, stride, stride),
            padding=((0, 0), (padding, padding), (padding, padding)),
        )
        out_shape = (out_channels, *shape.out_size[1:])
        inputs = (self._top, self._constant(f"{name}.weight", weights, self._scale))
        products = Convolution(f"{name}.products", inputs, shape=shape)
        self._add(products, name, out_shape, self._scale**2)
        inputs = (self._top, self._constant(f"{name}.bias", bias, self._scale**2))
        sums = Add(f"{name}.sums", inputs, out_channels, prod(out_shape[1:]))
        self._add(sums, name, out_shape, self._scale**2)
        return self._add(Rescale(name, (self._top,), self._scale), name)

    def fully_connected(self, name: str, weights: np.ndarray, bias: np.ndarray) -> Sequential:
        """A fully connected layer with its bias, and the division by the scale."""
        weight = self._constant(f"{name}.weight", weights, self._scale)
        vector = self._constant(f"{name}.bias", bias, self._scale**2)
        out_features, in_features = weights.shape
        shape = MatmulShape(1, in_features, out_features, transpose_b=True)
        sums = FullyConnected(f"{name}.sums", (self._top, weight, vector), shape=shape)
        self._add(sums, name, (out_features,), self._scale**2)
        return self._add(Rescale(name, (self._top,), self._scale), name)

    def relu(self, name: str) -> Sequential:
        """max(0, x)."""
        return self._add(Rectify(name, (self._top,)), name)

    def max_pool(self, name: str, kernel: int, stride: int = 0) -> Sequential:
        """The greatest of each kernel × kernel window; the stride is the kernel by default."""
        shape = self._pool_shape(kernel, stride)
        layer = MaxPool(name, (self._top,), shape=shape, channels=self._shape[0])
        return self._add(layer, name, (self._shape[0], *shape.out_size[1:]))

    def average_pool(self, name: str, kernel: int, stride: int = 0) -> Sequential:
        """The truncated mean of each kernel × kernel window."""
        shape = self._pool_shape(kernel, stride)
        layer = AveragePool(name, (self._top,), shape=shape, channels=self._shape[0])
        return self._add(layer, name, (self._shape[0], *shape.out_size[1:]))

    @property
    def _top(self) -> str:
        return self.graph.outputs[0]

    @property
    def _shape(self) -> tuple[int, ...]:
        return self.graph.values[self._top].shape

    @property
    def _plane(self) -> tuple[int, int]:
        _, height, width = self._shape
        return height, width

    def _pool_shape(self, kernel: int, stride: int) -> PoolShape:
        step = stride or kernel
        return PoolShape(
            planes=self._shape[0],
            size=(1, *self._plane),
            kernel=(1, kernel, kernel),
            stride=(1, step, step),
        )

    def _constant(self, name: str, items: np.ndarray, scale: int) -> str:
        self.graph.values[name] = Value(items.shape, scale)
        self.graph.constants[name] = items.reshape(-1)
        return name

    def _add(
        self, operation: Operation, layer: str = "", shape: tuple[int, ...] = (), scale: int = 0
    ) -> Sequential:
        """Add an operation on the output so far, whose shape it keeps by default."""
        self.graph.operations.append(replace(operation, source=layer))
        self.graph.values[operation.output] = Value(shape or self._shape, scale or self._scale)
        self.graph.outputs = (operation.output,)
        return self
