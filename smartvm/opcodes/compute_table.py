"""Rows of the compute instructions, 0x21–0x30."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from smartvm import gas
from smartvm.opcodes import activation, arithmetic, convolution, matrices, pooling
from smartvm.opcodes.instruction import Instruction, Kind, Operand
from smartvm.opcodes.operands import fields, number, spatial

_CONVOLUTION = (
    Operand("weights", Kind.ADDRESS, "where the kernels are"),
    fields("in_channels", "groups", summary="channels of the map; groups, default 1"),
    number("out_channels", "channels of the result"),
    spatial("size", "size of the map's planes", optional=False),
    spatial("kernel", "size of the kernels, default 1"),
    spatial("stride", "step between windows, default 1"),
    Operand("padding", Kind.PADDING, "zeros around the plane, default 0", optional=True),
    spatial("dilation", "step between the cells of a window, default 1"),
)
_POOLING = (
    fields(
        "channels",
        "flags",
        "dilation",
        summary="channels; flags: 1 ceil mode, 2 count padding; dilation, default 1",
    ),
    spatial("size", "size of the map's planes", optional=False),
    spatial("kernel", "size of the windows, default the whole plane"),
    spatial("stride", "step between windows, default the kernel"),
    Operand("padding", Kind.PADDING, "cells around the plane, default 0", optional=True),
)
_CONVOLUTION_GAS = (
    f"blocks + MACs·limbs(x)·limbs(w)/{gas.LIMB_PRODUCTS_PER_GAS} "
    f"+ (padded·limbs(x) + out·limbs(out))/{gas.LIMBS_PER_GAS}"
)
PRODUCT_GAS = (
    f"blocks + MACs·limbs·limbs/{gas.LIMB_PRODUCTS_PER_GAS} + out·limbs(out)/{gas.LIMBS_PER_GAS}"
)
_POOLING_GAS = f"(padded + out·window)·limbs/{gas.LIMBS_PER_GAS}"
_LOGISTIC_GAS = (
    f"items/{gas.ACTIVATIONS_PER_GAS}, "
    f"of a scale beyond {gas.DECIDED_BITS} bits items·bits/{gas.ACTIVATIONS_PER_GAS}"
)
_RELU_GAS = (
    f"items·limbs/{gas.LIMBS_PER_GAS}, with a slope also items·limbs/{gas.LIMBS_PER_GAS_DIVIDE}"
)
_SOFTMAX_GAS = (
    f"{gas.SOFTMAX_TABLE_BIT}·bits + items·({gas.SOFTMAX_ITEM} + {gas.SOFTMAX_SCALE_BIT}·bits "
    f"+ precision + bits·precision²/{gas.SOFTMAX_QUADRATIC_DENOMINATOR})/{gas.SIXTEENTHS}"
)


_DEPTHWISE = tuple(
    number("out_channels", "channels of the result, default in_channels", optional=True)
    if operand.name == "out_channels"
    else operand
    for operand in _CONVOLUTION
)


def _convolution(
    opcode: int,
    name: str,
    logic: Callable[[Any], None],
    summary: str,
    operands: tuple[Operand, ...] = _CONVOLUTION,
    price: str = _CONVOLUTION_GAS,
    reads: Callable[..., Any] = convolution.reads_conv_mul,
) -> Instruction:
    return Instruction(opcode, name, "Convolution", operands, logic, summary, price, reads=reads)


def _pooling(
    opcode: int,
    name: str,
    logic: Callable[[Any], None],
    summary: str,
    price: str,
    follow: Callable[..., Any],
) -> Instruction:
    return Instruction(opcode, name, "Pooling", _POOLING, logic, summary, price, follow=follow)


COMPUTE = (
    _convolution(
        0x21,
        "CONV_SING",
        convolution.conv_sing,
        "convolve each channel with its own kernels (depthwise)",
        _DEPTHWISE,
        reads=convolution.reads_conv_sing,
    ),
    _convolution(
        0x22,
        "CONV_MUL",
        convolution.conv_mul,
        "convolve all channels of a group into each output channel",
    ),
    _convolution(
        0x23,
        "CONV_3D",
        convolution.conv_3d,
        "convolve over depth, height and width",
        reads=convolution.reads_conv_3d,
    ),
    _convolution(
        0x24,
        "CONV_TPD",
        convolution.conv_tpd,
        "transposed convolution",
        price=f"{gas.TRANSPOSED} + {_CONVOLUTION_GAS}",
    ),
    _pooling(
        0x25,
        "POOL_MAX",
        pooling.pool_max,
        "greatest cell of each window",
        _POOLING_GAS,
        pooling.follow_pool_max,
    ),
    _pooling(
        0x26,
        "POOL_AVG",
        pooling.pool_avg,
        "average of each window, truncated as SDIV",
        f"{_POOLING_GAS} + out·limbs/{gas.LIMBS_PER_GAS_DIVIDE}",
        pooling.follow_pool_avg,
    ),
    _pooling(
        0x27,
        "POOL_OL",
        pooling.pool_ol,
        "greatest cell of each of overlapping windows (stride < kernel)",
        _POOLING_GAS,
        pooling.follow_pool_ol,
    ),
    Instruction(
        0x28,
        "FULL_CON",
        "Matrices",
        (
            Operand("weights", Kind.ADDRESS, "the matrix, out × in, or in × out where transposed"),
            Operand(
                "bias", Kind.ADDRESS, "the vector, 0: none (length f1 names block 0)", optional=True
            ),
            number("in_features", "features of each row of the map"),
            number("out_features", "features of each row of the result"),
            number("rows", "rows of the map, 0: implied", optional=True),
        ),
        matrices.full_con,
        "fully connected layer: x·Wᵀ + bias for each row",
        PRODUCT_GAS,
        reads=matrices.reads_full_con,
    ),
    Instruction(
        0x29,
        "MAT_MUL",
        "Matrices",
        (
            Operand("a", Kind.ADDRESS, "the left matrix with its rows and columns as stored"),
            Operand("b", Kind.ADDRESS, "the right matrix with its rows and columns as stored"),
        ),
        matrices.mat_mul,
        "push the product of two matrices",
        PRODUCT_GAS,
        maps=0,
        reads=matrices.reads_mat_mul,
    ),
    Instruction(
        0x2A,
        "ACT_SM0",
        "Activation",
        (fields("scale", "group", summary="the value of 1; items of a group, default the map"),),
        activation.act_sm0,
        "softmax over each group, correctly rounded",
        _SOFTMAX_GAS,
    ),
    Instruction(
        0x2B,
        "ACT_SM1",
        "Activation",
        (fields("scale", summary="the value of 1"),),
        activation.act_sm1,
        "sigmoid, correctly rounded",
        _LOGISTIC_GAS,
    ),
    Instruction(
        0x2C,
        "ACT_RL",
        "Activation",
        (
            fields(
                "cap",
                "slope_numerator",
                "slope_denominator",
                summary="greatest value, 0: none; ratio for negative items, default 0",
                optional=True,
            ),
        ),
        activation.act_rl,
        "ReLU, capped (ReLU6) or with a negative slope (leaky)",
        _RELU_GAS,
        follow=activation.follow_act_rl,
    ),
    Instruction(
        0x2D,
        "ACT_TANH",
        "Activation",
        (fields("scale", summary="the value of 1"),),
        activation.act_tanh,
        "hyperbolic tangent, correctly rounded",
        _LOGISTIC_GAS,
    ),
    Instruction(
        0x2E,
        "BUF_SCL0",
        "Arithmetic",
        (Operand("times", Kind.SIGNED, "the factor"),),
        arithmetic.buf_scl0,
        "multiply each item",
        f"items·limbs(x)·limbs(times)/{gas.LIMBS_PER_GAS}",
        follow=arithmetic.follow_buf_scl0,
    ),
    Instruction(
        0x2F,
        "BUF_SCL1",
        "Arithmetic",
        (fields("divisor", "rounding", summary="the divisor; 0 truncate as SDIV, 1 nearest"),),
        arithmetic.buf_scl1,
        "divide each item",
        f"items·limbs/{gas.LIMBS_PER_GAS_DIVIDE}",
        follow=arithmetic.follow_buf_scl1,
    ),
    Instruction(
        0x30,
        "BUF_BIAS",
        "Arithmetic",
        (
            Operand(
                "address",
                Kind.ADDRESS,
                "the tensor; f1 channels, default the map's; f2 plane, default 1",
            ),
        ),
        arithmetic.buf_bias,
        "add an item of the tensor to each plane of the map",
        f"blocks + items·limbs/{gas.LIMBS_PER_GAS}",
        follow=arithmetic.follow_buf_bias,
        reads=arithmetic.reads_channels,
    ),
)
