"""POOL_MAX, POOL_AVG, POOL_OL."""

from __future__ import annotations

import pytest

from smartvm import gas
from smartvm.exceptions import MapMissing, OperandError, OperandsMissing, ShapeError
from smartvm.words import pack

ALL = ["POOL_MAX", "POOL_AVG", "POOL_OL"]
SIXTEEN = list(range(16))
EIGHT = [1, 2, 3, 4, 5, 6, 7, 8]
GREATEST, LEAST = 2**255 - 1, -(2**255)

GREATEST_CELLS = {
    "windows side by side": ("size=4 kernel=2", SIXTEEN, [5, 7, 13, 15]),
    "the whole plane": ("size=4", SIXTEEN, [15]),
    "the whole height": ("size=4 kernel=x2", SIXTEEN, [13, 15]),
    "the whole width": ("size=4 kernel=2x0", SIXTEEN, [7, 15]),
    "windows that overlap": ("size=4 kernel=2 stride=1", SIXTEEN, [5, 6, 7, 9, 10, 11, 13, 14, 15]),
    "a stride an axis": ("size=4 kernel=2 stride=2x1", SIXTEEN, [5, 6, 7, 13, 14, 15]),
    "a stride in width only": ("size=4 kernel=2 stride=x1", SIXTEEN, [5, 6, 7, 13, 14, 15]),
    "windows apart": ("size=4 kernel=1 stride=3", SIXTEEN, [0, 3, 12, 15]),
    "a stride beyond the plane": ("size=4 kernel=2 stride=0xffffffffffffffff", SIXTEEN, [5]),
    "cells left over": ("size=1x5 kernel=1x2", [1, 2, 3, 4, 5], [2, 4]),
    "a dilation": ("size=4 kernel=2 stride=1 dilation=2", SIXTEEN, [10, 11, 14, 15]),
    "padding never wins": (
        "size=4 kernel=3 stride=2 padding=1",
        [~n for n in SIXTEEN],
        [-1, -2, -5, -6],
    ),
    "padding a side": ("size=1x4 kernel=1x2 stride=1 padding=0:0x1:0", [3, 1, 2, 0], [3, 3, 2, 2]),
    "both ends cropped": ("size=1x4 kernel=1x2 padding=0:0x-1:-1", [9, 1, 2, 9], [2]),
    "rounded up": ("size=1x5 kernel=1x2 flags=1", [1, 2, 3, 4, 5], [2, 4, 5]),
    "no window in the padding": (
        "size=1x4 kernel=1x2 flags=1 padding=0:0x0:3",
        [1, 2, 3, 4],
        [2, 4],
    ),
    "no window in what is cropped": (
        "size=1x5 kernel=1x1 stride=1x3 flags=1 padding=0:0x0:-2",
        [1, 2, 3, 8, 9],
        [1],
    ),
    "channels": ("channels=2 size=2", EIGHT, [4, 8]),
    "a batch of channels": ("channels=2 size=1x2", EIGHT, [2, 4, 6, 8]),
    "a batch": ("size=2x1", EIGHT, [2, 4, 6, 8]),
    "a volume": ("size=2x2x2 kernel=2", EIGHT, [8]),
    "the whole depth": ("size=2x2x2 kernel=1x1x0", EIGHT, [5, 6, 7, 8]),
    "a stride in depth": ("size=1x2x4 kernel=1x1x2 stride=1x1x1", EIGHT, [3, 4, 5, 6, 7, 8]),
    "padding in depth": ("size=4x1x2 kernel=4x1x2 padding=0:0x0:0x1:1", EIGHT, [4, 8]),
    "a depth that the size does not name": ("size=2x4 kernel=2x2x9 stride=2x2x9", EIGHT, [6, 8]),
    "numbers of 256 bits": ("size=1x4", [LEAST, 2**200, GREATEST, -1], [GREATEST]),
    "negative numbers of 256 bits": (
        "size=1x2",
        [LEAST, LEAST + 1, -(2**254), LEAST],
        [LEAST + 1, -(2**254)],
    ),
}


@pytest.mark.parametrize(("operands", "x", "result"), GREATEST_CELLS.values(), ids=GREATEST_CELLS)
def test_pool_max(run, operands, x, result):
    channels = "" if "channels" in operands else "channels=1 "
    assert run(f"POOL_MAX {channels}{operands}", maps=[x]).maps == [result]


OVERLAPPING = {
    "on both axes": ("kernel=2 stride=1", [5, 6, 7, 9, 10, 11, 13, 14, 15]),
    "in width": ("kernel=2 stride=2x1", [5, 6, 7, 13, 14, 15]),
    "in height": ("kernel=2 stride=1x2", [5, 7, 9, 11, 13, 15]),
    "rounded up": ("kernel=3 stride=2 flags=1", [10, 11, 14, 15]),
}


@pytest.mark.parametrize(("operands", "result"), OVERLAPPING.values(), ids=OVERLAPPING.keys())
def test_pool_ol(run, operands, result):
    assert run(f"POOL_OL channels=1 size=4 {operands}", maps=[SIXTEEN]).maps == [result]


def test_pool_ol_in_depth(run):
    text = "POOL_OL channels=1 size=1x2x4 kernel=1x1x2 stride=1x1x1"
    assert run(text, maps=[EIGHT]).top == [3, 4, 5, 6, 7, 8]


AVERAGES = {
    "truncated": ("size=4 kernel=2", SIXTEEN, [2, 4, 10, 12]),
    "truncated toward zero": ("size=2", [-1, -1, -1, -2, 1, 1, 1, 0], [-1, 0]),
    "the whole plane": ("size=4", SIXTEEN, [7]),
    "padding does not count": ("size=2 kernel=3 stride=1 padding=1", [4, 8, 12, 16], [10] * 4),
    "padding counts": ("size=2 kernel=3 stride=1 padding=1 flags=2", [4, 8, 12, 16], [40 // 9] * 4),
    "a side that does not count": ("size=1x3 kernel=1x2 padding=0:0x1:0", [3, 6, 9], [3, 7]),
    "a side that counts": ("size=1x3 kernel=1x2 padding=0:0x1:0 flags=2", [3, 6, 9], [1, 7]),
    "beyond the padding nothing counts": (
        "size=1x5 kernel=1x2 flags=3",
        [1, 3, 5, 7, 9],
        [2, 6, 9],
    ),
    "the padding counts, not what is beyond": (
        "size=1x4 kernel=1x3 stride=1x3 padding=0:0x0:1 flags=3",
        [3, 3, 3, 8],
        [3, 4],
    ),
    "cropped cells do not count": (
        "size=1x4 kernel=1x2 padding=0:0x-1:0 flags=2",
        [99, 1, 3, 5],
        [2],
    ),
    "a dilation": ("size=4 kernel=2 stride=1 dilation=2", SIXTEEN, [5, 6, 9, 10]),
    "a volume": ("size=2x2x2", EIGHT, [36 // 8]),
    "a sum that wraps": ("size=1x2", [GREATEST, 1], [LEAST // 2]),
    "a sum that wraps to nothing": ("size=1x2", [LEAST, LEAST], [0]),
    "a sum that leaves and comes back": ("size=1x3", [GREATEST, 2, -2], [GREATEST // 3]),
    "a sum beyond 64 bits": ("size=1x2", [2**63 - 1, 2**63 - 1], [2**63 - 1]),
}


@pytest.mark.parametrize(("operands", "x", "result"), AVERAGES.values(), ids=AVERAGES.keys())
def test_pool_avg(run, operands, x, result):
    assert run(f"POOL_AVG channels=1 {operands}", maps=[x]).maps == [result]


# Gas


def ramp(count: int, limbs: int = 1) -> list[int]:
    """`count` items, the greatest of them of just so many limbs."""
    return [0] * (count - 1) + [(1 << 16 * limbs - 1) - 1]


COSTS = {
    "windows side by side": ("size=32 kernel=2", 1024, 256, 4),
    "the whole plane": ("size=32", 1024, 1, 1024),
    "windows that overlap": ("size=32 kernel=3 stride=1", 1024, 900, 9),
    "padding": ("size=32 kernel=4 padding=2 stride=2", 1296, 289, 16),
    "padding a side": ("size=32 kernel=4 padding=0:3x0:0 stride=3", 1120, 110, 16),
    "cropping saves nothing": ("size=32 kernel=10 padding=-1", 1024, 9, 100),
    "rounded up": ("size=32 kernel=5 flags=1", 1024, 49, 25),
    "channels": ("channels=4 size=16 kernel=2", 1024, 256, 4),
    "a volume": ("size=8x8x16 kernel=2", 1024, 128, 8),
}


@pytest.mark.parametrize(("operands", "padded", "out", "window"), COSTS.values(), ids=COSTS.keys())
@pytest.mark.parametrize(("limbs", "item"), [(1, 2), (3, 8), (5, 32)])
def test_the_gas_of_pool_max(run, price, operands, padded, out, window, limbs, item):
    """The padded plane and every cell of every window."""
    channels = "" if "channels" in operands else "channels=1 "
    outcome = run(f"POOL_MAX {channels}{operands}", maps=[ramp(1024, limbs)])
    cells = price.items(padded + out * window, limbs)
    growth = price.growth(1024 * item, (1024 + padded + out) * item)
    assert outcome.gas == gas.BASE + cells + growth


def test_the_gas_of_pool_ol(run, price):
    outcome = run("POOL_OL channels=1 size=32 kernel=3 stride=2", maps=[ramp(1024)])
    cells = price.items(1024 + 225 * 9)
    assert outcome.charged == cells + price.growth(2048, (1024 + 1024 + 225) * 2)


@pytest.mark.parametrize(
    ("kernel", "out", "limbs", "limbs_sum", "item", "item_sum"),
    [
        (2, 256, 1, 2, 2, 4),
        (1, 1024, 1, 1, 2, 2),
        (32, 1, 2, 3, 4, 8),
        (2, 256, 4, 5, 8, 32),
        (2, 256, 16, 16, 32, 32),
    ],
)
def test_the_gas_of_pool_avg(run, price, kernel, out, limbs, limbs_sum, item, item_sum):
    """Sums need a limb for every 16 bits of their count; each is divided once."""
    outcome = run(f"POOL_AVG channels=1 size=32 kernel={kernel}", maps=[ramp(1024, limbs)])
    cells = price.items(1024 + out * kernel**2, limbs_sum)
    growth = price.growth(1024 * item, 1024 * item + (1024 + out) * item_sum)
    assert outcome.charged == cells + growth + price.divided(out, limbs)


# Errors


@pytest.mark.parametrize("mnemonic", ALL)
def test_operands_or_a_map_are_missing(run, mnemonic):
    message = f"{mnemonic}: Stack: expected 5 items, found 4"
    run.fails("PUSH 1\n" * 4 + mnemonic, OperandsMissing, message, maps=[EIGHT])
    message = f"{mnemonic}: Buffer: expected 1 maps, found 0"
    run.fails(f"{mnemonic} channels=1 size=1", MapMissing, message)


F1, F3 = pack(f1=1), pack(f3=2)
WORDS = {
    "no channel": ("channels=0 size=4", "channels: expected at least 1, found 0"),
    "a third flag": ("channels=1 flags=4 size=4", "flags: expected at most 3, found 4"),
    "no size": ("channels=1 size=0", "size: expected at least 1, found 0"),
    "no height": ("channels=1 size=x4x1", "size: expected at least 1, found 0"),
} | {
    f"{name}, {kind}": (
        f"channels=1 {'' if name == 'size' else 'size=4 '}{name}={word}",
        f"{name}: expected {expected}",
    )
    for name in ("size", "kernel", "stride", "padding")
    for kind, word, expected in (
        ("f3 of 2", F3, "f3 of 0 or 1, found 2"),
        ("f1 without f3", F1, f"f1 = f2 = 0 where f3 = 0, found {F1:#x}"),
    )
}


@pytest.mark.parametrize(("operands", "message"), WORDS.values(), ids=WORDS.keys())
@pytest.mark.parametrize("mnemonic", ALL)
def test_a_word_outside_its_range(run, mnemonic, operands, message):
    text = f"{mnemonic} {operands}"
    run.fails(text, OperandError, f"{mnemonic}: {message}", maps=[SIXTEEN])


@pytest.mark.parametrize("mnemonic", ALL)
def test_a_field_without_a_name(run, mnemonic):
    word = pack(f0=1, f3=1)
    message = f"{mnemonic}: channels: expected no field beyond f2, found {word:#x}"
    text = f"PUSH 0\nPUSH 0\nPUSH 0\nPUSH 4\nPUSH {word}\n{mnemonic}"
    run.fails(text, OperandError, message, maps=[SIXTEEN])


NO_CELL = "padding: expected a cell of the plane in every window, found"
SHAPES = {
    "another plane": (
        "size=5",
        "channels, size: expected a map of a multiple of 25 items, found 16",
    ),
    "other channels": (
        "channels=3 size=4",
        "channels, size: expected a map of a multiple of 48 items, found 16",
    ),
    "too high a kernel": (
        "size=4 kernel=5x1",
        "kernel (height): expected at most the padded size 4, found 5",
    ),
    "too wide a kernel": (
        "size=4 kernel=2 dilation=4 padding=1x0",
        "kernel (width): expected at most the padded size 4, found 5",
    ),
    "too deep a kernel": (
        "size=2x2x4 kernel=2x2x5",
        "kernel (depth): expected at most the padded size 4, found 5",
    ),
    "cropped below the kernel": (
        "size=4 padding=-2",
        "kernel (height): expected at most the padded size 0, found 4",
    ),
    "a window before the plane": (
        "size=4 kernel=2 stride=1 padding=2:0x0:0",
        f"{NO_CELL} ((0, 0), (2, 0), (0, 0))",
    ),
    "a window behind the plane": (
        "size=4 kernel=2 stride=1 padding=0:0x0:2",
        f"{NO_CELL} ((0, 0), (0, 0), (0, 2))",
    ),
    "a plane between two cells": (
        "size=1x16 kernel=1x2 stride=1 dilation=17 padding=0:0x1:1",
        f"{NO_CELL} ((0, 0), (0, 0), (1, 1))",
    ),
}


@pytest.mark.parametrize(("operands", "message"), SHAPES.values(), ids=SHAPES.keys())
@pytest.mark.parametrize("mnemonic", ["POOL_MAX", "POOL_AVG"])
def test_sizes_that_do_not_fit(run, mnemonic, operands, message):
    channels = "" if "channels" in operands else "channels=1 "
    text = f"{mnemonic} {channels}{operands}"
    run.fails(text, ShapeError, f"{mnemonic}: {message}", maps=[SIXTEEN])


APART = {
    "side by side": ("size=4 kernel=2", "(1, 2, 2), found (1, 2, 2)"),
    "the whole plane": ("size=4", "(1, 4, 4), found (1, 4, 4)"),
    "apart in height": ("size=4 kernel=2 stride=3x1", "(1, 2, 2), found (1, 3, 1)"),
    "apart in depth": ("size=2x2x4 kernel=2x2x1 stride=1x1x2", "(1, 2, 2), found (2, 1, 1)"),
}


@pytest.mark.parametrize(("operands", "found"), APART.values(), ids=APART.keys())
def test_windows_that_do_not_overlap(run, operands, found):
    message = f"POOL_OL: stride: expected less than the kernel {found}"
    run.fails(f"POOL_OL channels=1 {operands}", OperandError, message, maps=[SIXTEEN])
