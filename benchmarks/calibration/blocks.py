"""Weight blocks, cold and warm, many and large; and what is written to Storage."""

from __future__ import annotations

from collections.abc import Iterator

from calibration.frame import Blocks, Case, Map

MEBIBYTE = 1 << 20
READ = (
    Blocks(1, 1, 1),
    Blocks(1000, 1, 1),
    Blocks(1000, 1, 32),
    Blocks(1000, 33, 9),
    Blocks(1, MEBIBYTE, 1),
    Blocks(1, MEBIBYTE // 2, 2),
    Blocks(1, MEBIBYTE // 3, 3),
    Blocks(1, MEBIBYTE // 8, 8),
    Blocks(1, MEBIBYTE // 9, 9),
    Blocks(1, MEBIBYTE // 31, 31),
    Blocks(1, MEBIBYTE // 32, 32),
    Blocks(16, 1 << 16, 1),
    Blocks(16, 1 << 12, 17),
)
WRITTEN = ((1, 1), (1024, 1), (MEBIBYTE // 2, 1), (MEBIBYTE // 31, 15), (MEBIBYTE // 32, 16))
"""Items and their limbs."""


def readings() -> Iterator[Case]:
    """All items of some blocks: looking one of them up, adding them, multiplying by them."""
    for blocks in READ:
        items = blocks.count * blocks.items
        for warm, resident in ((False, False), (True, False), (True, True)):
            found = {"blocks": blocks, "warm": warm, "resident": resident}
            one = Map(1, small=True)
            yield Case(f"BUF_GATHER data=block:1[1x{items}]", (Map(1, zero=True),), **found)
            yield Case(f"MAT_MUL a=map:0[1x1] b=block:1[1x{items}]", (one,), **found)
            yield Case(f"BUF_BIAS address=block:1[{items}]", (Map(items),), **found)
            if items <= 1 << 17:
                text = f"FULL_CON weights=block:1 in_features={items} out_features=1"
                yield Case(text, (Map(items),), **found)


def writings() -> Iterator[Case]:
    """New blocks, changed ones, deleted ones."""
    for items, limbs in WRITTEN:
        yield Case("BTOS1 first=0 block=9 count=0", (Map(items, limbs),))
        yield Case("BTOS1 first=0 block=1 count=0", (Map(items, limbs),), blocks=Blocks(1, 1, 1))
    for blocks in (Blocks(1, 1, 1), Blocks(1000, 1, 1), Blocks(1, MEBIBYTE, 1)):
        yield Case("BTOS1 first=0 block=1 delete=1", blocks=blocks)
        yield Case("BTOS1 first=0 block=5000 delete=1", blocks=blocks)
