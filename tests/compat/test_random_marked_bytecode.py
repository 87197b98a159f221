"""Random DNN programs never break out of the VM, and give the same on two backends."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smartvm.compiler.program import Program
from smartvm.opcodes.instruction import Kind
from smartvm.opcodes.table import RELOCATION, STANDARD
from smartvm.vm import SmartVM
from smartvm.words import (
    SIGN_BIT,
    Address,
    Space,
    pack,
    pack_address,
    pack_padding,
    pack_signed_fields,
    pack_spatial,
)

pytestmark = pytest.mark.filterwarnings("ignore:SELFDESTRUCT")  # py-evm's deprecation notice

MAGIC = b"\xfcDNN\x01"
ADDRESSES = tuple(bytes([n]) * 20 for n in (0xAA, 0xBB))
BACKENDS = (SmartVM.with_backend("reference"), SmartVM.with_backend("numpy"))
GAS = 200_000


def code_of(program: Program) -> bytes:
    return program.bytecode().removeprefix(MAGIC)


def push(word: int) -> bytes:
    return code_of(Program().push(word))


# Instructions with operands of any kind, most of them wrong

small = st.integers(0, 5)
edges = st.sampled_from([2**32, 2**63, 2**64 - 1, 2**64, 2**255, 2**256 - 1])
numbers = st.one_of(*[small] * 12, st.integers(0, 40), edges)
fields = st.one_of(*[small] * 16, st.integers(0, 2**64 - 1))
sides = st.tuples(st.integers(-3, 3), st.integers(-3, 3))
signed = st.one_of(st.integers(-300, 300), st.integers(-SIGN_BIT, SIGN_BIT - 1))
places = st.builds(Address, small, small, small, st.sampled_from(Space), st.booleans())
words = {
    Kind.NUMBER: numbers,
    Kind.SIGNED: signed.map(lambda value: value % 2**256),
    Kind.FIELDS: st.one_of(numbers, numbers, st.builds(pack, fields, fields, fields, small)),
    Kind.SIGNED_FIELDS: st.builds(pack_signed_fields, *[st.integers(-9, 9)] * 4),
    Kind.SPATIAL: st.one_of(numbers, st.builds(pack_spatial, small, small, small)),
    Kind.PADDING: st.one_of(small, st.builds(pack_padding, sides, sides, sides), edges),
    Kind.ADDRESS: st.one_of(places.map(pack_address), places.map(pack_address), edges),
}


@st.composite
def wild(draw: st.DrawFn) -> bytes:
    """Any instruction with any operands."""
    row = draw(st.sampled_from(STANDARD.rows))
    operands = [draw(words[operand.kind]) for operand in row.operands]
    return b"".join(push(word) for word in reversed(operands)) + bytes([row.opcode])


# Layers whose shapes fit their maps

lengths = st.integers(1, 5)
axes = st.tuples(lengths, lengths)
windows = st.integers(1, 3)
margins = st.one_of(st.just((0, 0)), st.tuples(st.integers(-1, 2), st.integers(-1, 2)), sides)
paddings = st.tuples(margins, margins)


def loaded(draw: st.DrawFn, items: int) -> Program:
    """Push a map that is read from Memory, where the calldata is, or a filled one."""
    if draw(st.booleans()):
        width = draw(st.sampled_from([1, 2, 3, 8, 9, 32]))
        return Program().op("MTOB", offset=draw(small), count=items, item_bytes=width)
    return Program().op("BUF_ALLO", size=items).op("BUF_FIL", value=draw(signed))


@st.composite
def convolution(draw: st.DrawFn) -> bytes:
    mnemonic = draw(st.sampled_from(["CONV_SING", "CONV_MUL", "CONV_3D", "CONV_TPD"]))
    depthwise = mnemonic == "CONV_SING"
    groups, out_per_group = draw(windows), draw(windows)
    in_per_group = 1 if depthwise else draw(windows)
    (height, width), kernel = draw(axes), draw(windows)
    weights = groups * in_per_group * out_per_group * kernel**2
    program = loaded(draw, weights)
    program.include(loaded(draw, draw(windows) * groups * in_per_group * height * width))
    with_depth = mnemonic == "CONV_3D" or draw(st.booleans())
    program.op(
        mnemonic, weights=Address(1, space=Space.BUFFER), in_channels=groups * in_per_group,
        groups=0 if depthwise else groups, out_channels=groups * out_per_group,
        size=(height, width, 1) if with_depth else (height, width),
        kernel=(kernel, kernel, 1) if with_depth else kernel,
        stride=draw(windows), dilation=draw(windows), padding=draw(paddings),
    )  # fmt: skip
    return code_of(program)


@st.composite
def pooling(draw: st.DrawFn) -> bytes:
    mnemonic = draw(st.sampled_from(["POOL_MAX", "POOL_AVG", "POOL_OL"]))
    channels, size = draw(windows), draw(axes)
    program = loaded(draw, draw(windows) * channels * size[0] * size[1])
    program.op(
        mnemonic, channels=channels, flags=draw(st.integers(0, 3)), dilation=draw(windows),
        size=size, kernel=draw(small), stride=draw(small), padding=draw(paddings),
    )  # fmt: skip
    return code_of(program)


@st.composite
def product(draw: st.DrawFn) -> bytes:
    rows, inner, columns = draw(lengths), draw(lengths), draw(lengths)
    left, right = loaded(draw, rows * inner), loaded(draw, inner * columns)
    if draw(st.booleans()):
        place = Address(1, space=Space.BUFFER, transposed=draw(st.booleans()))
        right.include(left).op("FULL_CON", weights=place, in_features=inner, out_features=columns)
        return code_of(right)
    flip_a, flip_b = draw(st.booleans()), draw(st.booleans())
    a = Address(1, *((inner, rows) if flip_a else (rows, inner)), Space.BUFFER, flip_a)
    b = Address(0, *((columns, inner) if flip_b else (inner, columns)), Space.BUFFER, flip_b)
    return code_of(left.include(right).op("MAT_MUL", a=a, b=b))


@st.composite
def elementwise(draw: st.DrawFn) -> bytes:
    scale = draw(st.sampled_from([1, 7, 1000, 2**16, 2**40, 2**64 - 1]))
    mnemonic, operands = draw(
        st.sampled_from(
            [
                ("ACT_SM0", {"scale": scale}), ("ACT_SM1", {"scale": scale}),
                ("ACT_TANH", {"scale": scale}), ("BUF_SCL0", {"times": draw(signed)}),
                ("ACT_RL", {"cap": scale, "slope_numerator": scale, "slope_denominator": 3}),
                ("BUF_SCL1", {"divisor": scale, "rounding": draw(st.integers(0, 1))}),
                ("BUF_COPY", {"start": 0}), ("BUF_CLS", {"count": 1}), ("BTOM", {"offset": 0}),
                ("BTOS0", {"first": 0}), ("BUF_BIAS", {"address": draw(places)}),
            ]
        )
    )  # fmt: skip
    return code_of(Program().op(mnemonic, **operands))


# Programs

fresh = st.composite(lambda draw: code_of(loaded(draw, draw(st.integers(1, 40)))))()
blocks = small.map(lambda number: code_of(Program().op("BTOS1", first=0, block=number)))
calldata = st.just(code_of(Program().op("CALLDATASIZE").push(0).push(0).op("CALLDATACOPY")))
stock = st.builds(
    lambda operands, number: b"".join(map(push, operands)) + bytes([number]),
    st.lists(st.integers(0, 64), min_size=4, max_size=7),
    st.sampled_from([*RELOCATION.values(), 0x01, 0x05, 0x20, 0x3D, 0x50, 0x52, 0x55, 0x80, 0x90]),
)
calls = st.sampled_from(["CALL", "CALLCODE", "DELEGATECALL", "STATICCALL"]).map(
    lambda mnemonic: code_of(
        Program().push(0).push(0).push(0).push(0).raw(b"\x5f" * (mnemonic[-4:] in ("CALL", "CODE")))
        .push_bytes(ADDRESSES[1]).push(60_000).op(mnemonic)
    )
)  # fmt: skip
layers = st.one_of(convolution(), pooling(), product(), elementwise(), elementwise())
parts = st.one_of(*[layers] * 6, fresh, wild(), blocks, stock, calls, calldata)
code = st.builds(
    lambda first, second, rest: MAGIC + first + second + b"".join(rest),
    calldata,
    fresh,
    st.lists(parts, min_size=1, max_size=10),
)


@settings(max_examples=3 * settings.default.max_examples)
@given(codes=st.tuples(code, code), data=st.binary(min_size=64, max_size=256))
def test_random_dnn_programs(assert_same_run, codes, data):
    accounts = dict(zip(ADDRESSES, codes, strict=True))
    left = assert_same_run(accounts, vms=BACKENDS, data=data, gas=GAS)
    assert "escape" not in left, left["escape"]
    assert "KernelFailure" not in str(left["errors"])


@given(tail=st.binary(max_size=200), data=st.binary(max_size=100))
def test_random_bytes_behind_the_magic(assert_same_run, tail, data):
    left = assert_same_run({ADDRESSES[0]: MAGIC + tail}, vms=BACKENDS, data=data, gas=GAS)
    assert "escape" not in left, left["escape"]
    assert "KernelFailure" not in str(left["errors"])
