"""BUF_VIEW, BUF_CAT, BUF_GATHER, BUF_REDUCE, MAT_BMM: what they compute, and when they fail."""

from __future__ import annotations

import pytest
from eth.exceptions import OutOfGas

from smartvm.exceptions import (
    BlockMissing,
    ItemRangeError,
    MapMissing,
    OperandError,
    OperandsMissing,
    ShapeError,
)
from smartvm.words import pack, pack_signed_fields

GREATEST, LEAST = 2**255 - 1, -(2**255)
FIELD = 2**64 - 1
SIX = [0, 1, 2, 3, 4, 5]

VIEWS = {
    "transpose": ("offset=0 d0=2 s0=3 d1=3 s1=1", [0, 3, 1, 4, 2, 5]),
    "slice": ("offset=1 d0=2 s0=1 d1=2 s1=3", [1, 2, 4, 5]),
    "flip": ("offset=5 d0=6 s0=-1", [5, 4, 3, 2, 1, 0]),
    "each twice": ("offset=0 d0=2 d1=3 s1=1", [0, 0, 1, 1, 2, 2]),
    "tile": ("offset=4 d0=2 s0=1 d1=3", [4, 5, 4, 5, 4, 5]),
    "one item": ("offset=3", [3]),
    "an axis of one has any step": (f"offset=3 d0=1 s0={2**63 - 1} s1={-(2**63)}", [3]),
    "outer axes": ("offset=0 d0=2 s0=1 d4=3 s4=2", SIX),
    "the outermost axis": ("offset=5 d0=2 s0=-1 d7=2 s7=-3", [5, 4, 2, 1]),
    "eight axes": (
        "offset=0 d0=2 d1=2 d2=2 d3=2 d4=2 d5=2 d6=2 d7=2 s0=1 s3=2 s7=1",
        [(i & 1) + 2 * (i >> 3 & 1) + (i >> 7) for i in range(256)],
    ),
}


@pytest.mark.parametrize(("operands", "result"), VIEWS.values(), ids=VIEWS.keys())
def test_view(run, operands, result):
    assert run(f"BUF_VIEW {operands}", maps=[[9], SIX]).maps == [[9], result]


def test_view_of_wide_items(run):
    x = [LEAST, 1, GREATEST, 2]
    assert run("BUF_VIEW offset=2 d0=2 s0=-2", maps=[x]).top == [GREATEST, LEAST]
    assert run("BUF_VIEW offset=1 d0=2 s0=2", maps=[x]).top == [1, 2]


JOINS = {
    "one after the other": ("maps=2", [[1, 2], [3, 4, 5]], [[1, 2, 3, 4, 5]]),
    "all of them": ("maps=3", [[1], [2], [3]], [[1, 2, 3]]),
    "only the top ones": ("maps=2", [[1], [2], [3]], [[1], [2, 3]]),
    "row by row": ("maps=2 outer=2", [[1, 2, 3, 4], [5, 6]], [[1, 2, 5, 3, 4, 6]]),
    "of two widths": ("maps=2 outer=2", [[LEAST, 1], [2, 3]], [[LEAST, 2, 1, 3]]),
}


@pytest.mark.parametrize(("operands", "maps", "left"), JOINS.values(), ids=JOINS.keys())
def test_cat(run, operands, maps, left):
    assert run(f"BUF_CAT {operands}", maps=maps).maps == left


LOOKUPS = {
    "rows of a block": ("1[3x2]", [2, 0], [50, 60, 10, 20]),
    "items of a block": ("1[6]", [5, 5, 0], [60, 60, 10]),
    "from the end": ("1[3x2]", [-1, -3], [50, 60, 10, 20]),
    "part of the block": ("1[2x2]", [1], [30, 40]),
    "words of Memory": ("mem:32[2]", [1, 0], [-1, 5]),
    "the map below": ("map:1[2x1]", [1, 0, 1], [8, 7, 8]),
    "the indices themselves": ("map:0[3]", [2, 0, 1], [1, 2, 0]),
}


@pytest.mark.parametrize(("place", "indices", "result"), LOOKUPS.values(), ids=LOOKUPS.keys())
def test_gather(run, place, indices, result):
    text, blocks = f"BUF_GATHER data={place}", {1: [10, 20, 30, 40, 50, 60]}
    outcome = run(text, maps=[[7, 8], indices], memory=[99, 5, -1], blocks=blocks)
    assert outcome.maps == [[7, 8], result]


REDUCTIONS = {
    "sum": ("kind=0 axis=3", [5, 1]),
    "max": ("kind=1 axis=3", [3, 2]),
    "min": ("kind=2 axis=3", [-1, -3]),
    "arg-max": ("kind=3 axis=3", [0, 0]),
    "arg-min": ("kind=4 axis=3", [2, 2]),
    "last arg-max": ("kind=11 axis=3", [1, 1]),
    "last arg-min": ("kind=12 axis=3", [2, 2]),
    "inner axes": ("kind=0 axis=2 inner=3", [5, 5, -4]),
    "all": ("kind=0 axis=6", [6]),
    "an axis of one": ("kind=1 axis=1", [3, 3, -1, 2, 2, -3]),
}


@pytest.mark.parametrize(("operands", "result"), REDUCTIONS.values(), ids=REDUCTIONS.keys())
def test_reduce(run, operands, result):
    assert run(f"BUF_REDUCE {operands}", maps=[[3, 3, -1, 2, 2, -3]]).maps == [result]


def test_a_sum_wraps(run):
    assert run("BUF_REDUCE kind=0 axis=2", maps=[[GREATEST, 1, LEAST, -1]]).top == [LEAST, GREATEST]


PRODUCTS = {
    "two of a row and a column": ("a=map:1[1x2] b=map:0[2x1] batch=2", [17, 53]),
    "stored the other way round": ("a=map:1[2x1].T b=map:0[1x2].T batch=2", [17, 53]),
    "a batch of one is MAT_MUL": ("a=map:1[2x2] b=map:0[2x2]", [19, 22, 43, 50]),
    "four of single numbers": ("a=map:1[1x1] b=map:0[1x1] batch=4", [5, 12, 21, 32]),
    "two of a column and a row": (
        "a=map:1[2x1] b=map:0[1x2] batch=2", [5, 6, 10, 12, 21, 24, 28, 32],
    ),
    "with a block": ("a=map:0[1x2] b=1[2x1] batch=2", [45, -15]),
}  # fmt: skip


@pytest.mark.parametrize(("operands", "result"), PRODUCTS.values(), ids=PRODUCTS.keys())
def test_bmm(run, operands, result):
    """Pushes the products; the operands stay."""
    maps = [[1, 2, 3, 4], [5, 6, 7, 8]]
    outcome = run(f"MAT_BMM {operands}", maps=maps, blocks={1: [-3, 10, -1, -1, 9]})
    assert outcome.maps == [*maps, result]


def test_bmm_wraps(run):
    outcome = run("MAT_BMM a=map:0[1x2] b=map:0[2x1] batch=2", maps=[[LEAST, 1, 2**127, 2**127]])
    assert outcome.top == [1, LEAST]


UNPAYABLE = {
    "2^60 items of one": f"BUF_VIEW offset=0 d0={2**30} d1={2**30}",
    "the most items": "BUF_VIEW offset=0 " + " ".join(f"d{i}={FIELD}" for i in range(8)),
    "a table beyond Memory": f"BUF_GATHER data=mem:0[{FIELD}x{FIELD}]",
    "matrices beyond Memory": f"MAT_BMM a=mem:0[1x1] b=mem:0[1x1] batch={FIELD}",
    "a batch of columns": f"MAT_BMM a=map:0[1x1] b=mem:0[1x{FIELD}]",
}


@pytest.mark.parametrize("text", UNPAYABLE.values(), ids=UNPAYABLE.keys())
def test_what_no_gas_can_pay_for(run, text):
    assert type(run(text, maps=[[0]]).error) is OutOfGas


ERRORS = [
    (
        "BUF_VIEW offset=6",
        ShapeError,
        "offset: expected indices of the map's 6 items, found 6 to 6",
    ),
    (
        "BUF_VIEW offset=1 d0=3 s0=-1",
        ShapeError,
        "offset: expected indices of the map's 6 items, found -1 to 1",
    ),
    (
        f"BUF_VIEW offset=0 d0=2 s0={2**63 - 1} d1={FIELD} s1={-(2**63)}",
        ShapeError,
        "offset: expected indices of the map's 6 items, "
        f"found {-(2**63) * (FIELD - 1)} to {2**63 - 1}",
    ),
    (
        f"BUF_VIEW offset={2**256 - 1}",
        ShapeError,
        f"offset: expected indices of the map's 6 items, found {2**256 - 1} to {2**256 - 1}",
    ),
    ("BUF_CAT maps=1", OperandError, "maps: expected at least 2, found 1"),
    ("BUF_CAT outer=2", OperandError, "maps: expected at least 2, found 0"),
    ("BUF_CAT maps=3", MapMissing, "maps: expected a map 2 below the top, found 2 maps"),
    (
        f"BUF_CAT maps={FIELD}",
        MapMissing,
        f"maps: expected a map {FIELD - 1} below the top, found 2 maps",
    ),
    (
        "BUF_CAT maps=2 outer=6",
        ShapeError,
        "outer: expected a divisor of the 2 items of each map, found 6",
    ),
    (
        f"PUSH {pack(2, 1, 1)}\nBUF_CAT",
        OperandError,
        f"maps: expected no field beyond f1, found {pack(2, 1, 1):#x}",
    ),
    ("BUF_GATHER data=1", OperandError, "rows: expected at least 1, found 0"),
    (
        "BUF_GATHER data=1[6].T",
        OperandError,
        f"data: expected an address that is not transposed, found {pack(1, 6, 0, 4):#x}",
    ),
    ("BUF_GATHER data=1[5]", ItemRangeError, "indices: expected from -5 to 4, found 5"),
    ("BUF_GATHER data=1[2x3]", ItemRangeError, "indices: expected from -2 to 1, found 5"),
    ("BUF_GATHER data=1[7]", BlockMissing, "data: expected block 2, found no such block"),
    ("BUF_GATHER data=map:1[3]", ShapeError, "data: expected a map of 3 items, found 2"),
    (
        "BUF_GATHER data=map:2[1]",
        MapMissing,
        "data: expected a map 2 below the top, found 2 maps",
    ),
    ("BUF_REDUCE axis=0 kind=1", OperandError, "axis: expected at least 1, found 0"),
    ("BUF_REDUCE axis=6 kind=5", OperandError, "kind: expected 0 to 4, 11 or 12, found 5"),
    ("BUF_REDUCE axis=6 kind=8", OperandError, "kind: expected 0 to 4, 11 or 12, found 8"),
    ("BUF_REDUCE axis=6 kind=13", OperandError, "kind: expected 0 to 4, 11 or 12, found 13"),
    (
        "BUF_REDUCE axis=4 kind=0",
        ShapeError,
        "axis, inner: expected a divisor of the map's 6 items, found 4",
    ),
    (
        f"BUF_REDUCE axis={FIELD} inner={FIELD} kind=0",
        ShapeError,
        f"axis, inner: expected a divisor of the map's 6 items, found {FIELD * FIELD}",
    ),
    ("MAT_BMM a=map:0[x1] b=map:0[1x6]", OperandError, "a rows: expected at least 1, found 0"),
    ("MAT_BMM a=map:0[6x1] b=map:0[1]", OperandError, "b columns: expected at least 1, found 0"),
    (
        "MAT_BMM a=map:0[2x3] b=map:0[2x3]",
        ShapeError,
        "b: expected 3 rows, as a has columns, found 2",
    ),
    (
        "MAT_BMM a=map:0[2x3] b=map:0[3x2] batch=2",
        ShapeError,
        "a: expected a map of 12 items, found 6",
    ),
    (
        "MAT_BMM a=map:1[1x1] b=map:0[1x2] batch=2",
        ShapeError,
        "b: expected a map of 4 items, found 6",
    ),
    (
        f"MAT_BMM a=map:0[2x3] b=map:0[3x2] batch={2**64}",
        OperandError,
        f"batch: expected a plain number below 2^64, found {2**64:#x}",
    ),
]


@pytest.mark.parametrize(("text", "error", "message"), ERRORS)
def test_errors(run, text, error, message):
    mnemonic = text.splitlines()[-1].partition(" ")[0]
    maps, blocks = [[1, 2], SIX], {1: [10, 20, 30, 40, 50, 60]}
    run.fails(text, error, f"{mnemonic}: {message}", maps=maps, blocks=blocks)


def test_an_index_from_the_end_outside(run):
    message = "BUF_GATHER: indices: expected from -3 to 2, found -4"
    run.fails("BUF_GATHER data=map:1[3]", ItemRangeError, message, maps=[[1, 2, 3], [0, -4]])


@pytest.mark.parametrize(
    ("mnemonic", "operands", "maps"),
    [("BUF_VIEW", 5, 1), ("BUF_CAT", 1, 2), ("BUF_GATHER", 1, 1), ("BUF_REDUCE", 1, 1)],
)
def test_the_operand_or_a_map_is_missing(run, mnemonic, operands, maps):
    message = f"{mnemonic}: Stack: expected {operands} items, found {operands - 1}"
    pushes = "PUSH 1\n" * (operands - 1)
    run.fails(pushes + mnemonic, OperandsMissing, message, maps=[[1]] * maps)
    message = f"{mnemonic}: Buffer: expected {maps} maps, found {maps - 1}"
    run.fails(f"PUSH 1\n{pushes}{mnemonic}", MapMissing, message, maps=[[1]] * (maps - 1))


def test_bmm_needs_three_operands_and_no_map(run):
    message = "MAT_BMM: Stack: expected 3 items, found 2"
    run.fails("PUSH 1\nPUSH 1\nMAT_BMM", OperandsMissing, message)
    outcome = run("MAT_BMM a=mem:0[1x2] b=mem:32[2x1]", memory=[1, 2, 3])
    assert outcome.maps == [[8]]


def test_the_steps_of_a_view_are_signed_fields(run):
    steps = pack_signed_fields(-1, -2)
    pushes = [f"PUSH {word}" for word in (0, 0, steps, pack(2, 2), 5)]
    assert run("\n".join([*pushes, "BUF_VIEW"]), maps=[SIX]).top == [5, 4, 3, 2]
