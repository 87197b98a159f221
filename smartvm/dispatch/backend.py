"""What a backend is: one method a kernel, on tensors whose shapes are checked and gas is paid.

Kernels know nothing of frames, gas or py-evm. All results are exact modulo 2²⁵⁶ (two's
complement), so every backend returns the same bits; `reference` is the specification.

To add a backend from outside the package: subclass `Backend`, override the kernels it has, and
name the class in the entry-point group ``smartvm.backends``. Kernels that it lacks run on the
next backend (docs/architecture.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from smartvm.dispatch.steps import Step
from smartvm.dispatch.tensor import Tensor
from smartvm.shapes import ConvShape, MatmulShape, PoolShape

KERNELS = (
    "convolve",
    "pool_max",
    "pool_average",
    "matmul",
    "add",
    "multiply",
    "divide",
    "relu",
    "softmax",
    "sigmoid",
    "tanh",
    "view",
    "concatenate",
    "gather",
    "multiply_by",
    "divide_by",
    "clip",
    "reduce",
    "function",
)
"""Names of all kernels, in the order in which `Backend` declares them."""


class Backend:
    """Base of all backends. A kernel that is not overridden is one that the backend lacks."""

    name: ClassVar[str]

    @classmethod
    def is_available(cls) -> bool:
        """Whether it can run on this machine; must not raise, and should not import much."""
        return True

    def convolve(self, x: Tensor, weights: Tensor, shape: ConvShape) -> Tensor:
        """Convolution, grouped, dilated, transposed; `shape.in_items` in, `shape.out_items` out.

        out[n, o, p] = Σ over c, k of x[n, c, p·stride − before + k·dilation] · w[o, c, k], cells
        outside the plane counting as zero. Transposed: each x[n, c, q] adds x·w[c, o, k] to
        out[n, o, q·stride − before + k·dilation] where that lies in the plane.
        """
        raise NotImplementedError

    def pool_max(self, x: Tensor, shape: PoolShape) -> Tensor:
        """The greatest cell of each window; padding never wins. Every window has a cell."""
        raise NotImplementedError

    def pool_average(self, x: Tensor, shape: PoolShape) -> Tensor:
        """The window's sum modulo 2²⁵⁶, then divided by its count of cells as SDIV does."""
        raise NotImplementedError

    def matmul(self, a: Tensor, b: Tensor, shape: MatmulShape) -> Tensor:
        """The product of two matrices, row-major, for each of `shape.batch` pairs of them.

        The matrices of an operand lie one after the other; `shape.out_items` in the result.
        """
        raise NotImplementedError

    def add(self, x: Tensor, addend: Tensor, plane: int) -> Tensor:
        """x seen as (…, channels, plane), channels = len(addend): add[c] to each of its cells."""
        raise NotImplementedError

    def multiply(self, x: Tensor, factor: int) -> Tensor:
        """Each item times a signed 256-bit factor."""
        raise NotImplementedError

    def divide(self, x: Tensor, divisor: int, nearest: bool) -> Tensor:
        """Each item over a divisor in [1, 2⁶⁴): truncated as SDIV, or nearest with ties to even."""
        raise NotImplementedError

    def relu(self, x: Tensor, cap: int, slope: tuple[int, int]) -> Tensor:
        """v < 0: v·slope[0] (modulo 2²⁵⁶) over slope[1], truncated; else v, at most `cap`.

        `cap` 0 is none; slope[0] 0 gives 0. Both terms of the slope are in [0, 2⁶⁴), the
        second is not 0.
        """
        raise NotImplementedError

    def softmax(self, x: Tensor, scale: int, group: int) -> Tensor:
        """Over each run of `group` items: the integer nearest scale·e^(v/scale) / Σ e^(u/scale)."""
        raise NotImplementedError

    def sigmoid(self, x: Tensor, scale: int) -> Tensor:
        """The integer nearest scale / (1 + e^(−v/scale)), ties to even; scale in [1, 2⁶⁴)."""
        raise NotImplementedError

    def tanh(self, x: Tensor, scale: int) -> Tensor:
        """The integer nearest scale·tanh(v/scale), ties to even; scale in [1, 2⁶⁴)."""
        raise NotImplementedError

    def view(self, x: Tensor, offset: int, dims: Sequence[int], strides: Sequence[int]) -> Tensor:
        """The items at offset + Σ index·stride for every index below `dims`, the last fastest.

        All of them lie in the map; a stride may be zero or negative. At most eight axes.
        """
        raise NotImplementedError

    def concatenate(self, parts: list[Tensor], outer: int) -> Tensor:
        """The parts, each seen as (outer, rest), joined along the rest; at least one part."""
        raise NotImplementedError

    def gather(self, indices: Tensor, data: Tensor, columns: int) -> Tensor:
        """For each index that row of data, seen as (rows, columns); −1 is the last row.

        Raises:
            ItemRangeError: an index outside [−rows, rows).
        """
        raise NotImplementedError

    def multiply_by(self, x: Tensor, factors: Tensor, plane: int) -> Tensor:
        """x seen as (…, channels, plane), channels = len(factors): factor[c] times its cells."""
        raise NotImplementedError

    def divide_by(self, x: Tensor, divisors: Tensor, plane: int, nearest: bool) -> Tensor:
        """x seen as (…, channels, plane), channels = len(divisors): its cells over divisor[c].

        Truncated as SDIV, or nearest with ties to even; modulo 2²⁵⁶, so that −2²⁵⁵ over −1 is
        itself.

        Raises:
            DivisionByZero: a divisor is 0.
        """
        raise NotImplementedError

    def clip(self, x: Tensor, low: int, high: int) -> Tensor:
        """Each item, at least `low` and at most `high`: signed 256-bit numbers, low <= high."""
        raise NotImplementedError

    def reduce(self, x: Tensor, kind: int, axis: int, inner: int) -> Tensor:
        """x seen as (…, axis, inner): the sum modulo 2²⁵⁶, extreme or its index along the axis.

        `kind` is a `Reduction` (smartvm.dispatch.movement).
        """
        raise NotImplementedError

    def function(self, x: Tensor, scale: int, function: int) -> Tensor:
        """The integer nearest scale·f(v/scale), ties to even; scale in [1, 2⁶⁴).

        `function` is a `Function` (smartvm.dispatch.functions).

        Raises:
            ItemRangeError: the logarithm of v <= 0, the root of v < 0, an exponential of 2²⁵⁵
                or more.
        """
        raise NotImplementedError

    def chain(self, x: Tensor, steps: Sequence[Step]) -> list[Tensor] | None:
        """The results of several kernels, each on the one before it, the first on x.

        One for each step, with exact bounds; all but the last may be a `Deferred`, which costs
        no memory unless somebody looks at its items. Optional, and no kernel: fusion changes
        no bit.

        Returns:
            None where the steps are better run one by one.
        """
        return None

    def lacks(self, kernel: str) -> bool:
        """Whether this backend leaves `kernel` to the next one."""
        return getattr(type(self), kernel) is getattr(Backend, kernel)
