"""Bad operands of the instructions that multiply: convolutions and matrix products.

The weights lie in the Buffer, where they cost nothing but the work, unless a case is about blocks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from calibration.frame import Case, Map

WIDTHS = (
    (1, 1),
    (1, 3),
    (3, 1),
    (2, 2),
    (4, 4),
    (1, 5),
    (5, 5),
    (8, 8),
    (1, 16),
    (16, 1),
    (16, 16),
)
"""Limbs of the map and of the weights."""


class Window(NamedTuple):
    """Operands of a convolution, the items of its map and of its weights."""

    operands: str
    items: int
    weights: int


PLAIN = (
    Window("in=1 out=1 size=1", 1, 1),
    Window("in=1 out=1 size=2 kernel=2", 4, 4),
    Window("in=33 out=1 size=1", 33, 33),
    Window("in=1 out=1 size=6 kernel=3 padding=0:-1x0:-1", 36, 9),
    Window("in=1 out=1 size=8 kernel=3 padding=1", 64, 9),
    Window("in=3 out=2 size=6x7 kernel=3x2 padding=0:1x-1:2 dilation=2x1 stride=1x2", 126, 36),
    Window("in=1 out=1 size=96 kernel=3", 9216, 9),
    Window("in=1 out=1 size=64 kernel=33", 4096, 1089),
    Window("in=1 out=1 size=1x16384 kernel=1x2", 16384, 2),
    Window("in=1 out=1 size=16384x1 kernel=2x1", 16384, 2),
    Window("in=1 out=1 size=128 kernel=1", 16384, 1),
    Window("in=4096 out=1 size=1", 4096, 4096),
    Window("in=1 out=4096 size=1", 1, 4096),
    Window("in=64 out=64 size=1", 64, 4096),
    Window("in=64 out=64 size=4 kernel=3 padding=1", 1024, 36864),
    Window("in=16 groups=8 out=16 size=16 kernel=3", 4096, 288),
    Window("in=512 groups=256 out=512 size=2 kernel=2", 2048, 4096),
    Window("in=4096 groups=4096 out=4096 size=1", 4096, 4096),
    Window("in=64 groups=64 out=64 size=12 kernel=3", 9216, 576),
    Window("in=1 out=1 size=512 kernel=2 dilation=510", 262144, 4),
    Window("in=1 out=1 size=512 kernel=2x1 stride=511", 262144, 2),
    Window("in=1 out=1 size=1 padding=200 stride=401", 1, 1),
    Window("in=1 out=1 size=1 padding=64", 1, 1),
    Window("in=1 out=1 size=1 kernel=129 padding=64", 1, 16641),
    Window("in=1 out=1 size=300 padding=-149", 90000, 1),
    Window("in=16 out=16 size=3 kernel=3", 576, 2304),
    Window("in=1 out=1 size=1", 4096, 1),
    Window("in=2 groups=2 out=2 size=1", 8192, 2),
    Window("in=2 out=2 size=3x5x7 kernel=2x3x4 stride=1x2x1", 210, 96),
    Window("in=8 groups=4 out=8 size=2x2x64 kernel=2x1x3 padding=1", 2048, 96),
)
DEPTHWISE = (
    Window("in=1 size=1", 1, 1),
    Window("in=4096 size=1", 4096, 4096),
    Window("in=256 out=1024 size=2 kernel=2 padding=1", 1024, 4096),
    Window("in=64 size=16 kernel=3 padding=1", 16384, 576),
    Window("in=1024 size=4 kernel=2 stride=2", 16384, 4096),
    Window("in=16 size=32 kernel=7 dilation=4 padding=12", 16384, 784),
    Window("in=2 size=1x4096 kernel=1x2", 8192, 4),
    Window("in=128 size=1", 16384, 128),
)
VOLUMES = (
    Window("in=1 out=1 size=1", 1, 1),
    Window("in=1 out=1 size=17 kernel=3", 4913, 27),
    Window("in=2 out=3 size=7x5x9 kernel=3x2x5 stride=2x1x3 padding=1:2x0:1x2:1", 630, 180),
    Window("in=8 groups=8 out=8 size=5x6x7 kernel=2 dilation=2", 1680, 64),
    Window("in=1 out=8 size=1x1x4096 kernel=1x1x5", 4096, 40),
    Window("in=64 out=1 size=2 kernel=2 padding=1", 512, 512),
)
TRANSPOSED = (
    Window("in=1 out=1 size=1", 1, 1),
    Window("in=1 out=1 size=3 kernel=2 padding=1", 9, 4),
    Window("in=1 out=1 size=8 kernel=3", 64, 9),
    Window("in=1 out=1 size=64 kernel=3 stride=2 padding=1", 4096, 9),
    Window("in=1 out=1 size=2 kernel=1 stride=300", 4, 1),
    Window("in=1 out=1 size=2 kernel=2 dilation=300", 4, 4),
    Window("in=1 out=1 size=1 kernel=300 padding=149:150x149:150", 1, 90000),
    Window("in=1 out=1 size=1 kernel=128", 1, 16384),
    Window("in=1 out=1 size=100 padding=49:50x49:50", 10000, 1),
    Window("in=1 out=1 size=1 padding=-100", 1, 1),
    Window("in=1 out=1 size=1x4096 kernel=1x2", 4096, 2),
    Window("in=1 out=1 size=4096x1 kernel=2x1 stride=2x1", 4096, 2),
    Window("in=1 out=1 size=1x2 kernel=1x4096", 2, 4096),
    Window("in=1 out=1 size=16 kernel=16 stride=3x5 dilation=5x3", 256, 256),
    Window("in=64 groups=64 out=64 size=4 kernel=2 stride=2", 1024, 256),
    Window("in=4096 groups=4096 out=4096 size=1", 4096, 4096),
    Window("in=16 groups=8 out=16 size=8 kernel=3", 1024, 288),
    Window("in=4096 out=1 size=1", 4096, 4096),
    Window("in=1 out=4096 size=1", 1, 4096),
    Window("in=64 out=1 size=8 kernel=4 stride=2", 4096, 1024),
    Window("in=1 out=1 size=1", 4096, 1),
    Window("in=1 out=1 size=1 kernel=2", 4096, 4),
    Window("in=2 out=2 size=3x4x5 kernel=2x3x2 stride=2x1x3 padding=1:0x0:1x-1:0", 120, 48),
)
SHAPES = {
    "CONV_MUL": PLAIN,
    "CONV_SING": DEPTHWISE,
    "CONV_3D": VOLUMES,
    "CONV_TPD": TRANSPOSED,
}
MATRICES = (
    (1, 1, 1),
    (1, 33, 1),
    (4, 3, 3),
    (1, 4096, 1),
    (1, 1, 4096),
    (64, 1, 64),
    (4096, 1, 1),
    (1, 64, 64),
    (64, 64, 1),
    (128, 128, 128),
    (1000, 3, 2),
    (2, 2, 1000),
)
"""Rows, inner length, columns."""


def convolutions() -> Iterator[Case]:
    """Each shape at each width."""
    for mnemonic, windows in SHAPES.items():
        for operands, items, weights in windows:
            for limbs_x, limbs_w in WIDTHS:
                maps = (Map(weights, limbs_w), Map(items, limbs_x))
                yield Case(f"{mnemonic} weights=map:1 {operands}", maps)


def matrix_products() -> Iterator[Case]:
    """Each shape at each width, as stored and transposed."""
    for rows, inner, columns in MATRICES:
        for limbs_x, limbs_w in WIDTHS:
            maps = (Map(inner * columns, limbs_w), Map(rows * inner, limbs_x))
            bias = (Map(columns, limbs_w), *maps)
            for sign in ("", ".T"):
                shape = f"in_features={inner} out_features={columns}"
                yield Case(f"FULL_CON weights=map:1{sign} {shape}", maps)
                yield Case(f"FULL_CON weights=map:1{sign} bias=map:2 {shape}", bias)
            a, b = f"{rows}x{inner}", f"{inner}x{columns}"
            a_stored, b_stored = f"{inner}x{rows}", f"{columns}x{inner}"
            yield Case(f"MAT_MUL a=map:0[{a}] b=map:1[{b}]", maps)
            yield Case(f"MAT_MUL a=map:0[{a_stored}].T b=map:1[{b}]", maps)
            yield Case(f"MAT_MUL a=map:0[{a}] b=map:1[{b_stored}].T", maps)
