"""Bad operands of pooling, of arithmetic on each item, and of moving items."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from calibration.frame import Case, Map

LIMBS = (1, 2, 3, 4, 5, 9, 16)
LENGTHS = (1, 65, 1024, 1 << 16)
WIDTHS = (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 24, 31, 32)
"""Bytes of an item."""


class Window(NamedTuple):
    """Operands of a pooling, and the items of its map."""

    operands: str
    items: int


POOLING = (
    Window("channels=1 size=1", 1),
    Window("channels=1 size=2 kernel=2 stride=1", 4),
    Window("channels=1 size=3 kernel=2 stride=1 padding=1", 9),
    Window("channels=1 flags=1 size=9 kernel=3 stride=2 padding=1", 81),
    Window("channels=3 flags=3 size=3x5x7 kernel=2 stride=1x2x3 padding=1", 315),
    Window("channels=1 size=256 kernel=2 stride=1", 65536),
    Window("channels=1 size=256", 65536),
    Window("channels=1 size=256 kernel=129 stride=1", 65536),
    Window("channels=1 size=256 kernel=255 stride=1", 65536),
    Window("channels=1 size=128 kernel=3 stride=1 padding=1", 16384),
    Window("channels=16384 size=1", 16384),
    Window("channels=16384 size=2", 65536),
    Window("channels=4096 flags=2 size=4 kernel=3 stride=1 padding=1", 65536),
    Window("channels=1 size=1x65536 kernel=1x2 stride=1", 65536),
    Window("channels=1 size=65536x1 kernel=2x1 stride=1", 65536),
    Window("channels=1 flags=1 size=1x65536 kernel=1", 65536),
    Window("channels=1 flags=2 size=1x65536 kernel=1x3 stride=1 padding=0:0x1:1", 65536),
    Window("channels=1 flags=1 size=1x65536 kernel=1x2 stride=1x2", 65536),
    Window(
        "channels=1 dilation=65536 size=1x65535 kernel=1x2 stride=1x2 padding=0:0x65536:65536",
        65535,
    ),
    Window("channels=1 dilation=128 size=256 kernel=2 stride=1", 65536),
    Window("channels=1 size=256 kernel=1 stride=255", 65536),
    Window("channels=1 size=256 kernel=1 padding=-127", 65536),
    Window("channels=1 size=64x64x64 kernel=2 stride=1", 262144),
    Window("channels=1 size=1024 kernel=1 stride=1024", 1 << 20),
    Window("channels=1 size=1 kernel=401 padding=200", 1),
    Window("channels=1 flags=2 size=1 kernel=201 padding=200 stride=1", 1),
)
FACTORS = (1, -3, 1 << 15, 1 << 31, 1 << 63, -(1 << 79), 1 << 200, (1 << 255) - 1)
DIVISORS = (1, 3, 1 << 15, (1 << 32) - 1, (1 << 48) - 1, (1 << 56) - 1, (1 << 64) - 1)


def poolings() -> Iterator[Case]:
    """Each shape at each width."""
    for mnemonic in ("POOL_MAX", "POOL_AVG", "POOL_OL"):
        for operands, items in POOLING:
            if mnemonic == "POOL_OL" and "stride=1 " not in f"{operands} ":
                continue
            for limbs in LIMBS:
                yield Case(f"{mnemonic} {operands}", (Map(items, limbs),))


def arithmetic() -> Iterator[Case]:
    """Factors, divisors, slopes, caps and addends of all widths."""
    for limbs in LIMBS:
        for items in LENGTHS:
            x = Map(items, limbs)
            for factor in FACTORS:
                yield Case(f"BUF_SCL0 times={factor}", (x,))
            for divisor in DIVISORS:
                yield Case(f"BUF_SCL1 divisor={divisor} rounding=1", (x,))
                yield Case(f"ACT_RL slope_numerator={divisor} slope_denominator={divisor}", (x,))
            for cap in (0, 6, (1 << 64) - 1):
                yield Case(f"ACT_RL cap={cap}", (x,))
                yield Case(f"ACT_RL cap={cap} slope_numerator=1 slope_denominator=10", (x,))
            for limbs_b in LIMBS:
                yield Case("BUF_BIAS address=map:1", (Map(items, limbs_b), x))
                yield Case("BUF_BIAS address=map:1[1]", (Map(1, limbs_b), x))


def buffers() -> Iterator[Case]:
    """Filling, clearing, releasing, copying."""
    for items in LENGTHS:
        yield Case(f"BUF_INIT size={items}", (Map(16),))
        yield Case(f"BUF_ALLO size={items}")
        for limbs in LIMBS:
            x = Map(items, limbs)
            yield Case(f"BUF_FIL value={(1 << 16 * limbs - 1) - 1}", (x,))
            yield Case("BUF_COPY start=0 end=0", (x,))
            yield Case("BUF_COPY start=0 mode=1", (x,))
            yield Case("BUF_FREE size=0 mode=1", (x,))
            yield Case("BUF_CLS count=0", (x,))
            if items > 1:
                yield Case(f"BUF_COPY start=1 end={items}", (x,))
                yield Case(f"BUF_COPY start={items - 1} end={items}", (x,))
                yield Case("BUF_FREE size=1", (x,))
                yield Case("BUF_CLS count=1", (x,))
                yield Case(f"BUF_CLS count={items - 1}", (x,))


def transfers() -> Iterator[Case]:
    """Memory at every width of items, the Stack."""
    for items in LENGTHS:
        for width in WIDTHS:
            size = items * width
            for unsigned in (0, 1):
                operands = f"offset=1 count={items} item_bytes={width} unsigned={unsigned}"
                yield Case(f"MTOB {operands}", memory=size + 32)
            for limbs in LIMBS:
                if 2 * limbs <= width or limbs == 1:
                    x = Map(items, limbs, small=width == 1)
                    yield Case(f"BTOM offset=1 count=0 item_bytes={width}", (x,), memory=size + 32)
        for limbs in LIMBS:
            for count in (1, 33, 1000):
                if count <= items:
                    yield Case(f"BTOS0 first=0 count={count}", (Map(items, limbs),))


def products_in_memory() -> Iterator[Case]:
    """Matrices of words in Memory."""
    for rows, inner, columns in ((1, 1, 1), (1, 1024, 1), (64, 64, 64), (1, 1, 4096)):
        size = 32 * inner * columns
        text = f"MAT_MUL a=map:0[{rows}x{inner}] b=mem:0[{inner}x{columns}]"
        yield Case(text, (Map(rows * inner),), memory=size)
    yield Case("BUF_BIAS address=mem:0", (Map(4096),), memory=32 * 4096)
