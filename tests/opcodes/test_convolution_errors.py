"""CONV_SING, CONV_MUL, CONV_3D, CONV_TPD: what each mistake is told."""

from __future__ import annotations

import pytest

from smartvm.exceptions import BlockMissing, MapMissing, OperandError, OperandsMissing, ShapeError
from smartvm.words import pack

ALL = ["CONV_SING", "CONV_MUL", "CONV_3D", "CONV_TPD"]
SOUND = {"weights": 1, "in": 1, "out": 1, "size": 2}
MAP = [1, 2, 3, 4]
F1, F3 = pack(f1=1), pack(f3=2)


def text(mnemonic: str, **operands: object) -> str:
    """The instruction on a plane of 2 x 2, but for some operands."""
    return " ".join([mnemonic, *(f"{k}={v}" for k, v in (SOUND | operands).items())])


@pytest.mark.parametrize("mnemonic", ALL)
def test_operands_are_missing(run, mnemonic):
    message = f"{mnemonic}: Stack: expected 8 items, found 7"
    run.fails("PUSH 1\n" * 7 + mnemonic, OperandsMissing, message, maps=[MAP])


@pytest.mark.parametrize("mnemonic", ALL)
def test_a_map_is_missing(run, mnemonic):
    run.fails(text(mnemonic), MapMissing, f"{mnemonic}: Buffer: expected 1 maps, found 0")


WORDS = {
    "a fourth space": (
        {"weights": pack(f3=3)},
        "weights: expected f3 bits 0-1 of 0, 1 or 2 and bit 2, found 3",
    ),
    "a flag beyond bit 2": (
        {"weights": pack(f3=8)},
        "weights: expected f3 bits 0-1 of 0, 1 or 2 and bit 2, found 8",
    ),
    "rows": ({"weights": "1[4]"}, "weights: expected f1 = f2 = 0, found (4, 0)"),
    "columns": ({"weights": "1[x4]"}, "weights: expected f1 = f2 = 0, found (0, 4)"),
    "transposed": (
        {"weights": "1.T"},
        "weights: expected an address that is not transposed, found bit 2 of f3",
    ),
    "no input channel": ({"in": 0}, "in_channels: expected at least 1, found 0"),
    "outputs of 65 bits": (
        {"out": 1 << 64},
        f"out_channels: expected a plain number below 2^64, found {1 << 64:#x}",
    ),
    "no size": ({"size": 0}, "size: expected at least 1, found 0"),
    "no height": ({"size": "x2x1"}, "size: expected at least 1, found 0"),
    "no width": ({"size": "2x0x1"}, "size: expected at least 1, found 0"),
} | {
    f"{name}, {kind}": ({name: word}, f"{name}: expected {expected}")
    for name in ("size", "kernel", "stride", "padding", "dilation")
    for kind, word, expected in (
        ("f3 of 2", F3, "f3 of 0 or 1, found 2"),
        ("f1 without f3", F1, f"f1 = f2 = 0 where f3 = 0, found {F1:#x}"),
    )
}


@pytest.mark.parametrize(("operands", "message"), WORDS.values(), ids=WORDS.keys())
@pytest.mark.parametrize("mnemonic", ALL)
def test_a_word_outside_its_range(run, mnemonic, operands, message):
    mistake = text(mnemonic, **operands)
    run.fails(mistake, OperandError, f"{mnemonic}: {message}", maps=[MAP + MAP])


@pytest.mark.parametrize("mnemonic", ALL)
def test_a_field_without_a_name(run, mnemonic):
    word = pack(f0=1, f2=1)
    pushes = f"PUSH 0\nPUSH 0\nPUSH 0\nPUSH 0\nPUSH 2\nPUSH 1\nPUSH {word}\nPUSH 1\n"
    message = f"{mnemonic}: in_channels: expected no field beyond f1, found {word:#x}"
    run.fails(pushes + mnemonic, OperandError, message, maps=[MAP])


CHANNELS = [
    ("CONV_MUL", {"out": 0}, "out_channels: expected at least 1, found 0"),
    ("CONV_TPD", {"out": 0}, "out_channels: expected at least 1, found 0"),
    (
        "CONV_3D",
        {"in": 4, "out": 6, "groups": 3},
        "in_channels: expected a multiple of 3 groups, found 4",
    ),
    (
        "CONV_MUL",
        {"in": 4, "out": 6, "groups": 4},
        "out_channels: expected a multiple of 4 groups, found 6",
    ),
    ("CONV_SING", {"in": 4, "out": 6}, "out_channels: expected a multiple of 4 groups, found 6"),
    ("CONV_SING", {"groups": 1}, "groups: expected 0: it is in_channels, found 1"),
    ("CONV_3D", {"size": "2x2"}, "size: expected at least 1, found 0"),
]


@pytest.mark.parametrize(("mnemonic", "operands", "message"), CHANNELS)
def test_channels_and_axes(run, mnemonic, operands, message):
    run.fails(text(mnemonic, **operands), OperandError, f"{mnemonic}: {message}", maps=[MAP])


SHAPES = [
    (
        "CONV_MUL",
        {"size": 3},
        "in_channels, size: expected a map of a multiple of 9 items, found 4",
    ),
    (
        "CONV_SING",
        {"in": 3, "out": 3},
        "in_channels, size: expected a map of a multiple of 12 items, found 4",
    ),
    ("CONV_3D", {}, "in_channels, size: expected a map of a multiple of 8 items, found 4"),
    (
        "CONV_TPD",
        {"size": "1x5"},
        "in_channels, size: expected a map of a multiple of 5 items, found 4",
    ),
    ("CONV_MUL", {"kernel": 3}, "kernel (height): expected at most the padded size 2, found 3"),
    ("CONV_SING", {"kernel": "2x3"}, "kernel (width): expected at most the padded size 2, found 3"),
    (
        "CONV_3D",
        {"size": "1x1x4", "kernel": "1x1x5"},
        "kernel (depth): expected at most the padded size 4, found 5",
    ),
    (
        "CONV_MUL",
        {"kernel": 2, "dilation": 4},
        "kernel (height): expected at most the padded size 2, found 5",
    ),
    ("CONV_MUL", {"padding": -1}, "kernel (height): expected at most the padded size 0, found 1"),
    (
        "CONV_MUL",
        {"padding": "0:0x-3:0"},
        "kernel (width): expected at most the padded size -1, found 1",
    ),
    ("CONV_TPD", {"padding": 1}, "padding (height): expected an output of at least 1, found 0"),
    (
        "CONV_TPD",
        {"padding": "0:0x0:3"},
        "padding (width): expected an output of at least 1, found -1",
    ),
    (
        "CONV_TPD",
        {"size": "1x1x4", "padding": "0:0x0:0x4:0"},
        "padding (depth): expected an output of at least 1, found 0",
    ),
]


@pytest.mark.parametrize(("mnemonic", "operands", "message"), SHAPES)
def test_sizes_that_do_not_fit(run, mnemonic, operands, message):
    mistake = text(mnemonic, **operands)
    run.fails(mistake, ShapeError, f"{mnemonic}: {message}", maps=[MAP], blocks={1: [1] * 9})


@pytest.mark.parametrize("mnemonic", ALL)
def test_weights_that_are_not_there(run, mnemonic):
    def fails(weights: str, error: type[Exception], message: str) -> None:
        mistake = text(mnemonic, weights=weights, size="2x2x1", kernel="1x2")
        message = f"{mnemonic}: weights: {message}"
        run.fails(mistake, error, message, maps=[MAP], blocks={1: [1], 3: [1]})

    fails("7", BlockMissing, "expected block 7, found no such block")
    fails("1", BlockMissing, "expected block 2, found no such block")
    fails("map:1", MapMissing, "expected a map 1 below the top, found 1 maps")
    fails("map:0", ShapeError, "expected a map of 2 items, found 4")
