"""The most memory that an instruction can take within the gas of a transaction.

An instruction is executed on a large map, its peak of memory is traced, and both its gas and its
memory are extrapolated to longer maps: the gas for holding them by the formula of growth, all else
in proportion. What is left of the gas holds maps in other frames, for the linear price alone. The
most that any split of the gas gives is counted.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from calibration.frame import Blocks, Case, Map, interpret, preparation
from smartvm import Tensor, gas

TRANSACTION_GAS = 30_000_000
ITEMS = 1 << 19
FEWER = 1 << 16
"""Where each item takes microseconds."""
MEBIBYTE = 1 << 20
STEPS = 100


@dataclass(frozen=True)
class Holding:
    """What a frame holds at most while it executes a case.

    Attributes:
        name: the instruction.
        case: its operands, as measured.
        held: bytes that the frame holds before it, as measured.
        peak: bytes that the instruction takes on top, its result included.
        most: bytes that a transaction can hold while it executes the instruction.
    """

    name: str
    case: str
    held: int
    peak: int
    most: int


def measure(case: Case) -> Holding:
    """Trace one execution, the second, and extrapolate."""
    prepare = preparation(case, paid=None)
    interpret(prepare())  # which makes what is made once a process
    frame = prepare()
    before, paid = frame.get_gas_remaining(), frame.buffer.paid
    stored = case.blocks.count * case.blocks.items * case.blocks.item_bytes if case.blocks else 0
    held = frame.buffer.nbytes + case.memory + stored
    tracemalloc.start()
    interpret(frame)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    used = before - frame.get_gas_remaining()
    linear = used - gas.BASE - gas.buffer_growth(paid, frame.buffer.paid)
    price = _price(linear, frame.buffer.paid, case.memory)
    return Holding(case.mnemonic, str(case), held, peak, _most(held + peak, price))


def _price(linear: int, buffer_bytes: int, memory_bytes: int) -> Callable[[float], float]:
    """The gas for maps that are so many times longer."""

    def price(factor: float) -> float:
        words = gas.words(int(factor * memory_bytes))
        memory = 3 * words + words * words // 512  # Ethereum's
        return factor * linear + gas.buffer_size(int(factor * buffer_bytes)) + memory

    return price


def _most(size: int, price: Callable[[float], float]) -> int:
    """The most bytes for the gas of a transaction, of which some may go to other frames."""
    low, high = 0.0, float(TRANSACTION_GAS)
    for _ in range(64):  # the greatest factor that the gas pays
        factor = (low + high) / 2
        low, high = (factor, high) if price(factor) <= TRANSACTION_GAS else (low, factor)
    splits = [low * part / STEPS for part in range(STEPS + 1)]
    others = 32 / gas.BUFFER_WORD
    return int(max(f * size + others * (TRANSACTION_GAS - price(f)) for f in splits))


def cases() -> Iterator[Case]:
    """Every instruction whose memory grows with its maps, at the operands that take most."""
    for limbs in (1, 4, 5):
        yield from _of_items(Map(ITEMS, limbs))
        yield from _of_python_integers(Map(FEWER, limbs))
        yield from _of_windows(limbs)
    yield from _of_activations()
    yield from _of_blocks()


def _of_items(x: Map) -> Iterator[Case]:
    yield Case(f"BUF_SCL0 times={1 << 63}", (x,))
    yield Case("BUF_SCL1 divisor=3 rounding=1", (x,))
    yield Case("ACT_RL cap=9 slope_numerator=1 slope_denominator=10", (x,))
    yield Case(f"BUF_FIL value={-1 << 100}", (x,))
    yield Case("BUF_FREE size=1", (x,))
    yield Case("BUF_CLS count=1", (x,))
    yield Case(f"BUF_COPY start=1 end={ITEMS}", (x,))
    yield Case(f"BUF_VIEW offset={ITEMS - 1} d0={ITEMS} s0=-1", (x,))
    yield Case("BUF_CLIP low=-5 high=5", (x,))
    yield Case("BTOM offset=0 count=0 item_bytes=32", (x,), memory=32 * ITEMS)
    yield Case(f"MTOB offset=0 count={ITEMS} item_bytes={x.limbs}", memory=x.limbs * ITEMS)
    for limbs in (1, 4, 5):
        yield Case("BUF_BIAS address=map:1[1]", (Map(1, limbs), x))
        yield Case("BUF_MUL address=map:1[1]", (Map(1, limbs), x))
        yield Case(f"BUF_BIAS address=map:1[{ITEMS}]", (Map(ITEMS, limbs), x))
        yield Case(f"BUF_MUL address=map:1[{ITEMS}]", (Map(ITEMS, limbs), x))
        yield Case(f"BUF_CAT maps=2 outer={ITEMS}", (Map(ITEMS, limbs), x))
    indices = Map(ITEMS, small=True)
    yield Case(f"BUF_GATHER data=map:1[{FEWER}]", (Map(FEWER, x.limbs), indices))
    yield Case("BUF_DIV address=map:1[1] rounding=1", (Map(1), x))
    for kind in (0, 1, 3, 12):
        for axis in (2, ITEMS):
            yield Case(f"BUF_REDUCE kind={kind} axis={axis}", (x,))


def _of_python_integers(x: Map) -> Iterator[Case]:
    greatest = (1 << 64) - 1
    yield Case(f"BUF_SCL1 divisor={greatest} rounding=1", (x,))
    yield Case(f"ACT_RL cap=0 slope_numerator={greatest} slope_denominator={greatest}", (x,))
    yield Case("BUF_DIV address=map:1[1] rounding=1", (Map(1, 4), x))
    yield Case("BUF_DIV address=map:1[1] rounding=1", (Map(1, 5), x))
    yield Case(f"BUF_DIV address=map:1[{FEWER}] rounding=1", (Map(FEWER, 16), x))


def _of_windows(limbs: int) -> Iterator[Case]:
    x = Map(1 << 18, limbs)
    for mnemonic in ("POOL_MAX", "POOL_AVG"):
        yield Case(f"{mnemonic} channels=1 size=512 kernel=3 stride=1 padding=1", (x,))
        yield Case(f"{mnemonic} channels=1 flags=1 size=1x{x.items} kernel=1", (x,))
        yield Case(f"{mnemonic} channels={x.items} size=1", (x,))
    for other in (1, 16):
        cell, kernel = Map(1, other), Map(49, other)
        yield Case("CONV_MUL weights=map:1 in=1 out=1 size=512 kernel=7 padding=3", (kernel, x))
        yield Case("CONV_MUL weights=map:1 in=1 out=1 size=512", (cell, x))
        yield Case("CONV_TPD weights=map:1 in=1 out=1 size=512", (cell, x))
        yield Case("CONV_TPD weights=map:1 in=1 out=1 size=1 kernel=512", (x, cell))
        yield Case(
            "CONV_TPD weights=map:1 in=1 out=1 size=128 kernel=7 stride=4",
            (kernel, Map(1 << 14, limbs)),
        )
        depthwise = "CONV_SING weights=map:1 in=1024 size=16 kernel=7 padding=3"
        yield Case(depthwise, (Map(1024 * 49, other), x))
        rows = Map(2048, limbs), "in_features=2048 out_features=2048"
        yield Case(f"FULL_CON weights=map:1 {rows[1]}", (Map(1 << 22, other), rows[0]))
        yield Case(f"MAT_MUL a=map:0[1x1] b=map:1[1x{x.items}]", (x, cell))


def _of_activations() -> Iterator[Case]:
    for scale in (1000, (1 << 40) - 1, (1 << 64) - 1):
        x = Tensor.from_ints(range(-FEWER // 2, FEWER // 2))
        yield Case(f"ACT_SM1 scale={scale}", (x,))
        yield Case(f"ACT_TANH scale={scale}", (x,))
        yield Case(f"ACT_SM0 scale={scale} group=8", (x,))
        yield Case(f"ACT_SM0 scale={scale}", (x,))
        for function in (0, 3):
            yield Case(f"ACT_FUN scale={scale} function={function}", (x,))
        for function in (1, 2):
            for first in (1, 1 << 60, 1 << 200):
                positive = Tensor.from_ints(range(first, first + FEWER))
                yield Case(f"ACT_FUN scale={scale} function={function}", (positive,))


def _of_blocks() -> Iterator[Case]:
    for item_bytes in (1, 2, 3, 5, 9, 17, 32):
        blocks = Blocks(8, MEBIBYTE // item_bytes, item_bytes)
        items = blocks.count * blocks.items
        yield Case(f"BUF_GATHER data=block:1[{items}]", (Map(1, zero=True),), blocks=blocks)
