"""CONV_SING, CONV_MUL, CONV_3D, CONV_TPD: convolutions of the top map (paper, Table 1)."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from smartvm import gas, words
from smartvm.dispatch.steps import Step
from smartvm.exceptions import OperandError
from smartvm.opcodes.frame import (
    KEPT_DECODINGS,
    Frame,
    at_least_one,
    batch_of,
    charge_growth,
    named_fields,
    plain_address,
)
from smartvm.opcodes.fusion import Wanted, apply_fused
from smartvm.opcodes.tensors import Operand, buy
from smartvm.shapes import NO_PADDING, UNIT, ConvShape
from smartvm.words import Spatial


def conv_sing(frame: Frame) -> None:
    """Convolve each channel with its own kernels (depthwise)."""
    # STACK
    operands = frame.stack_pop_ints(8)
    # SHAPE
    shape = _shape(len(frame.buffer.top), operands, depthwise=True)
    # GAS
    weights = _buy_weights(frame, operands[0], shape)
    # OPERATION
    _convolve(frame, weights, shape)


def conv_mul(frame: Frame) -> None:
    """Convolve all channels of a group into each output channel."""
    # STACK
    operands = frame.stack_pop_ints(8)
    # SHAPE
    shape = _shape(len(frame.buffer.top), operands)
    # GAS
    weights = _buy_weights(frame, operands[0], shape)
    # OPERATION
    _convolve(frame, weights, shape)


def conv_3d(frame: Frame) -> None:
    """Convolve over depth, height and width."""
    # STACK
    operands = frame.stack_pop_ints(8)
    # SHAPE
    shape = _shape(len(frame.buffer.top), operands, volumetric=True)
    # GAS
    weights = _buy_weights(frame, operands[0], shape)
    # OPERATION
    _convolve(frame, weights, shape)


def conv_tpd(frame: Frame) -> None:
    """Convolve transposed: each item spreads over a kernel's extent of the result."""
    # STACK
    operands = frame.stack_pop_ints(8)
    # SHAPE
    shape = _shape(len(frame.buffer.top), operands, transposed=True)
    # GAS
    frame.consume_gas(gas.TRANSPOSED, "CONV_TPD")
    weights = _buy_weights(frame, operands[0], shape)
    # OPERATION
    _convolve(frame, weights, shape)


def reads_conv_sing(*operands: int) -> list[Wanted]:
    """CONV_SING to come: its kernels."""
    return _reads(operands, _example(operands, depthwise=True))


def reads_conv_mul(*operands: int) -> list[Wanted]:
    """CONV_MUL or CONV_TPD to come: its kernels."""
    return _reads(operands, _example(operands))


def reads_conv_3d(*operands: int) -> list[Wanted]:
    """CONV_3D to come: its kernels."""
    return _reads(operands, _example(operands, volumetric=True))


def _reads(operands: tuple[int, ...], shape: ConvShape) -> list[Wanted]:
    return [Wanted(plain_address(operands[0], "weights"), shape.weight_items)]


@lru_cache(KEPT_DECODINGS)
def _shape(
    length: int,
    operands: tuple[int, ...],
    *,
    depthwise: bool = False,
    volumetric: bool = False,
    transposed: bool = False,
) -> ConvShape:
    """The shape for a map of `length` items.

    Raises:
        OperandError: an operand outside its range.
        ShapeError: sizes that do not fit.
    """
    example = _example(operands, depthwise=depthwise, volumetric=volumetric, transposed=transposed)
    return _checked(length, example)


def _example(
    operands: tuple[int, ...],
    *,
    depthwise: bool = False,
    volumetric: bool = False,
    transposed: bool = False,
) -> ConvShape:
    """The shape for one example; of the operands the first, the weights, is left out.

    Raises:
        OperandError: an operand outside its range.
    """
    _, in_word, out_word, size_word, *window = operands
    in_channels, out_channels, groups = _channels(in_word, out_word, depthwise)
    size = words.spatial(size_word, "size")
    kernel, stride, dilation = (
        words.spatial(word, name, 1)
        for word, name in zip(
            (window[0], window[1], window[3]), ("kernel", "stride", "dilation"), strict=True
        )
    )
    padding = words.padding(window[2], "padding")
    if not volumetric and not words.names_depth(size_word):
        size, kernel, stride, dilation = (_flat(axes) for axes in (size, kernel, stride, dilation))
        padding = (NO_PADDING[0], padding[1], padding[2])
    channels = in_channels, out_channels, groups
    return ConvShape(1, *channels, size, kernel, stride, padding, dilation, transposed)


def _channels(in_word: int, out_word: int, depthwise: bool) -> tuple[int, int, int]:
    in_channels, groups = named_fields(in_word, 2, "in_channels")
    out_channels = words.plain(out_word, "out_channels")
    at_least_one(in_channels, "in_channels")
    if depthwise:
        if groups:
            raise OperandError("groups", "0: it is in_channels", groups)
        groups, out_channels = in_channels, out_channels or in_channels
    groups = groups or 1
    for name, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
        if at_least_one(channels, name) % groups:
            raise OperandError(name, f"a multiple of {groups} groups", channels)
    return in_channels, out_channels, groups


def _flat(axes: Spatial) -> Spatial:
    return UNIT[0], axes[1], axes[2]


def _checked(items: int, shape: ConvShape) -> ConvShape:
    """The shape with its batch; raises ShapeError where sizes do not fit."""
    for length in shape.size:
        at_least_one(length, "size")
    batch = batch_of(items, shape.in_items, "in_channels, size")
    shape.out_size  # noqa: B018 - raises where the kernel does not fit
    return replace(shape, batch=batch) if batch != 1 else shape


def _buy_weights(frame: Frame, word: int, shape: ConvShape) -> Operand:
    """The weights, and the limbs of the result; all is paid."""
    place = plain_address(word, "weights")
    limbs_x = frame.buffer.top.limbs
    tensor, limbs_w = buy(
        frame, place, "weights", shape.weight_items, shape.uses_per_weight, limbs_x
    )
    limbs = gas.product_limbs(limbs_x, limbs_w, shape.terms)
    moved = gas.elementwise(shape.padded_items, limbs_x) + gas.elementwise(shape.out_items, limbs)
    frame.consume_gas(moved, "laying out")
    charge_growth(frame, shape.padded_items + shape.out_items, limbs)
    return Operand(tensor, limbs)


def _convolve(frame: Frame, weights: Operand, shape: ConvShape) -> None:
    step = Step("convolve", (weights.tensor, shape))
    apply_fused(frame, [step], shape.out_items, weights.limbs)
