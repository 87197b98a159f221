"""Bad operands of the extensions, those of the activations excepted."""

from __future__ import annotations

from collections.abc import Iterator

from calibration.frame import Case, Map

LIMBS = (1, 2, 4, 5, 9, 16)
LENGTHS = (1, 33, 129, 1024, 1 << 16)
BOUNDS = (0, 5, 1 << 40, 1 << 100)
VIEWS = (
    (1, "d0=1", ""),
    (4096, "d0=64 d1=64", "s0=64 s1=1"),
    (65536, "d0=256 d1=256", "s0=256 s1=1"),
    (65536, "d0=2 d1=2 d2=2 d3=2", "s0=1 s1=256 s2=2 s3=4096"),
    (65536, "d0=65536", "s0=-1"),
    (1, "d0=65536", "s0=0"),
    (65536, "d0=256", "s0=256"),
)
"""Items of the map, lengths of four axes and their steps."""
OUTER = "d4=2 d5=2 d6=2 d7=2", "s4=0 s5=0 s6=0 s7=0"
REDUCTIONS = ((1, 1, 1), (65, 65, 1), (65, 1, 1), (4096, 64, 1), (4096, 64, 64), (65536, 2, 1))
"""Items of the map, length of the axis, items after it."""
BATCHES = ((1, 1, 1, 1), (33, 1, 1, 1), (1, 33, 1, 1), (4096, 1, 1, 1), (512, 2, 3, 2))
"""Pairs of matrices, rows, inner length, columns."""


def movements() -> Iterator[Case]:
    """Strided views, joined maps, rows looked up."""
    for limbs in LIMBS:
        for items, dims, steps in VIEWS:
            start = items - 1 if "-" in steps else 0
            yield Case(f"BUF_VIEW offset={start} {dims} {steps}", (Map(items, limbs),))
            text = f"BUF_VIEW offset={start} {dims} {steps} {OUTER[0]} {OUTER[1]}"
            yield Case(text, (Map(items, limbs),))
        for items in LENGTHS:
            for narrow in (1, limbs):
                maps = (Map(items, narrow), Map(items, limbs))
                yield Case("BUF_CAT maps=2", maps)
                yield Case(f"BUF_CAT maps=2 outer={items}", maps)
        yield Case("BUF_CAT maps=1000", (Map(1, limbs),) * 1000)
        yield Case("BUF_CAT maps=1000 outer=2", (Map(2, limbs),) * 1000)
        for rows, columns in ((256, 1), (256, 256)):
            for items in (1, 33, 1024):
                data = Map(rows * columns, limbs)
                text = f"BUF_GATHER data=map:1[{rows}x{columns}]"
                yield Case(text, (data, Map(items, small=True)))


def terms() -> Iterator[Case]:
    """Factors and divisors from a tensor, bounds."""
    for limbs in LIMBS:
        for items in LENGTHS:
            x = Map(items, limbs)
            for limbs_b in LIMBS:
                for operand in (Map(items, limbs_b), Map(1, limbs_b)):
                    address = f"address=map:1[{operand.items}]"
                    yield Case(f"BUF_MUL {address}", (operand, x))
                    yield Case(f"BUF_DIV {address} rounding=1", (operand, x))
            for bound in BOUNDS:
                yield Case(f"BUF_CLIP low={-bound} high={bound}", (x,))


def reductions() -> Iterator[Case]:
    """Every kind along every axis."""
    for limbs in LIMBS:
        for items, axis, inner in REDUCTIONS:
            for kind in (0, 1, 2, 3, 4, 11, 12):
                text = f"BUF_REDUCE kind={kind} axis={axis} inner={inner}"
                yield Case(text, (Map(items, limbs),))


def batches() -> Iterator[Case]:
    """Batches of small products."""
    for batch, rows, inner, columns in BATCHES:
        for limbs_a in LIMBS:
            for limbs_b in LIMBS:
                maps = (Map(batch * inner * columns, limbs_b), Map(batch * rows * inner, limbs_a))
                text = f"MAT_BMM a=map:0[{rows}x{inner}] b=map:1[{inner}x{columns}] batch={batch}"
                yield Case(text, maps)
