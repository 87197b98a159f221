"""BUF_CLS, BUF_FIL, BUF_INIT, BUF_ALLO, BUF_FREE, BUF_COPY."""

from __future__ import annotations

import tracemalloc

import pytest

from smartvm import gas
from smartvm.exceptions import MapMissing, OperandError, OperandsMissing, ShapeError
from smartvm.words import pack

GREATEST, LEAST = 2**255 - 1, -(2**255)
FOUR = [1, 2, 3, 4]

RESULTS = [
    ("BUF_CLS count=0", [FOUR], [[0, 0, 0, 0]]),
    ("BUF_CLS count=1", [FOUR], [[1, 2, 3, 0]]),
    ("BUF_CLS count=4", [FOUR], [[0, 0, 0, 0]]),
    ("BUF_CLS count=1", [[7], [1, LEAST]], [[7], [1, 0]]),
    ("BUF_CLS count=1", [[LEAST, 1]], [[LEAST, 0]]),
    ("BUF_FIL value=5", [[7], FOUR], [[7], [5, 5, 5, 5]]),
    ("BUF_FIL value=-1", [FOUR], [[-1] * 4]),
    (f"BUF_FIL value={LEAST}", [FOUR], [[LEAST] * 4]),
    ("BUF_FIL value=0", [[LEAST, 1]], [[0, 0]]),
    ("BUF_INIT size=3", [[7], FOUR], [[0, 0, 0]]),
    ("BUF_INIT size=2", [], [[0, 0]]),
    ("BUF_INIT size=0", [[7], FOUR], []),
    ("BUF_INIT size=0", [], []),
    ("BUF_ALLO size=2", [], [[0, 0]]),
    ("BUF_ALLO size=1", [FOUR], [FOUR, [0]]),
    ("BUF_FREE size=0", [[7], FOUR], [[7]]),
    ("BUF_FREE size=4", [[7], FOUR], [[7]]),
    ("BUF_FREE size=1", [[7], FOUR], [[7], [1, 2, 3]]),
    ("BUF_FREE size=3", [[1, LEAST, 2, 3]], [[1]]),
    ("BUF_FREE size=0 mode=1", [[7], [8], FOUR], [[7], [8]]),
    ("BUF_FREE size=1 mode=1", [[7], [8], FOUR], [[7], FOUR]),
    ("BUF_FREE size=2 mode=1", [[7], [8], FOUR], [[8], FOUR]),
    ("BUF_COPY start=0", [[7], FOUR], [[7], FOUR, FOUR]),
    ("BUF_COPY start=1", [FOUR], [FOUR, [2, 3, 4]]),
    ("BUF_COPY start=0 end=2", [FOUR], [FOUR, [1, 2]]),
    ("BUF_COPY start=1 end=3", [FOUR], [FOUR, [2, 3]]),
    ("BUF_COPY start=3 end=4", [FOUR], [FOUR, [4]]),
    ("BUF_COPY start=1 end=3", [[1, LEAST, 2, GREATEST]], [[1, LEAST, 2, GREATEST], [LEAST, 2]]),
    ("BUF_COPY start=0 mode=1", [[7], FOUR], [[7], FOUR, FOUR]),
    ("BUF_COPY start=1 mode=1", [[7], FOUR], [[7], FOUR, [7]]),
    ("BUF_COPY start=2 mode=1", [[5, 6], [7], FOUR], [[5, 6], [7], FOUR, [5, 6]]),
]


@pytest.mark.parametrize(("text", "maps", "result"), RESULTS)
def test_results(run, text, maps, result):
    assert run(text, maps=maps).maps == result


def test_writing_to_a_copy_leaves_the_original(run):
    assert run("BUF_COPY start=0\nBUF_FIL value=9", maps=[FOUR]).maps == [FOUR, [9] * 4]
    assert run("BUF_COPY start=1\nBUF_CLS count=1", maps=[FOUR]).maps == [FOUR, [2, 3, 0]]


def test_freeing_the_original_leaves_the_copy(run):
    text = "BUF_COPY start=0 end=2\nBUF_FREE size=1 mode=1\nBUF_SCL0 times=2"
    assert run(text, maps=[FOUR]).maps == [[2, 4]]


@pytest.mark.parametrize(
    "part", ["BUF_FREE size=99999", "BUF_COPY start=99999\nBUF_FREE size=1 mode=1"]
)
def test_a_part_does_not_hold_the_memory_of_the_whole(run, part):
    """A program pays for the peak of what it holds, so that nothing else may be held."""
    text = f"BUF_ALLO size=100000\nBUF_FIL value={2**64}\n{part}\n" * 20
    tracemalloc.start()
    outcome = run(text)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert outcome.maps == [[2**64]] * 20
    assert peak < 20_000_000  # a whole map is of 3,200,000 bytes


# Gas

ONES, WIDE = [1] * 100, [2**70] * 100
COSTS = [
    ("BUF_CLS count=1", ONES, 100, 1, 0),
    ("BUF_CLS count=0", WIDE, 100, 5, 0),
    ("BUF_FIL value=-1", ONES, 100, 1, 200),
    ("BUF_FIL value=32768", ONES, 100, 2, 400),
    (f"BUF_FIL value={2**47}", ONES, 100, 4, 800),
    (f"BUF_FIL value={LEAST}", ONES, 100, 16, 3200),
    ("BUF_FIL value=1", WIDE, 100, 1, 200),
    ("BUF_ALLO size=1000", ONES, 1000, 1, 2000),
    ("BUF_FREE size=0", ONES, 0, 1, 0),
    ("BUF_FREE size=36", ONES, 64, 1, 0),
    ("BUF_FREE size=36", WIDE, 64, 5, 0),
    ("BUF_FREE size=0 mode=1", WIDE, 0, 5, 0),
    ("BUF_COPY start=0", ONES, 100, 1, 200),
    ("BUF_COPY start=50", ONES, 50, 1, 100),
    ("BUF_COPY start=10 end=74", WIDE, 64, 5, 2048),
    ("BUF_COPY start=0 mode=1", WIDE, 100, 5, 3200),
]


@pytest.mark.parametrize(("text", "items", "count", "limbs", "grown"), COSTS)
def test_gas(run, price, text, items, count, limbs, grown):
    """`count` items of `limbs` limbs written, and `grown` bytes on top of what the Buffer holds."""
    outcome = run(text, maps=[items])
    held = 200 if items is ONES else 3200
    assert outcome.gas == gas.BASE + price.items(count, limbs) + price.growth(held, held + grown)


@pytest.mark.parametrize(("size", "held"), [(0, 200), (50, 200), (1000, 2000)])
def test_the_gas_of_init(run, price, size, held):
    """What is dropped makes room."""
    outcome = run(f"BUF_INIT size={size}", maps=[ONES])
    assert outcome.gas == gas.BASE + price.items(size) + price.growth(200, held)


def test_growth_is_paid_once(run, price):
    """Only what passes the peak that the frame has paid for."""
    again = "BUF_ALLO size=1000\nBUF_FREE size=0\nBUF_ALLO size=1000"
    assert run(again).charged == price.items(1000)
    more = "BUF_ALLO size=1000\nBUF_FREE size=0\nBUF_ALLO size=1001"
    assert run(more).charged == price.items(1001) + price.growth(2000, 2002)


def test_growth_has_a_quadratic_term(run):
    """Two million items are 125,000 words."""
    outcome = run("BUF_ALLO size=2000000")
    quadratic = 125_000**2 // gas.BUFFER_QUADRATIC_DENOMINATOR
    linear = 2_000_000 // gas.LIMBS_PER_GAS + 125_000 * gas.BUFFER_WORD
    assert outcome.charged == linear + quadratic
    assert quadratic > 0


# Errors

F1, MODE = pack(f1=1), pack(f3=2)
FIELDS = "expected f1 = f2 = 0 and f3 of 0 or 1, found"
ERRORS = [
    ("BUF_CLS count=5", OperandError, "count: expected at most 4, found 5"),
    (f"BUF_CLS count={2**255}", OperandError, f"count: expected at most 4, found {2**255}"),
    ("BUF_ALLO size=0", OperandError, "size: expected at least 1, found 0"),
    ("BUF_FREE size=5", OperandError, "size: expected at most 4, found 5"),
    (f"PUSH {F1}\nBUF_FREE", OperandError, f"size: {FIELDS} {F1:#x}"),
    ("BUF_FREE mode=2", OperandError, f"size: {FIELDS} {MODE:#x}"),
    ("BUF_FREE mode=1 size=1", MapMissing, "size: expected a map 1 below the top, found 1 maps"),
    ("BUF_COPY start=4", ShapeError, "start: expected less than the end 4, found 4"),
    ("BUF_COPY start=2 end=2", ShapeError, "start: expected less than the end 2, found 2"),
    ("BUF_COPY start=3 end=1", ShapeError, "start: expected less than the end 1, found 3"),
    ("BUF_COPY start=0 end=5", OperandError, "end: expected at most 4, found 5"),
    ("BUF_COPY mode=1 end=1", OperandError, "end: expected at most 0, found 1"),
    (f"PUSH 0\nPUSH {F1}\nBUF_COPY", OperandError, f"start: {FIELDS} {F1:#x}"),
    ("BUF_COPY mode=2", OperandError, f"start: {FIELDS} {MODE:#x}"),
    ("BUF_COPY mode=1 start=1", MapMissing, "start: expected a map 1 below the top, found 1 maps"),
]


@pytest.mark.parametrize(("text", "error", "message"), ERRORS)
def test_errors(run, text, error, message):
    mnemonic = text.splitlines()[-1].split()[0]
    run.fails(text, error, f"{mnemonic}: {message}", maps=[FOUR])


@pytest.mark.parametrize(
    ("mnemonic", "operands"),
    [
        ("BUF_CLS", 1),
        ("BUF_FIL", 1),
        ("BUF_INIT", 1),
        ("BUF_ALLO", 1),
        ("BUF_FREE", 1),
        ("BUF_COPY", 2),
    ],
)
def test_operands_or_a_map_are_missing(run, mnemonic, operands):
    pushes = "PUSH 1\n" * (operands - 1)
    message = f"{mnemonic}: Stack: expected {operands} items, found {operands - 1}"
    run.fails(pushes + mnemonic, OperandsMissing, message, maps=[FOUR])
    if mnemonic not in ("BUF_INIT", "BUF_ALLO"):
        message = f"{mnemonic}: Buffer: expected 1 maps, found 0"
        run.fails(f"{pushes}PUSH 0\n{mnemonic}", MapMissing, message)
