"""The stock code of each kind of layer: maps in Memory, 32-byte words, row-major."""

from __future__ import annotations

from dataclasses import dataclass

from smartvm.compiler.plain_evm.stack_frame import Grid, StackFrame, cells, grid, walk_locals
from smartvm.words import SIGN_BIT

WORD = 32
"""Bytes of a word."""

MapShape = tuple[int, int, int]
"""(channels, height, width)."""


def window_grid(shape: MapShape, rows: int, columns: int) -> Grid:
    """The cells of one window through all channels of a map, from its corner."""
    channels, height, width = shape
    return grid((channels, height * width * WORD), (rows, width * WORD), (columns, WORD))


def corner_grid(shape: MapShape, out_shape: MapShape, stride: int) -> Grid:
    """The corners of all windows of a map."""
    channels, out_height, out_width = out_shape
    _, height, width = shape
    row = width * WORD
    return grid((channels, height * row), (out_height, stride * row), (out_width, stride * WORD))


@dataclass(frozen=True)
class WeightedSum:
    """A convolution or a fully connected layer: each output is a bias and a sum of products.

    Attributes:
        out_channels: how many kernels there are.
        corners: the corners of the windows; a fully connected layer has one.
        window: the cells of one window; as many as a kernel has weights.
        first_slot: the slot of the first weight; the kernels lie one after the other, and the
            biases follow.
        divisor: what each sum is divided by, rounded to nearest.
        kernel_buffer: where in Memory the kernel of the current channel is kept.
    """

    out_channels: int
    corners: Grid
    window: Grid
    first_slot: int
    divisor: int
    kernel_buffer: int

    @property
    def terms(self) -> int:
        """Weights of one kernel."""
        return cells(self.window)

    @property
    def keeps_kernel(self) -> bool:
        """Whether each weight is used more than once, so that a copy in Memory pays."""
        return cells(self.corners) > 1

    def emit(self, frame: StackFrame, source: int, target: int) -> None:
        """Code from the map at Memory offset `source` to the one at `target`."""
        channels, kernel = grid((self.out_channels, 1)), grid((self.terms, WORD))
        with frame.locals(
            "target",
            "slot",
            *walk_locals("bias slot", channels),
            "bias",
            *walk_locals("corner", self.corners),
            *(walk_locals("weight", kernel) if self.keeps_kernel else []),
            *walk_locals("cell", self.window),
            "sum",
        ):
            frame.assign("target", target)
            frame.assign("slot", self.first_slot)
            frame.assign("bias slot", self.first_slot + self.out_channels * self.terms)
            frame.walk("bias slot", channels, lambda: self._channel(frame, source, kernel))

    def _channel(self, frame: StackFrame, source: int, kernel: Grid) -> None:
        frame.get("bias slot")
        frame.op("SLOAD")
        frame.set("bias")
        if self.keeps_kernel:
            frame.assign("weight", self.kernel_buffer)
            frame.walk("weight", kernel, lambda: self._copy_weight(frame))
        frame.assign("corner", source)
        frame.walk("corner", self.corners, lambda: self._output(frame))

    @staticmethod
    def _copy_weight(frame: StackFrame) -> None:
        frame.get("slot")
        frame.op("SLOAD")
        frame.get("weight")
        frame.op("MSTORE")
        frame.increase("slot", 1)

    def _output(self, frame: StackFrame) -> None:
        if self.keeps_kernel:
            frame.assign("weight", self.kernel_buffer)
        frame.assign("cell", "corner")
        frame.assign("sum", "bias")
        frame.walk("cell", self.window, lambda: self._multiply_accumulate(frame))
        frame.get("sum")
        divide_nearest(frame, self.divisor)
        _store_output(frame)

    def _multiply_accumulate(self, frame: StackFrame) -> None:
        weight, load, step = ("slot", "SLOAD", 1)
        if self.keeps_kernel:
            weight, load, step = ("weight", "MLOAD", WORD)
        frame.get("cell")
        frame.op("MLOAD")
        frame.get(weight)
        frame.op(load, "MUL", "ADD")  # the sum is the local on top
        frame.increase(weight, step)


def _store_output(frame: StackFrame) -> None:
    """Pop the top item into the next word of the target."""
    frame.get("target")
    frame.op("MSTORE")
    frame.increase("target", WORD)


def divide_nearest(frame: StackFrame, divisor: int) -> None:
    """Replace the top item by the integer nearest item / divisor, ties to even.

    With the floor q and the remainder r ≥ 0, the quotient is rounded up where 2r > divisor, and
    at 2r = divisor where q is odd: where 2r + (q mod 2) > divisor. Both stay below 2⁶⁵, for the
    divisor is below 2⁶⁴.
    """
    frame.push(divisor)
    frame.op("DUP2", "SDIV", "SWAP1")
    frame.push(divisor)
    frame.op("SWAP1", "SMOD")  # Stack: remainder, quotient, both of SDIV
    frame.push(0)
    frame.op("DUP2", "SLT", "DUP1", "SWAP3", "SUB", "SWAP2")  # negative, remainder, floor
    frame.push(divisor)
    frame.op("MUL", "ADD", "DUP1", "ADD")  # twice the remainder of the floor, floor
    frame.push(1)
    frame.op("DUP3", "AND", "ADD")
    frame.push(divisor)
    frame.op("LT", "ADD")


def emit_pool(
    frame: StackFrame,
    corners: Grid,
    window: Grid,
    source: int,
    target: int,
    average: bool,
) -> None:
    """Code of a pooling: the greatest cell of each window, or the truncated mean."""
    start, accumulate = (0, _add_cell) if average else (-SIGN_BIT, _keep_greater)
    with frame.locals(
        "target", *walk_locals("corner", corners), *walk_locals("cell", window), "result"
    ):

        def output() -> None:
            frame.assign("result", start)
            frame.assign("cell", "corner")
            frame.walk("cell", window, lambda: accumulate(frame))
            if average:
                frame.push(cells(window))
            frame.get("result")
            if average:
                frame.op("SDIV")
            _store_output(frame)

        frame.assign("target", target)
        frame.assign("corner", source)
        frame.walk("corner", corners, output)


def _add_cell(frame: StackFrame) -> None:
    frame.get("cell")
    frame.op("MLOAD", "ADD")  # the result is the local on top


def _keep_greater(frame: StackFrame) -> None:
    """Without a jump: result ^= (result ^ cell) · (result < cell)."""
    frame.get("cell")
    frame.op("MLOAD", "DUP1", "DUP3", "SLT", "SWAP1", "DUP3", "XOR", "MUL", "XOR")


def emit_relu(frame: StackFrame, items: int, source: int) -> None:
    """Code of max(0, x), in place."""
    run = grid((items, WORD))

    def replace() -> None:
        frame.get("cell")
        frame.op("MLOAD", "DUP1")
        frame.push(0)
        frame.op("SLT", "MUL")
        frame.get("cell")
        frame.op("MSTORE")

    with frame.locals(*walk_locals("cell", run)):
        frame.assign("cell", source)
        frame.walk("cell", run, replace)


def emit_padding(
    frame: StackFrame, shape: MapShape, padding: int, source: int, target: int
) -> None:
    """Code that copies a map into the middle of a wider one, whose Memory is still zero."""
    channels, height, width = shape
    wide = (width + 2 * padding) * WORD
    rows = grid((channels, (height + 2 * padding) * wide), (height, wide))

    def copy_row() -> None:
        frame.push(width * WORD)
        frame.get("source")
        frame.get("row")
        frame.op("MCOPY")
        frame.increase("source", width * WORD)

    with frame.locals("source", *walk_locals("row", rows)):
        frame.assign("source", source)
        frame.assign("row", target + padding * (wide + WORD))
        frame.walk("row", rows, copy_row)
