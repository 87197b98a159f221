"""Rows of the extensions that come with SmartVM, 0xc0–0xc8."""

from __future__ import annotations

from smartvm import gas
from smartvm.opcodes import extension, extension_arithmetic
from smartvm.opcodes.arithmetic import reads_channels
from smartvm.opcodes.compute_table import PRODUCT_GAS
from smartvm.opcodes.instruction import Instruction
from smartvm.opcodes.operands import address, fields, number, signed, signed_fields

_FUNCTION_GAS = (
    f"items/{gas.ACTIVATIONS_PER_GAS}, beyond {gas.DECIDED_BITS} bits items·{gas.FUNCTION_ITEM}"
)

EXTENSIONS = (
    Instruction(
        0xC0,
        "BUF_VIEW",
        "Extension",
        (
            number("offset", "the map's item at index 0"),
            fields(
                *("d0", "d1", "d2", "d3"),
                summary="lengths of the axes, the fastest first, default 1",
                optional=True,
            ),
            signed_fields(
                *("s0", "s1", "s2", "s3"),
                summary="items of the map from one index to the next, default 0",
                optional=True,
            ),
            fields(
                *("d4", "d5", "d6", "d7"),
                summary="lengths of four further axes, default 1",
                optional=True,
            ),
            signed_fields(
                *("s4", "s5", "s6", "s7"),
                summary="their steps, default 0",
                optional=True,
            ),
        ),
        extension.buf_view,
        "take the items of a strided view: transpose, slice, broadcast, flip",
        f"out·limbs/{gas.LIMBS_PER_GAS}",
    ),
    Instruction(
        0xC1,
        "BUF_CAT",
        "Extension",
        (fields("maps", "outer", summary="maps, at least 2; rows of each, default 1"),),
        extension.buf_cat,
        "join the top maps, the deepest first, row by row",
        f"{gas.JOINED_MAP}·maps + out·limbs/{gas.LIMBS_PER_GAS}",
        maps=2,
    ),
    Instruction(
        0xC2,
        "BUF_GATHER",
        "Extension",
        (address("data", "the tensor with its rows and, default 1, columns"),),
        extension.buf_gather,
        "replace each index by the row of a tensor that it names",
        f"blocks + (items·limbs + out·limbs(data))/{gas.LIMBS_PER_GAS}",
    ),
    Instruction(
        0xC3,
        "BUF_MUL",
        "Extension",
        (address("address", "the tensor: channels, default all of the map; plane, default 1"),),
        extension_arithmetic.buf_mul,
        "multiply by a tensor, an item of it each plane",
        f"blocks + items·(limbs(x)·limbs(w) + limbs(out))/{gas.LIMBS_PER_GAS}",
        reads=reads_channels,
    ),
    Instruction(
        0xC4,
        "BUF_DIV",
        "Extension",
        (
            address("address", "the tensor: channels, default all of the map; plane, default 1"),
            fields("rounding", summary="0 truncate as SDIV, 1 nearest even", optional=True),
        ),
        extension_arithmetic.buf_div,
        "divide by a tensor, an item of it each plane",
        f"blocks + items·(limbs(x) + limbs(w))/{gas.LIMBS_PER_GAS_DIVIDE}",
        reads=reads_channels,
    ),
    Instruction(
        0xC5,
        "BUF_CLIP",
        "Extension",
        (signed("low", "the least result"), signed("high", "the greatest result")),
        extension_arithmetic.buf_clip,
        "bring each item between two numbers",
        f"items·limbs/{gas.LIMBS_PER_GAS}",
    ),
    Instruction(
        0xC6,
        "BUF_REDUCE",
        "Extension",
        (
            fields(
                *("kind", "axis", "inner"),
                summary="0 sum, 1 max, 2 min, 3 arg-max, 4 arg-min, 11 and 12 the last of these; "
                "length of the axis; items after it, default 1",
            ),
        ),
        extension.buf_reduce,
        "sum, extreme or index of the extreme along an axis",
        f"items·limbs/{gas.LIMBS_PER_GAS}",
    ),
    Instruction(
        0xC7,
        "MAT_BMM",
        "Extension",
        (
            address("a", "the left matrices with the rows and columns of each as stored"),
            address("b", "the right matrices with the rows and columns of each as stored"),
            number("batch", "pairs of matrices, default 1", optional=True),
        ),
        extension.mat_bmm,
        "push the products of a batch of pairs of matrices",
        PRODUCT_GAS,
        maps=0,
    ),
    Instruction(
        0xC8,
        "ACT_FUN",
        "Extension",
        (fields("scale", "function", summary="the value of 1; 0 exp, 1 log, 2 sqrt, 3 erf"),),
        extension_arithmetic.act_fun,
        "exponential, logarithm, square root or error function, correctly rounded",
        _FUNCTION_GAS,
    ),
)
