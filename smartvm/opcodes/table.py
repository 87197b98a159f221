"""The instruction table: the only registry of DNN instructions.

To add an instruction:

1. Write a function of the frame with the sections STACK, SHAPE, GAS, OPERATION (any file of this
   package shows one; outside the package it may stand anywhere).
2. Write its row: number, mnemonic, operands, maps, what it pushes, whether it writes state.
3. In the package: put the row into `ROWS`. Outside: ``SmartVM.with_instructions(row)``, with a
   number of the extension page, 0xc0–0xcf.

The py-evm table, the assembler, the disassembler, `smartvm opcodes` and the documentation table
follow from the row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from smartvm.exceptions import SmartVMError
from smartvm.opcodes import activation, arithmetic, convolution, maps, matrices, pooling, transfer
from smartvm.opcodes.instruction import Instruction, Kind, Operand

RELOCATION = {number: number + 0x80 for number in range(0x30, 0x3B)}
"""Ethereum's instructions that the paper's displace, and where they answer in a DNN contract."""
EXTENSION_PAGE = range(0xC0, 0xD0)


def _spatial(name: str, summary: str, optional: bool = True) -> Operand:
    return Operand(name, Kind.SPATIAL, summary, optional=optional)


def _fields(*names: str, summary: str, optional: bool = False) -> Operand:
    return Operand(names[0], Kind.FIELDS, summary, names, optional)


def _number(name: str, summary: str, optional: bool = False) -> Operand:
    return Operand(name, Kind.NUMBER, summary, optional=optional)


_CONVOLUTION = (
    Operand("weights", Kind.ADDRESS, "where the kernels are"),
    _fields("in_channels", "groups", summary="channels of the map; groups, default 1"),
    _number("out_channels", "channels of the result"),
    _spatial("size", "size of the map's planes", optional=False),
    _spatial("kernel", "size of the kernels, default 1"),
    _spatial("stride", "step between windows, default 1"),
    Operand("padding", Kind.PADDING, "zeros around the plane, default 0", optional=True),
    _spatial("dilation", "step between the cells of a window, default 1"),
)
_POOLING = (
    _fields(
        "channels", "flags", "dilation",
        summary="channels; flags: 1 ceil mode, 2 count padding; dilation, default 1",
    ),
    _spatial("size", "size of the map's planes", optional=False),
    _spatial("kernel", "size of the windows, default the whole plane"),
    _spatial("stride", "step between windows, default the kernel"),
    Operand("padding", Kind.PADDING, "cells around the plane, default 0", optional=True),
)  # fmt: skip
_CONVOLUTION_GAS = "blocks + MACs·limbs(x)·limbs(w)/64 + (padded·limbs(x) + out·limbs(out))/16"
_POOLING_GAS = "(padded + out·window)·limbs/16"
_ACTIVATION_GAS = "items·(40 + 40·(limbs(scale) − 1))"


_DEPTHWISE = tuple(
    _number("out_channels", "channels of the result, default in_channels", optional=True)
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
) -> Instruction:
    return Instruction(opcode, name, "Convolution", operands, logic, summary, _CONVOLUTION_GAS)


def _pooling(
    opcode: int, name: str, logic: Callable[[Any], None], summary: str, gas: str
) -> Instruction:
    return Instruction(opcode, name, "Pooling", _POOLING, logic, summary, gas)


ROWS = (
    _convolution(0x21, "CONV_SING", convolution.conv_sing, "convolve each channel with its own kernels (depthwise)", _DEPTHWISE),
    _convolution(0x22, "CONV_MUL", convolution.conv_mul, "convolve all channels of a group into each output channel"),
    _convolution(0x23, "CONV_3D", convolution.conv_3d, "convolve over depth, height and width"),
    _convolution(0x24, "CONV_TPD", convolution.conv_tpd, "transposed convolution"),
    _pooling(0x25, "POOL_MAX", pooling.pool_max, "greatest cell of each window", _POOLING_GAS),
    _pooling(0x26, "POOL_AVG", pooling.pool_avg, "average of each window, truncated as SDIV", _POOLING_GAS + " + out·limbs/4"),
    _pooling(0x27, "POOL_OL", pooling.pool_ol, "greatest cell of each of overlapping windows (stride < kernel)", _POOLING_GAS),
    Instruction(
        0x28, "FULL_CON", "Matrices",
        (
            Operand("weights", Kind.ADDRESS, "the matrix, out × in, or in × out where transposed"),
            Operand("bias", Kind.ADDRESS, "the vector, 0: none (length f1 names block 0)", optional=True),
            _number("in_features", "features of each row of the map"),
            _number("out_features", "features of each row of the result"),
            _number("rows", "rows of the map, 0: implied", optional=True),
        ),
        matrices.full_con, "fully connected layer: x·Wᵀ + bias for each row",
        "blocks + MACs·limbs(x)·limbs(w)/64 + out·limbs(out)/16",
    ),
    Instruction(
        0x29, "MAT_MUL", "Matrices",
        (
            Operand("a", Kind.ADDRESS, "the left matrix with its rows and columns as stored"),
            Operand("b", Kind.ADDRESS, "the right matrix with its rows and columns as stored"),
        ),
        matrices.mat_mul, "push the product of two matrices",
        "blocks + MACs·limbs(a)·limbs(b)/64 + out·limbs(out)/16", maps=0,
    ),
    Instruction(
        0x2A, "ACT_SM0", "Activation",
        (_fields("scale", "group", summary="the value of 1; items of a group, default the map"),),
        activation.act_sm0, "softmax over each group, correctly rounded", _ACTIVATION_GAS,
    ),
    Instruction(
        0x2B, "ACT_SM1", "Activation", (_fields("scale", summary="the value of 1"),),
        activation.act_sm1, "sigmoid, correctly rounded", _ACTIVATION_GAS,
    ),
    Instruction(
        0x2C, "ACT_RL", "Activation",
        (
            _fields(
                "cap", "slope_numerator", "slope_denominator",
                summary="greatest value, 0: none; ratio for negative items, default 0", optional=True,
            ),
        ),
        activation.act_rl, "ReLU, capped (ReLU6) or with a negative slope (leaky)",
        "items·limbs/16, with a slope also items·limbs/4",
    ),
    Instruction(
        0x2D, "ACT_TANH", "Activation", (_fields("scale", summary="the value of 1"),),
        activation.act_tanh, "hyperbolic tangent, correctly rounded", _ACTIVATION_GAS,
    ),
    Instruction(
        0x2E, "BUF_SCL0", "Arithmetic", (Operand("times", Kind.SIGNED, "the factor"),),
        arithmetic.buf_scl0, "multiply each item", "items·limbs(x)·limbs(times)/16",
    ),
    Instruction(
        0x2F, "BUF_SCL1", "Arithmetic",
        (_fields("divisor", "rounding", summary="the divisor; 0 truncate as SDIV, 1 nearest"),),
        arithmetic.buf_scl1, "divide each item", "items·limbs/4",
    ),
    Instruction(
        0x30, "BUF_BIAS", "Arithmetic",
        (Operand("address", Kind.ADDRESS, "the tensor; f1 channels, default the map's; f2 plane, default 1"),),
        arithmetic.buf_bias, "add an item of the tensor to each plane of the map", "blocks + items·limbs/16",
    ),
    Instruction(
        0x31, "MTOB", "Transfer",
        (
            _number("offset", "where in Memory"),
            _fields("count", "item_bytes", "unsigned", summary="items; bytes of each, default 32; 1: unsigned"),
        ),
        transfer.mtob, "push a map read from Memory, big-endian and packed",
        "3·words + items·limbs/16 + Memory growth", maps=0,
    ),
    Instruction(
        0x32, "BTOM", "Transfer",
        (
            _number("offset", "where in Memory"),
            _fields("count", "item_bytes", summary="items, default all; bytes of each, default 32", optional=True),
        ),
        transfer.btom, "write items of the top map to Memory, big-endian and packed",
        "3·words + items·limbs/16 + Memory growth",
    ),
    Instruction(
        0x33, "BTOS0", "Transfer",
        (
            _number("first", "the first item"),
            _number("count", "items, default the rest", optional=True),
        ),
        transfer.btos0, "push items of the top map to the Stack, the first on top", "items", pushes=None,
    ),
    Instruction(
        0x34, "BTOS1", "Transfer",
        (
            _fields("first", "block", summary="the first item; the number of the block"),
            _fields(
                "count", "item_bytes", "delete",
                summary="items, default the rest; bytes of each, default the narrowest; 1: delete the block",
                optional=True,
            ),
        ),
        transfer.btos1, "write items of the top map to Storage as a weight block, or delete a block",
        "22,100 new or 5,000 changed + 200·bytes + items·limbs/16", maps=0, writes_state=True,
    ),
    Instruction(
        0x35, "BUF_CLS", "Buffer", (_number("count", "items, default all", optional=True),),
        maps.buf_cls, "set the last items to zero", "items·limbs/16",
    ),
    Instruction(
        0x36, "BUF_FIL", "Buffer", (Operand("value", Kind.SIGNED, "the value"),),
        maps.buf_fil, "set every item to a value", "items·limbs/16",
    ),
    Instruction(
        0x37, "BUF_INIT", "Buffer", (_number("size", "items; 0: leave the Buffer empty"),),
        maps.buf_init, "drop all maps and push one zero map", "items/16", maps=0,
    ),
    Instruction(
        0x38, "BUF_ALLO", "Buffer", (_number("size", "items, at least 1"),),
        maps.buf_allo, "push a zero map", "items/16", maps=0,
    ),
    Instruction(
        0x39, "BUF_FREE", "Buffer",
        (
            Operand(
                "size", Kind.FIELDS, "items, default all; mode 1: the map that many below the top",
                ("size", "", "", "mode"), optional=True,
            ),
        ),
        maps.buf_free, "release the last items of the top map, or a whole map", "items left·limbs/16",
    ),
    Instruction(
        0x3A, "BUF_COPY", "Buffer",
        (
            Operand(
                "start", Kind.FIELDS, "first item; mode 1: the whole map that many below the top",
                ("start", "", "", "mode"), optional=True,
            ),
            _number("end", "the item after the last, default the length", optional=True),
        ),
        maps.buf_copy, "push a copy of items of the top map, or of a whole map", "items·limbs/16",
    ),
)  # fmt: skip


class InstructionSet:
    """Rows, found by number and by name. Immutable: `extended` makes a new one."""

    def __init__(self, rows: Iterable[Instruction]) -> None:
        self.rows = tuple(sorted(rows, key=lambda row: row.opcode))
        self.by_opcode = {row.opcode: row for row in self.rows}
        self.by_mnemonic = {row.mnemonic: row for row in self.rows}
        if len(self.by_opcode) < len(self.rows) or len(self.by_mnemonic) < len(self.rows):
            raise SmartVMError("two instructions of one set have the same number or name")

    def extended(self, *rows: Instruction) -> InstructionSet:
        """This set with more rows.

        Raises:
            SmartVMError: a number outside the extension page, or taken already.
        """
        for row in rows:
            if row.opcode not in EXTENSION_PAGE:
                raise SmartVMError(
                    f"{row.mnemonic}: an extension has a number from 0xc0 to 0xcf, "
                    f"found {row.opcode:#x}"
                )
        return InstructionSet((*self.rows, *rows))


INSTRUCTIONS = ROWS
PAPER = InstructionSet(ROWS)
"""The paper's 26 instructions."""
