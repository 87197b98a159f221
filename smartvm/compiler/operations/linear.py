"""Operations that multiply and accumulate: convolution, fully connected layers, products."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from smartvm.compiler.integer_graph import Interval, Operation
from smartvm.compiler.program import Program
from smartvm.dispatch import Backend
from smartvm.dispatch.tensor import Tensor
from smartvm.shapes import ConvShape, MatmulShape
from smartvm.words import Address, Padding, Spatial


@dataclass(frozen=True)
class Convolution(Operation):
    """CONV_MUL, CONV_3D or CONV_TPD of (map, weights), without bias."""

    shape: ConvShape

    @property
    def macs(self) -> int:
        """Those with padding included."""
        return self.shape.macs

    def evaluate(self, kernels: Backend, inputs: list[Tensor]) -> Tensor:
        """The convolution."""
        return kernels.convolve(inputs[0], inputs[1], self.shape)

    def bound(self, inputs: list[Interval], constants: list[Tensor | None]) -> Interval:
        """Per output channel: the weights of each sign times the end of the interval they favour.

        Padding adds zeros, so that zero belongs to the input's interval.
        """
        x = inputs[0].union(Interval(0, 0))
        weights = constants[1]
        if weights is None:
            return dot_product(x, inputs[1], self.shape.terms)
        return weighted_sum(x, self._rows(weights))

    def _rows(self, weights: Tensor) -> np.ndarray:
        """Weights as (out_channels, terms), each row all that one output can sum."""
        shape = self.shape
        exact = exact_array(weights)
        if not shape.transposed:
            return exact.reshape(shape.out_channels, -1)
        groups = exact.reshape(
            shape.groups, shape.in_channels // shape.groups, shape.out_channels // shape.groups, -1
        )
        return groups.transpose(0, 2, 1, 3).reshape(shape.out_channels, -1)

    def emit(self, program: Program, addresses: list[Address]) -> None:
        """The convolution that the shape asks for."""
        shape = self.shape
        volumetric = is_volumetric(shape.size, shape.kernel, shape.padding)
        program.op(
            "CONV_TPD" if shape.transposed else "CONV_3D" if volumetric else "CONV_MUL",
            weights=addresses[0],
            in_channels=shape.in_channels,
            groups=shape.groups if shape.groups > 1 else 0,
            out_channels=shape.out_channels,
            size=size(shape.size, volumetric),
            kernel=axes(shape.kernel, volumetric),
            stride=steps(shape.stride, volumetric),
            padding=sides(shape.padding, volumetric),
            dilation=steps(shape.dilation, volumetric),
        )


@dataclass(frozen=True)
class FullyConnected(Operation):
    """FULL_CON of (map, weights[, bias]); `shape.transpose_b`: weights are out × in."""

    shape: MatmulShape

    @property
    def macs(self) -> int:
        """Each row by each column."""
        return self.shape.macs

    def evaluate(self, kernels: Backend, inputs: list[Tensor]) -> Tensor:
        """The product, and the bias added to each row."""
        product = kernels.matmul(inputs[0], inputs[1], self.shape)
        return kernels.add(product, inputs[2], 1) if len(inputs) > 2 else product

    def bound(self, inputs: list[Interval], constants: list[Tensor | None]) -> Interval:
        """That of the products, moved by the bias."""
        products = self.peak(inputs, constants)
        low, high = inputs[2] if len(inputs) > 2 else (0, 0)
        return Interval(products.low + low, products.high + high)

    def peak(self, inputs: list[Interval], constants: list[Tensor | None]) -> Interval:
        """As a convolution's, a row of the weights an output feature."""
        if constants[1] is None:
            return dot_product(inputs[0], inputs[1], self.shape.inner)
        weights = exact_array(constants[1])
        if self.shape.transpose_b:
            return weighted_sum(inputs[0], weights.reshape(self.shape.columns, -1))
        return weighted_sum(inputs[0], weights.reshape(-1, self.shape.columns).T)

    def emit(self, program: Program, addresses: list[Address]) -> None:
        """FULL_CON; an address of 0 is no bias."""
        program.op(
            "FULL_CON",
            weights=replace_address(addresses[0], transposed=not self.shape.transpose_b),
            bias=addresses[1] if len(addresses) > 1 else 0,
            in_features=self.shape.inner,
            out_features=self.shape.columns,
        )


@dataclass(frozen=True)
class MatrixProduct(Operation):
    """MAT_BMM of two tensors that stay; `shape.batch` products."""

    consumes: ClassVar[int] = 0
    shape: MatmulShape

    @property
    def macs(self) -> int:
        """Each row by each column."""
        return self.shape.macs

    def evaluate(self, kernels: Backend, inputs: list[Tensor]) -> Tensor:
        """The products."""
        return kernels.matmul(inputs[0], inputs[1], self.shape)

    def bound(self, inputs: list[Interval], constants: list[Tensor | None]) -> Interval:
        """`inner` products of the extremes."""
        return dot_product(inputs[0], inputs[1], self.shape.inner)

    def emit(self, program: Program, addresses: list[Address]) -> None:
        """MAT_BMM with the shapes as stored."""
        shape = self.shape
        stored_a = (shape.inner, shape.rows) if shape.transpose_a else (shape.rows, shape.inner)
        stored_b = (shape.columns, shape.inner) if shape.transpose_b else (
            shape.inner, shape.columns
        )  # fmt: skip
        program.op(
            "MAT_BMM",
            a=addresses[0]._replace(
                rows=stored_a[0], columns=stored_a[1], transposed=shape.transpose_a
            ),
            b=addresses[1]._replace(
                rows=stored_b[0], columns=stored_b[1], transposed=shape.transpose_b
            ),
            batch=shape.batch,
        )


def replace_address(place: Address, *, transposed: bool) -> Address:
    """The place with rows and columns left to the instruction."""
    return place._replace(rows=0, columns=0, transposed=transposed)


def exact_array(tensor: Tensor) -> np.ndarray:
    """The items in a dtype whose sums and products of a bound do not overflow: objects if wide."""
    if tensor.is_wide:
        return np.array(tensor.to_ints(), dtype=object)
    return tensor.data


def weighted_sum(x: Interval, rows: np.ndarray) -> Interval:
    """Bounds of Σ w·x over rows of weights, x anywhere in its interval, in Python integers."""
    magnitude = max(-int(rows.min()), int(rows.max()))
    wide = rows.dtype == object or magnitude * rows.shape[1] >= 1 << 63
    exact = rows.astype(object) if wide else rows
    dtype = object if wide else np.int64
    positive = np.maximum(exact, 0).sum(axis=1, dtype=dtype).tolist()
    negative = np.minimum(exact, 0).sum(axis=1, dtype=dtype).tolist()
    pairs = list(zip(positive, negative, strict=True))
    return Interval(
        min(p * x.low + n * x.high for p, n in pairs),
        max(p * x.high + n * x.low for p, n in pairs),
    )


def dot_product(x: Interval, y: Interval, terms: int) -> Interval:
    """Bounds of a sum of `terms` products."""
    low, high = product(x, y)
    return Interval(terms * low, terms * high)


def product(x: Interval, y: Interval) -> Interval:
    """Bounds of x·y."""
    corners = [a * b for a in x for b in y]
    return Interval(min(corners), max(corners))


def is_volumetric(size: Spatial, kernel: Spatial, padding: Padding) -> bool:
    """Whether the depth plays a part."""
    return size[0] > 1 or kernel[0] > 1 or padding[0] != (0, 0)


def axes(lengths: Spatial, volumetric: bool) -> int | tuple[int, ...]:
    """(height, width[, depth]) as the assembler takes them; one number where it says the same."""
    depth, height, width = lengths
    if height == width and (depth == height or not volumetric):
        return height
    return (height, width, depth) if volumetric else (height, width)


def steps(lengths: Spatial, volumetric: bool) -> int | tuple[int, ...]:
    """As `axes`, and 0, the default, where all are 1."""
    result = axes(lengths, volumetric)
    return 0 if result == 1 else result


def size(lengths: Spatial, volumetric: bool) -> int | tuple[int, ...]:
    """The size of a plane, which names its depth where there is one (docs/isa.md §4)."""
    depth, height, width = lengths
    return (height, width, depth) if volumetric else axes(lengths, volumetric)


def sides(padding: Padding, volumetric: bool) -> int | tuple[tuple[int, int], ...]:
    """Padding of height, width[, depth] as the assembler takes it; one number if all are equal."""
    depth, height, width = padding
    named = (height, width, depth) if volumetric else (height, width)
    numbers = {number for pair in named for number in pair}
    return numbers.pop() if len(numbers) == 1 and min(numbers) >= 0 else named
